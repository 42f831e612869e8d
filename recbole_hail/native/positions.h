/* The loss of positions, each in three steps: its logits are taken, range by range of elements; what is known of it
   then is settled; and gradients are given in the place of logits, range by range again. */

#pragma once

#include "exclusivity.h"
#include "mimicry.h"

enum { POSITIVE = 1, NEGATIVE = 2, MIMICRY = 4 }; /* what is distilled; __init__.py has the same numbers */

typedef struct {
    int64_t count, elements; /* of peers, and V */
    const float *bias;       /* [V] */
    int64_t threads;         /* that take each position, with a range of elements each */
    int64_t distils;         /* terms of mutual exclusivity, or mimicry, which takes two peers; 0 for none */
    double gamma;            /* of mutual exclusivity, see exclusivity.h */
} Loss;

typedef struct {
    int64_t target;
    float own, distilled; /* the weights with which it enters the gradient */
    Peer *peers;
} Position;

/* What taking, settling and giving need beside; a thread's own. */
typedef struct {
    double *found;     /* [T] */
    double *gradients; /* [1 + T, T], for mimicry alone */
    float *tiles;      /* [1 + 2 T, TILE] */
    float *logits;     /* [T, V], for mimicry alone */
} Scratch;

static int64_t floats_of_peer(const Loss *loss) { return 2 * tiles_of(loss->elements) + loss->count; }

/* Bytes that `count` positions need for as long as they are worked on. */
static int64_t room_of(const Loss *loss, int64_t count)
{
    int64_t bytes_of_peer = sizeof(Peer) + loss->threads * sizeof(Best) + floats_of_peer(loss) * sizeof(float);
    return count * ((int64_t)sizeof(Position) + loss->count * bytes_of_peer);
}

static bool find_scratch(Scratch *scratch, const Loss *loss)
{
    int64_t of_tiles = (1 + 2 * loss->count) * TILE;
    int64_t logits = loss->distils & MIMICRY ? loss->count * loss->elements : 0;
    int64_t of_gradients = loss->distils & MIMICRY ? (1 + loss->count) * loss->count : 0;
    scratch->found = malloc((loss->count + of_gradients) * sizeof(double) + (of_tiles + logits) * sizeof(float));
    scratch->gradients = scratch->found + loss->count;
    scratch->tiles = (float *)(scratch->gradients + of_gradients);
    scratch->logits = scratch->tiles + of_tiles;
    return scratch->found;
}

/* Positions in `room`, of logits [T, count, V] with peers `peer_stride` floats apart. */
static Position *begin(const Loss *loss, void *room, int64_t count, float *logits, int64_t peer_stride,
                       const int64_t *targets, const float *own, const float *distilled)
{
    Position *positions = room;
    Peer *peer = (Peer *)(positions + count);
    Best *best = (Best *)(peer + count * loss->count);
    float *floats = (float *)(best + count * loss->count * loss->threads);
    int64_t tiles = tiles_of(loss->elements);
    for (int64_t i = 0; i < count; i++) {
        positions[i] = (Position){targets[i], own[i], distilled[i], peer};
        for (int64_t j = 0; j < loss->count; j++, peer++, floats += floats_of_peer(loss)) {
            float *row = logits + j * peer_stride + i * loss->elements;
            *peer = (Peer){.row = row, .best = best, .reference = floats, .sum = floats + tiles,
                           .e_at = floats + 2 * tiles};
            for (int64_t t = 0; t < loss->threads; t++) *best++ = (Best){-FLT_MAX, -1};
        }
    }
    return positions;
}

/* Elements [first, end), where `first` begins a tile. Mimicry compares logits and takes all at once, when settling. */
static void take_range(const Loss *loss, const Position *at, int64_t thread, int64_t first, int64_t end)
{
    if (loss->distils & MIMICRY) return;
    for (int64_t j = 0; j < loss->count; j++)
        take(&at->peers[j], &at->peers[j].best[thread], loss->bias, loss->elements, at->target, first, end);
}

static void settle_mimicry(const Loss *loss, const Position *at, const Scratch *scratch, double *found,
                           float *grad_bias)
{
    for (int64_t j = 0; j < loss->count; j++) {
        Peer *peer = &at->peers[j];
        add_bias(scratch->logits + j * loss->elements, peer->row, loss->bias, loss->elements);
        take(peer, peer->best, loss->bias, loss->elements, at->target, 0, loss->elements);
        settle(peer, 1, loss->elements, at->target);
    }
    imitate(at->peers, loss->count, scratch->logits, loss->elements, at->target, at->own, at->distilled,
            scratch->tiles, scratch->gradients, found, grad_bias);
}

static void settle_exclusivity(const Loss *loss, const Position *at, const Scratch *scratch, double *positive)
{
    Peer *peers = at->peers;
    for (int64_t j = 0; j < loss->count; j++) settle(&peers[j], loss->threads, loss->elements, at->target);
    for (int64_t j = 0; j < loss->count; j++) {
        bool asked = loss->distils & POSITIVE;
        double unlikelihood = asked ? unlikelihood_of_target(peers, loss->count, loss->gamma, j) : 0.0;
        peers[j].weight = at->own + at->distilled * unlikelihood;
        positive[j] = unlikelihood * -peers[j].log_p_target;
    }
    if (loss->distils & NEGATIVE)
        mutual_exclusivity(peers, loss->count, loss->gamma, loss->elements, scratch->tiles);
    weigh(peers, loss->count, loss->distils & NEGATIVE ? at->distilled : 0.0);
}

/* Terms of a position: self-knowledge, positive (or imitation) and negative, each [T], `peer_stride` floats apart.
   Mimicry gives its gradient too. */
static void settle_all(const Loss *loss, const Position *at, const Scratch *scratch, float *terms, int64_t peer_stride,
                       float *grad_bias)
{
    double *found = scratch->found;
    if (loss->distils & MIMICRY) settle_mimicry(loss, at, scratch, found, grad_bias);
    else settle_exclusivity(loss, at, scratch, found);
    for (int64_t j = 0; j < loss->count; j++) {
        float *of = terms + j * peer_stride;
        of[0] = (float)-at->peers[j].log_p_target;
        of[loss->count * peer_stride] = (float)found[j];
        of[2 * loss->count * peer_stride] = (float)at->peers[j].negative;
    }
}

/* Adds to the gradient of the bias of elements [first, end), where `first` begins a tile. */
static void give_range(const Loss *loss, const Position *at, const Scratch *scratch, int64_t first, int64_t end,
                       float *grad_bias)
{
    if (loss->distils & MIMICRY) return;
    double share = loss->distils & NEGATIVE ? at->distilled : 0.0;
    gradients(at->peers, loss->count, loss->gamma, at->target, share, scratch->tiles, (Range){first, end, grad_bias});
}
