"""Operations with a first derivative only: the fused loss, C code, and graphs on threads of their own."""

from collections.abc import Callable
from functools import wraps

import torch


def first_only(what: str, advice: str) -> Callable[[Callable], Callable]:
    """For `backward` of a `torch.autograd.Function`: RuntimeError where a second derivative of `what` is wanted.

    torch's own `once_differentiable` raises in `backward` alone: `torch.autograd.grad`, given its inputs, never comes
    by the node that would raise, and leaves out a part of the second derivative in silence.
    """

    def checked(backward: Callable) -> Callable:
        @wraps(backward)
        def of_first(ctx, *upstream):
            if torch.is_grad_enabled():
                raise RuntimeError(f"create_graph: {what} no second derivative; {advice}")
            return backward(ctx, *upstream)

        return of_first

    return checked


first_in_c = first_only("C code has", "RECBOLE_HAIL_NATIVE=0 leaves this to torch")
