/* The loss of each position and its gradient, in place of its logits, in four passes over rows that stay in cache.

   The same closed form as closed_form.py for gamma = 1, which is the reference. The likeliest element of a row is kept
   apart, for it alone can have p > 1/2: its 1 - p comes from the gap between its logit and the log-sum-exp of the
   others, so that nothing is lost where p rounds to 1. Logits must be finite and at most 5e29 in size.

   Rows are taken tile by tile: sums are float within a tile and double beyond it. */

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 512 };

typedef struct {
    float *row;        /* [V] logits; then e = exp(logit - second), 0 at target and likeliest; then the gradient */
    float *p;          /* [TILE] e * scale */
    float *e_at;       /* [T] e at the likeliest element of every peer */
    int64_t likeliest;
    bool right;        /* the likeliest element is the target */
    double total, scale, e_target; /* total: sum of e, that of the target included, without the likeliest */
    double p_likeliest, unlikely;  /* unlikely = 1 - p_likeliest */
    double log_unlikely, log_p_target;
    double weight;     /* of -log p of the target, in loss and positive term together */
    double hint;       /* the others' mean p at the likeliest element, 0 where that is the target */
    double negative;   /* Eq. 12 */
    double sum;        /* of a = q p / (1 - p), q the others' mean p, without the likeliest */
    float even, ratio; /* gradient = e * (even + ratio * q / (1 - p)) */
} Peer;

static int64_t tile_at(int64_t start, int64_t elements) { return elements - start < TILE ? elements - start : TILE; }

/* exp(x) for x <= 0; 0 below -87, where float32 runs out of normal numbers. */
static inline float exponential(float x)
{
    float shifted = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: the integer lands in the lowest bits */
    float power = shifted - 12582912.0f;
    float r = x - power * 0.693145752f - power * 1.42860677e-6f;
    float value = 1.38358639e-3f;
    value = value * r + 8.37564556e-3f;
    value = value * r + 4.16682876e-2f;
    value = value * r + 1.66664102e-1f;
    value = value * r + 4.99999916e-1f;
    value = value * r + 1.00000004f;
    value = value * r + 1.0f;
    uint32_t bits, exponent;
    memcpy(&bits, &value, sizeof bits);
    memcpy(&exponent, &shifted, sizeof exponent);
    bits += exponent << 23;
    memcpy(&value, &bits, sizeof value);
    return x < -87.0f ? 0.0f : value;
}

/* -log(1 - p) for 0 <= p <= 1/2, with a relative error of 1e-7 also where p is tiny. */
static inline float minus_log_of_rest(float p)
{
    float value = 1.44207472f;
    value = value * p - 1.69762427f;
    value = value * p + 1.25904369f;
    value = value * p - 0.204078494f;
    value = value * p + 0.269729427f;
    value = value * p + 0.242791475f;
    value = value * p + 0.333701387f;
    value = value * p + 0.499992836f;
    value = value * p + 1.0f;
    return value * p;
}

static float largest_in(const float *row, const float *bias, int64_t count)
{
    float largest = -FLT_MAX;
#pragma omp simd reduction(max : largest)
    for (int64_t k = 0; k < count; k++) {
        float logit = row[k] + bias[k];
        largest = logit > largest ? logit : largest;
    }
    return largest;
}

static float exponentials(float *row, const float *bias, float second, int64_t count)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < count; k++) {
        row[k] = exponential(row[k] + bias[k] - second);
        sum += row[k];
    }
    return sum;
}

/* Turns the logits into e and says what is known of the peer alone. */
static void likelihoods(Peer *peer, const float *bias, int64_t elements, int64_t target)
{
    float *row = peer->row, largest = -FLT_MAX, second = -FLT_MAX;
    int64_t tile = 0;
    for (int64_t start = 0; start < elements; start += TILE) {
        float found = largest_in(row + start, bias + start, tile_at(start, elements));
        if (found > largest) {
            second = largest;
            largest = found;
            tile = start;
        } else if (found > second) {
            second = found;
        }
    }
    int64_t likeliest = tile;
    while (row[likeliest] + bias[likeliest] != largest) likeliest++;
    double target_logit = row[target] + bias[target];
    row[likeliest] = -1e38f;
    float found = largest_in(row + tile, bias + tile, tile_at(tile, elements));
    second = found > second ? found : second;
    double total = 0.0;
    for (int64_t start = 0; start < elements; start += TILE)
        total += exponentials(row + start, bias + start, second, tile_at(start, elements));

    double log_total = log(total), gap = ((double)largest - second) - log_total;
    double odds = exp(-fabs(gap)), softplus = log1p(odds);
    peer->likeliest = likeliest;
    peer->right = likeliest == target;
    peer->total = total;
    peer->p_likeliest = (gap > 0 ? 1.0 : odds) / (1.0 + odds);
    peer->unlikely = (gap > 0 ? odds : 1.0) / (1.0 + odds);
    peer->log_unlikely = (gap > 0 ? -gap : 0.0) - softplus;
    peer->log_p_target = peer->right ? (gap > 0 ? 0.0 : gap) - softplus
                                     : target_logit - second + peer->log_unlikely - log_total;
    peer->scale = peer->unlikely / total;
    peer->e_target = row[target];
    row[target] = 0.0f;
}

