"""Dropout whose draws cost a CPU little."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

_DRAWS = 2**16  # an element is dropped by a draw of 16 bits
_here = threading.local()


@contextmanager
def drawing_from(rng: Generator | None) -> Iterator[None]:
    """Draws of `dropout` on this thread come from `rng`, on the CPU; None is torch's own."""
    before, _here.rng = getattr(_here, "rng", None), rng
    try:
        yield
    finally:
        _here.rng = before


class Draws(NamedTuple):
    """Which elements are dropped: those with a number below `dropped_below`. The others are scaled by `kept_scale`."""

    numbers: Tensor  # int16, all of them alike likely, of the elements' shape
    dropped_below: int
    kept_scale: float

    @classmethod
    def of(cls, shape: Sequence[int], p: float) -> "Draws":
        """One 64-bit number serves four elements; `p` is rounded to a multiple of 1 / 65,536, and must stay below 1."""
        count, dropped = torch.Size(shape).numel(), round(p * _DRAWS)
        numbers = torch.empty((count + 3) // 4, dtype=torch.int64, device="cpu")
        numbers.random_(-(2**63), None, generator=getattr(_here, "rng", None))
        kept_scale = _DRAWS / (_DRAWS - dropped)
        return cls(numbers.view(torch.int16)[:count].view(shape), dropped - _DRAWS // 2, kept_scale)


def in_c(draws: Draws | None) -> tuple[Tensor | None, int, float]:
    """What the C code is told of the draws."""
    return (None, 0, 1.0) if draws is None else tuple(draws)


def drops_some(p: float) -> bool:
    """Whether `Draws` drop some elements and not all."""
    return 0 < round(p * _DRAWS) < _DRAWS


def dropout(hidden: Tensor, p: float) -> Tensor:
    """Zeroes each element with probability `p` and scales the others so that the mean stays.

    torch's own dropout draws a double for every element on a CPU, which took a tenth of a training step.
    """
    if round(p * _DRAWS) == 0:
        return hidden
    if hidden.device.type != "cpu" or not drops_some(p):
        return F.dropout(hidden, p)
    draws = Draws.of(hidden.shape, p)
    return hidden * (draws.numbers >= draws.dropped_below).to(hidden.dtype).mul_(draws.kept_scale)


class Dropout(nn.Module):
    """`dropout` in training, nothing in evaluation."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, hidden: Tensor) -> Tensor:
        return dropout(hidden, self.p) if self.training else hidden
