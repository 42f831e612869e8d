"""Adaptive denoising training (Wang et al., WSDM 2021): positives with a large loss count for less, or not at all."""

import math

import torch
from torch import Tensor

from recbole_hail.losses.denoising import hardest_positions
from recbole_hail.losses.hail import LossParts


def likelihood_weights(cross_entropy: Tensor, exponent: float) -> Tensor:
    """R-CE: each positive weighs its own likelihood to a power, p^β (Wang et al., section 3).

    Args:
        cross_entropy: [T, M], -log p of each positive, nats.
        exponent: β >= 0; 0 gives the plain cross-entropy.

    Returns:
        [T, M] in [0, 1], detached: the weights are no part of the gradient.

    Raises:
        ValueError: an exponent below 0 or infinite.
    """
    if not 0 <= exponent < math.inf:
        raise ValueError(f"reweight_exponent: {exponent} must not be negative, nor infinite")
    return torch.exp(-exponent * cross_entropy.detach())


def truncation_weights(cross_entropy: Tensor, drop_rate: float) -> Tensor:
    """T-CE: for every peer, the floor(ε · M) positives of a batch with the largest loss are dropped (section 3).

    Args:
        cross_entropy: [T, M].
        drop_rate: ε in [0, 1), see `drop_rate_at`.

    Returns:
        bool [T, M], True = keep.

    Raises:
        ValueError: a rate outside [0, 1).
    """
    if not 0 <= drop_rate < 1:
        raise ValueError(f"drop_rate: {drop_rate} must lie in [0, 1)")
    kept = torch.ones_like(cross_entropy, dtype=torch.bool)
    return kept.scatter_(1, hardest_positions(cross_entropy, drop_rate), False)


def drop_rate_at(step: int, *, drop_rate: float, drop_steps: int) -> float:
    """ε(t) = min(α t, ε_max) with ε_max = `drop_rate` and α = `drop_rate` / `drop_steps` (Wang et al., section 3).

    The network fits clean interactions first, so that nothing is dropped at the start.
    """
    return drop_rate * min(step / drop_steps, 1.0) if drop_steps else drop_rate


def weighted_loss_parts(cross_entropy: Tensor, weights: Tensor) -> LossParts:
    """The sum over peers of the mean over positions of weight · cross-entropy, [T, M] each; an empty batch gives 0.

    `self_knowledge` of the parts is the mean cross-entropy without weights, `dropped` the mean weight taken away.
    """
    peers, positions = cross_entropy.shape
    positions = max(positions, 1)
    total = (weights * cross_entropy).sum() / positions
    self_knowledge = cross_entropy.detach().sum(dim=1) / positions  # [T]
    dropped = (1 - weights.to(cross_entropy.dtype)).sum() / (peers * positions)
    return LossParts(total, self_knowledge, torch.zeros_like(self_knowledge), torch.zeros_like(self_knowledge), dropped)
