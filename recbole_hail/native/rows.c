/* The loss of each position and its gradient, in place of its logits, in a few passes over rows that stay in cache.

   The same closed forms as closed_form.py, which is the reference, for mutual exclusivity but at small gamma, for
   mimicry, and for no distillation. Logits must be finite and at most 5e29 in size. */

#include "positions.h"

/* Terms and gradients of a block of positions; returns 0, or -1 where there is no memory.

   logits: [T, positions, V], peers `peer_stride` floats apart; without bias; become their own gradient.
   targets, own, distilled: [positions]; the weights with which each enters the gradient.
   terms: [3, T, positions], self-knowledge, positive (or imitation) and negative.
   grad_bias: [V]; gradients are added to it. */
int hail_rows(const Loss *loss, int64_t positions, float *logits, int64_t peer_stride, const int64_t *targets,
              const float *own, const float *distilled, float *terms, float *grad_bias)
{
    Scratch scratch;
    void *room = malloc(room_of(loss, 1));
    int status = find_scratch(&scratch, loss) && room ? 0 : -1;
    for (int64_t i = 0; i < positions && status == 0; i++) {
        float *row = logits + i * loss->elements;
        Position *at = begin(loss, room, 1, row, peer_stride, targets + i, own + i, distilled + i);
        take_range(loss, at, 0, 0, loss->elements);
        settle_all(loss, at, &scratch, terms + i, positions, grad_bias);
        give_range(loss, at, &scratch, 0, loss->elements, grad_bias);
    }
    free(scratch.found);
    free(room);
    return status;
}
