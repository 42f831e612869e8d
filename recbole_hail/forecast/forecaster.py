"""What comes after whole histories, by one checkpoint, in rows for people."""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np

from recbole_hail.data.days import days_of
from recbole_hail.data.words import words_of
from recbole_hail.errors import DataError, SettingsError
from recbole_hail.forecast.calibration import Calibration, calibration_of
from recbole_hail.forecast.inputs import is_list, is_whole, listed
from recbole_hail.forecast.likeliest import Likeliest, chances_of, find_likeliest
from recbole_hail.forecast.loading import ForecastModel, load_forecast_model
from recbole_hail.forecast.predictions import Forecast, GroupChance, Prediction
from recbole_hail.forecast.scoring import NOBODY, peers

Newer = Mapping[str, Sequence[str]]
SHOWN = 10  # elements of a forecast, where it is not said and there are as many


class _Query(NamedTuple):
    name: str
    number: int
    history: np.ndarray
    skipped: tuple[str, ...]


def _to_score(asked: list[_Query]) -> tuple[list[np.ndarray], np.ndarray, list[int | None]]:
    """Histories and generators of those that have any history, and for each of `asked` which of them it is."""
    scored = [one for one in asked if len(one.history)]
    numbers, rows = np.array([one.number for one in scored], dtype=np.int64), iter(range(len(scored)))
    return [one.history for one in scored], numbers, [next(rows) if len(one.history) else None for one in asked]


