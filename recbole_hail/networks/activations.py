"""The functions between the two products of a feed-forward layer (paper section 3.3.2 has GELU)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_hail import native
from recbole_hail.derivatives import first_in_c

LEAST = 2**18  # elements that earn back a thread of their own


def gelu(x: Tensor) -> Tensor:
    """`F.gelu(x)`; in training on a CPU in C, which keeps the derivative in place of x and is several times faster."""
    if torch.is_grad_enabled() and x.requires_grad and native.supports(x):
        return _Gelu.apply(x)
    return F.gelu(x)


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = x.contiguous()
        value, derivative = torch.empty_like(x), torch.empty_like(x)
        native.over_range("hail_gelu", x.numel(), x, value, derivative, least=LEAST)
        ctx.save_for_backward(derivative)
        return value

    @staticmethod
    @first_in_c
    def backward(ctx, grad_output):
        (derivative,) = ctx.saved_tensors
        return grad_output * derivative


ACTIVATIONS = {"gelu": gelu, "relu": F.relu, "swish": F.silu, "tanh": F.tanh, "sigmoid": F.sigmoid}
