"""Every generator's whole sequence of events, beside RecBole's rows that hold the newest part of it at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from recbole.data.interaction import Interaction
from torch import Tensor

from recbole_hail.data.dataset import CONTEXT_START
from recbole_hail.data.ordering import run_starts, stable_order
from recbole_hail.settings import leaves_one_out

EVENTS_BEFORE = "events_before"


@dataclass(frozen=True, eq=False)
class History:
    """All events of a dataset, ordered by generator, then time."""

    elements: Tensor  # [events]
    start: Tensor  # [user_num], where each generator's events begin
    popularity: Tensor  # [item_num], events of what sequential models train on

    def repeats(self, generators: Tensor, targets: Tensor, events_before: Tensor) -> Tensor:
        """Whether the target is among the generator's events before it, bool [N]."""
        pairs, first_event = self._pairs
        asked = generators.numpy() * len(self.popularity) + targets.numpy()
        place = np.searchsorted(pairs, asked).clip(max=len(pairs) - 1)
        before = first_event[place] < (self.start[generators] + events_before).numpy()
        return torch.from_numpy((pairs[place] == asked) & before)

    def distinct(self, generators: Tensor) -> list[np.ndarray]:
        """The elements of each generator's whole sequence, each once, ascending: [N] arrays."""
        size = len(self.popularity)
        pairs, _ = self._pairs
        elements, cuts = pairs % size, np.searchsorted(pairs, np.arange(len(self.start) + 1) * size).tolist()
        return [elements[cuts[g] : cuts[g + 1]] for g in generators.tolist()]

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Every (generator, element) that there is, as one number, ascending, and the first event of each."""
        events = np.diff(self.start.numpy(), append=len(self.elements))
        pairs = (np.arange(len(events)) * len(self.popularity)).repeat(events)
        pairs += self.elements.numpy()
        order = stable_order(pairs)
        first = order[run_starts(pairs[order])]
        return pairs[first], first


class _Rows(NamedTuple):
    """The rows of all parts, one part after the other, and the same generator by generator."""

    generators: np.ndarray  # [rows]
    elements: np.ndarray  # [rows]
    order: np.ndarray  # [rows], which row comes when, generator by generator
    starts: np.ndarray  # [runs], where in that order a generator's rows begin
    sizes: np.ndarray  # [runs], how many it has


def attach_history(parts: list) -> None:
    """Gives each part of a split the `history` of all, each row the column `events_before`.

    Within each generator the parts follow one another in time. A sequential dataset has no row for a generator's
    first event, which has no history; it stands in the history of the second.
    """
    train, rows = parts[0], _rows_of(parts)
    openings = _first_elements(parts, rows.order[rows.starts]) if _is_sequential(train) else None
    places = _places_in_runs(rows)
    places += openings is not None
    before = torch.from_numpy(places).split([len(part) for part in parts])
    elements, start = _sequences(rows, openings, train.user_num)
    history = History(*map(torch.from_numpy, (elements, start, _popularity(parts, rows, openings, before))))
    for part, events_before in zip(parts, before, strict=True):
        part.history = history
        part.inter_feat.update(Interaction({EVENTS_BEFORE: events_before}))


def _rows_of(parts: list) -> _Rows:
    generators, elements = (
        torch.cat([part.inter_feat[field] for part in parts]).numpy()
        for field in (parts[0].uid_field, parts[0].iid_field)
    )
    order = stable_order(generators)
    starts = run_starts(generators[order])
    return _Rows(generators, elements, order, starts, np.diff(starts, append=len(order)))


def _sequences(rows: _Rows, openings: np.ndarray | None, user_num: int) -> tuple[np.ndarray, np.ndarray]:
    """`elements` and `start` of a `History`.

    Args:
        openings: [runs], what each generator's sequence begins with, where there is no row for it.
    """
    elements, events = rows.elements[rows.order], np.zeros(user_num, dtype=np.int64)
    events[rows.generators[rows.order[rows.starts]]] = rows.sizes + (openings is not None)
    if openings is not None:
        elements = np.insert(elements, rows.starts, openings)
    return elements, events.cumsum() - events


def _popularity(parts: list, rows: _Rows, openings: np.ndarray | None, before: Sequence[Tensor]) -> np.ndarray:
    """How many events of each element sequential models train on, whatever the model: [item_num]."""
    train = parts[0]
    asked = [asked_about(part, events) & (part is not train) for part, events in zip(parts, before, strict=True)]
    counted = ~torch.cat(asked).numpy()
    if openings is None:  # a sequential dataset knows nothing of generators with a single event
        openings = rows.elements[:0]
        counted[rows.order] &= (rows.sizes > 1).repeat(rows.sizes)
    elif not leaves_one_out(train.config):  # whoever begins after the time of a split is in no training
        openings = openings[rows.order[rows.starts] < len(train)]
    return sum(np.bincount(of, minlength=train.item_num) for of in (openings, rows.elements[counted]))


def _places_in_runs(rows: _Rows) -> np.ndarray:
    """For each row which of its generator's it is, from 0."""
    places = np.arange(len(rows.order))
    places -= rows.starts.repeat(rows.sizes)
    of_row = np.empty_like(rows.order)
    of_row[rows.order] = places
    return of_row


def _is_sequential(part) -> bool:
    return hasattr(part, "item_list_length_field")


def asked_about(part, events_before: Tensor) -> Tensor:
    """Which rows of a validation or test part ask something, bool [rows]: the same of every model.

    RecBole's leave-one-out asks models that are not sequential about second events too, which sequential models see
    in training.
    """
    return torch.ones_like(events_before, dtype=torch.bool) if _is_sequential(part) else events_before > 1


def _first_elements(parts: list, rows: np.ndarray) -> np.ndarray:
    """The element before each of `rows`, which are numbered through the parts: the first rows of their generators."""
    found, start = np.empty(len(rows), dtype=np.int64), 0
    for part in parts:
        here = (rows >= start) & (rows < start + len(part))
        found[here] = _oldest_elements(part, torch.from_numpy(rows[here] - start))
        start += len(part)
    return found


def _oldest_elements(part, rows: Tensor) -> Tensor:
    if hasattr(part, "elements"):  # a HAILDataset; a file of any model's may have a column of the same name
        return part.elements[part.inter_feat[CONTEXT_START][rows]]
    return part.inter_feat[part.item_id_list_field][rows, 0]
