"""Every generator's whole sequence of events, beside RecBole's rows that hold the newest part of it at most."""

from typing import NamedTuple

import numpy as np
import torch
from recbole.data.interaction import Interaction
from torch import Tensor

EVENTS_BEFORE = "events_before"


class History(NamedTuple):
    """All events of a dataset, ordered by generator, then time."""

    generators: Tensor  # [events]
    elements: Tensor  # [events]
    start: Tensor  # [user_num], where each generator's events begin
    popularity: Tensor  # [item_num], events of what sequential models train on

    def repeats(self, generators: Tensor, targets: Tensor, events_before: Tensor) -> Tensor:
        """Whether the target is among the generator's events before it, bool [N]."""
        size = len(self.popularity)
        pairs, event = (self.generators * size + self.elements).sort(stable=True)
        asked = generators * size + targets
        place = torch.searchsorted(pairs, asked).clamp(max=len(pairs) - 1)  # the pair's first event
        return (pairs[place] == asked) & (event[place] < self.start[generators] + events_before)


def attach_history(parts: list) -> None:
    """Gives each part of a split the `history` of all, each row the column `events_before`.

    Within each generator the parts follow one another in time. A sequential dataset has no row for a generator's
    first event, which has no history; it stands in the history of the second.
    """
    train = parts[0]
    generator_field, element_field = train.uid_field, train.iid_field
    generators = torch.cat([part.inter_feat[generator_field] for part in parts])
    elements = torch.cat([part.inter_feat[element_field] for part in parts])
    first_generators, first_elements = _first_events(parts, generators)
    order = torch.cat([first_generators, generators]).argsort(stable=True)
    all_generators = torch.cat([first_generators, generators])[order]
    start = torch.searchsorted(all_generators, torch.arange(train.user_num))
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order)) - start[all_generators]
    of_part = rank[len(first_generators) :].split([len(part) for part in parts])
    asked = [asked_about(part, before) & (part is not train) for part, before in zip(parts, of_part, strict=True)]
    # A sequential dataset knows nothing of generators with a single event.
    several = torch.bincount(all_generators, minlength=train.user_num)[generators] > 1
    counted = torch.cat([first_elements, elements[several & ~torch.cat(asked)]])
    history = History(
        all_generators,
        torch.cat([first_elements, elements])[order],
        start,
        torch.bincount(counted, minlength=train.item_num),
    )
    for part, events_before in zip(parts, of_part, strict=True):
        part.history = history
        part.inter_feat.update(Interaction({EVENTS_BEFORE: events_before}))


def asked_about(part, events_before: Tensor) -> Tensor:
    """Which rows of a validation or test part ask something, bool [rows]: the same of every model.

    RecBole's leave-one-out asks models that are not sequential about second events too, which sequential models see
    in training.
    """
    sequential = hasattr(part, "item_list_length_field")
    return torch.ones_like(events_before, dtype=torch.bool) if sequential else events_before > 1


def _first_events(parts: list, generators: Tensor) -> tuple[Tensor, Tensor]:
    """Generators and elements of the events that a sequential dataset has no row for: the history of first rows."""
    none = torch.zeros(0, dtype=torch.long)
    found = [(none, none)]
    if hasattr(parts[0], "item_list_length_field"):
        first_rows = np.unique(generators.numpy(), return_index=True)[1]
        start = 0
        for part in parts:
            of_part = first_rows[(first_rows >= start) & (first_rows < start + len(part))] - start
            if len(of_part):
                rows = part[of_part]
                found.append((rows[part.uid_field], rows[part.item_id_list_field][:, 0]))
            start += len(part)
    return tuple(map(torch.cat, zip(*found, strict=True)))
