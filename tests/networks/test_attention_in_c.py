"""Attention in C against torch in double precision; without a C compiler torch is compared with itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail import native
from recbole_hail.networks import attention, attention_in_c

needs_compiler = pytest.mark.skipif(native.library() is None, reason="needs a C compiler: torch computes it otherwise")
CASES = ("all", "causal", "padding", "own mask", "own mask of each head")


def drawn(case, batch, heads, queries, keys, width, *, spread=1.0, seed=0):
    """What an encoder layer has attention cut out of, [B, L, 3 d] as [B, L, 3, heads, width]; what may be looked at."""
    generator = torch.Generator().manual_seed(seed)
    asked = keys if case in ("all", "causal") else queries
    projected = spread * torch.randn(batch, max(asked, keys), 3, heads, width, generator=generator)
    shape = {"padding": (batch, 1, 1, keys), "own mask": (batch, 1, asked, keys)}.get(case)
    shape = (batch, heads, asked, keys) if case == "own mask of each head" else shape
    visible = None
    if shape is not None:
        visible = torch.rand(shape, generator=generator) < 0.5
        first = torch.randint(keys, (*shape[:3], 1), generator=generator)  # each query has something to look at
        visible.scatter_(3, first, True)
    return projected, {"visible": visible, "causal": case == "causal", "queries": asked, "keys": keys}


def cut(projected, queries, keys):
    query, key, value = projected.transpose(1, 3).unbind(2)  # [B, heads, L, width] each
    return query[:, :, :queries], key[:, :, :keys], value[:, :, :keys]


def mixed_and_gradients(projected, *, queries, keys, dropout=0.0, **told):
    leaf = projected.detach().clone().requires_grad_()
    torch.manual_seed(3)
    mixed = attention.attend(*cut(leaf, queries, keys), dropout=dropout, **told)
    weights = torch.linspace(-1, 1, mixed.numel(), dtype=mixed.dtype).view(mixed.shape)
    loss = (mixed * weights).sum() + mixed[..., 0].sum()
    first = torch.autograd.grad(loss, leaf, retain_graph=True)
    assert torch.equal(*first, *torch.autograd.grad(loss, leaf))
    return mixed, *first


def assert_agrees(projected, told, **more):
    found = mixed_and_gradients(projected, **told, **more)
    expected = mixed_and_gradients(projected.double(), **told, **more)  # which C does not know
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
    assert_agrees(*drawn(case, batch, heads, queries, keys, width), dropout=dropout)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_many_keys_on_several_threads(threads, monkeypatch, case, dropout):
    threads(3)
    monkeypatch.setattr(attention_in_c, "LEAST", 1)
    assert_agrees(*drawn(case, 5, 2, 70, 201, 32), dropout=dropout)


@pytest.mark.parametrize("case", CASES)
def test_large_products(case):
    """Where all but the largest share of a query vanish, and nothing overflows."""
    projected, told = drawn(case, 2, 2, 7, 9, 16, spread=300.0)
    found, exact = mixed_and_gradients(projected, **told), mixed_and_gradients(projected.double(), **told)
    for one, other in zip(found, exact, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one.double(), other, rtol=1e-2, atol=1e-2 * other.abs().max().item())


@pytest.mark.parametrize("case", CASES)
def test_without_gradients_the_values_are_the_same(case):
    projected, told = drawn(case, 3, 2, 8, 33, 16)
    expected = mixed_and_gradients(projected, **told)[0]
    tensors = cut(projected, told.pop("queries"), told.pop("keys"))
    with torch.no_grad():
        assert torch.equal(attention.attend(*tensors, **told), expected)


@pytest.mark.parametrize(
    "visible", [torch.rand(9) < 0.9, torch.rand(2, 1, 1, 18)[..., ::2] < 0.9, torch.ones(1, 9) > 0]
)
def test_masks_of_few_dimensions_and_with_gaps(visible):
    visible[..., 0] = True
    assert_agrees(drawn("all", 2, 3, 9, 9, 16)[0], {"visible": visible, "queries": 9, "keys": 9})


def test_no_sequences_and_no_queries():
    for batch, queries in ((0, 4), (2, 0)):
        tensors = [torch.randn(batch, 2, length, 16, requires_grad=True) for length in (queries, 4, 4)]
        mixed = attention.attend(*tensors)
        assert mixed.shape == (batch, 2, queries, 16)
        assert [gradient.shape for gradient in torch.autograd.grad(mixed.sum(), tensors)] == [t.shape for t in tensors]
        assert all(gradient.eq(0).all() for gradient in torch.autograd.grad(attention.attend(*tensors).sum(), tensors))


@pytest.mark.parametrize(
    ("width", "keys", "dropout", "dtype", "told"),
    [
        (24, 9, 0.0, torch.float32, "heads of 24 (only of multiples of 16)"),
        (16, attention_in_c.LONGEST + 1, 0.0, torch.float32, "sequences of more than 512"),
        (16, 9, 1.0, torch.float32, None),
        (16, 9, 0.0, torch.float64, None),
    ],
)
def test_what_c_does_not_know_is_left_to_torch(monkeypatch, caplog, width, keys, dropout, dtype, told):
    def used(*_, **__):
        raise AssertionError("not for C")

    native.tell_left_to_torch.cache_clear()
    monkeypatch.setattr(attention_in_c, "attend", used)
    monkeypatch.setattr(native, "library", lambda: True)
    tensors = torch.randn(3, 1, 2, keys, width, dtype=dtype)
    with caplog.at_level("INFO"):
        attention.attend(*tensors, dropout=dropout)
        mixed = attention.attend(*tensors, dropout=dropout)
    assert mixed.shape == (1, 2, keys, width) and (mixed == 0).all() == (dropout == 1.0)
    message = f"Attention is computed by torch, which is slower, because the C code does not know {told}."
    assert caplog.messages == ([message] if told else [])


@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 2, 5, 16), (1, 2, 5, 16), (1, 2, 5, 16)],
        [(2, 2, 5, 16), (2, 1, 5, 16), (2, 1, 5, 16)],
        [(2, 2, 5, 16), (2, 2, 5, 16), (2, 2, 5, 32)],
    ],
)
def test_shapes_that_only_torch_knows_are_left_to_torch(shapes):
    """They were once read beyond their end."""
    assert not attention_in_c.supports(*map(torch.randn, shapes), None, False, 0.0)


@needs_compiler
def test_what_is_not_plain_numbers_is_left_to_torch():
    tensors = torch.randn(3, 2, 2, 5, 16).unbind()
    assert attention_in_c.supports(*tensors, None, False, 0.0)
    assert not attention_in_c.supports(*tensors, torch.zeros(5), False, 0.0)  # a mask to be added
    assert not attention_in_c.supports(tensors[0][:, :, :3], *tensors[1:], None, True, 0.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not native.supports(*tensors)


def test_a_gradient_of_the_gradient_is_refused():
    """torch's own attention has none either on a CPU; here it must not be taken for 0."""
    leaves = [torch.randn(1, 1, 4, 16, requires_grad=True) for _ in range(3)]
    attended = attention.attend(*leaves, causal=True).square().sum()
    if native.library() is not None:
        with pytest.raises(RuntimeError, match="create_graph: C code has no second derivative"):
            torch.autograd.grad(attended, leaves[:1], create_graph=True)


def test_no_memory_is_an_error(monkeypatch):
    class WithoutMemory:
        hail_attention = staticmethod(lambda *_: -1)

    monkeypatch.setattr(native, "library", WithoutMemory)
    with pytest.raises(MemoryError, match="no memory was left for hail_attention"):
        attention.attend(*torch.randn(3, 1, 1, 3, 16))
