/* What one peer makes of one position.

   A row is taken tile by tile, as its logits are made: the e of a tile are relative to the tile's own largest logit, and
   `lift` brings them together once all are known. The likeliest element of a row is kept apart, for it alone can have
   p > 1/2: its 1 - p comes from the gap between its logit and the log-sum-exp of the others, so that nothing is lost
   where p rounds to 1. */

#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tiles.h"

/* The likeliest element of those that one thread has taken. */
typedef struct {
    float logit;
    int64_t element; /* -1 before any is taken */
} Best;

typedef struct {
    float *row;        /* [V] logits; then e = exp(logit - reference); then the gradient */
                       /* e is 0 at target and likeliest; where that is alone in its tile, lift is 0 */
    float *reference;  /* [tiles] the largest logit of a tile, that of the likeliest element left out */
    float *sum;        /* [tiles] of e */
    float *lift;       /* [tiles] exp(reference - second), second the largest reference; in the memory of `reference` */
    float *e_at;       /* [T] e * lift at the likeliest element of every peer */
    Best *best;        /* [threads] */
    int64_t likeliest; /* of all elements */
    bool right;        /* the likeliest element is the target */
    double target_logit;
    double total, scale, e_target; /* total: sum of e * lift, that of the target, e_target, included */
    double p_likeliest, unlikely;  /* unlikely = 1 - p_likeliest */
    double log_unlikely, log_p_likeliest, log_p_target;
    double normalizer;  /* log-sum-exp of all logits, which leaves log p of all but the likeliest element */
    double weight;      /* of -log p of the target, in self-knowledge and positive term together */
    double hint;        /* q at the likeliest element, 0 where that is the target */
    double negative;    /* Eq. 12 */
    double sum_of_a;    /* a = q p / (1 - p), but for the likeliest element; q is the others' mean p^gamma */
    double even, ratio; /* gradient = e * lift * (even + ratio * q / (1 - p)) */
} Peer;

static int64_t tiles_of(int64_t elements) { return (elements + TILE - 1) / TILE; }

static double e_of(const Peer *peer, int64_t element)
{
    return (double)peer->row[element] * peer->lift[element / TILE];
}

/* Makes what was the likeliest element one of many, with e = 1. */
static void demote(Peer *peer, Best best, int64_t elements)
{
    int64_t tile = best.element / TILE, start = tile * TILE;
    float fall = exponential(peer->reference[tile] - best.logit);
    multiply(peer->row + start, fall, tile_at(start, elements));
    peer->row[best.element] = 1.0f;
    peer->sum[tile] = peer->sum[tile] * fall + 1.0f;
    peer->reference[tile] = best.logit;
}

/* Turns the logits of elements [first, end) into e; `first` begins a tile. A thread takes one range after the other. */
static void take(Peer *peer, Best *best, const float *bias, int64_t elements, int64_t target, int64_t first,
                 int64_t end)
{
    if (first <= target && target < end) peer->target_logit = peer->row[target] + bias[target];
    for (int64_t start = first; start < end; start += TILE) {
        int64_t length = tile_at(start, end);
        float *row = peer->row + start, reference = largest_in(row, bias + start, length);
        if (reference > best->logit) {
            if (best->element >= 0) demote(peer, *best, elements);
            int64_t k = 0;
            while (row[k] + bias[start + k] != reference && k + 1 < length) k++;
            *best = (Best){reference, start + k};
            row[k] = -1e38f; /* far below all others */
            reference = largest_in(row, bias + start, length);
        }
        peer->reference[start / TILE] = reference;
        peer->sum[start / TILE] = exponentials(row, bias + start, reference, length);
    }
}

/* The likeliest element of all that `threads` threads have taken, each of them those after the one's before. */
static Best likeliest_of(Peer *peer, int64_t threads, int64_t elements)
{
    Best best = peer->best[0];
    for (int64_t t = 1; t < threads; t++) {
        bool beaten = peer->best[t].logit > best.logit;
        demote(peer, beaten ? best : peer->best[t], elements);
        if (beaten) best = peer->best[t];
    }
    return best;
}

/* Says what is known of the peer alone once all of its row is taken. */
static void settle(Peer *peer, int64_t threads, int64_t elements, int64_t target)
{
    Best best = likeliest_of(peer, threads, elements);
    int64_t tiles = tiles_of(elements);
    float second = -FLT_MAX;
    for (int64_t t = 0; t < tiles; t++) second = fmaxf(second, peer->reference[t]);
    peer->lift = peer->reference;
    double total = 0.0;
    for (int64_t t = 0; t < tiles; t++) {
        peer->lift[t] = exponential(peer->reference[t] - second);
        total += (double)peer->sum[t] * peer->lift[t];
    }
    double log_total = log(total), gap = (double)best.logit - second - log_total;
    double odds = exp(-fabs(gap)), softplus = log1p(odds);
    peer->likeliest = best.element;
    peer->right = peer->likeliest == target;
    peer->total = total;
    peer->p_likeliest = (gap > 0 ? 1.0 : odds) / (1.0 + odds);
    peer->unlikely = (gap > 0 ? odds : 1.0) / (1.0 + odds);
    peer->scale = peer->unlikely / total;
    peer->log_unlikely = (gap > 0 ? -gap : 0.0) - softplus;
    peer->log_p_likeliest = (gap > 0 ? 0.0 : gap) - softplus;
    peer->normalizer = second + log_total - peer->log_unlikely;
    peer->log_p_target = peer->right ? peer->log_p_likeliest
                                     : peer->target_logit - second + peer->log_unlikely - log_total;
    peer->e_target = e_of(peer, target);
    peer->row[target] = 0.0f;
}
