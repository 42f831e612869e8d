/* What is done to one tile of a row: loops without branches, which compilers turn into vector instructions. */

#pragma once

#include <float.h>
#include <stdint.h>
#include <string.h>

#include "vectors.h"

enum { TILE = 512 }; /* of every peer in the first-level cache; sums are float within a tile and double beyond it */

static inline int64_t tile_at(int64_t start, int64_t elements)
{
    return elements - start < TILE ? elements - start : TILE;
}

/* exp(x) for x <= 0; 0 below -87, where float32 runs out of normal numbers. */
static inline float exponential(float x)
{
    float shifted = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: the integer lands in the lowest bits */
    float power = shifted - 12582912.0f;
    float r = x - power * 0.693145752f - power * 1.42860677e-6f; /* x less power * log(2), which is cut in two */
    float value = 1.38358639e-3f * r + 8.37564556e-3f;
    value = (value * r + 4.16682876e-2f) * r + 1.66664102e-1f;
    value = ((value * r + 4.99999916e-1f) * r + 1.00000004f) * r + 1.0f;
    uint32_t bits, exponent;
    memcpy(&bits, &value, sizeof bits);
    memcpy(&exponent, &shifted, sizeof exponent);
    bits += exponent << 23;
    memcpy(&value, &bits, sizeof value);
    return x < -87.0f ? 0.0f : value;
}

/* -log(1 - p) for 0 <= p <= 1/2, with a relative error of 1e-7 also where p is tiny. */
static inline float minus_log_of_rest(float p)
{
    float value = (1.44207472f * p - 1.69762427f) * p + 1.25904369f;
    value = ((value * p - 0.204078494f) * p + 0.269729427f) * p + 0.242791475f;
    value = ((value * p + 0.333701387f) * p + 0.499992836f) * p + 1.0f;
    return value * p;
}

/* log(x) for x > 0; polynomial and constants of Moshier's cephes library (logf). */
static inline float logarithm(float x)
{
    int32_t bits, exponent;
    memcpy(&bits, &x, sizeof bits);
    exponent = (bits - 0x3f3504f3) >> 23; /* leaves a factor from sqrt(1/2) to sqrt(2) */
    bits -= exponent * (1 << 23);
    memcpy(&x, &bits, sizeof x);
    float r = x - 1.0f, square = r * r;
    float value = (7.0376836292e-2f * r - 1.1514610310e-1f) * r + 1.1676998740e-1f;
    value = ((value * r - 1.2420140846e-1f) * r + 1.4249322787e-1f) * r - 1.6668057665e-1f;
    value = ((value * r + 2.0000714765e-1f) * r - 2.4999993993e-1f) * r + 3.3333331174e-1f;
    value = value * r * square - exponent * 2.12194440e-4f - 0.5f * square;
    return r + value + exponent * 0.693359375f;
}

static inline float largest_in(const float *row, const float *bias, int64_t length)
{
    float largest = -FLT_MAX;
#pragma omp simd reduction(max : largest)
    for (int64_t k = 0; k < length; k++) {
        float logit = row[k] + bias[k];
        largest = logit > largest ? logit : largest;
    }
    return largest;
}

/* exp(logit - reference) in place of the logits; returns their sum. */
static inline float exponentials(float *row, const float *bias, float reference, int64_t length)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < length; k++) {
        row[k] = exponential(row[k] + bias[k] - reference);
        sum += row[k];
    }
    return sum;
}

static inline void scaled(float *restrict p, const float *restrict e, float scale, int64_t length)
{
    for (int64_t k = 0; k < length; k++) p[k] = e[k] * scale;
}

static inline void multiply(float *p, float by, int64_t length)
{
    for (int64_t k = 0; k < length; k++) p[k] *= by;
}

/* q = p^gamma for 0 <= p <= 1 and gamma > 0. */
static inline void raise_to(float *restrict q, const float *restrict p, float gamma, int64_t length)
{
    for (int64_t k = 0; k < length; k++) q[k] = p[k] > 0.0f ? exponential(gamma * logarithm(p[k])) : 0.0f;
}

/* Adds to the negative term of Eq. 12, -sum(q log(1 - p)), and to the sum of q p / (1 - p) that its gradient needs. */
static inline void add_exclusivity(const float *p, const float *q, int64_t length, double *negative, double *sum)
{
    float of_negative = 0.0f, of_sum = 0.0f;
#pragma omp simd reduction(+ : of_negative, of_sum)
    for (int64_t k = 0; k < length; k++) {
        of_negative += q[k] * minus_log_of_rest(p[k]);
        of_sum += q[k] * p[k] / (1.0f - p[k]);
    }
    *negative += of_negative;
    *sum += of_sum;
}

/* The gradient of the cross-entropy in place of e. */
static inline void scale_gradient(float *e, float *grad_bias, float even, int64_t length)
{
#pragma omp simd
    for (int64_t k = 0; k < length; k++) grad_bias[k] += e[k] *= even;
}

/* The gradient of that and of the negative term in place of e. */
static inline void exclusive_gradient(float *e, float *grad_bias, const float *p, const float *q, float even,
                                      float ratio, int64_t length)
{
#pragma omp simd
    for (int64_t k = 0; k < length; k++) grad_bias[k] += e[k] *= even + ratio * q[k] / (1.0f - p[k]);
}

static inline void add_bias(float *restrict sum, const float *restrict row, const float *restrict bias, int64_t length)
{
    for (int64_t k = 0; k < length; k++) sum[k] = row[k] + bias[k];
}

/* The sum of q log(q / p) - q + p; the gradient, even * p - pull * q, goes where e was.

   log p is that of the logit less its normalizer where p is too small for q / p. */
static inline double imitate_tile(const float *restrict p, const float *restrict q, const float *restrict logits,
                                  float normalizer, float even, float pull, float *restrict row,
                                  float *restrict grad_bias, int64_t length)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < length; k++) {
        float tiny = p[k] < 1e-30f ? 1.0f : 0.0f;
        float log_ratio = logarithm(q[k] / (p[k] < 1e-30f ? 1.0f : p[k])) - tiny * (logits[k] - normalizer);
        sum += q[k] * log_ratio + (p[k] - q[k]);
        row[k] = even * p[k] - pull * q[k];
        grad_bias[k] += row[k];
    }
    return sum;
}
