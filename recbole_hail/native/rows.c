/* The loss of each position and its gradient, in place of its logits, in a few passes over rows that stay in cache.

   The same closed forms as closed_form.py, which is the reference, for mutual exclusivity but at small gamma, for two
   peers that imitate one another, and for no distillation. Logits must be finite and at most 5e29 in size. */

#include "exclusivity.h"
#include "mimicry.h"
#include "rows.h"

enum { POSITIVE = 1, NEGATIVE = 2, MIMICRY = 4 }; /* what is distilled; __init__.py has the same numbers */

/* Terms and gradients of a block of positions; returns 0, or -1 where there is no memory.

   logits: [count, positions, elements], peers `peer_stride` floats apart; without bias; become their own gradient.
   bias, grad_bias: [elements]; gradients are added to the latter.
   targets, own, distilled: [positions]; the weights with which each enters the gradient.
   distils: terms of mutual exclusivity, or mimicry, which takes two peers; 0 for none, as it must be with one peer.
   gamma: of mutual exclusivity, see exclusivity.h.
   terms: [3, count, positions], self-knowledge, positive (or imitation) and negative, `of_peer` floats from peer to
   peer. */
int hail_rows(int64_t count, int64_t positions, int64_t elements, float *logits, int64_t peer_stride, const float *bias,
              const int64_t *targets, const float *own, const float *distilled, int distils, float gamma,
              float *terms, int64_t of_peer, float *grad_bias)
{
    Peer *peers = malloc(count * sizeof *peers);
    int64_t tiles = gamma == 1.0f ? 1 : 2, of_one = tiles * TILE + count; /* of each peer in `room` */
    float *room = malloc((count * of_one + TILE) * sizeof *room);
    float *kept = distils & MIMICRY ? malloc(count * elements * sizeof *kept) : room; /* the logits of one position */
    int status = peers && room && kept ? 0 : -1;
    for (int64_t i = 0; i < positions && status == 0; i++) {
        float *of_position[3] = {terms + i, terms + count * of_peer + i, terms + 2 * count * of_peer + i};
        for (int64_t j = 0; j < count; j++) {
            float *tile = room + TILE + j * of_one, *weights = tile + (tiles - 1) * TILE;
            float *row = logits + j * peer_stride + i * elements;
            peers[j] = (Peer){.row = row, .p = tile, .weights = weights, .e_at = weights + TILE};
            if (distils & MIMICRY) add_bias(kept + j * elements, row, bias, elements);
            likelihoods(&peers[j], bias, elements, targets[i]);
            of_position[0][j * of_peer] = (float)-peers[j].log_p_target;
        }
        if (distils & MIMICRY) {
            double found[2];
            imitate(peers, kept, elements, targets[i], own[i], distilled[i], found, grad_bias);
            for (int64_t j = 0; j < count; j++) of_position[1][j * of_peer] = (float)found[j];
            for (int64_t j = 0; j < count; j++) of_position[2][j * of_peer] = 0.0f;
            continue;
        }
        for (int64_t j = 0; j < count; j++) {
            double unlikelihood = distils & POSITIVE ? unlikelihood_of_target(peers, count, gamma, j) : 0.0;
            peers[j].weight = own[i] + distilled[i] * unlikelihood;
            of_position[1][j * of_peer] = (float)(unlikelihood * -peers[j].log_p_target);
        }
        if (distils & NEGATIVE) mutual_exclusivity(peers, count, gamma, elements, room);
        for (int64_t j = 0; j < count; j++) of_position[2][j * of_peer] = (float)peers[j].negative;
        gradients(peers, count, gamma, elements, targets[i], distils & NEGATIVE ? distilled[i] : 0.0, room, grad_bias);
    }
    if (kept != room) free(kept);
    free(peers);
    free(room);
    return status;
}
