"""Deep mutual learning (Zhang et al., CVPR 2018), the rival of the paper's Table 3: peers imitate one another."""

import torch
from torch import Tensor

from recbole_hail.losses.likelihood import check_shapes, log_likelihood, mean_of_others


def mimicry_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """KL divergence from each peer to the mean of the other peers' detached likelihoods.

    Args:
        logits: [T, M, V], T >= 2.
        targets: [M]; only its shape is used, so that every loss is called alike.

    Returns:
        [T, M], nats, never negative but for rounding.

    Raises:
        ValueError: shapes that do not fit, T < 2 or V < 2.
    """
    check_shapes(logits, targets, fewest_peers=2)
    log_p = log_likelihood(logits)
    others = mean_of_others(log_p.detach().exp())  # [T, M, V]
    return (torch.xlogy(others, others) - others * log_p).sum(-1)
