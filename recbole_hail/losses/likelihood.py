"""Likelihoods shared by the losses: log p, log(1 - p), and the mean over the other peers."""

import torch
from torch import Tensor
from torch.nn import functional as F

LARGEST_LOGIT = 1e30


def check_shapes(logits: Tensor, targets: Tensor, *, fewest_peers: int = 1) -> None:
    """Raises ValueError unless logits are [T, M, V] with T >= fewest_peers and V >= 2, and targets [M]."""
    if logits.dim() != 3 or targets.dim() != 1 or logits.shape[1] != targets.shape[0]:
        raise ValueError(
            f"logits must be [T, M, V] and targets [M], got {list(logits.shape)} and {list(targets.shape)}"
        )
    if logits.shape[0] < fewest_peers:
        raise ValueError(f"peers: {logits.shape[0]} in the logits, but this loss needs at least {fewest_peers}")
    if logits.shape[2] < 2:
        raise ValueError(f"elements: {logits.shape[2]} in the logits, but a prediction needs at least 2 to choose from")


def log_likelihood(logits: Tensor) -> Tensor:
    """log p [T, M, V]; half precision is raised to float32, because log(1 - p) needs it.

    Logits beyond ±`LARGEST_LOGIT` count as that: differences of larger ones leave float32, and sums of their losses
    with them.
    """
    dtype = logits.dtype if logits.dtype == torch.float64 else torch.float32
    return F.log_softmax(logits.to(dtype).clamp(-LARGEST_LOGIT, LARGEST_LOGIT), dim=-1)


def at_targets(values: Tensor, targets: Tensor) -> Tensor:
    """values [T, M, V] at the target of each position -> [T, M]; IndexError on a CPU where one is no element."""
    index = targets.expand(values.shape[0], -1).unsqueeze(-1)  # [T, M, 1]
    try:
        return values.gather(-1, index).squeeze(-1)
    except RuntimeError as error:
        if "out of bounds" not in str(error):
            raise
        raise no_element(targets, values.shape[-1]) from None


def no_element(targets: Tensor, elements: int) -> IndexError:
    """The error for targets some of which are none of the elements, such as -100."""
    least, largest = targets.aminmax()
    return IndexError(
        f"targets: from {least} to {largest}, but there are elements 0 to {elements - 1}; positions without a target "
        "are to be left out, of the targets and of what is predicted for them"
    )


def log_unlikelihood(log_p: Tensor) -> Tensor:
    """log(1 - p) for every element, [T, M, V] -> [T, M, V], exact also where p rounds to 1.

    Only the likeliest element can have p > 1/2. There 1 - p is summed from the other elements' likelihoods instead of
    being subtracted from 1, which would give log(0) as soon as p rounds to 1.
    """
    likeliest = torch.zeros_like(log_p, dtype=torch.bool).scatter_(-1, log_p.argmax(-1, keepdim=True), True)
    rest = log_p.masked_fill(likeliest, -torch.inf).logsumexp(-1, keepdim=True)  # [T, M, 1]
    return torch.where(likeliest, rest, torch.log1p(-log_p.exp().masked_fill(likeliest, 0.0)))


def mean_of_others(values: Tensor) -> Tensor:
    """For every peer the mean of the other peers' values (the 1/(T-1) sums of Eqs. 11 and 12), [T, ...] -> [T, ...].

    Summed from both ends instead of subtracting each peer from the total, so that no digit is lost.
    """
    peers = values.shape[0]
    if peers == 2:
        return values.flip(0)
    before = torch.zeros_like(values)
    after = torch.zeros_like(values)
    for peer in range(1, peers):
        before[peer] = before[peer - 1] + values[peer - 1]
        after[-1 - peer] = after[-peer] + values[-peer]
    return (before + after) / (peers - 1)
