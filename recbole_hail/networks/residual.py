"""What follows every part of an encoder layer in the authors' program: dropout, residual, LayerNorm."""

import torch
from torch import Tensor, nn

from recbole_hail import native
from recbole_hail.derivatives import first_in_c
from recbole_hail.networks.dropout import Draws, dropout, drops_some, in_c
from recbole_hail.networks.sizes import Sizes
from recbole_hail.threads import over_range

LEAST = 2**17  # elements that earn back a thread of their own


class ResidualNorm(nn.LayerNorm):
    """LayerNorm of what goes in and what a part of the layer has made of it, dropped out in training."""

    def __init__(self, sizes: Sizes):
        super().__init__(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.p = sizes.hidden_dropout

    def forward(self, hidden: Tensor, update: Tensor) -> Tensor:
        """[..., d] and [..., d] -> [..., d]; in training on a CPU in C, in one pass over memory."""
        p = self.p if self.training else 0.0
        if not self._in_c(hidden, update, p):
            return super().forward(hidden + dropout(update, p))
        draws = Draws.of(update.shape, p) if p else None
        return _AddAndNorm.apply(hidden, update, self.weight, self.bias, self.eps, *in_c(draws))

    def _in_c(self, hidden: Tensor, update: Tensor, p: float) -> bool:
        learns = torch.is_grad_enabled() and update.requires_grad
        fits = hidden.shape == update.shape and update.shape[-1:] == self.normalized_shape
        drops = p == 0 or drops_some(p)
        return learns and fits and drops and native.supports(hidden, update, self.weight, self.bias)


class _AddAndNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, update, gain, shift, epsilon, draws, *dropped):
        hidden, update, width = hidden.contiguous(), update.contiguous(), update.shape[-1]
        normal, out, inverse = torch.empty_like(update), torch.empty_like(update), update.new_empty(update.shape[:-1])
        given = width, hidden, update, draws, *dropped, gain, shift, epsilon
        native.over_range("hail_add_and_norm", inverse.numel(), *given, normal, inverse, out, least=LEAST // width)
        ctx.save_for_backward(draws, gain, normal, inverse)
        ctx.dropped = dropped
        return out

    @staticmethod
    @first_in_c
    def backward(ctx, grad_output):
        draws, gain, normal, inverse = ctx.saved_tensors
        grad_output, width = grad_output.contiguous(), grad_output.shape[-1]
        grad_hidden = torch.empty_like(grad_output)
        grad_update = grad_hidden if draws is None else torch.empty_like(grad_output)
        given = width, grad_output, draws, *ctx.dropped, gain, normal, inverse

        def gain_and_shift(first: int, end: int) -> Tensor:
            gradients = grad_output.new_zeros(2, width)
            native.call("hail_add_and_norm_backward", first, end, *given, grad_hidden, grad_update, *gradients)
            return gradients

        grad_gain, grad_shift = sum(over_range(gain_and_shift, inverse.numel(), least=LEAST // width))
        return grad_hidden, grad_update, grad_gain, grad_shift, None, None, None, None
