"""A map of generators, larger where the next element is more likely one of a group: a page without tiles."""

from collections.abc import Iterable

import numpy as np

from recbole_hail.errors import DataError
from recbole_hail.forecast.forecaster import Forecaster
from recbole_hail.forecast.groups import elements_of_group, summed
from recbole_hail.forecast.history_times import Event
from recbole_hail.forecast.predictions import Forecast
from recbole_hail.maps.districts import districts_of, named_districts
from recbole_hail.maps.figure import figure
from recbole_hail.maps.layout import arranged, beside, frame_of
from recbole_hail.maps.places import Place, newer_events, not_drawn, places_of
from recbole_hail.page.markup import Markup, element, paragraph, table, whole_page
from recbole_hail.page.sections import uses
from recbole_hail.page.wording import NEITHER, USES_TITLE

SHOWN = 3  # predictions in the note of a generator
NAMED = 5  # generators whose names are printed, as far as there is room
RANKED = 20  # places in the table below the map


_REMEDY = (
    "convert the data with --latitude and --longitude (`python -m dataset_converters city`), which name the columns "
    "that hold them; nyc and chicago find theirs"
)


def check_coordinates(forecaster: Forecaster) -> None:
    """DataError where the dataset has none, so that no map can be drawn."""
    if forecaster.generators.coordinates is None:
        raise DataError(
            f"map: {forecaster.trained.config['dataset']} has no latitude and longitude in its .user file; {_REMEDY}"
        )


def map_page(
    forecaster: Forecaster,
    forecasts: list[Forecast],
    chances: dict[str, float],
    *words: str,
    newer: Iterable[Event] = (),
) -> str:
    """A page that needs no network.

    Args:
        forecasts: of the generators to draw; those without coordinates or forecast are left out, which the page says.
        chances: of the group's elements, by generator.
        words: of `elements_of_group`.
        newer: events that the forecasts were made from beside those of the dataset.

    Raises:
        DataError: none of the generators has coordinates.
    """
    newer, numbers, group = list(newer), elements_of_group(forecaster, *words), " or ".join(words)
    places = places_of(forecaster, forecasts, chances, numbers, newer)
    if not places:
        raise DataError(f"map: none of these generators has coordinates; {_REMEDY}")
    chance = np.array([place.chance for place in places])
    true = np.array([place.coordinates for place in places])
    frame = frame_of(true)
    pixels = frame.pixels(true)
    sizes, moved = arranged(pixels, chance)
    texts = [f"{_numbered(rank, place)}\n{_chance(place, 'of')} before" for rank, place in enumerate(places[:NAMED], 1)]
    names = beside(texts, moved, sizes)
    title = f"Chance that the next event is of {group!r}"
    columns = districts_of(forecaster.generators, np.array([place.number for place in places]))
    column, districts = named_districts(columns, pixels, moved, sizes, names.values()) or (None, [])
    notes = [_note(place, group) for place in places]
    drawn = figure(frame, pixels, moved, sizes, 100 * chance, notes, names, districts)
    farthest = np.linalg.norm(moved - pixels, axis=1).max()
    about = [_about(forecaster, places, group, newer), _moved(frame.kilometres(farthest) if farthest > 1 else 0)]
    about += [f"Grey text names the {column} of the places beside it, where there is room."] if districts else []
    left_out = not_drawn(forecaster, forecasts)
    model, dataset = (forecaster.trained.config[name] for name in ("model", "dataset"))
    made = f"Made from {forecaster.trained.file.name}, {model} on {dataset}, by recbole-hail forecast."
    return whole_page(
        title,
        element("h1", title),
        element("p", made, class_="soft"),
        paragraph(f"A chance is about the very next event recorded at a place, whenever it comes. {NEITHER}"),
        paragraph(" ".join(filter(None, about))),
        paragraph(summed(forecaster, *words)),
        *([paragraph(f"{left_out}.")] if left_out else []),
        Markup(drawn),
        _ranked(places, group),
        element("section", element("h2", USES_TITLE), *uses(), class_="warning"),
    )


def _about(forecaster: Forecaster, places: list[Place], group: str, newer: list[Event]) -> str:
    """What is drawn, and which events it is made from."""
    chance = [place.chance for place in places]
    said = (
        f"{len(places):,} generators (places, or kinds of place) of {forecaster.trained.config['dataset']} are drawn "
        "at their coordinates. The larger and darker a dot, the likelier its next recorded event is of "
        f"{group!r}: {_percent(min(chance))} to {_percent(max(chance))}. The likeliest are named where there is room, "
        "and numbered as in the table below. "
        "Point at a dot, or touch it, to read what is likeliest there."
    )
    count, until = newer_events(forecaster, places, newer)
    events = [f"events from {' to '.join(forecaster.days)}"] if forecaster.days else []
    if count:
        events.append(f"{count:,} newer event{'s' * (count != 1)}{f', up to {until}' if until else ''}")
    if not events:
        return said
    if not forecaster.days:
        return f"{said} Added to the events of the dataset: {events[0]}."
    return f"{said} The dataset has {'; added to these: '.join(events)}."


def _moved(kilometres: float) -> str:
    if not kilometres:
        return ""
    return (
        f"Dots that would overlap are moved apart, by at most {kilometres:.2g} km; a line leads to where each belongs."
    )


def _ranked(places: list[Place], group: str) -> Markup:
    """The likeliest places in a table, which needs no pointing at."""
    rows = [
        [_numbered(rank, place), _percent(place.chance), f"{place.before:,}", f"{place.forecast.events:,}"]
        for rank, place in enumerate(places[:RANKED], 1)
    ]
    shown = f"The {RANKED} likeliest of {len(places):,} places" if len(places) > RANKED else "All places"
    caption = f"{shown}; before: how many of a place's events so far are of {group!r}."
    return table(caption, ["place", "chance", "before", "events"], rows)


def _numbered(rank: int, place: Place) -> str:
    """On the map as in the table, for those between may find no room on the map."""
    return f"{rank}.\u00a0{place.name}"


def _chance(place: Place, of: str = "of its") -> str:
    """`20.1 %, 3 of its 6`, to go on with `events before`; a name on the map has room for `of` alone."""
    return f"{_percent(place.chance)}, {place.before:,} {of} {place.forecast.events:,}"


def _note(place: Place, group: str) -> list[str]:
    """The lines that are shown of a dot that is pointed at."""
    shown = place.forecast.predictions[:SHOWN]
    likeliest = [f"{one.slot} {one.words}: {_percent(one.probability)}" for one in shown]
    return [place.name, f"{group}: {_chance(place)} events before", *likeliest]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
