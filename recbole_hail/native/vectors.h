/* A sum that loss and layers both need. */

#pragma once

#include <stdint.h>

/* to += from, [count] each. */
static inline void add(float *restrict to, const float *restrict from, int64_t count)
{
#pragma omp simd
    for (int64_t k = 0; k < count; k++) to[k] += from[k];
}
