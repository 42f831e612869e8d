"""A whole layer in C against the same of torch's operations in double precision, which C does not know."""

import copy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.utils.prune
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
    torch.manual_seed(0)
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
    assert_close(found, out_and_gradients(copy.deepcopy(layer).double(), hidden.double(), visible, positions))


def assert_close(found, expected):
    """LayerNorm of rows with little variance magnifies rounding, and biases have sums over all rows, as torch's."""
    rows = expected[0][..., 0].numel()
    for one, other in zip(found, expected, strict=True):
        size = max(other.abs().max().item(), rows**0.5 if other.dim() == 1 else 1.0) if other.numel() else 1.0
        torch.testing.assert_close(one.double(), other.double(), rtol=1e-3, atol=1e-4 * size)


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
@pytest.mark.parametrize("positions", [torch.tensor([3, 7, 30]), torch.tensor([3, 0, 7, 0, 30])[::2]])
def test_positions_are_asked_for_in_c(calls, positions):
    """Those of a view were read as if they lay next to one another."""
    layer = build(causal=False)
    assert_agrees(layer, *draw(layer, 4, 9, padded=True), positions)
    assert calls.count("hail_layer") == 1


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
    assert_close(alone, shared)
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


@pytest.mark.parametrize("positions", [[3, 36], [-1, 5]])
def test_positions_that_are_none_are_refused(calls, positions):
    """Memory beyond the hidden states was read."""
    layer = build(causal=False)
    with pytest.raises((IndexError, RuntimeError)):
        out_and_gradients(layer, *draw(layer, 4, 9, padded=False), torch.tensor(positions))
    assert "hail_layer" not in calls


def test_hidden_states_of_another_width_are_refused(calls):
    """Memory beyond the weights was read."""
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        build(causal=True)(torch.randn(2, 9, 64, requires_grad=True), None)
    assert not calls


def changed_part(how):
    layer = build(causal=True)
    if how == "hook":
        layer.inner.register_forward_hook(lambda *_: None)
    elif how == "pruned":
        torch.nn.utils.prune.l1_unstructured(layer.inner, "weight", 0.5)
    elif how == "no bias":
        layer.inner = torch.nn.Linear(32, 40, bias=False)
    elif how == "wrapped":
        layer.outer = torch.nn.utils.parametrizations.weight_norm(layer.outer)
    else:
        layer.attention_norm.p = 0.5
    return layer


@pytest.mark.parametrize("how", ["hook", "pruned", "no bias", "wrapped", "another dropout"])
def test_a_layer_that_was_changed_is_computed_in_parts(calls, how):
    """Hooks were passed over, and a pruned weight was trained from a graph that was gone."""
    layer = changed_part(how)
    hidden, _ = draw(layer, 3, 9, padded=False)
    for _ in range(2):
        layer(hidden.requires_grad_(), None).square().sum().backward()
    assert "hail_layer" not in calls


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_layer_asked_at_positions_is_exported_by_torch():
    """It looked at the positions first, which nobody knows while torch writes down a graph."""

    class Few(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = build(causal=False).eval()

        def forward(self, hidden, positions):
            return self.layer.at(hidden, None, positions, most=3)

    few, positions = Few(), torch.tensor([3, 7, 30])
    hidden, _ = draw(few.layer, 4, 9, padded=False)
    with torch.no_grad():
        exported = torch.export.export(few, (hidden, positions)).module()
    torch.testing.assert_close(exported(hidden, positions), few(hidden, positions), rtol=1e-4, atol=1e-5)


@in_c
def test_what_c_writes_to_lives_as_long_as_it_is_told_of(monkeypatch):
    """After a second Ctrl-C a thread may still be in C when the tensors are gone."""
    told = []
    monkeypatch.setattr(layer_in_c, "_call", lambda name, first, end, about, *_: told.append(about))
    layer = build(causal=True)
    layer(draw(layer, 3, 9, padded=False)[0].requires_grad_(), None)
    kept = {tensor.data_ptr() for tensor in told[0].tensors if tensor is not None}
    weights = {weight.data_ptr() for weight in layer.parameters()}
    assert weights < kept and {told[0].query, told[0].key_value, told[0].attention_weights, told[0].value} < kept


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
    layer = build(causal=True)
    functions = {name: getattr(native.library(), name) for name in native.FUNCTIONS}
    without_memory = SimpleNamespace(**functions | {failing: lambda *_: -1})
    monkeypatch.setattr(native, "library", lambda: without_memory)
    with pytest.raises(MemoryError, match=f"no memory was left for {failing}"):
        out_and_gradients(layer, *draw(layer, 3, 9, padded=False))


@in_c
def test_gradients_of_gradients_are_refused():
    layer = build(causal=True)
    hidden = draw(layer, 3, 9, padded=False)[0].requires_grad_()
    with pytest.raises(RuntimeError, match="create_graph: C code has no second derivative"):
        torch.autograd.grad(layer(hidden, None).square().sum(), hidden, create_graph=True)
