/* Matrix products by torch's own library, of rows as C has them, and products with a weight and a bias. */

#pragma once

#include <stdint.h>
#include <string.h>

#include "vectors.h"

/* BLAS's sgemm, of column after column, in the library that torch computes with. */
typedef void (*Gemm)(const char *, const char *, const int *, const int *, const int *, const float *, const float *,
                     const int *, const float *, const int *, const float *, float *, const int *);

/* out [rows, columns] = times * out + a b; a [rows, inner] and b [inner, columns] may be stored transposed. Rows of a
   and out, as stored, are `a_row` and `out_row` floats apart. */
static inline void product_of_rows(Gemm gemm, int a_across, int b_across, int64_t rows, int64_t columns, int64_t inner,
                                   const float *a, int64_t a_row, const float *b, float times, float *out,
                                   int64_t out_row)
{
    const int m = (int)rows, n = (int)columns, k = (int)inner, a_stride = (int)a_row, b_stride = b_across ? k : n;
    const int out_stride = (int)out_row;
    const float one = 1.0f;
    if (rows == 0) return;
    gemm(b_across ? "T" : "N", a_across ? "T" : "N", &n, &m, &k, &one, b, &b_stride, a, &a_stride, &times, out,
         &out_stride);
}

/* The same where no row is apart from the next. */
static inline void matrix_product(Gemm gemm, int a_across, int b_across, int64_t rows, int64_t columns, int64_t inner,
                                  const float *a, const float *b, float times, float *out)
{
    product_of_rows(gemm, a_across, b_across, rows, columns, inner, a, a_across ? rows : inner, b, times, out, columns);
}

/* out [rows, to] = x [rows, from] weight' + bias. */
static inline void linear(Gemm gemm, const float *x, const float *weight, const float *bias, int64_t rows, int64_t to,
                          int64_t from, float *out)
{
    for (int64_t i = 0; i < rows; i++) memcpy(out + i * to, bias, to * sizeof *bias);
    matrix_product(gemm, 0, 1, rows, to, from, x, weight, 1.0f, out);
}

/* Gradients of a product's weight and bias, which are added to, and of x [rows, from], `times` what it holds added.

   sums: room for [to]; float sums over a block's rows alone lose little. */
static inline void linear_backward(Gemm gemm, const float *x, const float *weight, const float *grad_out, int64_t rows,
                                   int64_t to, int64_t from, float *grad_weight, float *grad_bias, float *sums,
                                   float times, float *grad_x)
{
    matrix_product(gemm, 1, 0, to, from, rows, grad_out, x, 1.0f, grad_weight);
    memset(sums, 0, to * sizeof *sums);
    for (int64_t i = 0; i < rows; i++) add(sums, grad_out + i * to, to);
    add(grad_bias, sums, to);
    matrix_product(gemm, 0, 0, rows, from, to, grad_out, weight, times, grad_x);
}
