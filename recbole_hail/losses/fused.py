"""Prediction layer and loss in one, value and gradient, without ever holding the logits of all positions."""

from collections.abc import Callable

import torch
from torch import Tensor

from recbole_hail.derivatives import first_only
from recbole_hail.losses.chunked import ChunkedLoss
from recbole_hail.losses.hail import HailSettings, LossParts
from recbole_hail.losses.likelihood import no_element


def fused_hail_loss_parts(hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor, **settings) -> LossParts:
    """`hail_loss_parts(hidden @ table.T + bias, targets, **settings)`, but for rounding, in less time and memory.

    Positions are taken chunk by chunk. The gradient has a closed form, so it is computed along with the loss, and
    backward only scales it; asking for the gradient of a gradient raises RuntimeError there. Which positions denoising
    drops is known at the end only; their gradient is then computed again and taken away, but for its rounding error.

    Args:
        hidden: [T, M, d]; half precision is raised to float32, and autocast has no part in this.
        table: [V, d].
        bias: [V].
        targets: [M], element indices into V.
        settings: those of `HailSettings`, by name.

    Raises:
        ValueError: a setting out of range, shapes that do not fit or targets that are no whole numbers.
        IndexError: a target that the table lacks, where looking for one does not stall the device.
    """
    _check(hidden, table, bias, targets)
    return LossParts(*_PredictionAndLoss.apply(hidden, table, bias, targets, HailSettings(**settings), None))


def fused_weighted_loss_parts(
    hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor, weights: Callable[[Tensor], Tensor]
) -> LossParts:
    """`weighted_loss_parts(losses, weights(losses))` of `self_knowledge_loss(hidden @ table.T + bias, targets)`.

    Likewise without the logits of all positions. Arguments and errors are those of `fused_hail_loss_parts`, and

    Args:
        weights: of the cross-entropies [T, M], such as `likelihood_weights`; no part of the gradient.
    """
    _check(hidden, table, bias, targets)
    plain = HailSettings(distillation="none")
    return LossParts(*_PredictionAndLoss.apply(hidden, table, bias, targets, plain, weights))


def _check(hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor) -> None:
    _check_shapes(hidden, table, bias, targets)
    if targets.device.type == "cpu" and len(targets):
        least, largest = targets.aminmax()
        if least < 0 or largest >= len(table):
            raise no_element(targets, len(table))


def _check_shapes(hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor) -> None:
    shapes = [list(tensor.shape) for tensor in (hidden, table, bias, targets)]
    if targets.is_floating_point():
        raise ValueError(f"targets: {targets.dtype} must be whole numbers")
    if [len(shape) for shape in shapes] != [3, 2, 1, 1] or (
        [hidden.shape[1:], table.shape] != [(len(targets), table.shape[1]), (len(bias), hidden.shape[2])]
    ):
        expected = "hidden [T, M, d], table [V, d], bias [V] and targets [M]"
        raise ValueError(f"shapes must be {expected}, got {', '.join(map(str, shapes))}")
    devices = {str(tensor.device) for tensor in (hidden, table, bias, targets)}
    if len(devices) > 1:
        raise ValueError(f"hidden, table, bias and targets must be on one device, are on {', '.join(sorted(devices))}")
    if hidden.shape[2] < 1:
        raise ValueError("hidden size: 0, but this loss needs at least 1")
    if hidden.shape[0] < 1:
        raise ValueError("peers: 0 in hidden, but this loss needs at least 1")
    if table.shape[0] < 2:
        raise ValueError(f"elements: {table.shape[0]} in table, but a prediction needs at least 2 to choose from")


class _PredictionAndLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, table, bias, targets, settings, weights):
        ctx.dtypes = hidden.dtype, table.dtype, bias.dtype
        dtype = torch.promote_types(torch.promote_types(hidden.dtype, table.dtype), torch.float32)
        with torch.autocast(hidden.device.type, enabled=False):
            hidden = hidden.to(dtype)
            targets = targets.long().contiguous()
            if weights is None:
                chunked = ChunkedLoss(hidden, table.to(dtype), bias.to(dtype), settings)
                parts, grad_hidden = chunked.loss(hidden, targets)
            else:
                chunked = ChunkedLoss(hidden[:1], table.to(dtype), bias.to(dtype), settings)
                parts, grad_hidden = chunked.weighted_loss(hidden, targets, weights)
        ctx.save_for_backward(grad_hidden, *chunked.gradients())
        ctx.mark_non_differentiable(*parts[1:])
        return tuple(parts)

    @staticmethod
    @first_only("the fused loss has", "use hail_loss_parts instead")
    def backward(ctx, grad_output, *_):
        grads = ctx.saved_tensors
        # The table's gradient can be the largest tensor there is, so it is copied only where it must be scaled.
        if grad_output.device.type != "cpu" or grad_output != 1:
            grads = [grad * grad_output for grad in grads]
        return *(grad.to(dtype) for grad, dtype in zip(grads, ctx.dtypes, strict=True)), None, None, None
