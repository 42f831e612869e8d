"""Training batches for models that predict the run of elements after a history: sequences cut anew every epoch."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from recbole_hail.data.loader import WindowBatch, WindowLoader
from recbole_hail.data.masking import Targets
from recbole_hail.data.windows import Spans, gather


class Cuts(NamedTuple):
    """Histories and the elements that follow each; both are stretches of the flat tensor of all sequences."""

    histories: Spans
    following: Spans


def draw_shifts(lengths: Tensor, *, following: int, rng: Generator) -> Tensor:
    """For each sequence how far its newest cut moves left, [N]: less than `following`, and one element stays before."""
    return (torch.rand(len(lengths), generator=rng) * (lengths - 1).clamp(max=following)).long()


def cut_sequences(sequences: Spans, shifts: Tensor, *, history: int, following: int) -> Cuts:
    """Cut points `following` elements apart in every sequence, from before its newest element backwards.

    Nearly every element is so predicted once, at a distance from its cut that the shift changes. A sequence of n
    elements has ⌈(n - 1) / following⌉ cuts whatever its shift; one element alone has none.

    Args:
        shifts: [N], see `draw_shifts`.
        history: most elements before a cut; the newest are taken.
        following: most elements after a cut; fewer where the sequence ends.
    """
    lengths = sequences.length
    cuts = torch.div(lengths + following - 2, following, rounding_mode="floor")  # per sequence
    sequence = torch.repeat_interleave(torch.arange(len(cuts)), cuts)
    first = torch.repeat_interleave(cuts.cumsum(0) - cuts, cuts)
    from_right = torch.arange(len(sequence)) - first  # 0 for the newest cut
    before = (lengths[sequence] - 1 - shifts[sequence] - from_right * following).clamp(min=1)
    cut = sequences.start[sequence] + before
    return Cuts(
        Spans((cut - history).maximum(sequences.start[sequence]), cut),
        Spans(cut, (cut + following).minimum(sequences.end[sequence])),
    )


class CutLoader(WindowLoader):
    """`WindowLoader` whose rows are a history and `predicted_elements` placeholders (element 0) after it.

    `item_length` counts the placeholders. Where a sequence ends before the last placeholder, the rest of them is no
    target. Histories leave room for the placeholders in MAX_ITEM_LIST_LENGTH.
    """

    def __init__(self, config, dataset, sampler, shuffle=True):
        super().__init__(config, dataset, sampler, shuffle)
        self.placeholders = config["predicted_elements"]
        unshifted = torch.zeros_like(dataset.sequences.length)
        self._cut(unshifted)
        self.most = self.windows.length + self.placeholders  # [rows]

    def _cut(self, shifts: Tensor) -> None:
        history = self.config["MAX_ITEM_LIST_LENGTH"] - self.placeholders
        self.windows, self.following = cut_sequences(
            self._dataset.sequences, shifts, history=history, following=self.placeholders
        )

    def row_lengths(self) -> Tensor:
        """Unshifted, when rows are longest: every epoch then has the same number of steps, as schedules expect."""
        return self.most

    def _draw_rows(self, rng: Generator) -> None:
        self._cut(draw_shifts(self._dataset.sequences.length, following=self.placeholders, rng=rng))

    def _rows(self, batch: Tensor, rng: Generator) -> WindowBatch:
        histories = Spans(self.windows.start[batch], self.windows.end[batch])
        following = Spans(self.following.start[batch], self.following.end[batch])
        lengths = histories.length + self.placeholders
        sequences = gather(self._dataset.elements, histories, int(lengths.max()))  # [B, L]
        elements = gather(self._dataset.elements, following, self.placeholders)  # [B, p]
        row, place = (torch.arange(self.placeholders) < following.length[:, None]).nonzero(as_tuple=True)
        positions = row * sequences.shape[1] + histories.length[row] + place
        return self._as_interaction(Targets(sequences, positions, elements[row, place]), lengths)
