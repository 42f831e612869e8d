"""Batches of sequences of similar length, so that little of a batch is padding."""

import torch
from torch import Generator, Tensor


def draw_batches(
    lengths: Tensor, *, rng: Generator | None, tokens: int | None = None, sequences: int | None = None
) -> list[Tensor]:
    """Indices into `lengths`, one tensor per batch.

    Args:
        lengths: [N].
        rng: shuffles sequences of equal length and the order of the batches; None keeps both in order.
        tokens: largest number of positions of a batch, padding included; a longer sequence makes a batch of its own.
        sequences: largest number of sequences of a batch. Exactly one of the two is given.
    """
    if (tokens is None) == (sequences is None):
        raise ValueError("a batch is sized either by tokens or by sequences")
    if len(lengths) == 0:
        return []
    shuffled = torch.arange(len(lengths)) if rng is None else torch.randperm(len(lengths), generator=rng)
    order = shuffled[lengths[shuffled].argsort(stable=True)]
    cuts = _cuts_by_tokens(lengths[order], tokens) if tokens else range(0, len(order), sequences)
    batches = list(order.tensor_split(list(cuts)[1:]))
    if rng is None:
        return batches
    return [batches[i] for i in torch.randperm(len(batches), generator=rng).tolist()]


def _cuts_by_tokens(ascending: Tensor, tokens: int) -> list[int]:
    """Where batches start, going from the longest sequences down, so that a batch is as wide as its last sequence."""
    cuts = []
    end = len(ascending)
    while end > 0:
        end = max(end - max(tokens // int(ascending[end - 1]), 1), 0)
        cuts.append(end)
    return cuts[::-1]
