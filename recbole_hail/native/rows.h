/* The loss of a block of positions; rows.c says what it is given. */

#pragma once

#include <stdint.h>

int hail_rows(int64_t count, int64_t positions, int64_t elements, float *logits, int64_t peer_stride, const float *bias,
              const int64_t *targets, const float *own, const float *distilled, int distils, float gamma,
              float *terms, int64_t of_peer, float *grad_bias);
