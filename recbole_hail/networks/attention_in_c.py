"""Attention by native/attention.c: on a CPU and in float32."""

import ctypes

import torch
from torch import Tensor

from recbole_hail import native
from recbole_hail.derivatives import first_in_c
from recbole_hail.networks.dropout import Draws, drops_some, in_c

COLUMNS = 16  # of attention.c, which fills its rows up to a multiple and wants heads of one
LONGEST = 512  # keys; beyond, what one head needs leaves the cache
MOST = 2**25  # attention weights that are kept for the gradient, 128 MB; torch's fused attention keeps none
LEAST = 2**18  # weights that earn back a thread of their own


def padded(keys: int) -> int:
    """The attention weights that attention.c keeps for each query."""
    return -(-keys // COLUMNS) * COLUMNS


class Vectors(ctypes.Structure):
    """Where the vectors [B, heads, L, width] of a tensor are; of attention.h, as `Attention` is."""

    _fields_ = (
        ("start", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("sequence_stride", "place_stride", "head_stride")),
    )

    @classmethod
    def of(cls, tensor: Tensor) -> "Vectors":
        sequence_stride, head_stride, place_stride, _ = tensor.stride()
        found = cls(tensor.data_ptr(), sequence_stride, place_stride, head_stride)
        found.tensor = tensor  # lives as long
        return found


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

    @classmethod
    def of(cls, query: Tensor, key: Tensor, visible: Tensor | None, causal: bool, draws, dropped) -> "Attention":
        sizes = query.shape[2], key.shape[2], query.shape[1], query.shape[3]
        mask = (None, 0, 0, 0) if visible is None else (visible.data_ptr(), *visible.stride()[:3])
        found = cls(*sizes, *mask, None if draws is None else draws.data_ptr(), *dropped, causal)
        found.tensors = visible, draws  # live as long
        return found


def supports(query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None, causal: bool, dropout: float) -> bool:
    """Whether `attend` knows these; what it would know but for their sizes is told in the log."""
    if not native.supports(query, key, value) or not (dropout == 0 or drops_some(dropout)):
        return False
    batch, heads, queries, width = query.shape
    if key.shape != value.shape or key.shape[2] < 1 or key.shape != (batch, heads, key.shape[2], width):
        return False  # torch says what is wrong, or knows what is meant
    if (causal and queries != key.shape[2]) or (visible is not None and visible.dtype != torch.bool):
        return False
    kept = batch * heads * queries * key.shape[2] if _learns(query, key, value) else 0
    beyond_c = {
        f"heads of {width} (only of multiples of {COLUMNS})": width % COLUMNS != 0 or width == 0,
        f"sequences of more than {LONGEST}": key.shape[2] > LONGEST,
        f"more than {MOST:,} attention weights in a step": kept > MOST,
    }
    return not native.declines("Attention", beyond_c)


def _learns(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def attend(
    query: Tensor, key: Tensor, value: Tensor, *, visible: Tensor | None, causal: bool, dropout: float
) -> Tensor:
    """As `attention.attend`. In training it keeps the attention weights, [B, heads, Q, L], else only a few rows."""
    asked = *query.shape[:3], key.shape[2]
    if visible is not None:
        visible = visible.expand(*visible.shape[:-1], asked[3])
        visible = (visible if visible.stride(-1) == 1 else visible.contiguous()).expand(asked)
    draws = in_c(Draws.of(asked, dropout) if dropout else None)
    return _Attention.apply(query, key, value, visible, causal, _learns(query, key, value), *draws)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, visible, causal, learns, draws, *dropped):
        query, key, value = map(_close, (query, key, value))
        weights = query.new_empty(*query.shape[:3], padded(key.shape[2])) if learns else None
        mixed = _empty_like(query)
        attention = Attention.of(query, key, visible, causal, draws, dropped)
        vectors = map(Vectors.of, (query, key, value, mixed))
        _over_sequences("hail_attention", attention, *vectors, weights, query.shape[3] ** -0.5)
        ctx.save_for_backward(query, key, value, visible, draws, weights)
        ctx.causal, ctx.dropped = causal, dropped
        return mixed

    @staticmethod
    @first_in_c
    def backward(ctx, grad_output):
        query, key, value, visible, draws, weights = ctx.saved_tensors
        attention = Attention.of(query, key, visible, ctx.causal, draws, ctx.dropped)
        gradients = [_empty_like(tensor) for tensor in (query, key, value)]
        given = *map(Vectors.of, (query, key, value)), weights, query.shape[3] ** -0.5
        towards = map(Vectors.of, (_close(grad_output), *gradients))
        _over_sequences("hail_attention_backward", attention, *given, *towards)
        return *gradients, None, None, None, None, None, None


def _over_sequences(name: str, attention: Attention, vectors: Vectors, *others) -> None:
    """A function of attention.c over all sequences of the vectors, which are shared out among torch's threads."""
    weights_of_sequence = max(attention.heads * attention.queries * attention.keys, 1)
    least = -(-LEAST // weights_of_sequence)
    native.over_range(name, len(vectors.tensor), attention, vectors, *others, least=least)


def _close(tensor: Tensor) -> Tensor:
    """With the numbers of a vector next to one another."""
    return tensor if tensor.stride(3) == 1 else tensor.contiguous()


def _empty_like(tensor: Tensor) -> Tensor:
    """[B, heads, L, width], in memory [B, L, heads, width], as the product that follows wants it."""
    batch, heads, length, width = tensor.shape
    return tensor.new_empty(batch, length, heads, width).transpose(1, 2)
