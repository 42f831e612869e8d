/* What one peer makes of one position.

   The likeliest element of a row is kept apart, for it alone can have p > 1/2: its 1 - p comes from the gap between its
   logit and the log-sum-exp of the others, so that nothing is lost where p rounds to 1. */

#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tiles.h"

typedef struct {
    float *row;        /* [V] logits; then e = exp(logit - second), 0 at target and likeliest; then the gradient */
    float *p;          /* [TILE] of one tile: e * scale */
    float *weights;    /* [TILE] of one tile: p^gamma, which is p itself where gamma is 1 */
    float *e_at;       /* [T] e at the likeliest element of every peer */
    int64_t likeliest;
    bool right;        /* the likeliest element is the target */
    double total, scale, e_target; /* total: sum of e, that of the target included */
    double p_likeliest, unlikely;  /* unlikely = 1 - p_likeliest */
    double log_unlikely, log_p_likeliest, log_p_target;
    double normalizer; /* log-sum-exp of all logits, which leaves log p of all but the likeliest element */
    double weight;     /* of -log p of the target, in self-knowledge and positive term together */
    double hint;       /* q at the likeliest element, 0 where that is the target */
    double negative;   /* Eq. 12 */
    double sum;        /* of q p / (1 - p) but for the likeliest element; q is the others' mean p^gamma */
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
    peer->log_p_likeliest = (gap > 0 ? 0.0 : gap) - softplus;
    peer->normalizer = second + log_total - peer->log_unlikely;
    peer->log_p_target = peer->right ? peer->log_p_likeliest
                                     : target_logit - second + peer->log_unlikely - log_total;
    peer->e_target = row[target];
    row[target] = 0.0f;
}
