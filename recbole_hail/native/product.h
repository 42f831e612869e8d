/* A small matrix product whose result stays in registers while it is summed. */

#pragma once

#include <stdint.h>

enum { ROWS = 6, COLUMNS = 16 }; /* 12 sums of 8 floats: as many as 16 registers of 256 bits leave room for */

typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));

/* c[r * c_row + j] = sum over k < count of a[r * a_row + k * a_step] * b[k * b_row + j], j < COLUMNS. */
static inline __attribute__((always_inline)) void product_of(const int rows, const float *a, int64_t a_row,
                                                             int64_t a_step, const float *b, int64_t b_row,
                                                             int64_t count, float *c, int64_t c_row)
{
    Eight sum[ROWS][2];
    for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = (Eight){0};
    for (int64_t k = 0; k < count; k++) {
        Eight left = *(const Eight *)(b + k * b_row), right = *(const Eight *)(b + k * b_row + 8);
        for (int r = 0; r < rows; r++) {
            float of_row = a[r * a_row + k * a_step];
            sum[r][0] += of_row * left;
            sum[r][1] += of_row * right;
        }
    }
    for (int r = 0; r < rows; r++) {
        *(Eight *)(c + r * c_row) = sum[r][0];
        *(Eight *)(c + r * c_row + 8) = sum[r][1];
    }
}

/* With the number of rows known to the compiler, for only then do the sums stay in registers. */
static void product(int rows, const float *a, int64_t a_row, int64_t a_step, const float *b, int64_t b_row,
                    int64_t count, float *c, int64_t c_row)
{
    switch (rows) {
    case 1: product_of(1, a, a_row, a_step, b, b_row, count, c, c_row); break;
    case 2: product_of(2, a, a_row, a_step, b, b_row, count, c, c_row); break;
    case 3: product_of(3, a, a_row, a_step, b, b_row, count, c, c_row); break;
    case 4: product_of(4, a, a_row, a_step, b, b_row, count, c, c_row); break;
    case 5: product_of(5, a, a_row, a_step, b, b_row, count, c, c_row); break;
    default: product_of(ROWS, a, a_row, a_step, b, b_row, count, c, c_row);
    }
}
