"""Attention by native/attention.c: on a CPU, in float32, over sequences whose shares of attention fit into a cache."""

import ctypes

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from recbole_hail import native
from recbole_hail.networks.dropout import Draws, drops_some
from recbole_hail.threads import over_range

COLUMNS = 16  # of attention.c, which fills its rows up to a multiple and wants heads of one
LONGEST = 512  # keys; beyond, torch's fused attention keeps less
LEAST = 2**18  # shares of attention that earn back a thread of their own


class Vectors(ctypes.Structure):
    """Where vectors [B, heads, L, width] are in memory; of attention.c, as `Attention` is."""

    _fields_ = (
        ("start", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("of_sequence", "of_place", "of_head")),
    )

    @classmethod
    def of(cls, tensor: Tensor) -> "Vectors":
        of_sequence, of_head, of_place, _ = tensor.stride()
        return cls(tensor.data_ptr(), of_sequence, of_place, of_head)


class Attention(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("queries", "keys", "heads", "width")),
        ("visible", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("visible_sequence", "visible_head", "visible_query")),
        ("draws", ctypes.c_void_p),
        ("dropped_below", ctypes.c_int64),
        ("kept_scale", ctypes.c_float),
        ("causal", ctypes.c_int),
    )


def takes(query: Tensor, key: Tensor, value: Tensor, dropout: float) -> bool:
    """Whether `attend` knows these."""
    fits = query.shape[3] % COLUMNS == 0 and 0 < key.shape[2] <= LONGEST
    return fits and (not dropout or drops_some(dropout)) and native.takes(query, key, value)


def attend(
    query: Tensor, key: Tensor, value: Tensor, *, visible: Tensor | None, causal: bool, dropout: float
) -> Tensor:
    """As `attention.attend`. In training it keeps the shares of attention, [B, heads, Q, L], else only a few rows."""
    asked = *query.shape[:3], key.shape[2]
    if visible is not None:
        visible = visible.expand(asked)
        visible = visible if visible.stride(3) == 1 else visible.contiguous()
    draws = Draws.of(asked, dropout) if dropout else None
    learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (query, key, value))
    return _Attention.apply(query, key, value, visible, causal, draws, learns)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, visible, causal, draws, learns):
        query, key, value = map(_close, (query, key, value))
        batch, heads, queries, width = query.shape
        all_keys = -(-key.shape[2] // COLUMNS) * COLUMNS
        shares = query.new_empty(batch, heads, queries, all_keys) if learns else None
        mixed = _empty_like(query)
        ctx.told, ctx.kept = _told(query, key, visible, causal, draws), (visible, draws)  # kept alive
        given = [ctypes.byref(Vectors.of(tensor)) for tensor in (query, key, value, mixed)]
        _run("hail_attention", query, key, ctx.told, *given, shares.data_ptr() if learns else None, width**-0.5)
        ctx.save_for_backward(query, key, value, shares)
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream):
        query, key, value, shares = ctx.saved_tensors
        upstream, found = _close(upstream), [_empty_like(tensor) for tensor in (query, key, value)]
        given = [ctypes.byref(Vectors.of(tensor)) for tensor in (query, key, value)]
        wanted = [ctypes.byref(Vectors.of(tensor)) for tensor in (upstream, *found)]
        scale = query.shape[3] ** -0.5
        _run("hail_attention_backward", query, key, ctx.told, *given, shares.data_ptr(), scale, *wanted)
        return *found, None, None, None, None


def _told(query: Tensor, key: Tensor, visible: Tensor | None, causal: bool, draws: Draws | None) -> Attention:
    _, heads, queries, width = query.shape
    mask = (None, 0, 0, 0) if visible is None else (visible.data_ptr(), *visible.stride()[:3])
    drops = (None, 0, 1.0) if draws is None else (draws.numbers.data_ptr(), draws.dropped_below, draws.kept_scale)
    return Attention(queries, key.shape[2], heads, width, *mask, *drops, causal)


def _run(name: str, query: Tensor, key: Tensor, told: Attention, *arguments) -> None:
    """A function of attention.c over all sequences, which are shared out among torch's threads."""
    in_c, batch = getattr(native.library(), name), query.shape[0]
    of_sequence = max(query.shape[1] * query.shape[2] * key.shape[2], 1)
    statuses = over_range(
        lambda first, end: in_c(first, end, ctypes.byref(told), *arguments), batch, least=-(-LEAST // of_sequence)
    )
    if any(statuses):
        raise MemoryError("no memory was left for attention")


def _close(tensor: Tensor) -> Tensor:
    """With the numbers of a vector next to one another."""
    return tensor if tensor.stride(3) == 1 else tensor.contiguous()


def _empty_like(tensor: Tensor) -> Tensor:
    """[B, heads, L, width], in memory [B, L, heads, width], as the product that follows wants it."""
    batch, heads, length, width = tensor.shape
    return tensor.new_empty(batch, length, heads, width).transpose(1, 2)
