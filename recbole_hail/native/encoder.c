/* A layer of a transformer's encoder as a whole (paper Eqs. 1 to 3), value and gradient, block of sequences by block.

   A thread that runs one layer so asks for Python's lock once, where it asked some thirty times and waited for other
   peers each time; and what a part of the layer writes is still in cache when the next part reads it. */

#include <stdlib.h>
#include <string.h>

#include "attention.h"
#include "layers.h"
#include "linear.h"

enum { AT_ONCE = 256 }; /* rows of a block, or those of one sequence: enough for a matrix product, few for a cache */

/* Weights as torch keeps them, [out, in], or their gradients. Queries stand before keys and values. */
typedef struct {
    float *query_key_value, *query_key_value_bias, *mixing, *mixing_bias, *attention_gain, *attention_shift;
    float *inner, *inner_bias, *outer, *outer_bias, *output_gain, *output_shift;
} Weights;

/* All sequences have `length` rows; the layer's output is asked for at some of them, or at all where start is NULL. */
typedef struct {
    Gemm gemm;
    int64_t length, size, inner, heads;
    const unsigned char *visible; /* [sequences, length], 0 at padding; NULL where there is none */
    const int64_t *start;         /* [sequences + 1], where each sequence's asked rows start among all asked rows */
    const int64_t *position;      /* [asked], their places among all rows, growing */
    const int16_t *attention_draws, *output_draws; /* [asked, size] each, as in hail_add_and_norm */
    int dropped_below, causal;
    float kept_scale, epsilon;
    Weights weights;
    /* Kept for the gradient, a row for each asked row but for key_value, which has one for each row. */
    float *query, *mixed, *attention_normal, *between, *output_normal, *attention_inverse, *output_inverse;
    float *key_value, *attention_weights, *value, *derivative;
} Layer;

/* What dropout, residual and LayerNorm of a block draw and keep. */
typedef struct {
    const int16_t *draws;
    float *normal, *inverse;
} Norm;

/* Some sequences, and room for what is needed of them alone. */
typedef struct {
    int64_t first, end; /* sequences */
    int64_t row, rows;  /* the first of their rows, and how many these are */
    int64_t ask, asked; /* the same of asked rows */
    Norm attention, output;
    float *asking, *narrow, *other, *wide, *grad_key_value, *sums;
} Block;

static int64_t at_once(const Layer *l) { return l->length < AT_ONCE ? AT_ONCE / l->length : 1; }

static int64_t start_of(const Layer *l, int64_t sequence)
{
    return l->start ? l->start[sequence] : sequence * l->length;
}

/* Room for the largest block; NULL where there is no memory. */
static float *make_room(const Layer *l, Block *b)
{
    int64_t rows = at_once(l) * l->length, wide = l->inner > 2 * l->size ? l->inner : 2 * l->size;
    float *room = malloc((rows * (5 * l->size + wide) + wide) * sizeof *room);
    if (!room) return NULL;
    b->asking = room;
    b->narrow = b->asking + rows * l->size;
    b->other = b->narrow + rows * l->size;
    b->grad_key_value = b->other + rows * l->size;
    b->wide = b->grad_key_value + rows * 2 * l->size;
    b->sums = b->wide + rows * wide;
    return room;
}

static void take_block(const Layer *l, int64_t first, int64_t end, Block *b)
{
    b->first = first;
    b->end = first + at_once(l) < end ? first + at_once(l) : end;
    b->row = first * l->length;
    b->rows = (b->end - first) * l->length;
    b->ask = start_of(l, first);
    b->asked = start_of(l, b->end) - b->ask;
    int64_t place = b->ask * l->size;
    b->attention = (Norm){l->attention_draws ? l->attention_draws + place : NULL, l->attention_normal + place,
                          l->attention_inverse + b->ask};
    b->output = (Norm){l->output_draws ? l->output_draws + place : NULL, l->output_normal + place,
                       l->output_inverse + b->ask};
}

/* The rows of a block that are asked for, in place where these are all. */
static const float *asking(const Layer *l, const Block *b, const float *hidden)
{
    if (!l->position) return hidden + b->row * l->size;
    for (int64_t i = 0; i < b->asked; i++)
        memcpy(b->asking + i * l->size, hidden + l->position[b->ask + i] * l->size, l->size * sizeof *hidden);
    return b->asking;
}

