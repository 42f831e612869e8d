"""A whole layer in C against the same of torch's operations in double precision, which C does not know."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail import native
from recbole_hail.networks import Sizes, layer_in_c
from recbole_hail.networks.dropout import drawing_from
from recbole_hail.networks.layers import SelfAttentionLayer

in_c = pytest.mark.skipif(
    native.library() is None or native.matrix_product() is None, reason="needs a C compiler and torch with MKL"
)


def build(*, causal, heads=2, width=16, inner=40, dropout=0.0, **more):
    sizes = Sizes(
        positions=64, heads=heads, hidden_size=heads * width, inner_size=inner, hidden_dropout=dropout,
        **{"attention_dropout": 0.0, **more},
    )  # fmt: skip
    layer = SelfAttentionLayer(sizes, causal=causal)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return layer


def draw(layer, batch, length, *, padded, seed=0):
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(batch, length, layer.inner.in_features, generator=generator)
    lengths = torch.randint(1, length + 1, (batch, 1), generator=generator)
    return hidden, (torch.arange(length) < lengths)[:, None, None] if padded else None


def out_and_gradients(layer, hidden, visible, positions=None):
    hidden = hidden.detach().clone().requires_grad_()
    with drawing_from(torch.Generator().manual_seed(7)):
        out = layer(hidden, visible) if positions is None else layer.at(hidden, visible, positions, most=99)
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
    asked = [hidden, *layer.parameters()]
    found = torch.autograd.grad((out * weights).sum(), asked, retain_graph=True)
    again = torch.autograd.grad((out * weights).sum(), asked)
    assert all(map(torch.equal, found, again))
    return out, *found


def assert_agrees(layer, hidden, visible, positions=None):
    found = out_and_gradients(layer, hidden, visible, positions)
    expected = out_and_gradients(copy.deepcopy(layer).double(), hidden.double(), visible, positions)
    for one, other in zip(found, expected, strict=True):
        size = max(other.abs().max().item() if other.numel() else 0.0, hidden[..., 0].numel() ** 0.5)  # sums over rows
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5 * size)


@pytest.fixture
def calls(monkeypatch):
    """The names of the functions in C that are called."""
    names, call = [], native.call
    monkeypatch.setattr(native, "call", lambda name, *given: names.append(name) or call(name, *given))
    return names


@settings(max_examples=100, deadline=None)
@given(
    st.booleans(), st.booleans(), st.integers(1, 9), st.integers(1, 60), st.integers(1, 3), st.sampled_from([16, 32]),
    st.integers(1, 70), st.sampled_from([0.0, 0.3]), st.integers(1, 3),
)  # fmt: skip
def test_values_and_gradients_are_those_of_torch(causal, padded, batch, length, heads, width, inner, dropout, threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        layer = build(causal=causal, heads=heads, width=width, inner=inner, dropout=dropout)
        assert_agrees(layer, *draw(layer, batch, length, padded=padded))
    finally:
        torch.set_num_threads(before)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=40), st.booleans(), st.sampled_from([0.0, 0.3]))
def test_positions_asked_for(columns, padded, dropout):
    """Of some sequences none, of some all, of all together none too."""
    layer = build(causal=False, dropout=dropout)
    positions = torch.tensor([12 * row + column for row, of in enumerate(columns) for column in sorted(of)]).long()
    assert_agrees(layer, *draw(layer, len(columns), 12, padded=padded), positions)


@in_c
@pytest.mark.parametrize("causal", [False, True])
def test_blocks_and_threads_of_many_sequences(threads, calls, causal):
    layer = build(causal=causal, dropout=0.2)
    hidden, visible = draw(layer, 200, 40, padded=True)
    threads(1)
    alone = out_and_gradients(layer, hidden, visible)
    assert calls == ["hail_layer", "hail_layer_backward", "hail_layer_backward"]
    threads(4)
    shared = out_and_gradients(layer, hidden, visible)
    assert calls.count("hail_layer") == 5
    assert torch.equal(alone[0], shared[0])
    for one, other in zip(alone, shared, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=5e-3)  # of sums over 8,000 positions in float32
    for _ in range(3):  # whichever thread is done first
        assert all(map(torch.equal, shared, out_and_gradients(layer, hidden, visible)))


@in_c
def test_sequences_as_long_as_attention_in_c_takes(calls):
    layer = build(causal=True)
    assert_agrees(layer, *draw(layer, 2, layer_in_c.LONGEST, padded=False))
    assert calls.count("hail_layer") == 1


@pytest.mark.parametrize(
    ("changed", "length"),
    [
        ({"activation": "relu"}, 9),
        ({"attention_dropout": 0.2}, 9),
        ({"width": 8}, 9),
        ({"dropout": 1e-6}, 9),
        ({}, layer_in_c.LONGEST + 1),
    ],
)
def test_what_is_computed_in_parts(calls, changed, length):
    layer = build(causal=True, **changed)
    assert_agrees(layer, *draw(layer, 2, length, padded=False))
    assert "hail_layer" not in calls


@pytest.mark.parametrize("causal", [False, True])
def test_positions_out_of_order_or_of_a_causal_layer_are_computed_in_parts(calls, causal):
    layer = build(causal=causal)
    positions = torch.tensor([3, 7, 30] if causal else [30, 3, 7])
    assert_agrees(layer, *draw(layer, 4, 9, padded=False), positions)
    assert "hail_layer" not in calls


def test_what_learns_nothing_is_computed_in_parts(calls):
    layer = build(causal=False, dropout=0.3)
    hidden, visible = draw(layer, 3, 9, padded=True)
    with torch.no_grad():
        layer(hidden, visible)
    layer(hidden, visible)  # of weights alone
    assert "hail_layer" not in calls


def test_no_dropout_in_evaluation_though_gradients_are_asked_for():
    layer = build(causal=False, dropout=0.5).eval()
    hidden, visible = draw(layer, 3, 9, padded=True)
    expected = layer(hidden, visible)
    torch.testing.assert_close(layer(hidden.requires_grad_(), visible), expected, rtol=1e-4, atol=1e-5)


def test_where_torch_shows_no_product(monkeypatch, calls):
    monkeypatch.setattr(native, "matrix_product", lambda: None)
    layer = build(causal=True)
    assert_agrees(layer, *draw(layer, 3, 9, padded=False))
    assert "hail_layer" not in calls


@in_c
@pytest.mark.parametrize("failing", ["hail_layer", "hail_layer_backward"])
def test_no_memory(monkeypatch, failing):
    layer, call = build(causal=True), native.call
    monkeypatch.setattr(native, "call", lambda name, *given: -1 if name == failing else call(name, *given))
    with pytest.raises(MemoryError, match="layer of the network"):
        out_and_gradients(layer, *draw(layer, 3, 9, padded=False))


@in_c
def test_gradients_of_gradients_are_refused():
    layer = build(causal=True)
    hidden = draw(layer, 3, 9, padded=False)[0].requires_grad_()
    (gradient,) = torch.autograd.grad(layer(hidden, None).square().sum(), hidden, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
