"""A map of generators, larger where the next element is more likely one of a group: a page without tiles."""

from urllib.parse import unquote

import numpy as np

from recbole_hail.errors import DataError, SettingsError
from recbole_hail.forecast.forecaster import Forecaster
from recbole_hail.forecast.predictions import Forecast
from recbole_hail.page.markup import Markup, element, paragraph, whole_page
from recbole_hail.page.places import EDGE, Frame, Name, arranged, beside, frame_of
from recbole_hail.page.sections import uses
from recbole_hail.page.wording import USES_TITLE

SHOWN = 3  # predictions in the note of a generator
NAMED = 5  # generators whose names are printed, as far as there is room
LISTED = 8  # names of elements that are listed


def check_coordinates(forecaster: Forecaster) -> None:
    """DataError where the dataset has none, so that no map can be drawn."""
    if forecaster.generators.coordinates is None:
        raise DataError(
            f"map: {forecaster.trained.config['dataset']} has no latitude and longitude in its .user file; datasets "
            "that `python -m dataset_converters` makes of cities' exports have"
        )


def elements_of_group(forecaster: Forecaster, *words: str) -> list[int]:
    """Numbers of the elements that have one of `words` in slot or name, in upper or lower case.

    Raises:
        SettingsError: for one of them there is no element.
    """
    names = [forecaster.name_of(number) for number in range(len(forecaster.elements.tokens))]
    found = set()
    for one in words:
        having = {number for number, name in enumerate(names) if number and one.casefold() in name.casefold()}
        if not having:
            several = "; give several as in --group=ASSAULT --group=RAPE" * ("," in one)
            raise SettingsError([f"group: no element has {one!r} in its name; they are such as {names[1]!r}{several}"])
        found |= having
    return sorted(found)


def map_page(forecaster: Forecaster, forecasts: list[Forecast], chances: dict[str, float], *words: str) -> str:
    """A page that needs no network.

    Args:
        forecasts: of the generators to draw; those without coordinates or forecast are left out.
        chances: of the group's elements, by generator.
        words: what the group's elements have in their names.

    Raises:
        DataError: none of the generators has coordinates.
    """
    group = " or ".join(words)
    places = _places(forecaster, forecasts)
    if not places:
        raise DataError("map: none of these generators has coordinates")
    drawn = [forecast for forecast in forecasts if forecast.generator in places]
    drawn.sort(key=lambda forecast: -chances[forecast.generator])  # so that small dots come last and lie on top
    chance = np.array([chances[forecast.generator] for forecast in drawn])
    true = np.array([places[forecast.generator] for forecast in drawn])
    frame = frame_of(true)
    pixels = frame.pixels(true)
    sizes, moved = arranged(pixels, chance)
    notes = [_note(forecast, share, group) for forecast, share in zip(drawn, chance, strict=True)]
    names = beside([unquote(forecast.generator) for forecast in drawn[:NAMED]], moved, sizes)
    drawing = _drawing(frame, pixels, moved, sizes, 100 * chance, notes, names)
    farthest = np.linalg.norm(moved - pixels, axis=1).max()
    title = f"Chance that the next event is of {group!r}"
    about = (
        f"{len(drawn):,} generators (places, or kinds of place) of {forecaster.trained.config['dataset']}, each a dot "
        f"at its coordinates: larger and darker the likelier its next recorded event is of {group!r}, "
        f"{_percent(chance.min())} to {_percent(chance.max())}. The likeliest are named, as far as there is room. "
        "Point at a dot, or touch it, to read what is likeliest there."
    )
    if forecaster.days:
        about += f" The dataset has events of {' to '.join(forecaster.days)}."
    if farthest > 1:
        about += (
            f" Dots that would lie on one another are moved apart, by at most {frame.kilometres(farthest):.2g} km; a "
            "line leads to where they belong."
        )
    warning = element("section", element("h2", USES_TITLE), *uses(), class_="warning")
    model, dataset = (forecaster.trained.config[name] for name in ("model", "dataset"))
    made = f"Made from {forecaster.trained.file.name}, {model} on {dataset}, by recbole-hail forecast."
    said = [element("p", made, class_="soft"), paragraph(about), paragraph(summed(forecaster, *words))]
    return whole_page(title, element("h1", title), *said, Markup(drawing), warning)


