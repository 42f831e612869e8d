/* Scaled dot-product attention (paper Eq. 2) and its gradient.

   Queries are taken ROWS at a time, with the keys alone that any of these may look at: a causal network has half the
   work. Heads are taken one by one, so that what they need stays in cache where sequences are not too long. */

#include <stdlib.h>

#include "attention.h"
#include "product.h"
#include "tiles.h"

/* Attention weights are kept in rows of as many floats. */
int64_t hail_padded(int64_t keys) { return (keys + COLUMNS - 1) / COLUMNS * COLUMNS; }

static int fewer(int64_t left) { return left < ROWS ? (int)left : ROWS; }

static Vectors of_head(Vectors vectors, int64_t sequence, int64_t head)
{
    vectors.start += sequence * vectors.sequence_stride + head * vectors.head_stride;
    return vectors;
}

static float *at(Vectors vectors, int64_t place) { return vectors.start + place * vectors.place_stride; }

/* Vectors [keys, width] -> transposed [width, padded keys]. */
static void transpose(Vectors vectors, int64_t keys, int64_t width, float *transposed)
{
    int64_t all = hail_padded(keys);
    for (int64_t d = 0; d < width; d++) {
        for (int64_t k = 0; k < keys; k++) transposed[d * all + k] = vectors.start[k * vectors.place_stride + d];
        for (int64_t k = keys; k < all; k++) transposed[d * all + k] = 0.0f;
    }
}

/* row [rows, padded keys]: the products of vectors from `place` on with transposed ones, up to the key `count`. */
static void with_transposed(Vectors vectors, int64_t place, int rows, const float *transposed, int64_t width,
                            int64_t count, float *row, int64_t all)
{
    for (int64_t k = 0; k < count; k += COLUMNS)
        product(rows, at(vectors, place), vectors.place_stride, 1, transposed + k, all, width, row + k, all);
}

/* out, from `place` on: sums over `count` vectors, each weighted by weights[r * row + k * step]. */
static void weighted(Vectors vectors, int64_t first, const float *weights, int64_t row, int64_t step, int64_t count,
                     Vectors out, int64_t place, int rows, int64_t width)
{
    for (int64_t d = 0; d < width; d += COLUMNS)
        product(rows, weights, row, step, at(vectors, first) + d, vectors.place_stride, count, at(out, place) + d,
                out.place_stride);
}

static const unsigned char *visible_to(const Attention *a, int64_t sequence, int64_t head, int64_t query)
{
    if (!a->visible) return NULL;
    return a->visible + sequence * a->visible_sequence + head * a->visible_head + query * a->visible_query;
}

/* How many keys, from the first on, any of the queries may look at. */
static int64_t looked_at(const Attention *a, int64_t sequence, int64_t head, int64_t query, int rows)
{
    if (a->causal) return query + rows;
    if (!a->visible) return a->keys;
    int64_t count = 0;
    for (int r = 0; r < rows; r++) {
        const unsigned char *visible = visible_to(a, sequence, head, query + r);
        int64_t last = a->keys;
        while (last > count && !visible[last - 1]) last--;
        count = last > count ? last : count;
    }
    return count;
}

/* Products with `count` keys -> the query's attention weights, in place; 0 from there to `end`. */
static void softmax(float *row, const unsigned char *visible, int64_t count, int64_t end, float scale)
{
    float largest = -FLT_MAX, sum = 0.0f;
    for (int64_t k = 0; visible && k < count; k++) row[k] = visible[k] ? row[k] : -FLT_MAX;
#pragma omp simd reduction(max : largest)
    for (int64_t k = 0; k < count; k++) largest = row[k] > largest ? row[k] : largest;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < count; k++) sum += row[k] = exponential((row[k] - largest) * scale);
    float inverse = 1.0f / sum;
    for (int64_t k = 0; k < count; k++) row[k] *= inverse;
    for (int64_t k = count; k < end; k++) row[k] = 0.0f;
}

static const int16_t *draws_of(const Attention *a, int64_t sequence, int64_t head, int64_t query)
{
    return a->draws + ((sequence * a->heads + head) * a->queries + query) * a->keys;
}

/* out = row where the draws keep it, scaled so that the mean stays; 0 from `count` to `end`. */
static void keep(const Attention *a, const int16_t *draws, const float *row, float *out, int64_t count, int64_t end)
{
    for (int64_t k = 0; k < count; k++) out[k] = draws[k] >= a->dropped_below ? row[k] * a->kept_scale : 0.0f;
    for (int64_t k = count; k < end; k++) out[k] = 0.0f;
}

/* What queries of the sequences from `first` to before `end` find: mixed. Returns 0, or -1 where there is no memory.

   weights: [sequences, heads, queries, padded keys], before dropout, for the gradient; NULL where none is asked. */