/* For one tile: p of every peer. */
static void fill_p(Peer *peers, int64_t count, int64_t start, int64_t length)
{
    for (int64_t j = 0; j < count; j++) {
        const float *restrict e = peers[j].row + start, scale = (float)peers[j].scale;
        float *restrict p = peers[j].p;
        for (int64_t k = 0; k < length; k++) p[k] = e[k] * scale;
    }
}

/* For one tile: the mean of the other peers' p; theirs itself where there is one, else in `room`. */
static const float *others(const Peer *peers, int64_t count, int64_t j, float *room, int64_t length)
{
    if (count == 2) return peers[1 - j].p;
    memset(room, 0, length * sizeof *room);
    for (int64_t c = 0; c < count; c++)
        for (int64_t k = 0; k < length && c != j; k++) room[k] += peers[c].p[k];
    for (int64_t k = 0; k < length; k++) room[k] *= 1.0f / (count - 1);
    return room;
}

/* For one tile of one peer: Eq. 12, and the sum that its gradient needs. */
static void add_exclusivity(Peer *peer, const float *q, int64_t length)
{
    const float *p = peer->p;
    float negative = 0.0f, sum = 0.0f;
#pragma omp simd reduction(+ : negative, sum)
    for (int64_t k = 0; k < length; k++) {
        negative += q[k] * minus_log_of_rest(p[k]);
        sum += q[k] * p[k] / (1.0f - p[k]);
    }
    peer->negative += negative;
    peer->sum += sum;
}

/* What others' likeliest elements, whose p the tiles leave out, add to a peer; and the peer's own likeliest element. */
static void add_likeliest(Peer *peers, int64_t count, int64_t j)
{
    Peer *peer = &peers[j];
    for (int64_t c = 0; c < count; c++) {
        const Peer *other = &peers[c];
        if (c == j) continue;
        double p = peer->e_at[c] * peer->scale, q = other->p_likeliest / (count - 1);
        peer->negative -= q * log1p(-p);
        peer->sum += q * p / (1.0 - p);
        bool same = other->likeliest == peer->likeliest;
        peer->hint += (same ? other->p_likeliest : other->e_at[j] * other->scale) / (count - 1);
    }
    if (peer->right) peer->hint = 0.0;
    peer->negative -= peer->hint * peer->log_unlikely;
}

/* The negative term of mutual exclusivity of every peer (Eq. 12). */
static void mutual_exclusivity(Peer *peers, int64_t count, int64_t elements, float *room)
{
    for (int64_t start = 0; start < elements; start += TILE) {
        int64_t length = tile_at(start, elements);
        fill_p(peers, count, start, length);
        for (int64_t j = 0; j < count; j++) add_exclusivity(&peers[j], others(peers, count, j, room, length), length);
    }
    for (int64_t j = 0; j < count; j++)
        for (int64_t c = 0; c < count; c++) peers[j].e_at[c] = peers[j].row[peers[c].likeliest];
    for (int64_t j = 0; j < count; j++) add_likeliest(peers, count, j);
}

/* Turns e of one tile into its gradient. */
static void gradient_of(const Peer *peer, int64_t start, int64_t length, const float *q, float *grad_bias)
{
    float *e = peer->row + start, *of_bias = grad_bias + start;
    const float *p = peer->p, even = peer->even, ratio = peer->ratio;
    if (q == NULL) {
#pragma omp simd
        for (int64_t k = 0; k < length; k++) of_bias[k] += e[k] *= even;
        return;
    }
#pragma omp simd
    for (int64_t k = 0; k < length; k++) of_bias[k] += e[k] *= even + ratio * q[k] / (1.0f - p[k]);
}

static void add_gradient(const Peer *peer, int64_t element, double gradient, float *grad_bias)
{
    peer->row[element] += (float)gradient;
    grad_bias[element] += (float)gradient;
}

