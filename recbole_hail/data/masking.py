"""What a batch of sequences asks the network to predict: masked elements, or the next element at every position."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor


class Targets(NamedTuple):
    """A batch of network input and what to predict from it."""

    sequences: Tensor  # [B, L]
    positions: Tensor  # [M], indices into the flattened B · L
    elements: Tensor  # [M]


def mask_elements(
    sequences: Tensor,
    lengths: Tensor,
    *,
    mask_token: int,
    mask_ratio: float,
    max_masked: int,
    last_only_share: float,
    rng: Generator,
) -> Targets:
    """The cloze task as in the authors' program: a share of each sequence is replaced by the mask token.

    Args:
        sequences: [B, L], padded with 0 on the right.
        lengths: [B].
        mask_ratio: share of each sequence that is masked, at least one element and at most `max_masked`.
        last_only_share: share of sequences of which only the last element is masked, as at prediction time.
        rng: makes the draw repeatable.
    """
    column = torch.arange(sequences.shape[1])
    count = (lengths * mask_ratio).round().long().clamp(min=1, max=max_masked)
    draw = torch.rand(sequences.shape, generator=rng).masked_fill(column >= lengths[:, None], 2.0)
    rank = draw.argsort(dim=1).argsort(dim=1)
    masked = rank < count.minimum(lengths)[:, None]
    last_only = torch.rand(len(lengths), generator=rng) < last_only_share
    masked = torch.where(last_only[:, None], column == lengths[:, None] - 1, masked)
    positions = masked.flatten().nonzero().squeeze(1)
    return Targets(sequences.masked_fill(masked, mask_token), positions, sequences.flatten()[positions])


def shift_elements(sequences: Tensor, lengths: Tensor) -> Targets:
    """Every element but the last is input, and every position predicts the element after it."""
    inputs = sequences[:, :-1]
    column = torch.arange(inputs.shape[1])
    has_next = column < lengths[:, None] - 1
    positions = has_next.flatten().nonzero().squeeze(1)
    return Targets(inputs.masked_fill(~has_next, 0), positions, sequences[:, 1:].flatten()[positions])
