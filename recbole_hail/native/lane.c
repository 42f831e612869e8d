/* Prediction layer and loss of a thread's positions, value and gradient, chunk by chunk, for logits to stay in cache. */

#include <stdlib.h>

#include "linear.h"
#include "rows.h"

typedef struct {
    Gemm gemm;
    int64_t peers, size, elements;
    int64_t at_once, columns;             /* positions of a chunk, and elements of a product that makes logits */
    const float *table, *bias;            /* [elements, size], [elements] */
    float *logits;                        /* room for [peers, at_once, elements] */
    float *of_table, *of_bias, *of_chunk; /* gradients of table and bias, added to; room for one more of bias */
    int distils;                          /* see rows.c, as for gamma */
    float gamma;
} Lane;

/* Logits of one peer in a chunk [rows, elements], without bias. */
static void predict(const Lane *l, const float *hidden, int64_t rows, float *logits)
{
    for (int64_t start = 0; start < l->elements; start += l->columns) {
        int64_t columns = l->elements - start < l->columns ? l->elements - start : l->columns;
        matrix_product(l->gemm, 0, 1, rows, columns, l->size, hidden, l->table + start * l->size, 0.0f, logits + start,
                       l->elements);
    }
}

/* Terms [3, peers, count] and the gradient of hidden [peers, count, size], each `of_peer` positions from peer to peer.

   targets, own, distilled: [count], see rows.c. Returns 0, or -1 where there is no memory. */
int hail_lane(const Lane *l, int64_t count, int64_t of_peer, const float *hidden, const int64_t *targets,
              const float *own, const float *distilled, float *of_hidden, float *terms)
{
    for (int64_t start = 0; start < count; start += l->at_once) {
        int64_t rows = count - start < l->at_once ? count - start : l->at_once, of_logits = rows * l->elements;
        for (int64_t j = 0; j < l->peers; j++)
            predict(l, hidden + (j * of_peer + start) * l->size, rows, l->logits + j * of_logits);
        /* Few rows are summed in float before they are added to all. */
        memset(l->of_chunk, 0, l->elements * sizeof *l->of_chunk);
        if (hail_rows(l->peers, rows, l->elements, l->logits, of_logits, l->bias, targets + start, own + start,
                      distilled + start, l->distils, l->gamma, terms + start, of_peer, l->of_chunk))
            return -1;
        add(l->of_bias, l->of_chunk, l->elements);
        for (int64_t j = 0; j < l->peers; j++) {
            int64_t place = (j * of_peer + start) * l->size;
            const float *of_chunk = l->logits + j * of_logits;
            matrix_product(l->gemm, 0, 0, rows, l->size, l->elements, of_chunk, l->table, 0.0f, of_hidden + place,
                           l->size);
            matrix_product(l->gemm, 1, 0, l->elements, l->size, rows, of_chunk, hidden + place, 1.0f, l->of_table,
                           l->size);
        }
    }
    return 0;
}
