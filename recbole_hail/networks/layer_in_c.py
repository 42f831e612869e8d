"""A layer of self-attention as a whole, by native/encoder.c: in training, on a CPU and in float32."""

import ctypes
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_hail import native
from recbole_hail.derivatives import first_in_c
from recbole_hail.networks.attention_in_c import COLUMNS, LONGEST, MOST, padded
from recbole_hail.networks.dropout import Draws, drops_some, in_c
from recbole_hail.threads import over_range

LEAST = 2**9  # positions that earn back a thread of their own


class PackedPositions(NamedTuple):
    """Positions where the layer's output is wanted."""

    start: Tensor  # int64 [B + 1], where each sequence's positions start among all M
    position: Tensor  # int64 [M], indices into the flattened B · L, growing


def pack_positions(positions: Tensor, batch: int, length: int) -> PackedPositions | None:
    """Positions [M] of the flattened B · L, or None where they do not grow or do not all lie within it."""
    if positions.dtype != torch.int64 or not (positions[1:] > positions[:-1]).all():
        return None
    start = torch.searchsorted(positions, torch.arange(0, batch * length + 1, length))
    within = start[0] == 0 and start[-1] == len(positions)
    return PackedPositions(start, positions.contiguous()) if within else None


class Shape(NamedTuple):
    """What the C code is told of a layer, beside its weights."""

    heads: int
    inner: int
    causal: bool
    dropout: float  # of hidden states
    epsilon: float  # of LayerNorm


class Weights(ctypes.Structure):
    """Of encoder.c, as `Layer` is; a matrix or gains, and a vector, of each part."""

    _fields_ = tuple(
        (f"{part}_{of}", ctypes.c_void_p)
        for part in ("query_key_value", "mixing", "attention_norm", "inner", "outer", "output_norm")
        for of in ("weight", "bias")
    )

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> "Weights":
        return cls(*(tensor.data_ptr() for tensor in tensors))


WEIGHTS = len(Weights._fields_)


class Layer(ctypes.Structure):
    _fields_ = (
        ("gemm", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("length", "size", "inner", "heads")),
        *((name, ctypes.c_void_p) for name in ("visible", "start", "position", "attention_draws", "output_draws")),
        *((name, ctypes.c_int) for name in ("dropped_below", "causal")),
        *((name, ctypes.c_float) for name in ("kept_scale", "epsilon")),
        ("weights", Weights),
        *((name, ctypes.c_void_p) for name in ("query", "mixed", "attention_normal", "between", "output_normal")),
        *((name, ctypes.c_void_p) for name in ("attention_inverse", "output_inverse")),
        *((name, ctypes.c_void_p) for name in ("key_value", "attention_weights", "value", "derivative")),
    )


def supports(hidden: Tensor, visible: Tensor | None, shape: Shape, weights: Sequence[Tensor]) -> bool:
    """Whether `layer` knows these; weights may be None, as a bias that a module lacks."""
    if not (torch.is_grad_enabled() and hidden.requires_grad and hidden.dim() == 3 and hidden.numel()):
        return False
    size, inner = hidden.shape[2], shape.inner
    matrices = (3 * size, size), (size, size), (size,), (inner, size), (size, inner), (size,)
    if [None if weight is None else weight.shape for weight in weights] != [
        torch.Size(of) for matrix in matrices for of in (matrix, matrix[:1])
    ]:
        return False
    if not native.supports(hidden, *weights) or native.matrix_product() is None:
        return False
    batch, length, _ = hidden.shape
    drops = shape.dropout == 0 or drops_some(shape.dropout)
    seen = visible is None or (visible.dtype == torch.bool and visible.shape == (batch, 1, 1, length))
    fits = size % (shape.heads * COLUMNS) == 0 and length <= LONGEST and batch * shape.heads * length**2 <= MOST
    return drops and seen and fits and all(weight.is_contiguous() for weight in weights)


