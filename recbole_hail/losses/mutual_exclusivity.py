"""Mutual exclusivity distillation: peers exchange the unlikelihood of correct answers (paper section 3.5.2)."""

import torch
from torch import Tensor

from recbole_hail.losses.likelihood import (
    at_targets,
    check_shapes,
    log_likelihood,
    log_unlikelihood,
    mean_of_others,
)


def mutual_exclusivity_loss(logits: Tensor, targets: Tensor, *, gamma: float = 1.0) -> tuple[Tensor, Tensor]:
    """Eqs. 6 and 7 (T = 2), 11 and 12 (any T >= 2), before averaging over positions.

    The other peers' likelihoods are detached: no gradient reaches a peer through the weights it gives to another.
    Both sums over the other peers are linear in their weights, so the weights' mean is enough: O(T V), not O(T² V).

    Args:
        logits: [T, M, V], T >= 2.
        targets: [M], element indices into V.
        gamma: exponent on the peers' weights, as in the authors' program; 1 gives the paper's equations.

    Returns:
        positive [T, M]: -(1 - p_*) of the others · log p_*.
        negative [T, M]: -sum over k != * of p_k of the others · log(1 - p_k).

    Raises:
        ValueError: shapes that do not fit, T < 2 or V < 2.
    """
    check_shapes(logits, targets, fewest_peers=2)
    log_p = log_likelihood(logits)
    log_p_target = at_targets(log_p, targets)  # [T, M]
    with torch.no_grad():
        unlikelihood = mean_of_others(torch.expm1(log_p_target).neg().pow(gamma))  # [T, M]
        likelihood = mean_of_others(log_p.exp().pow(gamma))  # [T, M, V]
        is_target = targets.expand(likelihood.shape[0], -1).unsqueeze(-1)
        likelihood = likelihood.scatter(-1, is_target, 0.0)  # the sum of Eq. 12 leaves the target out
    positive = -unlikelihood * log_p_target
    negative = -(likelihood * log_unlikelihood(log_p)).sum(-1)
    return positive, negative
