/* Mutual exclusivity of peers (paper section 3.5.2): its negative term, and the gradient of all terms.

   gamma is the exponent of the weights that peers give one another. It must be well above 0: elements whose p is 0 in
   float have no weight here, though 0^0 is 1. */

#pragma once

#include "others.h"

/* What others' likeliest elements, whose p the tiles leave out, add to a peer; and the peer's own likeliest element. */
static void add_likeliest(Peer *peers, int64_t count, double gamma, int64_t j)
{
    Peer *peer = &peers[j];
    for (int64_t c = 0; c < count; c++) {
        const Peer *other = &peers[c];
        if (c == j) continue;
        double p = peer->e_at[c] * peer->scale, q = raised(other->p_likeliest, gamma) / (count - 1);
        peer->negative -= q * log1p(-p);
        peer->sum_of_a += q * p / (1.0 - p);
        bool same = other->likeliest == peer->likeliest;
        peer->hint += same ? q : raised(other->e_at[j] * other->scale, gamma) / (count - 1);
    }
    if (peer->right) peer->hint = 0.0;
    peer->negative -= peer->hint * peer->log_unlikely;
}

/* The negative term of mutual exclusivity of every peer (Eq. 12). */
static void mutual_exclusivity(Peer *peers, int64_t count, double gamma, int64_t elements, float *tiles)
{
    for (int64_t start = 0; start < elements; start += TILE) {
        int64_t length = tile_at(start, elements);
        fill_tile(peers, count, gamma, start, length, tiles);
        for (int64_t j = 0; j < count; j++) {
            const float *q = others(count, gamma, j, tiles, length);
            add_exclusivity(p_in(tiles, j), q, length, &peers[j].negative, &peers[j].sum_of_a);
        }
    }
    for (int64_t j = 0; j < count; j++)
        for (int64_t c = 0; c < count; c++) peers[j].e_at[c] = (float)e_of(&peers[j], peers[c].likeliest);
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

typedef struct {
    int64_t first, end; /* elements; `first` begins a tile */
    float *grad_bias;   /* [end - first] */
} Range;

static void add_gradient(const Peer *peer, int64_t element, double gradient, Range range)
{
    if (element < range.first || element >= range.end) return;
    peer->row[element] += (float)gradient;
    range.grad_bias[element - range.first] += (float)gradient;
}

/* The gradient at the elements that its tiles leave out. */
static void finish(const Peer *peers, int64_t count, double gamma, int64_t j, int64_t target, double share, Range range)
{
    const Peer *peer = &peers[j];
    double right = -peer->weight * peer->unlikely - share * peer->sum_of_a * peer->p_likeliest;
    double wrong = peer->p_likeliest * (peer->weight + share * (peer->hint - peer->sum_of_a));
    add_gradient(peer, peer->likeliest, peer->right ? right : wrong, range);
    if (!peer->right) add_gradient(peer, target, peer->e_target * peer->even - peer->weight, range);
    for (int64_t c = 0; c < count && share != 0.0; c++) {
        if (c == j) continue;
        double q = raised(peers[c].p_likeliest, gamma) / (count - 1), e = peer->e_at[c];
        add_gradient(peer, peers[c].likeliest, e * peer->ratio * q / (1.0 - e * peer->scale), range);
    }
}

/* What the gradients of all elements need. */
static void weigh(Peer *peers, int64_t count, double share)
{
    for (int64_t j = 0; j < count; j++) {
        double on_p = peers[j].weight - share * peers[j].sum_of_a;
        double of_likeliest = share * peers[j].hint * peers[j].p_likeliest;
        peers[j].even = (peers[j].unlikely * on_p - of_likeliest) / peers[j].total;
        peers[j].ratio = share * peers[j].scale;
    }
}

/* weight * (p_k - [k = *]) + share * (a_k - p_k * sum(a)) of a range, a = q p / (1 - p), in place of e. */
static void gradients(const Peer *peers, int64_t count, double gamma, int64_t target, double share, float *tiles,
                      Range range)
{
    for (int64_t start = range.first; start < range.end; start += TILE) {
        int64_t length = tile_at(start, range.end);
        float *of_bias = range.grad_bias + start - range.first;
        if (share != 0.0) fill_tile(peers, count, gamma, start, length, tiles);
        for (int64_t j = 0; j < count; j++) {
            const Peer *peer = &peers[j];
            double lift = peer->lift[start / TILE];
            float *row = peer->row + start, even = (float)(peer->even * lift), ratio = (float)(peer->ratio * lift);
            const float *q = share != 0.0 ? others(count, gamma, j, tiles, length) : NULL;
            if (q) exclusive_gradient(row, of_bias, p_in(tiles, j), q, even, ratio, length);
            else scale_gradient(row, of_bias, even, length);
        }
    }
    for (int64_t j = 0; j < count; j++) finish(peers, count, gamma, j, target, share, range);
}