/* weight * (p_k - [k = *]) + share * (a_k - p_k * sum(a)) in place of e, and added to the bias's gradient. */
static void gradients(Peer *peers, int64_t count, int64_t elements, int64_t target, double share, float *room,
                      float *grad_bias)
{
    for (int64_t j = 0; j < count; j++) {
        Peer *peer = &peers[j];
        double on_p = peer->weight - share * peer->sum, of_likeliest = share * peer->hint * peer->p_likeliest;
        peer->even = (peer->unlikely * on_p - of_likeliest) / peer->total;
        peer->ratio = share * peer->scale;
    }
    for (int64_t start = 0; start < elements; start += TILE) {
        int64_t length = tile_at(start, elements);
        if (share != 0.0) fill_p(peers, count, start, length);
        for (int64_t j = 0; j < count; j++) {
            const float *q = share != 0.0 ? others(peers, count, j, room, length) : NULL;
            gradient_of(&peers[j], start, length, q, grad_bias);
        }
    }
    for (int64_t j = 0; j < count; j++) {
        const Peer *peer = &peers[j];
        double of_sum = share * peer->sum, of_hint = share * peer->hint;
        double right = -peer->weight * peer->unlikely - of_sum * peer->p_likeliest;
        double wrong = peer->p_likeliest * (peer->weight - of_sum + of_hint);
        add_gradient(peer, peer->likeliest, peer->right ? right : wrong, grad_bias);
        if (!peer->right) add_gradient(peer, target, peer->e_target * peer->even - peer->weight, grad_bias);
        for (int64_t c = 0; c < count && share != 0.0; c++) {
            if (c == j) continue;
            double q = peers[c].p_likeliest / (count - 1), e = peer->e_at[c];
            add_gradient(peer, peers[c].likeliest, e * peer->ratio * q / (1.0 - e * peer->scale), grad_bias);
        }
    }
}

/* The positive term of every peer (Eq. 11): the others' mean 1 - p of the target as a weight of its -log p. */
static double unlikelihood_of_target(const Peer *peers, int64_t count, int64_t j)
{
    double sum = 0.0;
    for (int64_t c = 0; c < count; c++)
        if (c != j) sum += peers[c].right ? peers[c].unlikely : 1.0 - peers[c].e_target * peers[c].scale;
    return sum / (count - 1);
}

/* Terms and gradients of a block of positions; returns 0, or -1 where there is no memory.

   logits: peers times [positions, elements], `peer_stride` floats apart, bias not added; become their own gradient.
   bias, grad_bias: [elements]; gradients are added to the latter.
   targets, own, distilled: [positions]; the weights with which each enters the gradient.
   positive_term, negative_term: of mutual exclusivity; both 0 for no distillation, as it must be with one peer.
   terms: self-knowledge, positive and negative of every peer, 3 * peers times [positions], `term_stride` floats apart.
 */
int hail_rows(int64_t count, int64_t positions, int64_t elements, float *logits, int64_t peer_stride, const float *bias,
              const int64_t *targets, const float *own, const float *distilled, int positive_term, int negative_term,
              float *terms, int64_t term_stride, float *grad_bias)
{
    Peer *peers = malloc(count * sizeof *peers);
    float *room = malloc((count * (TILE + count) + TILE) * sizeof *room);
    for (int64_t i = 0; i < positions && peers && room; i++) {
        for (int64_t j = 0; j < count; j++) {
            float *of_peer = room + TILE + j * (TILE + count);
            peers[j] = (Peer){.row = logits + j * peer_stride + i * elements, .p = of_peer, .e_at = of_peer + TILE};
            likelihoods(&peers[j], bias, elements, targets[i]);
        }
        for (int64_t j = 0; j < count; j++) {
            double loss = -peers[j].log_p_target;
            double hardness = positive_term ? unlikelihood_of_target(peers, count, j) : 0.0;
            peers[j].weight = own[i] + distilled[i] * hardness;
            terms[j * term_stride + i] = (float)loss;
            terms[(count + j) * term_stride + i] = (float)(hardness * loss);
        }
        if (negative_term) mutual_exclusivity(peers, count, elements, room);
        for (int64_t j = 0; j < count; j++) terms[(2 * count + j) * term_stride + i] = (float)peers[j].negative;
        gradients(peers, count, elements, targets[i], negative_term ? distilled[i] : 0.0, room, grad_bias);
    }
    int status = peers && room ? 0 : -1;
    free(peers);
    free(room);
    return status;
}