/* What attention is asked for one sequence: its vectors lie in rows of one or two sizes. */
static Attention attention_of(const Layer *l, int64_t sequence)
{
    Attention a = {.queries = start_of(l, sequence + 1) - start_of(l, sequence), .keys = l->length, .heads = l->heads};
    a.width = l->size / l->heads;
    a.causal = l->causal;
    a.visible = l->visible && !l->causal ? l->visible + sequence * l->length : NULL;
    return a;
}

static Vectors vectors(const Layer *l, float *start, int64_t place_stride)
{
    return (Vectors){start, 0, place_stride, l->size / l->heads};
}

static int attend(const Layer *l, const Block *b, float scale)
{
    int64_t d = l->size, weights_of_row = l->heads * hail_padded(l->length);
    for (int64_t s = b->first; s < b->end; s++) {
        Attention a = attention_of(l, s);
        int64_t ask = start_of(l, s);
        float *keys = l->key_value + s * l->length * 2 * d;
        Vectors query = vectors(l, l->query + ask * d, d), mixed = vectors(l, l->mixed + ask * d, d);
        Vectors key = vectors(l, keys, 2 * d), value = vectors(l, keys + d, 2 * d);
        float *weights = l->attention_weights + ask * weights_of_row;
        if (hail_attention(0, 1, &a, &query, &key, &value, &mixed, weights, scale)) return -1;
    }
    return 0;
}

/* From the gradient of mixed [asked of the block, size] to those of query and of key_value of the block. */
static int attend_backward(const Layer *l, const Block *b, float scale, float *grad_mixed, float *grad_query)
{
    int64_t d = l->size, weights_of_row = l->heads * hail_padded(l->length);
    for (int64_t s = b->first; s < b->end; s++) {
        Attention a = attention_of(l, s);
        int64_t ask = start_of(l, s), place = (ask - b->ask) * d;
        float *keys = l->key_value + s * l->length * 2 * d;
        float *grad_keys = b->grad_key_value + (s - b->first) * l->length * 2 * d;
        Vectors query = vectors(l, l->query + ask * d, d), grad_out = vectors(l, grad_mixed + place, d);
        Vectors key = vectors(l, keys, 2 * d), value = vectors(l, keys + d, 2 * d);
        Vectors grad_queries = vectors(l, grad_query + place, d);
        Vectors grad_key = vectors(l, grad_keys, 2 * d), grad_value = vectors(l, grad_keys + d, 2 * d);
        if (hail_attention_backward(0, 1, &a, &query, &key, &value, l->attention_weights + ask * weights_of_row, scale,
                                    &grad_out, &grad_queries, &grad_key, &grad_value))
            return -1;
    }
    return 0;
}

static void add_and_norm(const Layer *l, const Block *b, const Norm *n, const float *hidden, const float *update,
                         const float *gain, const float *shift, float *out)
{
    hail_add_and_norm(0, b->asked, l->size, hidden, update, n->draws, l->dropped_below, l->kept_scale, gain, shift,
                      l->epsilon, n->normal, n->inverse, out);
}

/* Returns the gradient of the update, which is grad_hidden where nothing is dropped, else in `room`. */
static float *add_and_norm_backward(const Layer *l, const Block *b, const Norm *n, const float *grad_out,
                                    const float *gain, float *grad_gain, float *grad_shift, float *grad_hidden,
                                    float *room)
{
    memset(b->sums, 0, 2 * l->size * sizeof *b->sums);
    hail_add_and_norm_backward(0, b->asked, l->size, grad_out, n->draws, l->dropped_below, l->kept_scale, gain,
                               n->normal, n->inverse, grad_hidden, room, b->sums, b->sums + l->size);
    add(grad_gain, b->sums, l->size);
    add(grad_shift, b->sums + l->size, l->size);
    return n->draws ? room : grad_hidden;
}

/* The layer's output for the sequences from `first` to before `end`.

   hidden: [sequences, length, size]. out: [asked, size]. scale: of attention's products. Returns 0, or -1 where there
   is no memory. */