int hail_attention(int64_t first, int64_t end, const Attention *a, const Vectors *queries, const Vectors *keys,
                   const Vectors *values, const Vectors *mixed, float *weights, float scale)
{
    int64_t width = a->width, all = hail_padded(a->keys);
    float *transposed = malloc((width + 2 * ROWS) * all * sizeof *transposed);
    if (!transposed) return -1;
    float *room = transposed + width * all, *kept = room + ROWS * all;
    for (int64_t s = first; s < end; s++)
        for (int64_t h = 0; h < a->heads; h++) {
            Vectors query = of_head(*queries, s, h), value = of_head(*values, s, h), out = of_head(*mixed, s, h);
            transpose(of_head(*keys, s, h), a->keys, width, transposed);
            for (int64_t q = 0; q < a->queries; q += ROWS) {
                int rows = fewer(a->queries - q);
                int64_t count = looked_at(a, s, h, q, rows);
                float *row = weights ? weights + ((s * a->heads + h) * a->queries + q) * all : room;
                with_transposed(query, q, rows, transposed, width, count, row, all);
                for (int r = 0; r < rows; r++) {
                    int64_t own = a->causal ? q + r + 1 : count;
                    softmax(row + r * all, visible_to(a, s, h, q + r), own, a->causal ? count : all, scale);
                    if (a->draws) keep(a, draws_of(a, s, h, q + r), row + r * all, kept + r * all, count, count);
                }
                weighted(value, 0, a->draws ? kept : row, all, 1, count, out, q, rows, width);
            }
        }
    free(transposed);
    return 0;
}

/* The gradient of weights, in place, -> that of their products before `scale` and softmax. */
static void before_softmax(float *gradient, const float *weight, int64_t count, int64_t end, float scale)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < count; k++) sum += weight[k] * gradient[k];
    for (int64_t k = 0; k < count; k++) gradient[k] = weight[k] * (gradient[k] - sum) * scale;
    for (int64_t k = count; k < end; k++) gradient[k] = 0.0f;
}

/* Gradients of queries, keys and values from that of mixed; the rest as for hail_attention. */
int hail_attention_backward(int64_t first, int64_t end, const Attention *a, const Vectors *queries, const Vectors *keys,
                            const Vectors *values, const float *weights, float scale, const Vectors *grad_mixed,
                            const Vectors *grad_queries, const Vectors *grad_keys, const Vectors *grad_values)
{
    int64_t width = a->width, all = hail_padded(a->keys), size = a->queries * all;
    float *transposed = malloc((width * all + (a->draws ? 2 : 1) * size) * sizeof *transposed);
    if (!transposed) return -1;
    float *gradients = transposed + width * all, *kept = gradients + size;
    for (int64_t s = first; s < end; s++)
        for (int64_t h = 0; h < a->heads; h++) {
            const float *weight = weights + (s * a->heads + h) * size, *mixing = a->draws ? kept : weight;
            Vectors query = of_head(*queries, s, h), key = of_head(*keys, s, h), grad_out = of_head(*grad_mixed, s, h);
            int64_t most = 0;
            transpose(of_head(*values, s, h), a->keys, width, transposed);
            for (int64_t q = 0; q < a->queries; q += ROWS) {
                int rows = fewer(a->queries - q);
                int64_t count = looked_at(a, s, h, q, rows), written = a->causal ? count : all;
                float *gradient = gradients + q * all;
                most = count > most ? count : most;
                with_transposed(grad_out, q, rows, transposed, width, count, gradient, all);
                for (int r = 0; r < rows; r++) {
                    float *row = gradient + r * all;
                    if (a->draws) {
                        const int16_t *draws = draws_of(a, s, h, q + r);
                        keep(a, draws, row, row, count, count);
                        keep(a, draws, weight + (q + r) * all, kept + (q + r) * all, count, written);
                    }
                    before_softmax(row, weight + (q + r) * all, count, written, scale);
                }
                weighted(key, 0, gradient, all, 1, count, of_head(*grad_queries, s, h), q, rows, width);
            }
            for (int64_t k = 0; k < a->keys; k += ROWS) {
                int rows = fewer(a->keys - k);
                int64_t from = a->causal ? k : 0, count = k < most ? a->queries - from : 0;
                int64_t place = from * all + k; /* of the first query that looks at the key */
                weighted(query, from, gradients + place, 1, all, count, of_head(*grad_keys, s, h), k, rows, width);
                weighted(grad_out, from, mixing + place, 1, all, count, of_head(*grad_values, s, h), k, rows, width);
            }
        }
    free(transposed);
    return 0;
}
