"""Cutting sequences that are longer than the network's input into windows (paper section 5.1.1)."""

from typing import NamedTuple

import torch
from torch import Tensor


class Spans(NamedTuple):
    """Stretches [start, end) of the flat tensor that holds all sequences, one per sequence or window."""

    start: Tensor  # [N]
    end: Tensor  # [N]

    @property
    def length(self) -> Tensor:
        return self.end - self.start


def cut_windows(sequences: Spans, length: int) -> Spans:
    """Windows of at most `length` elements with stride `length // 2`, counted from the right end of each sequence.

    The newest elements always end a window, and the oldest window is moved right until it is full, so that no
    window of a long sequence is short.
    """
    stride = max(length // 2, 1)
    surplus = (sequences.length - length).clamp(min=0)
    windows = torch.div(surplus + stride - 1, stride, rounding_mode="floor") + 1  # per sequence
    sequence = torch.repeat_interleave(torch.arange(len(windows)), windows)
    first = torch.repeat_interleave(windows.cumsum(0) - windows, windows)
    from_right = torch.arange(len(sequence)) - first  # 0 for the newest window
    start = (sequences.end[sequence] - from_right * stride - length).maximum(sequences.start[sequence])
    end = (start + length).minimum(sequences.end[sequence])
    return Spans(start, end)


def gather(flat: Tensor, spans: Spans, width: int | None = None) -> Tensor:
    """The elements of each span, left-aligned and padded with 0: [N, width], by default as wide as the longest."""
    width = int(spans.length.max()) if width is None else width
    column = torch.arange(width)
    index = (spans.start[:, None] + column).clamp(max=len(flat) - 1)
    return flat[index].masked_fill(column >= spans.length[:, None], 0)
