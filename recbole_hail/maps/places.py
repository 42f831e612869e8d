"""Which generators a map draws, with what it says of each, and which it cannot draw."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np

from recbole_hail.forecast.forecaster import Forecaster
from recbole_hail.forecast.history_file import by_generator
from recbole_hail.forecast.history_times import Event, newest_day
from recbole_hail.forecast.predictions import Forecast

_FIRST = 3  # names of what is not drawn


@dataclass(frozen=True)
class Place:
    """A generator at its coordinates."""

    number: int
    forecast: Forecast
    chance: float  # that its next event is of the group
    before: int  # events of the group in its history
    coordinates: np.ndarray  # [2], latitude and longitude

    @property
    def name(self) -> str:
        return unquote(self.forecast.generator)


def places_of(
    forecaster: Forecaster,
    forecasts: list[Forecast],
    chances: dict[str, float],
    group: Sequence[int],
    newer: Iterable[Event],
) -> list[Place]:
    """The generators that have coordinates and a forecast, the likeliest first.

    Args:
        chances: by generator.
        group: numbers of elements.
        newer: events that are no part of the dataset.
    """
    elements, start = forecaster.trained.histories()
    in_group = np.isin(elements, group)
    of_newer = by_generator(newer, forecaster.generators.token)
    found = []
    for forecast in forecasts:
        if _why_not(forecaster, forecast):
            continue
        name, number = forecast.generator, forecaster.generators.number(forecast.generator)
        before = int(in_group[start[number] : start[number + 1]].sum())
        before += sum(forecaster.elements.number(element) in group for element in of_newer.get(name, []))
        found.append(Place(number, forecast, chances[name], before, forecaster.generators.coordinates[number]))
    return sorted(found, key=lambda place: -place.chance)


def not_drawn(forecaster: Forecaster, forecasts: list[Forecast]) -> str | None:
    """How many generators a map leaves out, why, and the first of them; None where it draws all."""
    left_out: dict[str, list[str]] = {}
    for forecast in forecasts:
        if why := _why_not(forecaster, forecast):
            left_out.setdefault(why, []).append(unquote(forecast.generator))
    if not left_out:
        return None
    parts = [
        f"{f'{len(names):,} ' if len(left_out) > 1 else ''}{why} ({', '.join(names[:_FIRST])}"
        f"{', …' if len(names) > _FIRST else ''})"
        for why, names in left_out.items()
    ]
    count = sum(map(len, left_out.values()))
    return f"{count:,} of {len(forecasts):,} generators {'is' if count == 1 else 'are'} not drawn: {'; '.join(parts)}"


def _why_not(forecaster: Forecaster, forecast: Forecast) -> str | None:
    number = forecaster.generators.number(forecast.generator)
    if not number:
        return "not in the dataset, which has the coordinates"
    if np.isnan(forecaster.generators.coordinates[number]).any():
        return "without coordinates in the dataset's .user file"
    return None if forecast.predictions else "without an event that the model knows"


def newer_events(forecaster: Forecaster, places: list[Place], newer: Iterable[Event]) -> tuple[int, str | None]:
    """How many of the newer events are of these places and known to the model, and their last day if they tell it."""
    names = {place.forecast.generator for place in places}
    taken = [
        event
        for event in newer
        if forecaster.generators.token(event.generator) in names and forecaster.elements.number(event.element)
    ]
    return len(taken), newest_day(taken)