def summed(forecaster: Forecaster, *words: str) -> str:
    """Which elements the chances are of: their names, each once, with how many slots it has."""
    numbers, names, group = elements_of_group(forecaster, *words), forecaster.elements.names, " or ".join(words)
    of_name = {}
    for number in sorted(numbers, key=lambda number: (names[number].casefold(), number)):
        of_name.setdefault(names[number], []).append(number)
    named = [
        f"{name} ({len(found)} slots)" if len(found) > 1 else forecaster.name_of(found[0])
        for name, found in of_name.items()
    ]
    more = f"; and {len(named) - LISTED:,} more" if len(named) > LISTED else ""
    several = f"all {len(numbers):,} elements that have" if len(numbers) > 1 else "the one element that has"
    return f"The chance is that of {several} {group!r} in slot or name: {'; '.join(named[:LISTED])}{more}."


def _drawing(
    frame: Frame,
    true: np.ndarray,
    moved: np.ndarray,
    sizes: np.ndarray,
    percent: np.ndarray,
    notes: list[str],
    names: list[Name],
) -> str:
    """Dots at `moved` [N, 2], pixels of the frame, with lines to where they belong and the names of the first."""
    import plotly.graph_objects as go  # takes a second

    marker = {
        "size": sizes,
        "opacity": 1,
        "color": percent,
        "colorscale": [[0, "#f0a35e"], [1, "#6b0000"]],  # the palest stands out on white
        "colorbar": {"title": "chance, %", "orientation": "h", "y": 1.0, "yanchor": "bottom", "thickness": 12},
        "line": {"width": 0.5, "color": "#444"},
    }
    y, x = frame.degrees(moved).T
    gap = np.full_like(true, np.nan)
    lines_y, lines_x = frame.degrees(np.stack([true, moved, gap], axis=1).reshape(-1, 2)).T
    lines = go.Scatter(x=lines_x, y=lines_y, mode="lines", line={"width": 1, "color": "#888"}, hoverinfo="skip")
    dots = go.Scatter(x=x, y=y, mode="markers", marker=marker, text=notes, hoverinfo="text")
    figure = go.Figure([lines, dots])
    for number, name in enumerate(names):
        figure.add_annotation(
            **{"text": _plain(name.text), "x": x[number], "y": y[number], "standoff": sizes[number] / 2},
            **{"arrowhead": 0, "arrowwidth": 1, "arrowcolor": "#444", "font": {"size": 12, "color": "#1b1b1b"}},
            **{"bgcolor": "rgba(255,255,255,0.8)", "borderpad": 0, **_place(frame, name, moved[number])},
        )
    low = np.min([moved.min(0) - EDGE, *(name.middle - name.half for name in names)], axis=0)
    high = np.max([moved.max(0) + EDGE, *(name.middle + name.half for name in names)], axis=0)
    ends = frame.degrees(np.stack([low, high]))
    figure.update_layout(
        xaxis={"title": {"text": "longitude", "standoff": 8}, "automargin": True, "range": ends[:, 1]},
        yaxis={"title": "latitude", "range": ends[:, 0], "scaleanchor": "x", "scaleratio": 1 / frame.cosine},
        margin={"l": 55, "r": 10, "t": 10, "b": 45},
        template="plotly_white",
        showlegend=False,
    )
    shown = {"responsive": True, "displayModeBar": False}
    return figure.to_html(include_plotlyjs=True, full_html=False, default_height="80vh", config=shown)


def _place(frame: Frame, name: Name, dot: np.ndarray) -> dict:
    """In pixels from its dot, or on the land."""
    if name.near:
        right, up = name.middle - dot
        return {"ax": right, "ay": -up}
    latitude, longitude = frame.degrees(name.middle[None])[0]
    return {"axref": "x", "ayref": "y", "ax": longitude, "ay": latitude}


def _places(forecaster: Forecaster, forecasts: list[Forecast]) -> dict[str, np.ndarray]:
    """Latitude and longitude of each generator that has them and a forecast."""
    found = {}
    for forecast in forecasts:
        number = forecaster.generators.number(forecast.generator)
        if number and forecast.predictions and not np.isnan(forecaster.generators.coordinates[number]).any():
            found[forecast.generator] = forecaster.generators.coordinates[number]
    return found


def _note(forecast: Forecast, chance: float, group: str) -> str:
    likeliest = [f"{one.slot} {one.words}: {_percent(one.probability)}" for one in forecast.predictions[:SHOWN]]
    return "<br>".join(map(_plain, [unquote(forecast.generator), f"{group}: {_percent(chance)}", *likeliest]))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _plain(text: str) -> str:
    """Without what a browser would take for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").strip()
