"""The loss HAIL is trained with: self-knowledge and distilled knowledge in balance (paper section 3.5.4)."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_hail.losses.denoising import denoising_mask
from recbole_hail.losses.mimicry import mimicry_loss
from recbole_hail.losses.mutual_exclusivity import mutual_exclusivity_loss
from recbole_hail.losses.self_knowledge import self_knowledge_loss

DISTILLATIONS = ("med", "mimicry", "none")
DENOISING_FORMS = ("paper", "authors")


@dataclass(frozen=True, kw_only=True)
class HailSettings:
    """The settings of the loss.

    Args:
        alpha: balance factor in [0, 1].
        beta: share of positions taken for noise, Eq. 8.
        gamma: exponent on the peers' weights.
        positive_term, negative_term: of mutual exclusivity; off gives variants I, II and III of Fig. 3, beta = 0
            gives IV.
        denoise: "paper" drops noise from the distilled terms only, "authors" from the cross-entropy too.
        distillation: "med" (mutual exclusivity), "mimicry" (deep mutual learning) or "none".
        slots: see `denoising_mask`.

    Raises:
        ValueError: a setting out of range.
    """

    alpha: float = 0.5
    beta: float = 0.0
    gamma: float = 1.0
    positive_term: bool = True
    negative_term: bool = True
    denoise: str = "paper"
    distillation: str = "med"
    slots: int | None = None

    def __post_init__(self):
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha: {self.alpha} must lie in [0, 1]")
        if not 0 <= self.beta < 1:
            raise ValueError(f"beta: {self.beta} must lie in [0, 1)")
        if not 0 <= self.gamma < math.inf:
            raise ValueError(f"gamma: {self.gamma} must not be negative, nor infinite")
        if self.denoise not in DENOISING_FORMS:
            raise ValueError(f"denoise: {self.denoise!r} must be one of {', '.join(DENOISING_FORMS)}")
        if self.distillation not in DISTILLATIONS:
            raise ValueError(f"distillation: {self.distillation!r} must be one of {', '.join(DISTILLATIONS)}")


class LossParts(NamedTuple):
    """The loss of a batch and what it is made of; all but `total` are detached.

    `positive` and `negative` are the terms of mutual exclusivity before the factor 1 - alpha; under mimicry the
    imitation loss stands in `positive`. `dropped` is the share of positions denoising took out.
    """

    total: Tensor  # []
    self_knowledge: Tensor  # [T]
    positive: Tensor  # [T]
    negative: Tensor  # [T]
    dropped: Tensor  # []


def hail_loss(logits: Tensor, targets: Tensor, **settings) -> Tensor:
    """Eqs. 9 and 10 as one number; takes what `hail_loss_parts` takes."""
    return hail_loss_parts(logits, targets, **settings).total


def hail_loss_parts(logits: Tensor, targets: Tensor, **settings) -> LossParts:
    """Eqs. 9 and 10: the sum over peers of alpha · self-knowledge + (1 - alpha) · distilled knowledge.

    Every term is averaged over all M positions; an empty batch gives 0. With one peer, or `distillation="none"`, there
    is nothing to distil and the loss is the plain cross-entropy, not scaled by alpha.

    Args:
        logits: [T, M, V].
        targets: [M], element indices into V; a position without a target is left out, of the logits too.
        settings: alpha, beta, gamma, positive_term, negative_term, denoise, distillation and slots, by name, as
            `losses.hail.HailSettings` has them.

    Raises:
        ValueError: a setting out of range or shapes that do not fit.
        IndexError: on a CPU, a target that is no element.
    """
    chosen = HailSettings(**settings)
    self_knowledge = self_knowledge_loss(logits, targets)  # [T, M]
    zero = torch.zeros_like(self_knowledge)
    if logits.shape[0] == 1 or chosen.distillation == "none":
        return cross_entropy_parts(self_knowledge)
    keep = denoising_mask(self_knowledge, chosen.beta, chosen.slots)
    if chosen.distillation == "mimicry":
        positive, negative = mimicry_loss(logits, targets), zero
    else:
        positive, negative = mutual_exclusivity_loss(logits, targets, gamma=chosen.gamma)
        positive = positive if chosen.positive_term else zero
    return combine_terms(self_knowledge, positive, negative if chosen.negative_term else zero, keep, chosen)


def cross_entropy_parts(self_knowledge: Tensor) -> LossParts:
    """The plain cross-entropy of every peer, [T, M] -> the loss and its parts."""
    zero = torch.zeros_like(self_knowledge)
    keep = torch.ones_like(self_knowledge[0], dtype=torch.bool)
    return combine_terms(self_knowledge, zero, zero, keep, HailSettings(alpha=1.0))


def combine_terms(
    self_knowledge: Tensor, positive: Tensor, negative: Tensor, keep: Tensor, settings: HailSettings
) -> LossParts:
    """The loss out of its terms, [T, M] each, and of the positions that denoising keeps, bool [M]."""
    if settings.denoise == "authors":
        self_knowledge = self_knowledge * keep
    positions = max(keep.numel(), 1)
    self_knowledge, positive, negative = (
        term.sum(dim=1) / positions for term in (self_knowledge, positive * keep, negative * keep)
    )  # [T] each
    total = (settings.alpha * self_knowledge + (1 - settings.alpha) * (positive + negative)).sum()
    dropped = (~keep).sum() / positions
    return LossParts(total, self_knowledge.detach(), positive.detach(), negative.detach(), dropped)
