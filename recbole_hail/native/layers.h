/* What stands between the products of a network's layers; layers.c says what each is. */

#pragma once

#include <stdint.h>

void hail_gelu(int64_t first, int64_t end, const float *restrict x, float *restrict value, float *restrict derivative);

void hail_add_and_norm(int64_t first, int64_t end, int64_t width, const float *hidden, const float *update,
                       const int16_t *draws, int dropped_below, float kept_scale, const float *gain, const float *shift,
                       float epsilon, float *normal, float *inverse, float *out);

void hail_add_and_norm_backward(int64_t first, int64_t end, int64_t width, const float *grad_out, const int16_t *draws,
                                int dropped_below, float kept_scale, const float *gain, const float *normal,
                                const float *inverse, float *grad_hidden, float *grad_update, float *grad_gain,
                                float *grad_shift);
