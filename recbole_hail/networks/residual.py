"""What follows every part of an encoder layer in the authors' program: dropout, residual, LayerNorm."""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from recbole_hail import native
from recbole_hail.networks.dropout import Draws, dropout, drops_some
from recbole_hail.networks.sizes import Sizes
from recbole_hail.threads import over_range

LEAST = 2**16  # elements that earn back a thread of their own


class ResidualNorm(nn.LayerNorm):
    """LayerNorm of what goes in and what a part of the layer has made of it, dropped out in training."""

    def __init__(self, sizes: Sizes):
        super().__init__(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.p = sizes.hidden_dropout

    def forward(self, hidden: Tensor, update: Tensor) -> Tensor:
        """[..., d] and [..., d] -> [..., d]; in training on a CPU in C, in one pass over memory."""
        p = self.p if self.training else 0.0
        learns = torch.is_grad_enabled() and update.requires_grad
        if learns and (p == 0 or drops_some(p)) and native.takes(hidden, update, self.weight, self.bias):
            draws = Draws.of(update.shape, p) if p else None
            return _AddAndNorm.apply(hidden, update, self.weight, self.bias, self.eps, draws)
        return super().forward(hidden + dropout(update, p))


class _AddAndNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, update, gain, shift, epsilon, draws):
        hidden, update = hidden.contiguous(), update.contiguous()
        normal, out, inverse = torch.empty_like(update), torch.empty_like(update), update.new_empty(update.shape[:-1])
        width, drops = update.shape[-1], _in_c(draws)
        given = hidden.data_ptr(), update.data_ptr(), *drops, gain.data_ptr(), shift.data_ptr(), epsilon
        found = normal.data_ptr(), inverse.data_ptr(), out.data_ptr()
        in_c = native.library().hail_add_and_norm
        over_range(lambda first, end: in_c(first, end, width, *given, *found), inverse.numel(), least=LEAST // width)
        ctx.save_for_backward(normal, inverse, gain)
        ctx.draws = draws
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream):
        normal, inverse, gain = ctx.saved_tensors
        upstream, width = upstream.contiguous(), upstream.shape[-1]
        of_hidden = torch.empty_like(upstream)
        of_update = of_hidden if ctx.draws is None else torch.empty_like(upstream)
        given = upstream.data_ptr(), *_in_c(ctx.draws), gain.data_ptr(), normal.data_ptr(), inverse.data_ptr()
        found = of_hidden.data_ptr(), of_update.data_ptr()
        in_c = native.library().hail_add_and_norm_backward

        def gain_and_shift(first: int, end: int) -> Tensor:
            gradients = upstream.new_zeros(2, width)
            in_c(first, end, width, *given, *found, gradients[0].data_ptr(), gradients[1].data_ptr())
            return gradients

        of_gain, of_shift = sum(over_range(gain_and_shift, inverse.numel(), least=LEAST // width))
        return of_hidden, of_update, of_gain, of_shift, None, None


def _in_c(draws: Draws | None) -> tuple[int | None, int, float]:
    return (None, 0, 1.0) if draws is None else (draws.numbers.data_ptr(), draws.dropped_below, draws.kept_scale)
