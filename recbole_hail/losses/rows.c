/* The loss of each position and its gradient, in place of its logits, in four passes over rows that stay in cache.

   The same closed form as closed_form.py for gamma = 1, which is the reference. The likeliest element of a row is kept
   apart, for it alone can have p > 1/2: its 1 - p comes from the gap between its logit and the log-sum-exp of the
   others, so that nothing is lost where p rounds to 1. Logits must be finite and at most 5e29 in size. */

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tiles.h"

typedef struct {
    float *row;        /* [V] logits; then e = exp(logit - second), 0 at target and likeliest; then the gradient */
    float *p;          /* [TILE] of one tile: e * scale */
    float *e_at;       /* [T] e at the likeliest element of every peer */
    int64_t likeliest;
    bool right;        /* the likeliest element is the target */
    double total, scale, e_target; /* total: sum of e, that of the target included */
    double p_likeliest, unlikely;  /* unlikely = 1 - p_likeliest */
    double log_unlikely, log_p_target;
    double weight;     /* of -log p of the target, in self-knowledge and positive term together */
    double hint;       /* the others' mean p at the likeliest element, 0 where that is the target */
    double negative;   /* Eq. 12 */
    double sum;        /* of q p / (1 - p) but for the likeliest element; q is the others' mean p */
    float even, ratio; /* gradient = e * (even + ratio * q / (1 - p)) */
} Peer;

/* Turns the logits into e and says what is known of the peer alone. */
static void likelihoods(Peer *peer, const float *bias, int64_t elements, int64_t target)
{
    float *row = peer->row, largest = -FLT_MAX, second = -FLT_MAX;
    int64_t tile = 0; /* where the largest logit is */
    for (int64_t start = 0; start < elements; start += TILE) {
        float found = largest_in(row + start, bias + start, tile_at(start, elements));
        second = found > largest ? largest : found > second ? found : second;
        tile = found > largest ? start : tile;
        largest = found > largest ? found : largest;
    }
    int64_t likeliest = tile;
    while (row[likeliest] + bias[likeliest] != largest && likeliest + 1 < elements) likeliest++;
    double target_logit = row[target] + bias[target];
    row[likeliest] = -1e38f; /* far below all others */
    second = fmaxf(second, largest_in(row + tile, bias + tile, tile_at(tile, elements)));
    double total = 0.0;
    for (int64_t start = 0; start < elements; start += TILE)
        total += exponentials(row + start, bias + start, second, tile_at(start, elements));

    double log_total = log(total), gap = (double)largest - second - log_total;
    double odds = exp(-fabs(gap)), softplus = log1p(odds);
    peer->likeliest = likeliest;
    peer->right = likeliest == target;
    peer->total = total;
    peer->p_likeliest = (gap > 0 ? 1.0 : odds) / (1.0 + odds);
    peer->unlikely = (gap > 0 ? odds : 1.0) / (1.0 + odds);
    peer->scale = peer->unlikely / total;
    peer->log_unlikely = (gap > 0 ? -gap : 0.0) - softplus;
    peer->log_p_target = peer->right ? (gap > 0 ? 0.0 : gap) - softplus
                                     : target_logit - second + peer->log_unlikely - log_total;
    peer->e_target = row[target];
    row[target] = 0.0f;
}

static void fill_p(Peer *peers, int64_t count, int64_t start, int64_t length)
{
    for (int64_t j = 0; j < count; j++) multiply(peers[j].p, peers[j].row + start, (float)peers[j].scale, length);
}

/* For one tile: q, the mean of the other peers' p; the other's itself where there is one, else in `room`. */
static const float *others(const Peer *peers, int64_t count, int64_t j, float *room, int64_t length)
{
    if (count == 2) return peers[1 - j].p;
    memset(room, 0, length * sizeof *room);
    for (int64_t c = 0; c < count; c++)
        if (c != j) add(room, peers[c].p, length);
    for (int64_t k = 0; k < length; k++) room[k] *= 1.0f / (count - 1);
    return room;
}

/* What others' likeliest elements, whose p the tiles leave out, add to a peer; and the peer's own likeliest element. */
static void add_likeliest(Peer *peers, int64_t count, int64_t j)
{
    Peer *peer = &peers[j];
    for (int64_t c = 0; c < count; c++) {
        const Peer *other = &peers[c];
        if (c == j) continue;
        double p = peer->e_at[c] * peer->scale, q = other->p_likeliest / (count - 1);
        peer->negative -= q * log1p(-p);
        peer->sum += q * p / (1.0 - p);
        peer->hint += other->likeliest == peer->likeliest ? q : other->e_at[j] * other->scale / (count - 1);
    }
    if (peer->right) peer->hint = 0.0;
    peer->negative -= peer->hint * peer->log_unlikely;
}

