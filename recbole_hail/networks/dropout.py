"""Dropout whose draws cost a CPU little."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

_DRAWS = 2**16  # an element is dropped by a draw of 16 bits
_here = threading.local()


@contextmanager
def drawing_from(generator: Generator | None) -> Iterator[None]:
    """Draws of `dropout` on this thread come from `generator`, on the CPU; None is torch's own."""
    before, _here.generator = getattr(_here, "generator", None), generator
    try:
        yield
    finally:
        _here.generator = before


def dropout(hidden: Tensor, p: float) -> Tensor:
    """Zeroes each element with probability `p` and scales the others so that the mean stays.

    torch's own dropout draws a double for every element on a CPU, which took a tenth of a training step; here one
    64-bit number serves four elements, and `p` is rounded to a multiple of 1 / 65,536.
    """
    dropped = round(p * _DRAWS)
    if dropped == 0:
        return hidden
    if hidden.device.type != "cpu" or dropped == _DRAWS:
        return F.dropout(hidden, p)
    numbers = torch.empty((hidden.numel() + 3) // 4, dtype=torch.int64)
    numbers.random_(-(2**63), None, generator=getattr(_here, "generator", None))
    draws = numbers.view(torch.int16)[: hidden.numel()].view(hidden.shape)  # -32,768 to 32,767, all alike likely
    kept = (draws >= dropped - _DRAWS // 2).to(hidden.dtype)
    return hidden * kept.mul_(_DRAWS / (_DRAWS - dropped))


class Dropout(nn.Module):
    """`dropout` in training, nothing in evaluation."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, hidden: Tensor) -> Tensor:
        return dropout(hidden, self.p) if self.training else hidden
