"""Periods of a dataset's events, and which elements each generator met in each period of the training part."""

from typing import NamedTuple

import torch
from recbole.data.interaction import Interaction
from torch import Generator, Tensor

from recbole_hail.data.dataset import CONTEXT_END
from recbole_hail.data.loader import WindowBatch, WindowLoader
from recbole_hail.data.windows import Spans
from recbole_hail.errors import DataError

WAYS = ("position", "time")


class Periods(NamedTuple):
    """N periods; a hyperedge is a generator in a period, hyperedges are numbered by period, then generator."""

    period: Tensor  # [events], 0 to N - 1, and N for events that training does not see
    hyperedge_before: Tensor  # [events], 1 + the generator's last hyperedge before the event's period; 0 if none
    element: Tensor  # [K], and
    hyperedge: Tensor  # [K]: the elements of the hyperedges, each pair once
    period_of_hyperedge: Tensor  # [hyperedges]


def cut_periods(dataset, *, periods: int, by: str) -> Periods:
    """The periods of the training part `dataset` of a `HAILDataset`.

    Args:
        by: "position" cuts each generator's training sequence into `periods` equal shares of its length; "time" cuts
            the time from the first to the last training event.

    Raises:
        DataError: more periods than the longest sequence has events or, by time, than there are different times; or
            times that are not times.
    """
    stretches = dataset.sequences
    owner = torch.arange(len(stretches.start)).repeat_interleave(stretches.length)
    rank = torch.arange(len(owner)) - (stretches.length.cumsum(0) - stretches.length)[owner]
    trained = stretches.start[owner] + rank  # [training events], indices into all events
    if by == "position":
        of_trained = _by_position(rank, stretches.length[owner], periods)
    else:
        of_trained = _by_time(dataset.times[trained].double(), rank, periods, dataset)
    period = torch.full((len(dataset.elements),), periods)
    period[trained] = of_trained
    # A hyperedge by period, then generator; and by generator, then period, to find the one before an event.
    keys, hyperedge = (of_trained * dataset.user_num + dataset.generators[trained]).unique(return_inverse=True)
    in_order, number = (keys % dataset.user_num * (periods + 1) + keys // dataset.user_num).sort()
    asked = dataset.generators * (periods + 1) + period
    place = torch.searchsorted(in_order, asked) - 1  # the last hyperedge before, of whichever generator
    own = (place >= 0) & (in_order[place] // (periods + 1) == dataset.generators)
    pairs = (hyperedge * dataset.item_num + dataset.elements[trained]).unique()
    return Periods(
        period,
        torch.where(own, number[place] + 1, 0),
        pairs % dataset.item_num,
        pairs // dataset.item_num,
        keys // dataset.user_num,
    )


def _by_position(rank: Tensor, length: Tensor, periods: int) -> Tensor:
    longest = int(length.max())
    if periods > longest:
        raise DataError(f"periods: {periods} is more than the {longest} events of the longest training sequence")
    return torch.div(rank * periods, length, rounding_mode="floor")


def _by_time(times: Tensor, rank: Tensor, periods: int, dataset) -> Tensor:
    first = times[rank == 0].repeat_interleave(torch.bincount((rank == 0).cumsum(0) - 1))
    if torch.equal(times - first, rank.double()):
        raise DataError(
            f"period_by: {dataset.time_field} of {dataset.dataset_name} only counts the events of each generator and "
            "tells no time; use period_by: position"
        )
    different = len(times.unique())
    if periods > different:
        raise DataError(f"periods: {periods} is more than the {different} different times of the training events")
    if different == 1:
        return torch.zeros_like(times, dtype=torch.long)
    share = (times - times.min()) / (times.max() - times.min())
    return (share * periods).long().clamp(max=periods - 1)


class PlacedWindowLoader(WindowLoader):
    """Says of each window too where among the dataset's events its last target stands, in the field `context_end`."""

    def _interaction(self, spans: Spans, rng: Generator) -> WindowBatch:
        batch = super()._interaction(spans, rng)
        batch.update(Interaction({CONTEXT_END: spans.end - 1}))
        return batch
