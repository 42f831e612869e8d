/* Where attention finds its vectors, and what it is asked. */

#pragma once

#include <stdint.h>

/* Where the vectors of a tensor [sequences, places, heads, width] start, in floats from one another. */
typedef struct {
    float *start;
    int64_t sequence_stride, place_stride, head_stride;
} Vectors;

typedef struct {
    int64_t queries, keys, heads, width; /* width: a multiple of COLUMNS */
    const unsigned char *visible;        /* 0 where a query must not look at a key; NULL where it may look at all */
    int64_t visible_sequence, visible_head, visible_query; /* from one to the next; 0 where all have the same */
    const int16_t *draws; /* [sequences, heads, queries, keys] or NULL; weights are dropped where below dropped_below */
    int64_t dropped_below;
    float kept_scale;
    int causal; /* a query looks at the keys up to its own */
} Attention;

int64_t hail_padded(int64_t keys);

int hail_attention(int64_t first, int64_t end, const Attention *a, const Vectors *queries, const Vectors *keys,
                   const Vectors *values, const Vectors *mixed, float *weights, float scale);

int hail_attention_backward(int64_t first, int64_t end, const Attention *a, const Vectors *queries, const Vectors *keys,
                            const Vectors *values, const float *weights, float scale, const Vectors *grad_mixed,
                            const Vectors *grad_queries, const Vectors *grad_keys, const Vectors *grad_values);