def layer(
    hidden: Tensor,
    visible: Tensor | None,
    shape: Shape,
    weights: Sequence[Tensor],
    asked: PackedPositions | None = None,
) -> Tensor:
    """[B, L, d] -> [B, L, d], or [M, d] at the positions asked for; MemoryError where none is left.

    Args:
        visible: bool [B, 1, 1, L], False at padding, which a causal network has no need of.
        weights: in the order of `Weights`, as torch's modules have them.
        asked: of a network that is not causal.
    """
    places = hidden.shape[:2] if asked is None else asked.position.shape
    draws = [Draws.of((*places, hidden.shape[2]), shape.dropout) for _ in range(2)] if shape.dropout else [None] * 2
    return _Layer.apply(hidden, visible, shape, asked, draws, *weights)


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, visible, shape, asked, draws, *weights):
        hidden = hidden.contiguous()
        out = torch.empty_like(hidden) if asked is None else hidden.new_empty(len(asked.position), hidden.shape[2])
        (attention_draws, *ctx.dropped), (output_draws, *_) = map(in_c, draws)
        visible = None if visible is None else visible.flatten(1).contiguous()
        told = hidden, visible, *(asked or (None, None)), attention_draws, output_draws
        kept = _room(hidden, out.numel() // hidden.shape[2], shape)
        ctx.save_for_backward(*told, *kept, *weights)
        ctx.shape = shape
        about = _tell(shape, ctx.dropped, *told, *kept, *weights)
        over_range(lambda *sequences: _call("hail_layer", *sequences, about, hidden, out), **_parts(hidden))
        return out

    @staticmethod
    @first_in_c
    def backward(ctx, grad_output):
        hidden, *others = ctx.saved_tensors
        weights = others[-WEIGHTS:]
        sizes = [weight.numel() for weight in weights]
        grad_output, grad_hidden = grad_output.contiguous(), torch.empty_like(hidden)
        about = _tell(ctx.shape, ctx.dropped, hidden, *others)

        def gradients(*sequences: int) -> Tensor:
            grad_weights = hidden.new_zeros(sum(sizes))
            to = Weights.of(grad_weights.split(sizes))
            _call("hail_layer_backward", *sequences, about, hidden, grad_output, grad_hidden, to)
            return grad_weights

        parts = reduce(torch.add, over_range(gradients, **_parts(hidden))).split(sizes)
        in_shape = (part.view_as(weight) for part, weight in zip(parts, weights, strict=True))
        return grad_hidden, None, None, None, None, *in_shape


def _room(hidden: Tensor, asked: int, shape: Shape) -> tuple[Tensor, ...]:
    """What is kept for the gradient: of each position asked for, keys and values of all, the rest."""
    batch, length, size = hidden.shape
    return (
        hidden.new_empty(asked * (5 * size + 2)),
        hidden.new_empty(batch * length * 2 * size),
        hidden.new_empty(asked * shape.heads * padded(length)),
        hidden.new_empty(2 * asked * shape.inner),
    )


def _tell(shape: Shape, dropped: Sequence, hidden, *others: Tensor | None) -> Layer:
    """`Layer` of what `_Layer` keeps."""
    *told, rows, key_value, attention_weights, feed_forward = others[:-WEIGHTS]
    _, length, size = hidden.shape
    asked = feed_forward.numel() // (2 * shape.inner)
    of_rows = rows.split([asked * size] * 5 + [asked] * 2)
    addresses = [None if tensor is None else tensor.data_ptr() for tensor in told]
    about = Layer(
        *(native.matrix_product(), length, size, shape.inner, shape.heads, *addresses),
        *(dropped[0], shape.causal, dropped[1], shape.epsilon, Weights.of(others[-WEIGHTS:])),
        *(tensor.data_ptr() for tensor in (*of_rows, key_value, attention_weights, *feed_forward.chunk(2))),
    )
    about.tensors = hidden, *others  # live as long, also where an interrupted caller leaves a thread in C
    return about


def _parts(hidden: Tensor) -> dict[str, int]:
    """How sequences are shared out among torch's threads."""
    batch, length, _ = hidden.shape
    return {"count": batch, "least": -(-LEAST // length)}


def _call(name: str, first: int, end: int, about: Layer, hidden: Tensor, *given) -> None:
    """A function of encoder.c for some of the sequences."""
    scale = (about.size // about.heads) ** -0.5
    native.call(name, first, end, about, scale, hidden, *given)
