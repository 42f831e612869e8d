"""Self-knowledge independent learning: what each peer learns from the ground truth (paper section 3.5.1)."""

from torch import Tensor

from recbole_hail.losses.likelihood import at_targets, check_shapes, log_likelihood


def self_knowledge_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Eq. 5 before averaging: the cross-entropy of every peer at every position.

    Args:
        logits: [T, M, V].
        targets: [M], element indices into V.

    Returns:
        [T, M], nats.

    Raises:
        ValueError: shapes that do not fit, or V < 2.
    """
    check_shapes(logits, targets)
    return -at_targets(log_likelihood(logits), targets)
