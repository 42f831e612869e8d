/* Peers that imitate one another (deep mutual learning): each one's divergence from the others' mean q, and its gradient.

   A divergence is summed as q log(q / p) - q + p: no summand is below 0, and what rounding does to all p alike, which
   would be most of a divergence of peers that hardly differ, cancels. The target and each peer's likeliest element are
   taken apart from all others and in double, for there p may be next to 1. */

#pragma once

#include "others.h"

/* Number `i` of the 1 + T elements apart, some of which may be the same. */
static int64_t apart(const Peer *peers, int64_t target, int64_t i) { return i ? peers[i - 1].likeliest : target; }

static bool met_before(const Peer *peers, int64_t target, int64_t i)
{
    for (int64_t before = 0; before < i; before++)
        if (apart(peers, target, before) == apart(peers, target, i)) return true;
    return false;
}

static double p_apart(const Peer *peer, int64_t element, int64_t target)
{
    if (element == peer->likeliest) return peer->p_likeliest;
    return (element == target ? peer->e_target : e_of(peer, element)) * peer->scale;
}

static double log_p_apart(const Peer *peer, int64_t element, int64_t target, float logit)
{
    if (element == peer->likeliest) return peer->log_p_likeliest;
    return element == target ? peer->log_p_target : logit - peer->normalizer;
}

/* Adds to the divergences what an element apart has of them; its gradients, [T], are
   own * (p - [it is the target]) + distilled * (p - q), without a difference of numbers next to 1. */
static void imitate_apart(const Peer *peers, int64_t count, const float *logits, int64_t elements, int64_t element,
                          int64_t target, double own, double distilled, double *found, double *gradient)
{
    for (int64_t j = 0; j < count; j++) {
        const Peer *peer = &peers[j];
        bool likeliest = element == peer->likeliest;
        double p = p_apart(peer, element, target), q = 0.0, less = 0.0; /* less = 1 - q */
        for (int64_t c = 0; c < count; c++) {
            if (c == j) continue;
            double of_other = p_apart(&peers[c], element, target);
            q += of_other / (count - 1);
            less += (element == peers[c].likeliest ? peers[c].unlikely : 1.0 - of_other) / (count - 1);
        }
        double less_q = likeliest ? less - peer->unlikely : p - q;
        double less_truth = element != target ? p : likeliest ? -peer->unlikely : p - 1.0;
        double log_q = q > 0.5 ? log1p(-less) : log(q);
        if (q > 0.0) found[j] += q * (log_q - log_p_apart(peer, element, target, logits[j * elements + element]));
        found[j] += less_q;
        gradient[j] = own * less_truth + distilled * less_q;
    }
}

/* The divergences of all peers, [T], and the gradients in place of e.

   logits: [T, V], with bias. tiles: as in others.h. gradients: room for [1 + T, T]. */
static void imitate(Peer *peers, int64_t count, const float *logits, int64_t elements, int64_t target, double own,
                    double distilled, float *tiles, double *gradients, double *found, float *grad_bias)
{
    memset(found, 0, count * sizeof *found);
    for (int64_t i = 0; i <= count; i++)
        if (!met_before(peers, target, i))
            imitate_apart(peers, count, logits, elements, apart(peers, target, i), target, own, distilled, found,
                          gradients + i * count);
    for (int64_t i = 0; i <= count; i++)
        for (int64_t j = 0; j < count; j++) peers[j].row[apart(peers, target, i)] = 0.0f;
    for (int64_t start = 0; start < elements; start += TILE) {
        int64_t length = tile_at(start, elements);
        fill_tile(peers, count, 1.0, start, length, tiles);
        for (int64_t j = 0; j < count; j++)
            found[j] += imitate_tile(p_in(tiles, j), others(count, 1.0, j, tiles, length),
                                     logits + j * elements + start, (float)peers[j].normalizer,
                                     (float)(own + distilled), (float)distilled, peers[j].row + start,
                                     grad_bias + start, length);
    }
    for (int64_t i = 0; i <= count; i++)
        for (int64_t j = 0; j < count && !met_before(peers, target, i); j++) {
            float gradient = (float)gradients[i * count + j];
            peers[j].row[apart(peers, target, i)] = gradient;
            grad_bias[apart(peers, target, i)] += gradient;
        }
}
