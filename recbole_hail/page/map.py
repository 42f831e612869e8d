"""A map of generators, larger where the next element is more likely one of a group: a page without tiles."""

import numpy as np

from recbole_hail.errors import DataError, SettingsError
from recbole_hail.forecast.forecaster import Forecast, Forecaster
from recbole_hail.page.markup import Markup, element, paragraph, whole_page
from recbole_hail.page.sections import uses
from recbole_hail.page.wording import USES_TITLE

LARGEST = 30  # pixels across, of the likeliest generator; the area grows with the chance
SHOWN = 3  # predictions in the note of a generator


def elements_of_group(forecaster: Forecaster, words: str) -> list[int]:
    """Numbers of the elements that have `words` in slot or name, in upper or lower case.

    Raises:
        SettingsError: no element has.
        DataError: the dataset has no coordinates.
    """
    if forecaster.generators.coordinates is None:
        raise DataError(
            f"map: {forecaster.trained.config['dataset']} has no latitude and longitude in its .user file; datasets "
            "that `python -m dataset_converters` makes of cities' exports have"
        )
    names = [forecaster.name_of(number) for number in range(len(forecaster.elements.tokens))]
    group = [number for number, name in enumerate(names) if number and words.casefold() in name.casefold()]
    if not group:
        raise SettingsError([f"group: no element has {words!r} in its name; they are such as {names[1]!r}"])
    return group


def map_page(forecaster: Forecaster, forecasts: list[Forecast], chances: dict[str, float], group: str) -> str:
    """A page that needs no network.

    Args:
        forecasts: of the generators to draw; those without coordinates or forecast are left out.
        chances: of the group's elements, by generator.

    Raises:
        DataError: none of the generators has coordinates.
    """
    import plotly.graph_objects as go  # takes a second

    places = _places(forecaster, forecasts)
    if not places:
        raise DataError("map: none of these generators has coordinates")
    latitude, longitude = np.array(list(places.values())).T
    drawn = [forecast for forecast in forecasts if forecast.generator in places]
    chance = np.array([chances[forecast.generator] for forecast in drawn])
    figure = go.Figure(
        go.Scatter(
            x=longitude,
            y=latitude,
            mode="markers",
            marker={
                "size": chance,
                "sizemode": "area",
                "sizeref": 2 * chance.max() / LARGEST**2,  # plotly halves it
                "sizemin": 3,
                "color": 100 * chance,
                "colorscale": [[0, "#f0a35e"], [1, "#6b0000"]],  # the palest stands out on white
                "colorbar": {"title": "chance, %", "orientation": "h", "y": 1.0, "yanchor": "bottom", "thickness": 12},
                "line": {"width": 0.5, "color": "#444"},
            },
            text=[_note(forecast, share, group) for forecast, share in zip(drawn, chance, strict=True)],
            hoverinfo="text",
        )
    )
    figure.update_layout(
        xaxis_title="longitude",
        yaxis_title="latitude",
        # A degree of longitude is shorter than one of latitude.
        yaxis={"scaleanchor": "x", "scaleratio": 1 / np.cos(np.radians(latitude.mean()))},
        margin={"l": 55, "r": 10, "t": 10, "b": 45},
        template="plotly_white",
    )
    drawing = figure.to_html(include_plotlyjs=True, full_html=False, default_height="80vh", config={"responsive": True})
    title = f"Chance that the next event is of {group!r}"
    about = (
        f"{len(drawn):,} generators of {forecaster.trained.config['dataset']}, each a dot at its coordinates: larger "
        f"and darker the likelier its next recorded event is of {group!r}, {_percent(chance.min())} to "
        f"{_percent(chance.max())}. Point at a dot, or touch it, to read what is likeliest there."
    )
    warning = element("section", element("h2", USES_TITLE), *uses(), class_="warning")
    return whole_page(title, element("h1", title), paragraph(about), Markup(drawing), warning)


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
    return "<br>".join(map(_plain, [forecast.generator, f"{group}: {_percent(chance)}", *likeliest]))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _plain(text: str) -> str:
    """Without what a browser would take for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").strip()
