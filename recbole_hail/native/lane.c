/* Prediction layer and loss of a thread's positions, value and gradient, by blocks of elements that stay in cache. */

#include "linear.h"
#include "positions.h"

typedef struct {
    Loss loss;
    Gemm gemm;
    int64_t size, at_once, columns; /* d, positions of a chunk, elements of a block, which are whole tiles */
    const float *table;             /* [V, d] */
    float *grad_table, *grad_bias;      /* [V, d] and [V]; gradients, added to */
    float *logits, *grad_bias_of_chunk;       /* room for [T, at_once, V] and [V] */
    void *room;                     /* for `at_once` positions, see hail_room */
} Lane;

/* Positions whose logits there are at once; tensors are [.., count, ..] with peers `peer_stride` positions apart. */
typedef struct {
    int64_t count, peer_stride;
    const float *hidden; /* [T, count, d] */
    const int64_t *targets;
    const float *own, *distilled; /* [count], see positions.h */
    float *grad_hidden;             /* [T, count, d]; that of hail_lane, for hail_give is told its own */
    float *terms;                 /* [3, T, count] */
} Chunk;

int64_t hail_room(const Loss *loss, int64_t count) { return room_of(loss, count); }

static int64_t end_of_block(const Lane *l, int64_t first, int64_t end)
{
    return end - first < l->columns ? end : first + l->columns;
}

void hail_begin(const Lane *l, const Chunk *c)
{
    begin(&l->loss, l->room, c->count, l->logits, c->count * l->loss.elements, c->targets, c->own, c->distilled);
}

/* Makes the logits of elements [first, end), which begin a block, and takes them, as the thread of that number. */
void hail_predict(int64_t first, int64_t end, const Lane *l, const Chunk *c, int64_t thread)
{
    const Position *positions = l->room;
    int64_t peer_logits = c->count * l->loss.elements;
    memset(l->grad_bias_of_chunk + first, 0, (end - first) * sizeof *l->grad_bias_of_chunk);
    for (int64_t start = first, stop; start < end; start = stop) {
        stop = end_of_block(l, start, end);
        for (int64_t j = 0; j < l->loss.count; j++)
            product_of_rows(l->gemm, 0, 1, c->count, stop - start, l->size, c->hidden + j * c->peer_stride * l->size,
                            l->size, l->table + start * l->size, 0.0f, l->logits + j * peer_logits + start,
                            l->loss.elements);
        for (int64_t i = 0; i < c->count; i++) take_range(&l->loss, &positions[i], thread, start, stop);
    }
}

/* Terms of positions [first, end); returns 0, or -1 where there is no memory, as the next. */
int hail_settle(int64_t first, int64_t end, const Lane *l, const Chunk *c)
{
    const Position *positions = l->room;
    Scratch scratch;
    if (!find_scratch(&scratch, &l->loss)) return -1;
    for (int64_t i = first; i < end; i++)
        settle_all(&l->loss, &positions[i], &scratch, c->terms + i, c->peer_stride, l->grad_bias_of_chunk);
    free(scratch.found);
    return 0;
}

/* Gradients of elements [first, end), which begin a block; that of hidden is of these elements alone. */
int hail_give(int64_t first, int64_t end, const Lane *l, const Chunk *c, float *grad_hidden)
{
    const Position *positions = l->room;
    int64_t peer_logits = c->count * l->loss.elements;
    Scratch scratch;
    if (!find_scratch(&scratch, &l->loss)) return -1;
    for (int64_t start = first, stop; start < end; start = stop) {
        stop = end_of_block(l, start, end);
        for (int64_t i = 0; i < c->count; i++)
            give_range(&l->loss, &positions[i], &scratch, start, stop, l->grad_bias_of_chunk + start);
        /* A chunk's positions are few enough for sums in float. */
        add(l->grad_bias + start, l->grad_bias_of_chunk + start, stop - start);
        for (int64_t j = 0; j < l->loss.count; j++) {
            const float *block = l->logits + j * peer_logits + start, *table = l->table + start * l->size;
            int64_t place = j * c->peer_stride * l->size;
            product_of_rows(l->gemm, 0, 0, c->count, l->size, stop - start, block, l->loss.elements, table,
                            start == first ? 0.0f : 1.0f, grad_hidden + place, l->size);
            product_of_rows(l->gemm, 1, 0, stop - start, l->size, c->count, block, l->loss.elements,
                            c->hidden + place, 1.0f, l->grad_table + start * l->size, l->size);
        }
    }
    free(scratch.found);
    return 0;
}

/* All chunks of `all`, by the calling thread. */
int hail_lane(const Lane *l, const Chunk *all)
{
    for (int64_t start = 0; start < all->count; start += l->at_once) {
        Chunk c = *all;
        c.count = all->count - start < l->at_once ? all->count - start : l->at_once;
        c.hidden += start * l->size, c.grad_hidden += start * l->size;
        c.targets += start, c.own += start, c.distilled += start, c.terms += start;
        hail_begin(l, &c);
        hail_predict(0, l->loss.elements, l, &c, 0);
        if (hail_settle(0, c.count, l, &c) || hail_give(0, l->loss.elements, l, &c, c.grad_hidden)) return -1;
    }
    return 0;
}
