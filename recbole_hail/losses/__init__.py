"""The losses of HAIL and its rivals: pure functions of logits [T, M, V] and targets [M] that know no model or RecBole.

T peers, M target positions, V elements. Every function is finite in value and gradient for every finite float32 logit.
"""

from recbole_hail.losses.adaptive_denoising import (
    drop_rate_at,
    likelihood_weights,
    truncation_weights,
    weighted_loss_parts,
)
from recbole_hail.losses.denoising import denoising_mask
from recbole_hail.losses.fused import fused_hail_loss_parts, fused_weighted_loss_parts
from recbole_hail.losses.hail import LossParts, hail_loss, hail_loss_parts
from recbole_hail.losses.mimicry import mimicry_loss
from recbole_hail.losses.mutual_exclusivity import mutual_exclusivity_loss
from recbole_hail.losses.segments import segment_loss
from recbole_hail.losses.self_knowledge import self_knowledge_loss

__all__ = [
    "LossParts",
    "denoising_mask",
    "drop_rate_at",
    "fused_hail_loss_parts",
    "fused_weighted_loss_parts",
    "hail_loss",
    "hail_loss_parts",
    "likelihood_weights",
    "mimicry_loss",
    "mutual_exclusivity_loss",
    "segment_loss",
    "self_knowledge_loss",
    "truncation_weights",
    "weighted_loss_parts",
]
