"""What there is of a dataset: how many events whose generators have, and which elements are frequent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recbole_hail.data.words import words_of

MOST_FREQUENT = 5
# Generators are sorted into these by their number of events: from one of them up to the next.
LENGTHS = (1, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class DataSummary:
    """Counts of the whole dataset, its validation and test elements included."""

    generators: int
    elements: int
    events: int
    shortest: int
    median: float
    mean: float
    longest: int
    by_length: list[tuple[str, int]]  # how many generators have so many events
    frequent: list[tuple[str, float]]  # elements and their share of the events


def summarise(dataset, names: Sequence[str]) -> DataSummary:
    """The summary of a `HAILDataset`, of which any part will do: each knows the events of all.

    `names` are what the elements are called, by number.
    """
    lengths = np.bincount(dataset.generators.numpy(), minlength=dataset.user_num)[1:]
    lengths = lengths[lengths > 0]
    counts = np.bincount(dataset.elements.numpy(), minlength=dataset.item_num)
    most = np.argsort(-counts, kind="stable")[:MOST_FREQUENT]
    names_of_lengths, kind = by_length(lengths)
    return DataSummary(
        generators=len(lengths),
        elements=dataset.item_num - 1,
        events=int(counts.sum()),
        shortest=int(lengths.min()),
        median=float(np.median(lengths)),
        mean=float(lengths.mean()),
        longest=int(lengths.max()),
        by_length=list(zip(names_of_lengths, np.bincount(kind, minlength=len(LENGTHS)).tolist(), strict=True)),
        frequent=[(names[number], float(counts[number] / counts.sum())) for number in most],
    )


def element_names(config, dataset) -> list[str]:
    """Slot and name of each, by number."""
    words = words_of(config, dataset, "element")
    return [", ".join(filter(None, pair)) for pair in zip(words.slots, words.names, strict=True)]


def by_length(lengths: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Names of the classes of `LENGTHS`, and which of them each of `lengths` [N] is in."""
    lasts = [f"–{end - 1:,}" for end in LENGTHS[1:]]
    names = [f"{start:,}{last}" for start, last in zip(LENGTHS, [*lasts, " and more"], strict=True)]
    return names, np.searchsorted(LENGTHS, lengths, side="right") - 1