class Forecaster:
    """Forecasts by one checkpoint; `Forecaster.load(checkpoint)` makes one.

    Attributes:
        elements, generators: what tokens mean, and how to find them.
        peers: the names of the peers; [] for a model without.
    """

    def __init__(self, trained: ForecastModel):
        self.trained = trained
        self.elements = words_of(trained.config, trained.train, "element")
        self.generators = words_of(trained.config, trained.train, "generator")
        self.peers = peers(trained)
        self._events, self._start = trained.histories()

    @classmethod
    def load(
        cls, checkpoint: str | os.PathLike, *, data_path: str | None = None, progress: bool = False
    ) -> "Forecaster":
        """Opens a checkpoint and the dataset that it was trained on; else as `load_forecast_model`."""
        return cls(load_forecast_model(checkpoint, data_path=data_path, progress=progress))

    @cached_property
    def calibration(self) -> Calibration:
        """Fitted on first use, or read from beside the checkpoint."""
        return calibration_of(self.trained)

    @cached_property
    def days(self) -> tuple[str, str] | None:
        """The first and the last day of the dataset's events, where it says; newer events are not counted."""
        return days_of(self.trained.config)

    def predict(self, sequences: Sequence[str] | Sequence[Sequence[str]], k: int | None = None) -> list:
        """The k most likely elements after each sequence.

        Args:
            sequences: one sequence of elements, oldest first, or several; an element is its token, what it is called,
                or its first words where these are one's alone. Lists, arrays and columns will do.
            k: at most the number of elements; None for ten, or all where there are fewer.

        Returns:
            k of `Prediction`, most likely first; for several sequences a list of such lists.

        Raises:
            DataError: an element is unknown, with the closest names; or a sequence is empty, or text.
            SettingsError: k is out of range.
            CheckpointError: the model knows generators alone.
        """
        sequences = listed("sequence", sequences)
        one = not sequences or not is_list(sequences[0])
        histories = self._numbers([sequences] if one else sequences)
        answers = self._answers(histories, np.full(len(histories), NOBODY), k)
        found = [self._predictions(answers, row) for row in range(len(histories))]
        return found[0] if one else found

    def forecast(
        self, generators: Iterable[str] | None = None, *, newer: Newer | None = None, k: int | None = None
    ) -> list[Forecast]:
        """What comes after the whole history of generators: training, validation and test events, then newer ones.

        Args:
            generators: tokens or what they are called; None for all that are known and all of `newer`.
            newer: elements of each generator, oldest first; a generator that the model has not met is scored from
                these alone. Unknown elements are skipped, see `Forecast`. What two names for one generator have is put
                together in the order of the names.
            k: how many predictions of each; None for ten, or all where there are fewer.

        Raises:
            DataError: a generator is unknown and has no newer events, with the closest names; or text is given
                where a list is meant.
            SettingsError: k is out of range.
            CheckpointError: the model cannot score a generator that it has not met.
        """
        asked = self._asked(generators, newer)
        histories, numbers, rows = _to_score(asked)
        answers = self._answers(histories, numbers, k)
        return [self._forecast(one, answers, row) for one, row in zip(asked, rows, strict=True)]

    def chances(
        self, elements: Sequence[int], generators: Iterable[str] | None = None, *, newer: Newer | None = None
    ) -> dict[str, float]:
        """The probability that the next element is one of these numbers, by generator; otherwise as `forecast`."""
        found = self.of_group(elements, generators, newer=newer)
        return {one.generator: one.probability for one in found if one.probability is not None}

    def of_group(
        self, elements: Sequence[int], generators: Iterable[str] | None = None, *, newer: Newer | None = None
    ) -> list[GroupChance]:
        """How likely the next element is one of these numbers, highest chance first; otherwise as `forecast`."""
        most = len(self.elements.tokens) - 1
        elements = list(dict.fromkeys(listed("element", elements)))
        if unknown := [element for element in elements if not (is_whole(element) and 1 <= element <= most)]:
            raise DataError(f"element: the model has the numbers 1 to {most}, and no {unknown[0]!r}")
        asked = self._asked(generators, newer)
        histories, numbers, rows = _to_score(asked)
        chances = chances_of(self.trained, histories, numbers, elements, self.calibration.temperature).tolist()
        pairs = zip(asked, rows, strict=True)
        found = [self._of_group(one, elements, None if row is None else chances[row]) for one, row in pairs]
        return sorted(found, key=lambda one: -1 if one.probability is None else one.probability, reverse=True)

    def name_of(self, element: int) -> str:
        """Slot and words of an element number."""
        return f"{self.elements.slots[element]} {self.elements.names[element]}".strip()

    def _numbers(self, sequences: list) -> list[np.ndarray]:
        sequences = [list(map(str, listed("sequence", sequence))) for sequence in sequences]
        if not all(sequences):
            raise DataError("sequence: there is nothing to predict from; give at least one element")
        number_of = {name: self.elements.find(name) for name in dict.fromkeys(chain.from_iterable(sequences))}
        return [np.array([number_of[name] for name in sequence]) for sequence in sequences]

    def _asked(self, generators: Iterable[str] | None, newer: Newer | None) -> list[_Query]:
        found: dict[str, list[str]] = {}
        if newer is not None and not hasattr(newer, "items"):
            raise DataError(f"newer: {newer!r} does not say whose events they are; give {{generator: elements}}")
        for name, elements in ({} if newer is None else newer).items():
            given = map(str, listed(f"newer events of {name}", elements))
            found.setdefault(self.generators.token(str(name)), []).extend(given)
        if generators is None:
            names = list(dict.fromkeys([*self.generators.tokens[1:], *found]))
        else:
            names = [self.generators.token(str(name)) for name in listed("generator", generators)]
            names = [name if name in found else self.generators.tokens[self.generators.find(name)] for name in names]
        return [self._with_history(name, found.get(name, [])) for name in names]

    def _with_history(self, name: str, newer: Sequence[str]) -> _Query:
        number = self.generators.number(name) or NOBODY
        own = self._events[self._start[number] : self._start[number + 1]] if number else self._events[:0]
        found = [self.elements.number(element) for element in newer]
        known = np.array([element for element in found if element is not None], dtype=np.int64)
        skipped = tuple(element for element, number_of in zip(newer, found, strict=True) if number_of is None)
        return _Query(name, number, np.concatenate([own, known]), skipped)

    def _answers(self, histories: list[np.ndarray], generators: np.ndarray, k: int | None) -> Likeliest:
        most = len(self.elements.tokens) - 1
        k = min(SHOWN, most) if k is None else k
        if not is_whole(k) or not 1 <= k <= most:
            raise SettingsError([f"k (--topk): {k} must lie between 1 and the model's {most} elements"])
        return find_likeliest(self.trained, histories, generators, k=k, temperature=self.calibration.temperature)

    def _predictions(self, answers: Likeliest, row: int) -> list[Prediction]:
        elements = self.elements
        columns = (answers.elements, answers.probability, answers.times_before, answers.of_peers)
        return [
            Prediction(
                elements.tokens[number], elements.names[number], elements.slots[number], share, before, tuple(of_peers)
            )
            for number, share, before, of_peers in zip(*(column[row].tolist() for column in columns), strict=True)
        ]

    def _forecast(self, asked: _Query, answers: Likeliest, row: int | None) -> Forecast:
        predictions, divergence, first = [], None, ()
        if row is not None:
            predictions = self._predictions(answers, row)
            if self.peers:
                divergence, first = float(answers.divergence[row]), tuple(map(self.name_of, answers.first[row]))
        said = asked.name, self._words(asked), len(asked.history), predictions, divergence, first, asked.skipped
        return Forecast(*said, bool(asked.number), self.generators.values(asked.number))

    def _of_group(self, asked: _Query, elements: list[int], chance: float | None) -> GroupChance:
        before = int(np.isin(asked.history, elements).sum())
        said = asked.name, self._words(asked), chance, before, len(asked.history), asked.skipped
        return GroupChance(*said, bool(asked.number), self.generators.values(asked.number))

    def _words(self, asked: _Query) -> str:
        return self.generators.described(asked.number) if asked.number else "not in the training data"
