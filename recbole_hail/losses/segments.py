"""Mutual information between a sequence and its segments (S³-Rec: Zhou et al., CIKM 2020, section 4.2)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def segment_loss(contexts: Tensor, segments: Tensor, *, group: int = 256) -> Tensor:
    """Segment prediction: which of several segments was cut out of each sequence?

    The paper's InfoNCE bound on the mutual information, with the segments of the other sequences of the batch as the
    wrong answers. Sequences are compared in groups, so that memory grows with the batch and not with its square.

    Args:
        contexts: [B, d], sequences whose segment is masked, already mapped by W_SP.
        segments: [B, d], the segments, in the same order.
        group: most sequences that are compared with one another.

    Returns:
        [], nats, the mean over sequences; 0 for an empty batch.

    Raises:
        ValueError: shapes that do not fit.
    """
    if contexts.dim() != 2 or contexts.shape != segments.shape:
        raise ValueError(f"contexts and segments must be [B, d], got {list(contexts.shape)} and {list(segments.shape)}")
    total = contexts.new_zeros(())
    for some_contexts, some_segments in zip(contexts.split(group), segments.split(group), strict=True):
        scores = some_contexts @ some_segments.t()  # [group, group]
        own = torch.arange(len(scores), device=scores.device)
        total = total + F.cross_entropy(scores.float(), own, reduction="sum")
    return total / max(len(contexts), 1)
