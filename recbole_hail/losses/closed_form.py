"""Likelihoods, losses and closed-form gradients of a block of logits [T, s, V], in place and in few passes over it."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_hail.losses.likelihood import at_targets, mean_of_others


class Buffers(NamedTuple):
    """Room for one block, each [T, s, V]; allocated once, because fresh pages cost as much as the arithmetic."""

    rest: Tensor
    p: Tensor
    scratch: Tensor


class Rows(NamedTuple):
    """What each peer needs to know of each position, [T, s] each."""

    likeliest: Tensor  # index of the likeliest element
    right: Tensor  # True where that is the target
    p_likeliest: Tensor
    unlikely: Tensor  # 1 - p of the likeliest element
    log_p_likeliest: Tensor
    log_unlikely: Tensor
    log_p_target: Tensor
    second: Tensor  # the largest logit but one
    log_p_second: Tensor  # and its log p
    rest_total: Tensor  # what `rest` sums to; 1 but for rounding


def likelihoods(logits: Tensor, targets: Tensor, buffers: Buffers) -> Rows:
    """Fills `buffers.p` with p and `buffers.rest` with p among all elements but the likeliest, whose logit it spoils.

    The likeliest element is kept apart, for it alone can have p > 1/2: its 1 - p comes from the gap between its logit
    and the log-sum-exp of the others, and is exact also where p rounds to 1. All is computed from differences of
    logits, which are exact where the logits themselves are too large for their log-sum-exp to differ from them.
    """
    rest, p, _ = buffers
    largest, likeliest = largest_of(logits)  # [T, s] each
    target_logit = at_targets(logits, targets)
    logits.scatter_(-1, likeliest.unsqueeze(-1), -torch.inf)
    for of_peer, likelihood in zip(logits, rest, strict=True):
        torch.softmax(of_peer, -1, out=likelihood)
    rest_total = rest.sum(-1)  # summed in pairs, unlike within softmax, which is off by 1e-5 for 100,000 elements
    second = logits.amax(-1)
    log_rest = -(rest.amax(-1) / rest_total).log()  # log-sum-exp of all but the likeliest, less `second`
    gap = (largest - second) - log_rest
    log_unlikely = F.logsigmoid(-gap)
    log_p_likeliest, log_p_second = F.logsigmoid(gap), log_unlikely - log_rest
    right = likeliest == targets
    log_p_target = torch.where(right, log_p_likeliest, (target_logit - second) + log_p_second)
    p_likeliest, unlikely = gap.sigmoid(), (-gap).sigmoid()
    torch.mul(rest, (unlikely / rest_total).unsqueeze(-1), out=p)
    p.scatter_(-1, likeliest.unsqueeze(-1), p_likeliest.unsqueeze(-1))
    return Rows(
        likeliest,
        right,
        p_likeliest,
        unlikely,
        log_p_likeliest,
        log_unlikely,
        log_p_target,
        second,
        log_p_second,
        rest_total,
    )


def cross_entropy_gradient(rows: Rows, targets: Tensor, weight: Tensor, buffers: Buffers, out: Tensor) -> None:
    """weight · (p_k - [k = *]) -> out [T, s, V]; weight [T, s]."""
    torch.mul(buffers.rest, (weight * rows.unlikely / rows.rest_total).unsqueeze(-1), out=out)
    _finish(rows, targets, weight, weight * rows.p_likeliest, -weight * rows.unlikely, out)


def mutual_exclusivity(
    rows: Rows, targets: Tensor, weight: Tensor, share: Tensor, gamma: float, buffers: Buffers, out: Tensor
) -> Tensor:
    """The negative term of mutual exclusivity [T, s] (Eq. 12), with the gradient of that and of what goes with p - 1.

    With q the others' mean likelihood and a_k = q_k p_k / (1 - p_k), 0 at the target, the gradient is
    weight · (p_k - [k = *]) + share · (a_k - p_k · sum(a)) -> out [T, s, V]; weight [T, s], share [s].
    """
    rest, p, scratch = buffers
    apart = torch.stack([rows.likeliest, targets.expand_as(rows.likeliest)], -1)  # [T, s, 2]
    others = weights_of_others(p, gamma)
    q = torch.stack([w.gather(-1, k.unsqueeze(-1)).squeeze(-1) for w, k in zip(others, rows.likeliest, strict=True)])
    q = q.masked_fill(rows.right, 0.0)  # [T, s], at the likeliest element; Eq. 12 leaves the target out
    torch.neg(p, out=out).scatter_(-1, apart, 0.0)
    torch.log1p(out, out=scratch)
    for logs, weights in zip(scratch, others, strict=True):
        logs.mul_(weights)
    negative = -scratch.sum(-1) - q * rows.log_unlikely
    out.add_(1.0)
    for ratio, weights in zip(out, others, strict=True):
        torch.div(weights, ratio, out=ratio)
    out.scatter_(-1, apart, 0.0)
    total = torch.mul(out, p, out=scratch).sum(-1)  # sum(a) without the likeliest, whose a_k has no bound
    of_likeliest = share * q * rows.p_likeliest  # what its a_k sends to its own logit, and takes from the others
    on_p = weight - share * total
    # p = rest · unlikely: so no ratio with 1 - p of the likeliest remains.
    out.mul_((share * rows.unlikely / rows.rest_total).unsqueeze(-1))
    out.add_(((rows.unlikely * on_p - of_likeliest) / rows.rest_total).unsqueeze(-1)).mul_(rest)
    wrong = rows.p_likeliest * on_p + of_likeliest
    right = -weight * rows.unlikely - share * rows.p_likeliest * total
    _finish(rows, targets, weight, wrong, right, out)
    return negative


def mimicry(rows: Rows, targets: Tensor, weight: Tensor, share: Tensor, buffers: Buffers, out: Tensor) -> Tensor:
    """The divergence of each peer from the others' mean q, [T, s].

    `out` [T, s, V] brings the logits that `likelihoods` has left and takes the gradient,
    weight · (p_k - [k = *]) + share · (p_k - q_k); weight [T, s], share [s].
    """
    _, p, scratch = buffers
    others = weights_of_others(p, 1.0)
    out.sub_(rows.second.unsqueeze(-1)).add_(rows.log_p_second.unsqueeze(-1))  # log p
    out.scatter_(-1, rows.likeliest.unsqueeze(-1), rows.log_p_likeliest.unsqueeze(-1))
    for log_p, q, logs in zip(out, others, scratch, strict=True):
        torch.xlogy(q, q, out=logs).sub_(log_p.mul_(q))
    divergence = scratch.sum(-1)
    cross_entropy_gradient(rows, targets, weight, buffers, out)
    for own, q, difference in zip(p, others, scratch, strict=True):
        torch.sub(own, q, out=difference).mul_(share.unsqueeze(-1))
    out.add_(scratch)
    return divergence


def largest_of(logits: Tensor) -> tuple[Tensor, Tensor]:
    """logits.max(-1): [..., V] -> largest [...] and where it is [...], one of several that are equal.

    torch searches rows element by element on the CPU, which takes longer than their softmax. So the largest of every 16
    elements, which amax finds 16 at a time, are searched instead.
    """
    columns = logits.shape[-1] // 16
    if columns < 128 or logits.device.type != "cpu":
        return logits.max(-1)
    head = logits[..., : 16 * columns].unflatten(-1, (16, columns))
    largest, column = head.amax(-2).max(-1)
    in_column = head.gather(-1, column[..., None, None].expand(*column.shape, 16, 1)).squeeze(-1)  # [..., 16]
    likeliest = in_column.argmax(-1) * columns + column
    if 16 * columns == logits.shape[-1]:
        return largest, likeliest
    of_tail, in_tail = logits[..., 16 * columns :].max(-1)
    return largest.maximum(of_tail), torch.where(of_tail > largest, 16 * columns + in_tail, likeliest)


def weights_of_others(p: Tensor, gamma: float) -> list[Tensor]:
    """For every peer the mean of the others' p^gamma, [s, V] each; views of p where that is all it takes."""
    powers = p if gamma == 1 else p.pow(gamma)
    if len(p) == 2:
        return [powers[1], powers[0]]
    return list(mean_of_others(powers))


def unlikelihood_of_targets(rows: Rows, gamma: float) -> Tensor:
    """For every peer the mean of the others' (1 - p_*)^gamma, [T, s]."""
    return mean_of_others(torch.expm1(rows.log_p_target).neg().pow(gamma))


def _finish(rows: Rows, targets: Tensor, weight: Tensor, wrong: Tensor, right: Tensor, out: Tensor) -> None:
    """Writes the gradient at the likeliest element, where it is wrong and where it is the target, and at the target."""
    out.scatter_(-1, rows.likeliest.unsqueeze(-1), torch.where(rows.right, right, wrong).unsqueeze(-1))
    at_target = -weight.masked_fill(rows.right, 0.0)
    out.scatter_add_(-1, targets.expand_as(weight).unsqueeze(-1), at_target.unsqueeze(-1))