/* The negative term of mutual exclusivity of every peer (Eq. 12). */
static void mutual_exclusivity(Peer *peers, int64_t count, int64_t elements, float *room)
{
    for (int64_t start = 0; start < elements; start += TILE) {
        int64_t length = tile_at(start, elements);
        fill_p(peers, count, start, length);
        for (int64_t j = 0; j < count; j++) {
            const float *q = others(peers, count, j, room, length);
            add_exclusivity(peers[j].p, q, length, &peers[j].negative, &peers[j].sum);
        }
    }
    for (int64_t j = 0; j < count; j++)
        for (int64_t c = 0; c < count; c++) peers[j].e_at[c] = peers[j].row[peers[c].likeliest];
    for (int64_t j = 0; j < count; j++) add_likeliest(peers, count, j);
}

/* The positive term's weight of -log p of the target: the mean of the others' 1 - p of it (Eq. 11). */
static double unlikelihood_of_target(const Peer *peers, int64_t count, int64_t j)
{
    double sum = 0.0;
    for (int64_t c = 0; c < count; c++)
        if (c != j) sum += peers[c].right ? peers[c].unlikely : 1.0 - peers[c].e_target * peers[c].scale;
    return sum / (count - 1);
}

static void add_gradient(const Peer *peer, int64_t element, double gradient, float *grad_bias)
{
    peer->row[element] += (float)gradient;
    grad_bias[element] += (float)gradient;
}

/* The gradient at the elements that its tiles leave out. */
static void finish(const Peer *peers, int64_t count, int64_t j, int64_t target, double share, float *grad_bias)
{
    const Peer *peer = &peers[j];
    double right = -peer->weight * peer->unlikely - share * peer->sum * peer->p_likeliest;
    double wrong = peer->p_likeliest * (peer->weight + share * (peer->hint - peer->sum));
    add_gradient(peer, peer->likeliest, peer->right ? right : wrong, grad_bias);
    if (!peer->right) add_gradient(peer, target, peer->e_target * peer->even - peer->weight, grad_bias);
    for (int64_t c = 0; c < count && share != 0.0; c++) {
        if (c == j) continue;
        double q = peers[c].p_likeliest / (count - 1), e = peer->e_at[c];
        add_gradient(peer, peers[c].likeliest, e * peer->ratio * q / (1.0 - e * peer->scale), grad_bias);
    }
}

/* weight * (p_k - [k = *]) + share * (a_k - p_k * sum(a)), a = q p / (1 - p), in place of e. */
static void gradients(Peer *peers, int64_t count, int64_t elements, int64_t target, double share, float *room,
                      float *grad_bias)
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
        if (share != 0.0) fill_p(peers, count, start, length);
        for (int64_t j = 0; j < count; j++) {
            Peer *peer = &peers[j];
            const float *q = share != 0.0 ? others(peers, count, j, room, length) : NULL;
            if (q) exclusive_gradient(peer->row + start, of_bias, peer->p, q, peer->even, peer->ratio, length);
            else scale_gradient(peer->row + start, of_bias, peer->even, length);
        }
    }
    for (int64_t j = 0; j < count; j++) finish(peers, count, j, target, share, grad_bias);
}

/* Terms and gradients of a block of positions; returns 0, or -1 where there is no memory.

   logits: [count, positions, elements], peers `peer_stride` floats apart; without bias; become their own gradient.
   bias, grad_bias: [elements]; gradients are added to the latter.
   targets, own, distilled: [positions]; the weights with which each enters the gradient.
   positive_term, negative_term: of mutual exclusivity; both 0 for no distillation, as it must be with one peer.
   terms: [3, count, positions], self-knowledge, positive and negative. */
int hail_rows(int64_t count, int64_t positions, int64_t elements, float *logits, int64_t peer_stride, const float *bias,
              const int64_t *targets, const float *own, const float *distilled, int positive_term, int negative_term,
              float *terms, float *grad_bias)
{
    Peer *peers = malloc(count * sizeof *peers);
    float *room = malloc((count * (TILE + count) + TILE) * sizeof *room);
    for (int64_t i = 0; i < positions && peers && room; i++) {
        for (int64_t j = 0; j < count; j++) {
            float *of_peer = room + TILE + j * (TILE + count);
            peers[j] = (Peer){.row = logits + j * peer_stride + i * elements, .p = of_peer, .e_at = of_peer + TILE};
            likelihoods(&peers[j], bias, elements, targets[i]);
        }
        for (int64_t j = 0; j < count; j++) {
            double unlikelihood = positive_term ? unlikelihood_of_target(peers, count, j) : 0.0;
            peers[j].weight = own[i] + distilled[i] * unlikelihood;
            terms[j * positions + i] = (float)-peers[j].log_p_target;
            terms[(count + j) * positions + i] = (float)(unlikelihood * -peers[j].log_p_target);
        }
        if (negative_term) mutual_exclusivity(peers, count, elements, room);
        for (int64_t j = 0; j < count; j++) terms[(2 * count + j) * positions + i] = (float)peers[j].negative;
        gradients(peers, count, elements, targets[i], negative_term ? distilled[i] : 0.0, room, grad_bias);
    }
    int status = peers && room ? 0 : -1;
    free(peers);
    free(room);
    return status;
}
