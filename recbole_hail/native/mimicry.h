/* Two peers that imitate one another (deep mutual learning): each one's divergence from the other, and its gradient. */

#pragma once

#include "peers.h"

enum { MOST_APART = 3 }; /* elements that tiles leave out: the target and the likeliest of either peer */

typedef struct {
    int64_t count, element[MOST_APART];
    double gradient[2][MOST_APART];
} Apart;

static double p_of(const Peer *peer, int64_t element, int64_t target)
{
    if (element == peer->likeliest) return peer->p_likeliest;
    return (element == target ? peer->e_target : e_of(peer, element)) * peer->scale;
}

/* sum of q (log q - log p), q the other's likelihoods, for both peers; logits: [2, elements], with bias. */
static void divergences(const Peer *peers, const float *logits, int64_t elements, int64_t target, double *found)
{
    double exact = peers[0].normalizer - peers[1].normalizer;
    const float *first = logits, *second = logits + elements, offset = (float)exact;
    double by_first = 0.0, by_second = 0.0; /* log p of the first less that of the second, weighted by either's e */
    for (int64_t start = 0; start < elements; start += TILE) {
        double of_first = 0.0, of_second = 0.0;
        add_differences(first + start, second + start, offset, peers[0].row + start, peers[1].row + start,
                        tile_at(start, elements), &of_first, &of_second);
        by_first += of_first * peers[0].lift[start / TILE];
        by_second += of_second * peers[1].lift[start / TILE];
    }
    by_first -= (exact - offset) * (peers[0].total - peers[0].e_target); /* float cuts off digits that all share */
    by_second -= (exact - offset) * (peers[1].total - peers[1].e_target);
    found[0] = -by_second * peers[1].scale;
    found[1] = by_first * peers[0].scale;
    for (int64_t j = 0; j < 2; j++) { /* what the other's tiles leave out */
        const Peer *peer = &peers[j], *other = &peers[1 - j];
        int64_t k = other->likeliest;
        double log_p = k == peer->likeliest ? peer->log_p_likeliest : logits[j * elements + k] - peer->normalizer;
        found[j] += other->p_likeliest * (other->log_p_likeliest - log_p);
        if (!other->right) found[j] += p_of(other, target, target) * (other->log_p_target - peer->log_p_target);
    }
}

/* own * (p_k - [k = *]) + distilled * (p_k - q_k) at the elements apart, without a difference of numbers next to 1. */
static Apart gradients_apart(const Peer *peers, int64_t target, double own, double distilled)
{
    Apart apart = {.count = 1, .element = {target}};
    for (int64_t j = 0; j < 2; j++)
        if (!peers[j].right && (j == 0 || peers[1].likeliest != apart.element[apart.count - 1]))
            apart.element[apart.count++] = peers[j].likeliest;
    for (int64_t i = 0; i < apart.count; i++) {
        int64_t k = apart.element[i];
        bool both = k == peers[0].likeliest && k == peers[1].likeliest;
        for (int64_t j = 0; j < 2; j++) {
            const Peer *peer = &peers[j], *other = &peers[1 - j];
            double p = p_of(peer, k, target);
            double less_q = both ? other->unlikely - peer->unlikely : p - p_of(other, k, target);
            double less_truth = k != target ? p : k == peer->likeliest ? -peer->unlikely : p - 1.0;
            apart.gradient[j][i] = own * less_truth + distilled * less_q;
        }
    }
    return apart;
}

/* The divergences of both peers, and the gradients in place of e. */
static void imitate(Peer *peers, const float *logits, int64_t elements, int64_t target, double own, double distilled,
                    double *found, float *grad_bias)
{
    divergences(peers, logits, elements, target, found);
    Apart apart = gradients_apart(peers, target, own, distilled);
    for (int64_t start = 0; start < elements; start += TILE) {
        float even[2], pull[2];
        for (int64_t j = 0; j < 2; j++) {
            double scale = peers[j].scale * peers[j].lift[start / TILE];
            even[j] = (float)((own + distilled) * scale);
            pull[1 - j] = (float)(distilled * scale);
        }
        imitating_gradients(peers[0].row + start, peers[1].row + start, even, pull, grad_bias + start,
                            tile_at(start, elements));
    }
    for (int64_t i = 0; i < apart.count; i++)
        for (int64_t j = 0; j < 2; j++) {
            float *gradient = &peers[j].row[apart.element[i]];
            grad_bias[apart.element[i]] += (float)apart.gradient[j][i] - *gradient;
            *gradient = (float)apart.gradient[j][i];
        }
}
