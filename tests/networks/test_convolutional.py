"""Convolutional self-attention against loops over positions, and the log-sparse pattern against sets made by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_hail.networks import Sizes
from recbole_hail.networks.convolutional import (
    ConvolutionalSelfAttention,
    attention_at_distances,
    log_sparse_distances,
)

SIZES = Sizes(positions=20, heads=2, hidden_size=8, inner_size=12, hidden_dropout=0.0, attention_dropout=0.0)


def attention(kernel_width=3, log_sparse=False, local_window=1):
    torch.manual_seed(0)
    options = {"kernel_width": kernel_width, "log_sparse": log_sparse, "local_window": local_window}
    return ConvolutionalSelfAttention(SIZES, **options).eval()


def slow_convolution(layer, hidden):
    """Section 4.1: queries and keys [B, L, 2 d], a loop over positions and the taps that lie inside the sequence."""
    batch, length, _ = hidden.shape
    weight, width = layer.query_key.weight, layer.kernel_width
    out = layer.query_key.bias.expand(batch, length, -1).clone()
    for position in range(length):
        for tap in range(width):
            source = position - (width - 1) + tap
            if source >= 0:
                out[:, position] += hidden[:, source] @ weight[:, :, tap].t()
    return out


def slow_attention(layer, hidden, looked_at):
    """Attention of every position on the positions that `looked_at` names, a loop for everything."""
    batch, length, size = hidden.shape
    query, key = slow_convolution(layer, hidden).split(size, dim=-1)
    value = hidden @ layer.value.weight.t() + layer.value.bias
    width = size // layer.heads
    mixed = torch.zeros_like(hidden)
    for b in range(batch):
        for head in range(layer.heads):
            part = slice(head * width, (head + 1) * width)
            for i in range(length):
                scores = [query[b, i, part] @ key[b, j, part] / math.sqrt(width) for j in looked_at(i)]
                weights = torch.stack(scores).softmax(0)
                mixed[b, i, part] = sum(s * value[b, j, part] for s, j in zip(weights, looked_at(i), strict=True))
    return mixed @ layer.output.weight.t() + layer.output.bias


@pytest.mark.parametrize("kernel_width", [1, 2, 5, 9])
def test_attention_equals_a_slow_computation(kernel_width):
    layer = attention(kernel_width)
    hidden = torch.randn(2, 7, 8)
    expected = slow_attention(layer, hidden, lambda i: range(i + 1))
    torch.testing.assert_close(layer(hidden, None), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("local_window", [1, 3])
def test_log_sparse_attention_equals_a_slow_computation(local_window):
    layer = attention(log_sparse=True, local_window=local_window)
    hidden = torch.randn(2, 14, 8)
    by_hand = {1: [0, 1, 2, 4, 8], 3: [0, 1, 2, 3, 4, 6, 10]}[local_window]
    expected = slow_attention(layer, hidden, lambda i: [i - far for far in by_hand if far <= i])
    torch.testing.assert_close(layer(hidden, None), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "length, local_window, expected",
    [
        (1, 1, [0]),
        (2, 1, [0, 1]),
        (9, 1, [0, 1, 2, 4, 8]),
        (8, 1, [0, 1, 2, 4]),
        (8, 3, [0, 1, 2, 3, 4, 6]),
        (3, 5, [0, 1, 2]),
    ],
)
def test_distances_made_by_hand(length, local_window, expected):
    assert log_sparse_distances(length, local_window=local_window) == expected


@given(st.integers(2, 4000), st.integers(1, 20))
def test_distances_are_few_and_inside_the_sequence(length, local_window):
    distances = log_sparse_distances(length, local_window=local_window)
    assert distances == sorted(set(distances)) and distances[-1] < length
    assert len(distances) <= local_window + math.ceil(math.log2(length))


def test_looking_at_every_distance_is_full_attention():
    query, key, value = torch.randn(3, 2, 2, 6, 4, dtype=torch.float64)
    full = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(attention_at_distances(query, key, value, list(range(6))), full, rtol=0, atol=1e-12)


@pytest.mark.parametrize("log_sparse", [False, True])
@pytest.mark.parametrize("kernel_width", [1, 4])
def test_the_future_is_not_seen(kernel_width, log_sparse):
    layer = attention(kernel_width, log_sparse)
    hidden = torch.randn(1, 9, 8)
    changed = hidden.clone()
    changed[:, 5:] += 3.0
    difference = (layer(changed, None) - layer(hidden, None)).abs().amax(-1)[0]
    assert difference[:5].eq(0).all() and difference[5:].gt(1e-4).all()


def test_dropout_on_log_sparse_weights():
    options = {"kernel_width": 2, "log_sparse": True, "local_window": 1}
    sizes = Sizes(positions=20, hidden_size=8, attention_dropout=0.5)
    layer = ConvolutionalSelfAttention(sizes, **options)
    hidden = torch.randn(2, 9, 8)
    assert not torch.equal(layer(hidden, None), layer(hidden, None))
    layer.eval()
    assert torch.equal(layer(hidden, None), layer(hidden, None))


@pytest.mark.parametrize("options", [{"kernel_width": 0}, {"local_window": 0}])
def test_widths_below_one_are_named(options):
    with pytest.raises(ValueError, match=r"kernel_width \(\d\) and local_window \(\d\) must be at least 1"):
        attention(**options)
