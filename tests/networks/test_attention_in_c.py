"""Attention in C against torch in double precision; without a C compiler torch is compared with itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail import native
from recbole_hail.networks import attention, attention_in_c

CASES = ("all", "causal", "padding", "own mask", "own mask of each head")


def drawn(case, batch, heads, queries, keys, width, *, spread=1.0, seed=0):
    """Queries, keys and values cut out of one product, as an encoder layer has them; what may be looked at."""
    generator = torch.Generator().manual_seed(seed)
    asked = keys if case in ("all", "causal") else queries
    projected = spread * torch.randn(batch, max(asked, keys), 3 * heads * width, generator=generator)
    cut = [part.unflatten(2, (heads, width)).transpose(1, 2) for part in projected.chunk(3, 2)]
    shape = {"padding": (batch, 1, 1, keys), "own mask": (batch, 1, asked, keys)}.get(case)
    shape = (batch, heads, asked, keys) if case == "own mask of each head" else shape
    visible = None
    if shape is not None:
        visible = torch.rand(shape, generator=generator) < 0.5
        first = torch.randint(keys, (*shape[:3], 1), generator=generator)  # each query has something to look at
        visible.scatter_(3, first, True)
    return [cut[0][:, :, :asked], cut[1][:, :, :keys], cut[2][:, :, :keys]], visible


def mixed_and_gradients(tensors, *, dropout=0.0, **told):
    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    torch.manual_seed(3)
    mixed = attention.attend(*leaves, dropout=dropout, **told)
    weights = torch.linspace(-1, 1, mixed.numel(), dtype=mixed.dtype).view(mixed.shape)
    return [mixed, *torch.autograd.grad((mixed * weights).sum(), leaves)]


def assert_agrees(tensors, **told):
    found = mixed_and_gradients(tensors, **told)
    expected = mixed_and_gradients([tensor.double() for tensor in tensors], **told)  # which C does not know
    for one, other in zip(found, expected, strict=True):
        size = max(other.abs().max().item(), 1.0) if other.numel() else 1.0
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=2e-6 * size)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(CASES),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 20),
    st.integers(1, 40),
    st.sampled_from([16, 32, 48]),
    st.sampled_from([0.0, 0.3]),
)
def test_values_and_gradients(case, batch, heads, queries, keys, width, dropout):
    tensors, visible = drawn(case, batch, heads, queries, keys, width)
    assert_agrees(tensors, visible=visible, causal=case == "causal", dropout=dropout)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_many_keys_on_several_threads(threads, monkeypatch, case, dropout):
    threads(3)
    monkeypatch.setattr(attention_in_c, "LEAST", 1)
    tensors, visible = drawn(case, 5, 2, 70, 201, 32)
    assert_agrees(tensors, visible=visible, causal=case == "causal", dropout=dropout)


@pytest.mark.parametrize("case", CASES)
def test_large_products(case):
    """Where all but the largest share of a query vanish, and nothing overflows."""
    tensors, visible = drawn(case, 2, 2, 7, 9, 16, spread=200.0)
    for one in mixed_and_gradients(tensors, visible=visible, causal=case == "causal"):
        assert one.isfinite().all()
    with torch.no_grad():
        found = attention.attend(*tensors, visible=visible, causal=case == "causal")
        exact = attention.attend(*(t.double() for t in tensors), visible=visible, causal=case == "causal")
    torch.testing.assert_close(found.double(), exact, rtol=1e-2, atol=1.0)


@pytest.mark.parametrize("case", CASES)
def test_without_gradients_the_values_are_the_same(case):
    tensors, visible = drawn(case, 3, 2, 8, 33, 16)
    expected = mixed_and_gradients(tensors, visible=visible, causal=case == "causal")[0]
    with torch.no_grad():
        assert torch.equal(attention.attend(*tensors, visible=visible, causal=case == "causal"), expected)


def test_no_sequences_and_no_queries():
    for batch, queries in ((0, 4), (2, 0)):
        tensors = [torch.randn(batch, 2, length, 16, requires_grad=True) for length in (queries, 4, 4)]
        mixed = attention.attend(*tensors)
        assert mixed.shape == (batch, 2, queries, 16)
        assert [gradient.shape for gradient in torch.autograd.grad(mixed.sum(), tensors)] == [t.shape for t in tensors]
        assert all(gradient.eq(0).all() for gradient in torch.autograd.grad(attention.attend(*tensors).sum(), tensors))


@pytest.mark.parametrize(
    ("width", "keys", "dropout", "dtype"),
    [
        (24, 9, 0.0, torch.float32),
        (16, attention_in_c.LONGEST + 1, 0.0, torch.float32),
        (16, 9, 1.0, torch.float32),
        (16, 9, 0.0, torch.float64),
    ],
)
def test_what_c_does_not_know_is_left_to_torch(monkeypatch, width, keys, dropout, dtype):
    def used(*_, **__):
        raise AssertionError("not for C")

    monkeypatch.setattr(attention_in_c, "attend", used)
    tensors = torch.randn(3, 1, 2, keys, width, dtype=dtype)
    mixed = attention.attend(*tensors, dropout=dropout)
    assert mixed.shape == (1, 2, keys, width) and (mixed == 0).all() == (dropout == 1.0)


def test_autocast_is_left_to_torch():
    tensors, _ = drawn("all", 2, 2, 5, 5, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not native.takes(*tensors)


def test_a_gradient_of_the_gradient_is_refused():
    """torch's own attention has none either on a CPU; here it must not be taken for 0."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in drawn("causal", 1, 1, 4, 4, 16)[0]]
    (gradient,) = torch.autograd.grad(
        attention.attend(*leaves, causal=True).square().sum(), leaves[:1], create_graph=True
    )
    if native.library() is not None:
        with pytest.raises(RuntimeError, match="once_differentiable"):
            gradient.sum().backward()


def test_no_memory_is_an_error(monkeypatch):
    class WithoutMemory:
        hail_attention = staticmethod(lambda *_: -1)

    monkeypatch.setattr(native, "library", WithoutMemory)
    with pytest.raises(MemoryError, match="no memory was left for attention"):
        attention.attend(*drawn("all", 1, 1, 3, 3, 16)[0])
