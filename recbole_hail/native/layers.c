/* What stands between the products of a network's layers, value and gradient, each in one pass over memory. */

#include <math.h>

#include "layers.h"
#include "tiles.h"

/* The share of the standard normal distribution below x, with a relative error of some 1e-7, and its density at x. */
static inline float below(float x, float *density)
{
    float size = fabsf(x), bell = exponential(-0.5f * size * size), t = 1.0f / (1.0f + 0.28284271f * size);
    float value = 0.04125334f * t - 0.14032067f;
    value = ((value * t + 0.08399021f) * t + 0.08796109f) * t + 0.07975867f;
    value = ((value * t + 0.1933923f) * t + 0.20188782f) * t + 0.22644308f;
    float beyond = 0.5f * bell * t * (value * t + 0.22563423f);
    *density = 0.39894228f * bell;
    return x < 0.0f ? beyond : 1.0f - beyond;
}

/* gelu(x), which is x times that share (paper section 3.3.2), and its derivative, from `first` to before `end`. */
void hail_gelu(int64_t first, int64_t end, const float *restrict x, float *restrict value, float *restrict derivative)
{
#pragma omp simd
    for (int64_t k = first; k < end; k++) {
        float density, share = below(x[k], &density);
        value[k] = x[k] * share;
        derivative[k] = share + x[k] * density;
    }
}

/* LayerNorm of hidden + update, each [rows, width], the update's elements with draws below `dropped_below` dropped.

   draws: NULL where none is. gain, shift: [width]. normal [rows, width] and inverse [rows], the sum with mean 0 and
   deviation 1 and what it was multiplied with for that, are for the gradient. */
void hail_add_and_norm(int64_t first, int64_t end, int64_t width, const float *hidden, const float *update,
                       const int16_t *draws, int dropped_below, float kept_scale, const float *gain, const float *shift,
                       float epsilon, float *normal, float *inverse, float *out)
{
    for (int64_t i = first; i < end; i++) {
        const float *h = hidden + i * width, *u = update + i * width;
        const int16_t *draw = draws ? draws + i * width : NULL;
        float *restrict n = normal + i * width, *restrict o = out + i * width;
        float sum = 0.0f, squares = 0.0f;
        if (draw) {
#pragma omp simd reduction(+ : sum)
            for (int64_t k = 0; k < width; k++)
                sum += n[k] = h[k] + (draw[k] >= dropped_below ? u[k] * kept_scale : 0.0f);
        } else {
#pragma omp simd reduction(+ : sum)
            for (int64_t k = 0; k < width; k++) sum += n[k] = h[k] + u[k];
        }
        float mean = sum / width;
#pragma omp simd reduction(+ : squares)
        for (int64_t k = 0; k < width; k++) {
            n[k] -= mean;
            squares += n[k] * n[k];
        }
        float scale = inverse[i] = 1.0f / sqrtf(squares / width + epsilon);
#pragma omp simd
        for (int64_t k = 0; k < width; k++) {
            n[k] *= scale;
            o[k] = n[k] * gain[k] + shift[k];
        }
    }
}

/* Gradients from that of out; those of gain and shift are added to. grad_update is not needed where nothing is dropped,
   for it is then grad_hidden. */
void hail_add_and_norm_backward(int64_t first, int64_t end, int64_t width, const float *grad_out, const int16_t *draws,
                                int dropped_below, float kept_scale, const float *gain, const float *normal,
                                const float *inverse, float *grad_hidden, float *grad_update, float *grad_gain,
                                float *grad_shift)
{
    for (int64_t i = first; i < end; i++) {
        const float *g = grad_out + i * width, *n = normal + i * width;
        float *restrict h = grad_hidden + i * width, sum = 0.0f, along = 0.0f;
#pragma omp simd reduction(+ : sum, along)
        for (int64_t k = 0; k < width; k++) {
            float grad_normal = g[k] * gain[k];
            sum += grad_normal;
            along += grad_normal * n[k];
            grad_gain[k] += g[k] * n[k];
            grad_shift[k] += g[k];
        }
        float mean = sum / width, mean_along = along / width, scale = inverse[i];
#pragma omp simd
        for (int64_t k = 0; k < width; k++) h[k] = (g[k] * gain[k] - mean - n[k] * mean_along) * scale;
        if (!draws) continue;
        const int16_t *draw = draws + i * width;
        float *restrict u = grad_update + i * width;
#pragma omp simd
        for (int64_t k = 0; k < width; k++) u[k] = draw[k] >= dropped_below ? h[k] * kept_scale : 0.0f;
    }
}
