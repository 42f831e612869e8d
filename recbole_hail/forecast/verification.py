"""Did the forecasts come true? A model and two counts are asked for newer events, each from all that came before it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recbole_hail.data.days import days_of_times
from recbole_hail.errors import DataError
from recbole_hail.evaluation import rules
from recbole_hail.evaluation.metrics import Ranks, by_question
from recbole_hail.evaluation.ranking import Scored, chosen_view, ranks_of
from recbole_hail.forecast.forecaster import Forecaster
from recbole_hail.forecast.history_times import Event
from recbole_hail.forecast.inputs import listed
from recbole_hail.forecast.loading import ForecastModel
from recbole_hail.forecast.scoring import batches, logits

COUNTS = ("GeneratorFrequency", "Pop")
GUESSING = "guessing"
METRICS = ("hit@1", "hit@5", "hit@10", "mrr")
_MEASURED = {"metrics": ["Hit", "MRR"], "topk": [1, 5, 10], "metric_decimal_place": 4}  # the last is RecBole's to read


@dataclass(frozen=True, eq=False)
class Verification:
    """Where each of N newer events came among all V elements that the model knows, in the order of the events.

    An element that it does not know comes after all of them and is a miss in every metric.

    Attributes:
        generators, elements: [N], tokens.
        place: [N], which of its generator's newer events each is, from 0.
        known: bool [N], whether the model knows the element.
        ranks: by what was asked: the model, those of `COUNTS` that it is not itself, `GUESSING`; [N] in each.
        chance: [N], the calibrated probability of the model's first answer.
        left_out: how many events there are of each generator that is not in the training data.
        days: the first and the last of the events', as ISO dates, where times say so.
    """

    generators: list[str]
    elements: list[str]
    place: np.ndarray
    known: np.ndarray
    ranks: dict[str, Ranks]
    chance: np.ndarray
    left_out: Counter
    days: tuple[str, str] | None

    @property
    def model(self) -> str:
        """Its name."""
        return next(iter(self.ranks))

    @property
    def counts(self) -> list[str]:
        """Those that stand beside the model."""
        return [name for name in self.ranks if name not in (self.model, GUESSING)]

    @property
    def unknown(self) -> Counter:
        """How often each element came that the model does not know."""
        return Counter(element for element, known in zip(self.elements, self.known, strict=True) if not known)

    def values(self) -> dict[str, dict[str, np.ndarray]]:
        """Each of `METRICS` by what was asked, [N]; those who are tied share what their places give."""
        of = {name: by_question(ranks, _MEASURED) for name, ranks in self.ranks.items()}
        return {name: {metric: of[name][metric] * self.known for metric in METRICS} for name in of}


class _Questions(NamedTuple):
    rows: list[int]  # which of the events are asked
    numbers: np.ndarray  # [N], of the generators
    targets: np.ndarray  # [N], 0 where the model knows no such element
    place: np.ndarray  # [N]
    histories: list[np.ndarray]  # all before the event, oldest first


def verify(forecaster: Forecaster, events: Iterable[Event] | Mapping[str, Sequence[str]]) -> Verification:
    """Asks for each event of a generator of the training data what it was, from its generator's history before it.

    That is all that the dataset has, then the newer events before this one whose elements the model knows. Each answer
    ranks all V elements. `GeneratorFrequency` counts the same history, and `Pop` the whole dataset, which breaks the
    other's ties; guessing finds all elements alike.

    Args:
        events: newer than all of the dataset, as `read_events` gives them; or elements of each generator, oldest first.

    Returns:
        Ranks and chances of N events, each [N].

    Raises:
        DataError: no event is of a generator in the training data.
    """
    rows, times = _listed(events)
    asked, left_out = _questions(forecaster, rows)
    if not asked.rows:
        raise DataError(
            f"history: none of its {len(rows):,} events is of a generator in the training data, so no forecast can be "
            "verified; convert it with the command and options that made the dataset"
        )
    ranks, chance = _answered(forecaster.trained, asked, forecaster.calibration.temperature)
    of_events = [[column[row] for row in asked.rows] for column in times]
    return Verification(
        [forecaster.generators.tokens[number] for number in asked.numbers],
        [rows[row][1] for row in asked.rows],
        asked.place,
        asked.targets > 0,
        {name: Ranks(*found.T) for name, found in ranks.items()},
        chance,
        left_out,
        next(filter(None, map(days_of_times, of_events)), None),
    )


def _listed(events) -> tuple[list[tuple[str, str]], list[list[str]]]:
    """Generator and element of each event, and what may say its day."""
    if hasattr(events, "items"):
        lists = ((str(name), listed(f"newer events of {name}", elements)) for name, elements in events.items())
        return [*chain.from_iterable(zip(repeat(name), map(str, elements)) for name, elements in lists)], []
    events = list(events)
    times = [[event.time for event in events], [event.timestamp for event in events]]
    return [(event.generator, event.element) for event in events], times


def _questions(forecaster: Forecaster, rows: list[tuple[str, str]]) -> tuple[_Questions, Counter]:
    """What is asked, and the events of generators that cannot be asked about."""
    events, start = forecaster.trained.histories()
    number_of = {name: forecaster.generators.number(name) or 0 for name in {name for name, _ in rows}}
    target_of = {name: forecaster.elements.number(name) or 0 for name in {name for _, name in rows}}
    newer: dict[int, list[int]] = {}  # elements of each generator
    found, left_out, places = [], Counter(), Counter()
    for row, (generator, element) in enumerate(rows):
        number, target = number_of[generator], target_of[element]
        if not number or start[number] == start[number + 1]:  # a .user file may name some without events
            left_out[generator] += 1
            continue
        before = newer.setdefault(number, [])
        found.append((row, number, target, places[number], len(before)))
        places[number] += 1
        if target:
            before.append(target)
    whole = {
        number: np.concatenate([events[start[number] : start[number + 1]], np.array(added, dtype=np.int64)])
        for number, added in newer.items()
    }
    asked, numbers, targets, place, before = np.array(found, dtype=np.int64).reshape(-1, 5).T
    ends = start[numbers + 1] - start[numbers] + before
    histories = [whole[number][:end] for number, end in zip(numbers.tolist(), ends.tolist(), strict=True)]
    return _Questions(asked.tolist(), numbers, targets, place, histories), left_out


def _answered(
    trained: ForecastModel, asked: _Questions, temperature: float
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """[N, 3] for each that is asked, as `ranks_of` gives them, and [N], the chance of the model's first answer."""
    model, columns = trained.config["model"], trained.train.item_num
    names = [model, *(name for name in COUNTS if name != model)]
    ranks = {name: np.zeros((len(asked.rows), 3), dtype=np.int64) for name in names}
    ranks[GUESSING] = np.tile([0, columns - 2, columns - 2], (len(asked.rows), 1))
    chance = np.zeros(len(asked.rows))
    popularity = _popularity(trained)
    for batch in batches(trained, asked.histories, asked.numbers):
        histories, targets = [asked.histories[row] for row in batch], torch.from_numpy(asked.targets[batch])
        scores = logits(trained, histories, asked.numbers[batch])[chosen_view(trained.model)]  # [B, n_items]
        chance[batch] = torch.softmax(scores / temperature, dim=1).amax(1).double().numpy()
        counts = rules.element_counts(_sequences(histories), columns)
        by_count = {
            "GeneratorFrequency": rules.smoothed_frequency(counts, popularity, 1),
            "Pop": np.tile(popularity, (len(batch), 1)),
        }
        for name in names:
            of_all = scores if name == model else torch.from_numpy(by_count[name])
            ranks[name][batch] = _ranks(batch, of_all, targets)
    for found in ranks.values():
        found[asked.targets == 0] = [columns - 1, 0, columns - 1]
    return ranks, chance


def _popularity(trained: ForecastModel) -> np.ndarray:
    """[n_items], of all events of the dataset."""
    events, start = trained.histories()
    return rules.popularity_share(rules.Sequences(events, np.diff(start)), trained.train.item_num)


def _sequences(histories: list[np.ndarray]) -> rules.Sequences:
    return rules.Sequences(np.concatenate(histories), np.array([len(history) for history in histories]))


def _ranks(batch: np.ndarray, scores: Tensor, targets: Tensor) -> Tensor:
    """[B, 3], of targets [B] among all elements by `scores` [B, n_items], whose padding is none of them."""
    elements = torch.arange(1, scores.shape[1]).expand(len(targets), -1)
    asked = torch.cat([targets[:, None], elements], dim=1)
    real = torch.cat([torch.ones(len(targets), 1, dtype=torch.bool), elements != targets[:, None]], dim=1)
    return ranks_of(Scored(batch, 0, asked, scores.gather(1, asked), real))
