"""Scaled dot-product attention, Eq. 2, by whichever way costs least."""

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_hail.networks import attention_in_c
from recbole_hail.networks.dropout import dropout as drop

# torch's fused attention has a cost for every sequence and head that short sequences on a CPU do not earn back.
SHORT = 40


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    visible: Tensor | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> Tensor:
    """[B, heads, Q, d / heads] over [B, heads, L, d / heads] -> [B, heads, Q, d / heads].

    Args:
        visible: bool, broadcastable to [B, heads, Q, L]; True where a key may be looked at, for every query at least
            one. Not together with `causal`.
        causal: Q = L, and a query looks at the keys up to its own.
        dropout: on the attention weights.
    """
    if attention_in_c.supports(query, key, value, visible, causal, dropout):
        return attention_in_c.attend(query, key, value, visible=visible, causal=causal, dropout=dropout)
    if query.device.type == "cpu" and (dropout or key.shape[2] <= SHORT):
        return _written_out(query, key, value, visible, causal, dropout)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=visible, dropout_p=dropout, is_causal=causal)


def _written_out(query, key, value, visible, causal, dropout) -> Tensor:
    """Three batched products; with dropout torch does the same on a CPU, at several times the cost."""
    batch, heads, asked, width = query.shape
    length = key.shape[2]
    if causal:
        visible = torch.ones(length, length, dtype=torch.bool).tril()
    hidden_keys = query.new_zeros(1, 1, 1)
    if visible is not None:
        hidden_keys = query.new_zeros(visible.shape).masked_fill_(~visible, -torch.inf)
        if hidden_keys.dim() == 4:  # one for each sequence, the same for all heads
            hidden_keys = hidden_keys.expand(-1, heads, -1, -1).flatten(0, 1)
    scores = torch.baddbmm(
        hidden_keys, query.flatten(0, 1), key.flatten(0, 1).transpose(1, 2), alpha=width**-0.5
    )  # [B · heads, Q, L]
    weights = drop(scores.softmax(-1), dropout)
    return (weights @ value.flatten(0, 1)).view(batch, heads, asked, width)


def split_heads(projected: Tensor, heads: int, parts: int = 1) -> tuple[Tensor, ...]:
    """[B, L, parts · d] -> [B, heads, L, d / heads] for each part."""
    return tuple(part.unflatten(2, (heads, -1)).transpose(1, 2) for part in projected.chunk(parts, 2))


def merge_heads(mixed: Tensor) -> Tensor:
    """[B, heads, L, d / heads] -> [B, L, d]."""
    return mixed.transpose(1, 2).flatten(2)
