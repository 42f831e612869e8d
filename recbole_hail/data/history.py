"""Every generator's whole sequence of events, beside RecBole's rows that hold the newest part of it at most."""

from dataclasses import dataclass
from functools import cached_property

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


def attach_history(parts: list) -> None:
    """Gives each part of a split the `history` of all, each row the column `events_before`.

    Within each generator the parts follow one another in time. A sequential dataset has no row for a generator's
    first event, which has no history; it stands in the history of the second.
    """
    train = parts[0]
    generators, elements = (
        torch.cat([part.inter_feat[field] for part in parts]).numpy() for field in (train.uid_field, train.iid_field)
    )
    order = stable_order(generators)
    starts = run_starts(generators[order])
    rows = np.diff(starts, append=len(order))  # of each generator that has any
    before = _places_in_runs(order, starts, rows)
    sequences, counted = elements[order], np.ones(len(order), dtype=bool)
    first_elements = elements[:0]
    if _is_sequential(train):
        first_elements = _first_elements(parts, order[starts])
        sequences = np.insert(sequences, starts, first_elements)
        before += 1
        if not leaves_one_out(train.config):  # whoever begins after the time of a split is in no training
            first_elements = first_elements[order[starts] < len(train)]
    else:  # a sequential dataset knows nothing of generators with a single event
        counted[order] = (rows > 1).repeat(rows)
    of_part = torch.from_numpy(before).split([len(part) for part in parts])
    asked = [asked_about(part, events) & (part is not train) for part, events in zip(parts, of_part, strict=True)]
    counted &= ~torch.cat(asked).numpy()
    events = np.zeros(train.user_num, dtype=np.int64)
    events[generators[order[starts]]] = rows + _is_sequential(train)
    counts = (np.bincount(of, minlength=train.item_num) for of in (first_elements, elements[counted]))
    history = History(*map(torch.from_numpy, (sequences, events.cumsum() - events, sum(counts))))
    for part, events_before in zip(parts, of_part, strict=True):
        part.history = history
        part.inter_feat.update(Interaction({EVENTS_BEFORE: events_before}))


def _places_in_runs(order: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """For each row which of its run it is, from 0; `order` has the rows run by run."""
    places = np.arange(len(order))
    places -= starts.repeat(sizes)
    of_row = np.empty_like(order)
    of_row[order] = places
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
