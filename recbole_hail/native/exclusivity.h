/* Mutual exclusivity of peers (paper section 3.5.2): its negative term, and the gradient of all terms.

   gamma is the exponent of the weights that peers give one another. It must be well above 0: elements whose p is 0 in
   float, and those that tiles leave out, have no weight here. */

#pragma once

#include "peers.h"

static double raised(double p, double gamma) { return gamma == 1.0 ? p : pow(p, gamma); }

static void fill_tile(Peer *peers, int64_t count, double gamma, int64_t start, int64_t length)
{
    for (int64_t j = 0; j < count; j++) {
        multiply(peers[j].p, peers[j].row + start, (float)peers[j].scale, length);
        if (gamma != 1.0) raise_to(peers[j].weights, peers[j].p, (float)gamma, length);
    }
}

/* For one tile: q, the mean of the other peers' weights; the other's itself where there is one, else in `room`. */
static const float *others(const Peer *peers, int64_t count, int64_t j, float *room, int64_t length)
{
    if (count == 2) return peers[1 - j].weights;
    memset(room, 0, length * sizeof *room);
    for (int64_t c = 0; c < count; c++)
        if (c != j) add(room, peers[c].weights, length);
    for (int64_t k = 0; k < length; k++) room[k] *= 1.0f / (count - 1);
    return room;
}

/* What others' likeliest elements, whose p the tiles leave out, add to a peer; and the peer's own likeliest element. */
static void add_likeliest(Peer *peers, int64_t count, double gamma, int64_t j)
{
    Peer *peer = &peers[j];
    for (int64_t c = 0; c < count; c++) {
        const Peer *other = &peers[c];
        if (c == j) continue;
        double p = peer->e_at[c] * peer->scale, q = raised(other->p_likeliest, gamma) / (count - 1);
        peer->negative -= q * log1p(-p);
        peer->sum += q * p / (1.0 - p);
        bool same = other->likeliest == peer->likeliest;
        peer->hint += same ? q : raised(other->e_at[j] * other->scale, gamma) / (count - 1);
    }
    if (peer->right) peer->hint = 0.0;
    peer->negative -= peer->hint * peer->log_unlikely;
}

/* The negative term of mutual exclusivity of every peer (Eq. 12). */
static void mutual_exclusivity(Peer *peers, int64_t count, double gamma, int64_t elements, float *room)
{
    for (int64_t start = 0; start < elements; start += TILE) {
        int64_t length = tile_at(start, elements);
        fill_tile(peers, count, gamma, start, length);
        for (int64_t j = 0; j < count; j++) {
            const float *q = others(peers, count, j, room, length);
            add_exclusivity(peers[j].p, q, length, &peers[j].negative, &peers[j].sum);
        }
    }
    for (int64_t j = 0; j < count; j++)
        for (int64_t c = 0; c < count; c++) peers[j].e_at[c] = peers[j].row[peers[c].likeliest];
    for (int64_t j = 0; j < count; j++) add_likeliest(peers, count, gamma, j);
}

/* The positive term's weight of -log p of the target: the mean of the others' (1 - p)^gamma of it (Eq. 11). */
static double unlikelihood_of_target(const Peer *peers, int64_t count, double gamma, int64_t j)
{
    double sum = 0.0;
    for (int64_t c = 0; c < count; c++) {
        double unlikely = peers[c].right ? peers[c].unlikely : 1.0 - peers[c].e_target * peers[c].scale;
        if (c != j) sum += raised(unlikely, gamma);
    }
    return sum / (count - 1);
}

static void add_gradient(const Peer *peer, int64_t element, double gradient, float *grad_bias)
{
    peer->row[element] += (float)gradient;
    grad_bias[element] += (float)gradient;
}

/* The gradient at the elements that its tiles leave out. */
static void finish(const Peer *peers, int64_t count, double gamma, int64_t j, int64_t target, double share,
                   float *grad_bias)
{
    const Peer *peer = &peers[j];
    double right = -peer->weight * peer->unlikely - share * peer->sum * peer->p_likeliest;
    double wrong = peer->p_likeliest * (peer->weight + share * (peer->hint - peer->sum));
    add_gradient(peer, peer->likeliest, peer->right ? right : wrong, grad_bias);
    if (!peer->right) add_gradient(peer, target, peer->e_target * peer->even - peer->weight, grad_bias);
    for (int64_t c = 0; c < count && share != 0.0; c++) {
        if (c == j) continue;
        double q = raised(peers[c].p_likeliest, gamma) / (count - 1), e = peer->e_at[c];
        add_gradient(peer, peers[c].likeliest, e * peer->ratio * q / (1.0 - e * peer->scale), grad_bias);
    }
}

/* weight * (p_k - [k = *]) + share * (a_k - p_k * sum(a)), a = q p / (1 - p), in place of e. */
static void gradients(Peer *peers, int64_t count, double gamma, int64_t elements, int64_t target, double share,
                      float *room, float *grad_bias)
{
    for (int64_t j = 0; j < count; j++) {
        double on_p = peers[j].weight - share * peers[j].sum;
        double of_likeliest = share * peers[j].hint * peers[j].p_likeliest;
        peers[j].even = (peers[j].unlikely * on_p - of_likeliest) / peers[j].total;
        peers[j].ratio = share * peers[j].scale;
    }
    for (int64_t start = 0; start < elements; start += TILE) {
        int64_t length = tile_at(start, elements);
        float *of_bias = grad_bias + start;
        if (share != 0.0) fill_tile(peers, count, gamma, start, length);
        for (int64_t j = 0; j < count; j++) {
            Peer *peer = &peers[j];
            const float *q = share != 0.0 ? others(peers, count, j, room, length) : NULL;
            if (q) exclusive_gradient(peer->row + start, of_bias, peer->p, q, peer->even, peer->ratio, length);
            else scale_gradient(peer->row + start, of_bias, peer->even, length);
        }
    }
    for (int64_t j = 0; j < count; j++) finish(peers, count, gamma, j, target, share, grad_bias);
}