int hail_layer(int64_t first, int64_t end, const Layer *l, float scale, const float *hidden, float *out)
{
    const Weights *w = &l->weights;
    int64_t d = l->size, inner = l->inner;
    Block b;
    float *room = make_room(l, &b);
    if (!room) return -1;
    int failed = 0;
    for (; first < end && !failed; first = b.end) {
        take_block(l, first, end, &b);
        const float *asked = asking(l, &b, hidden);
        float *between = l->between + b.ask * d, *value = l->value + b.ask * inner;
        linear(l->gemm, asked, w->query_key_value, w->query_key_value_bias, b.asked, d, d, l->query + b.ask * d);
        linear(l->gemm, hidden + b.row * d, w->query_key_value + d * d, w->query_key_value_bias + d, b.rows, 2 * d, d,
               l->key_value + b.row * 2 * d);
        failed = attend(l, &b, scale);
        linear(l->gemm, l->mixed + b.ask * d, w->mixing, w->mixing_bias, b.asked, d, d, b.narrow);
        add_and_norm(l, &b, &b.attention, asked, b.narrow, w->attention_gain, w->attention_shift, between);
        linear(l->gemm, between, w->inner, w->inner_bias, b.asked, inner, d, b.wide);
        hail_gelu(0, b.asked * inner, b.wide, value, l->derivative + b.ask * inner);
        linear(l->gemm, value, w->outer, w->outer_bias, b.asked, d, inner, b.narrow);
        add_and_norm(l, &b, &b.output, between, b.narrow, w->output_gain, w->output_shift, out + b.ask * d);
    }
    free(room);
    return failed;
}

/* Gradients from that of out: grad_hidden, and those of the weights, which are added to. */
int hail_layer_backward(int64_t first, int64_t end, const Layer *l, float scale, const float *hidden,
                        const float *grad_out, float *grad_hidden, const Weights *grad)
{
    const Weights *w = &l->weights;
    int64_t d = l->size, inner = l->inner;
    Block b;
    float *room = make_room(l, &b);
    if (!room) return -1;
    int failed = 0;
    for (; first < end && !failed; first = b.end) {
        take_block(l, first, end, &b);
        const float *asked = asking(l, &b, hidden), *derivative = l->derivative + b.ask * inner;
        float *grad_between = b.narrow;
        float *grad_outer = add_and_norm_backward(l, &b, &b.output, grad_out + b.ask * d, w->output_gain,
                                                  grad->output_gain, grad->output_shift, grad_between, b.other);
        linear_backward(l->gemm, l->value + b.ask * inner, w->outer, grad_outer, b.asked, d, inner, grad->outer,
                        grad->outer_bias, b.sums, 0.0f, b.wide);
#pragma omp simd
        for (int64_t k = 0; k < b.asked * inner; k++) b.wide[k] *= derivative[k];
        linear_backward(l->gemm, l->between + b.ask * d, w->inner, b.wide, b.asked, inner, d, grad->inner,
                        grad->inner_bias, b.sums, 1.0f, grad_between);
        float *grad_asked = b.wide, *grad_mixed = b.wide + b.asked * d; /* there is room for two that are narrow */
        float *grad_mixing = add_and_norm_backward(l, &b, &b.attention, grad_between, w->attention_gain,
                                                 grad->attention_gain, grad->attention_shift, grad_asked, b.other);
        linear_backward(l->gemm, l->mixed + b.ask * d, w->mixing, grad_mixing, b.asked, d, d, grad->mixing,
                        grad->mixing_bias, b.sums, 0.0f, grad_mixed);
        float *grad_query = b.narrow;
        failed = attend_backward(l, &b, scale, grad_mixed, grad_query);
        linear_backward(l->gemm, asked, w->query_key_value, grad_query, b.asked, d, d, grad->query_key_value,
                        grad->query_key_value_bias, b.sums, 1.0f, grad_asked);
        linear_backward(l->gemm, hidden + b.row * d, w->query_key_value + d * d, b.grad_key_value, b.rows, 2 * d, d,
                        grad->query_key_value + d * d, grad->query_key_value_bias + d, b.sums, 0.0f,
                        grad_hidden + b.row * d);
        for (int64_t i = 0; i < b.asked; i++)
            add(grad_hidden + (l->position ? l->position[b.ask + i] : b.row + i) * d, grad_asked + i * d, d);
    }
    free(room);
    return failed;
}
