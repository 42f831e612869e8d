"""ProbSparse attention against loops over queries, and against full attention where every query is kept."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from recbole_hail.networks import Sizes
from recbole_hail.networks.probsparse import ProbSparseAttention, sample_sizes, sampled_keys

SIZES = Sizes(positions=40, heads=2, hidden_size=8, inner_size=12, hidden_dropout=0.0, attention_dropout=0.0)


def attention(factor, causal, sizes=SIZES):
    torch.manual_seed(0)
    layer = ProbSparseAttention(sizes, sampling_factor=factor, causal=causal)
    with torch.no_grad():
        layer.query_key_value.weight.mul_(4)  # so that attention is far from uniform
    return layer.eval()


def visible(lengths, width):
    return (torch.arange(width) < torch.tensor(lengths)[:, None])[:, None, None, :]


def slow_prob_sparse(layer, hidden, factor, causal):
    """Algorithm 1 for one sequence [L, d] without padding: loops over heads, queries and keys."""
    length, size = hidden.shape
    width = size // layer.heads
    query, key, value = (hidden @ layer.query_key_value.weight.t() + layer.query_key_value.bias).split(size, dim=-1)
    count = min(max(math.ceil(factor * math.log(length)), 1), length)
    sampled = [rank * length // count for rank in range(count)]
    mixed = torch.zeros_like(hidden)
    for head in range(layer.heads):
        part = slice(head * width, (head + 1) * width)

        def score(i, j, part=part):
            return query[i, part] @ key[j, part] / math.sqrt(width)

        measured = []
        for i in range(length):
            scores = [float(score(i, j)) for j in sampled if j <= i or not causal]
            measured.append(max(scores) - sum(scores) / len(scores))
        chosen = sorted(range(length), key=lambda i, measured=measured: -measured[i])[:count]
        for i in range(length):
            looked_at = list(range(i + 1 if causal else length))
            if i in chosen:
                weights = torch.stack([score(i, j) for j in looked_at]).softmax(0)
            else:
                weights = torch.full((len(looked_at),), 1 / len(looked_at))
            mixed[i, part] = weights @ value[looked_at, part]
    return mixed @ layer.output.weight.t() + layer.output.bias


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_attention_equals_a_slow_computation(factor, causal):
    layer = attention(factor, causal)
    lengths = (21, 12, 5, 1)
    hidden = torch.randn(4, 21, 8, generator=torch.Generator().manual_seed(1))
    mixed = layer(hidden, visible(lengths, 21))
    for row, length in enumerate(lengths):
        expected = slow_prob_sparse(layer, hidden[row, :length], factor, causal)
        torch.testing.assert_close(mixed[row, :length], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_all_queries_kept_is_full_attention(causal, training):
    layer = attention(1000.0, causal).train(training).double()
    hidden = torch.randn(3, 9, 8, dtype=torch.float64)
    split = layer.query_key_value(hidden).view(3, 9, 3, 2, 4).permute(2, 0, 3, 1, 4)
    full = F.scaled_dot_product_attention(*split, is_causal=causal).transpose(1, 2).reshape(3, 9, 8)
    torch.testing.assert_close(layer(hidden, visible([9, 9, 9], 9)), layer.output(full), rtol=0, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_and_batch_mates_change_nothing(causal):
    """Each row has its own number of queries and its own sampled keys, whatever the width of its batch."""
    layer = attention(1.0, causal)
    lengths = (3, 30, 17, 1)
    hidden = torch.randn(4, 30, 8)
    together = layer(hidden, visible(lengths, 30))
    for row, length in enumerate(lengths):
        alone = layer(hidden[row : row + 1, :length], visible([length], length))
        torch.testing.assert_close(together[row, :length], alone[0], rtol=0, atol=1e-5)


def test_causal_attention_gives_no_position_the_values_after_it():
    """Which queries attend may depend on later ones; what they and the others get may not."""
    layer = attention(1000.0, causal=True)
    hidden = torch.randn(1, 9, 8)
    changed = hidden.clone()
    changed[:, 5:] += 3.0
    difference = (layer(changed, visible([9], 9)) - layer(hidden, visible([9], 9))).abs().amax(-1)[0]
    assert difference[:5].eq(0).all() and difference[5:].gt(1e-4).all()


def test_keys_are_drawn_in_training_and_fixed_in_evaluation():
    layer = attention(1.0, causal=False)
    hidden = torch.randn(2, 40, 8)
    full = visible([40, 40], 40)
    assert torch.equal(layer(hidden, full), layer(hidden, full))
    layer.train()
    assert any(not torch.equal(layer(hidden, full), layer(hidden, full)) for _ in range(10))


def test_sizes_made_by_hand():
    lengths = torch.tensor([1, 2, 3, 10, 200])
    assert sample_sizes(lengths, 1.0).tolist() == [1, 1, 2, 3, 6]
    assert sample_sizes(lengths, 5.0).tolist() == [1, 2, 3, 10, 27]
    assert sample_sizes(lengths, 1e30).tolist() == [1, 2, 3, 10, 200]


def test_sampled_keys_made_by_hand():
    keys = sampled_keys(torch.tensor([10, 3]), torch.tensor([4, 2]), 4, drawn=False)
    assert keys.tolist() == [[0, 2, 5, 7], [0, 1, -1, -1]]


@settings(deadline=None)
@given(st.integers(1, 300), st.floats(0.1, 20), st.integers(0, 1000))
def test_drawn_keys_are_distinct_and_inside_the_sequence(length, factor, seed):
    lengths = torch.tensor([length])
    counts = sample_sizes(lengths, factor)
    torch.manual_seed(seed)
    keys = sampled_keys(lengths, counts, int(counts) + 2, drawn=True)[0]
    kept = keys[: int(counts)].tolist()
    assert len(set(kept)) == len(kept) and min(kept) >= 0 and max(kept) < length
    assert keys[int(counts) :].eq(-1).all()


@pytest.mark.parametrize("factor", [0, -1.0, math.inf, math.nan])
def test_a_factor_that_is_not_positive_or_finite_is_named(factor):
    with pytest.raises(ValueError, match=r"sampling_factor \(.*\) must be positive and finite"):
        attention(factor, causal=False)


@pytest.mark.parametrize("causal", [False, True])
def test_gradients_are_finite_with_padding(causal):
    layer = attention(1.0, causal).train()
    hidden = torch.randn(3, 12, 8, requires_grad=True)
    layer(hidden, visible([12, 4, 1], 12)).square().sum().backward()
    assert hidden.grad.isfinite().all() and hidden.grad[0].abs().sum() > 0
