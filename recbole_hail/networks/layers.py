"""The layers of an encoder: attention, and what follows it (paper Eqs. 1 to 3)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_hail.networks import layer_in_c
from recbole_hail.networks.activations import ACTIVATIONS, gelu
from recbole_hail.networks.attention import attend, merge_heads, split_heads
from recbole_hail.networks.residual import ResidualNorm
from recbole_hail.networks.sizes import Sizes


class PaddedPositions(NamedTuple):
    """The positions of a batch [B, L] that a network is asked about, laid out by sequence.

    A sequence with fewer than the most has its first position in the places left over; `place` leaves them out.
    """

    position: Tensor  # [B, most], indices into the flattened B · L
    place: Tensor  # [M], indices into the flattened B · most

    @classmethod
    def lay_out(cls, positions: Tensor, *, batch: int, length: int, most: int) -> "PaddedPositions":
        """positions [M], any order, at most `most` of one sequence."""
        order = positions.argsort(stable=True)
        sequence = positions.div(length, rounding_mode="floor")
        count = positions.new_zeros(batch + 1).index_add_(0, sequence + 1, torch.ones_like(positions))
        rank = torch.empty_like(positions)  # among those of the same sequence
        rank[order] = torch.arange(len(positions), device=positions.device) - count.cumsum(0)[sequence[order]]
        place = sequence * most + rank
        first = torch.arange(batch, device=positions.device)[:, None] * length
        return cls(first.repeat(1, most).flatten().index_copy(0, place, positions).view(batch, most), place)


class SelfAttention(nn.Module):
    """Multi-head scaled dot-product attention, Eqs. 1 and 2."""

    def __init__(self, sizes: Sizes, *, causal: bool):
        super().__init__()
        self.heads = sizes.heads
        self.dropout = sizes.attention_dropout
        self.causal = causal
        self.query_key_value = nn.Linear(sizes.hidden_size, 3 * sizes.hidden_size)
        self.output = nn.Linear(sizes.hidden_size, sizes.hidden_size)

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """[B, L, d] -> [B, L, d]; `visible` [B, 1, 1, L] is True where a position may be looked at."""
        query, key, value = split_heads(self.query_key_value(hidden), self.heads, parts=3)
        # Padding stands to the right, so a causal network never looks at it from a real position.
        return self._mix(query, key, value, None if self.causal else visible, causal=self.causal)

    def at(self, hidden: Tensor, visible: Tensor | None, asked: PaddedPositions) -> Tensor:
        """`forward` at the positions asked for, [B, L, d] -> [M, d]; only keys and values are needed everywhere."""
        length, size = hidden.shape[1:]
        weights = self.query_key_value.weight.split([size, 2 * size])
        biases = self.query_key_value.bias.split([size, 2 * size])
        key, value = split_heads(F.linear(hidden, weights[1], biases[1]), self.heads, parts=2)
        asking = hidden.flatten(0, 1).index_select(0, asked.position.flatten()).view(*asked.position.shape, size)
        (query,) = split_heads(F.linear(asking, weights[0], biases[0]), self.heads)  # [B, heads, most, d / heads]
        if self.causal:
            column = torch.arange(length, device=hidden.device)
            visible = (column <= asked.position[..., None] % length)[:, None]  # [B, 1, most, L]
        return self._mix(query, key, value, visible).flatten(0, 1).index_select(0, asked.place)

    def _mix(self, query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None, *, causal=False) -> Tensor:
        mixed = attend(
            query, key, value, visible=visible, causal=causal, dropout=self.dropout if self.training else 0.0
        )
        return self.output(merge_heads(mixed))


class EncoderLayer(nn.Module):
    """Attention, then the feed-forward layer of Eq. 3, each with dropout, residual and LayerNorm (post-norm BERT).

    The paper's equations leave out dropout and LayerNorm; the authors' program has them.
    """

    def __init__(self, sizes: Sizes, attention: nn.Module):
        super().__init__()
        self.attention = attention
        self.attention_norm = ResidualNorm(sizes)
        self.inner = nn.Linear(sizes.hidden_size, sizes.inner_size)
        self.outer = nn.Linear(sizes.inner_size, sizes.hidden_size)
        self.output_norm = ResidualNorm(sizes)
        self.activation = ACTIVATIONS[sizes.activation]

    def forward(self, hidden: Tensor, *looked_at: Tensor | None) -> Tensor:
        """[B, L, d] -> [B, L, d]; `looked_at` is what the attention takes beside its queries."""
        return self._after_attention(hidden, self.attention(hidden, *looked_at))

    def _after_attention(self, hidden: Tensor, attended: Tensor) -> Tensor:
        hidden = self.attention_norm(hidden, attended)
        inner = self.activation(self.inner(hidden))  # [..., inner]
        return self.output_norm(hidden, self.outer(inner))


class SelfAttentionLayer(EncoderLayer):
    """A layer that looks at its own sequence, which in training on a CPU is C code as a whole."""

    def __init__(self, sizes: Sizes, *, causal: bool):
        super().__init__(sizes, SelfAttention(sizes, causal=causal))

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """[B, L, d] -> [B, L, d]; `visible` as for `SelfAttention`."""
        if self._in_c(hidden, visible):
            return layer_in_c.layer(hidden, self._looked_at(visible), self._shape(), self._weights())
        return super().forward(hidden, visible)

    def at(self, hidden: Tensor, visible: Tensor | None, positions: Tensor, *, most: int) -> Tensor:
        """`forward` at `positions` [M] of the flattened B · L, at most `most` of one sequence: [B, L, d] -> [M, d]."""
        if not self.attention.causal and self._in_c(hidden, visible):
            asked = layer_in_c.pack_positions(positions, *hidden.shape[:2])
            if asked is not None:
                return layer_in_c.layer(hidden, visible, self._shape(), self._weights(), asked)
        batch, length, _ = hidden.shape
        asked = PaddedPositions.lay_out(positions, batch=batch, length=length, most=most)
        attended = self.attention.at(hidden, visible, asked)
        return self._after_attention(hidden.flatten(0, 1).index_select(0, positions), attended)

    def _looked_at(self, visible: Tensor | None) -> Tensor | None:
        return None if self.attention.causal else visible

    def _in_c(self, hidden: Tensor, visible: Tensor | None) -> bool:
        if hidden.device.type != "cpu" or self.activation is not gelu:
            return False
        if (self.training and self.attention.dropout) or not self._as_built():
            return False
        return layer_in_c.supports(hidden, self._looked_at(visible), self._shape(), self._weights())

    def _as_built(self) -> bool:
        """Whether every part is still what it was, for others may compute otherwise, and hooks want to be called."""
        norms = self.attention_norm, self.output_norm
        alike = len({(norm.p, norm.eps, norm.training) for norm in norms}) == 1
        kinds = {
            self.attention: SelfAttention,
            **dict.fromkeys(self._parts(), nn.Linear),
            **dict.fromkeys(norms, ResidualNorm),
        }
        return alike and all(type(part) is kind and not _hooks(part) for part, kind in kinds.items())

    def _shape(self) -> layer_in_c.Shape:
        norm, causal = self.output_norm, self.attention.causal
        return layer_in_c.Shape(
            self.attention.heads, self.inner.out_features, causal, norm.p if self.training else 0.0, norm.eps
        )

    def _parts(self) -> tuple[nn.Module, ...]:
        """In the order of `layer_in_c.Weights`."""
        attention, feed_forward = self.attention, (self.inner, self.outer)
        return attention.query_key_value, attention.output, self.attention_norm, *feed_forward, self.output_norm

    def _weights(self) -> list[Tensor | None]:
        return [weight for part in self._parts() for weight in (part.weight, part.bias)]


def _hooks(module: nn.Module) -> bool:
    hooks = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"
    return any(getattr(module, name) for name in hooks)
