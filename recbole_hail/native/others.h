/* What a peer's others think of the elements of one tile: their mean p^gamma, of which mimicry takes that of gamma = 1. */

#pragma once

#include "peers.h"

static double raised(double p, double gamma) { return gamma == 1.0 ? p : pow(p, gamma); }

/* A thread's own, [1 + 2 T, TILE], for one tile: the others' mean, then p and p^gamma of each peer. */
static float *p_in(float *tiles, int64_t j) { return tiles + (1 + 2 * j) * TILE; }

static float *weights_in(float *tiles, double gamma, int64_t j) { return p_in(tiles, j) + (gamma == 1.0 ? 0 : TILE); }

static void fill_tile(const Peer *peers, int64_t count, double gamma, int64_t start, int64_t length, float *tiles)
{
    for (int64_t j = 0; j < count; j++) {
        float *p = p_in(tiles, j), scale = (float)(peers[j].scale * peers[j].lift[start / TILE]);
        scaled(p, peers[j].row + start, scale, length);
        if (gamma != 1.0) raise_to(weights_in(tiles, gamma, j), p, (float)gamma, length);
    }
}

/* For one tile: q, the mean of the other peers' weights; the other's itself where there is one. */
static const float *others(int64_t count, double gamma, int64_t j, float *tiles, int64_t length)
{
    if (count == 2) return weights_in(tiles, gamma, 1 - j);
    float *mean = tiles;
    memset(mean, 0, length * sizeof *mean);
    for (int64_t c = 0; c < count; c++)
        if (c != j) add(mean, weights_in(tiles, gamma, c), length);
    multiply(mean, 1.0f / (count - 1), length);
    return mean;
}
