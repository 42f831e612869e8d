"""Denoising: interactions that every peer finds among the hardest are taken for noise (paper section 3.5.3)."""

import torch
from torch import Tensor


def denoising_mask(self_knowledge: Tensor, beta: float, slots: int | None = None) -> Tensor:
    """Which positions keep their distillation terms, Eq. 8.

    A position is dropped when its self-knowledge loss is among the floor(beta · slots) largest for EVERY peer. With
    ranks from 0 that is the equation's rank < beta · S where beta · S is whole; where it is not, one position less, so
    that never more than the share beta of the slots is dropped. Equal losses rank in order of position.

    Args:
        self_knowledge: [T, M], Eq. 5 before averaging.
        beta: share in [0, 1).
        slots: the count the share is taken of; M by default. The authors' program counts every prediction slot of a
            batch, filled or not.

    Returns:
        bool [M], True = keep.

    Raises:
        ValueError: beta outside [0, 1).
    """
    return keep_mask(hardest_positions(self_knowledge, beta, slots), self_knowledge)


def keep_mask(hardest: Tensor, self_knowledge: Tensor) -> Tensor:
    """`denoising_mask` out of the `hardest_positions` [T, n] of the losses [T, M]."""
    if hardest.shape[1] == 0:
        return torch.ones_like(self_knowledge[0], dtype=torch.bool)
    among_hardest = torch.zeros_like(self_knowledge, dtype=torch.bool).scatter_(1, hardest, True)
    return ~among_hardest.all(dim=0)


def hardest_positions(self_knowledge: Tensor, beta: float, slots: int | None = None) -> Tensor:
    """The positions each peer finds hardest, hardest first: [T, floor(beta · slots)]; arguments of `denoising_mask`."""
    if not 0 <= beta < 1:
        raise ValueError(f"beta: {beta} must lie in [0, 1)")
    positions = self_knowledge.shape[1]
    # The small constant undoes the rounding of products such as 0.29 * 100 = 28.999999999999996.
    hardest = min(int(beta * (positions if slots is None else slots) + 1e-9), positions)
    if hardest == 0:
        return torch.empty(len(self_knowledge), 0, dtype=torch.long, device=self_knowledge.device)
    return self_knowledge.detach().argsort(dim=1, descending=True, stable=True)[:, :hardest]
