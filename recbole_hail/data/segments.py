"""The batches of S³-Rec (Zhou et al., CIKM 2020): masked elements and segments, then the next element."""

from typing import NamedTuple

import torch
from recbole.data.interaction import Interaction
from torch import Generator, Tensor

from recbole_hail.data.loader import WindowBatch, WindowLoader
from recbole_hail.data.windows import Spans, gather

CONTEXT = "segment_context"
SEGMENT = "segment"
SEGMENT_LENGTH = "segment_length"


class Segments(NamedTuple):
    """A stretch cut out of every sequence, and the sequences with the mask token in its place."""

    contexts: Tensor  # [B, L]
    segments: Tensor  # [B, K], left-aligned and padded with 0
    lengths: Tensor  # [B]


def cut_segments(sequences: Tensor, lengths: Tensor, *, mask_token: int, rng: Generator) -> Segments:
    """One stretch of each sequence, of at most half its length, drawn evenly in length and place.

    Args:
        sequences: [B, L], padded with 0 on the right.
        lengths: [B], each at least 1.
        rng: makes the draw repeatable.
    """
    draw = torch.rand(2, len(lengths), generator=rng)
    longest = (lengths // 2).clamp(min=1)
    size = 1 + (draw[0] * longest).long().clamp(max=longest - 1)
    start = (draw[1] * (lengths - size + 1)).long().minimum(lengths - size)
    column = torch.arange(sequences.shape[1])
    inside = (column >= start[:, None]) & (column < (start + size)[:, None])
    row_start = torch.arange(len(lengths)) * sequences.shape[1] + start
    segments = gather(sequences.flatten(), Spans(row_start, row_start + size))
    return Segments(sequences.masked_fill(inside, mask_token), segments, size)


class SegmentLoader(WindowLoader):
    """A `WindowLoader` of next elements whose batches, while pre-training, ask for masked elements and segments.

    A batch of pre-training also holds `segment_context` [B, L], `segment` [B, K] and `segment_length` [B]. The windows
    are the same in both stages; they are one element longer than the network's input, so pre-training leaves the
    oldest of a full window out, which the window before holds as well.
    """

    pretraining = False

    def set_pretraining(self, pretraining: bool) -> None:
        self.pretraining = pretraining

    def _interaction(self, spans: Spans, rng: Generator) -> WindowBatch:
        if not self.pretraining:
            return super()._interaction(spans, rng)
        spans = Spans(spans.start.maximum(spans.end - self.config["MAX_ITEM_LIST_LENGTH"]), spans.end)
        sequences = gather(self._dataset.elements, spans)
        masked = self._masked(sequences, spans.length, rng)
        cut = cut_segments(sequences, spans.length, mask_token=self.mask_token, rng=rng)
        made = self._as_interaction(masked, spans.length)
        made.update(Interaction({CONTEXT: cut.contexts, SEGMENT: cut.segments, SEGMENT_LENGTH: cut.lengths}))
        return made
