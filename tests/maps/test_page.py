"""The map of generators."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from recbole_hail.errors import DataError
from recbole_hail.forecast import Forecast, Prediction
from recbole_hail.forecast.history_times import Event
from recbole_hail.maps.page import check_coordinates, map_page

PREDICTIONS = [
    Prediction("21-24h|RAPE", "RAPE", "21-24h", 0.25, 3, (0.2, 0.3)),
    Prediction("00-03h|THEFT, <BIG>", "THEFT, <BIG>", "00-03h", 0.0625, 1200, (0.1, 0.05)),
]
FORECASTS = [
    Forecast("44|BAR", "precinct 44", 1606, PREDICTIONS, 0.0312, ("21-24h RAPE", "00-03h THEFT"), ()),
    Forecast("new", "not in the training data", 0, [], None, (), ()),
]


@pytest.fixture
def forecaster():
    """What the map asks of a Forecaster."""
    names = ["", "21-24h RAPE", "00-03h THEFT, <BIG>"]
    elements = [one.element for one in PREDICTIONS]
    return SimpleNamespace(
        elements=SimpleNamespace(
            tokens=["[PAD]", *elements],
            names=["", "RAPE", "THEFT, <BIG>"],
            number=lambda name: {token: number for number, token in enumerate(elements, 1)}.get(name),
        ),
        generators=SimpleNamespace(
            coordinates=np.array([[np.nan] * 2, [40.8, -73.9], [np.nan] * 2]),
            columns={},
            number=lambda name: {"44|BAR": 1, "45|BAR": 2}.get(name),
            token=lambda name: name,
        ),
        name_of=lambda number: names[number],
        days=("2016-01-01", "2016-12-31"),
        trained=SimpleNamespace(
            config={"dataset": "nyc16", "model": "HAIL"},
            file=Path("saved/HAIL-Dec-1.pth"),
            histories=lambda: (np.array([1, 2, 1, 1, 2, 2]), np.array([0, 0, 4, *[6] * 8])),
        ),
    )


def test_a_dataset_without_coordinates_is_told_how_to_get_some(forecaster):
    check_coordinates(forecaster)
    forecaster.generators.coordinates = None
    with pytest.raises(DataError, match=r"nyc16 has no latitude and longitude .*; convert the data with --latitude"):
        check_coordinates(forecaster)


def test_a_map_needs_no_network_and_shows_each_place_with_its_chance(forecaster, tmp_path):
    page = tmp_path / "out.html"
    page.write_text(map_page(forecaster, FORECASTS, {"44|BAR": 0.25}, "RAPE"))
    html = page.read_text()
    assert not re.search(r"<(script|link)[^>]+(src|href)=", html), "everything is in the page"
    drawn = html[html.rindex("Plotly.newPlot") :]
    assert "44|BAR" in drawn and "RAPE: 25.0 %" in drawn
    assert "<BIG>" not in drawn, "a name is no markup"
    head = html[: html.index("<script")]
    assert 'lang="en"' in head and 'name="viewport"' in head, "on a phone it was laid out for a screen of 980 pixels"
    assert "<title>Chance that the next event is of &#x27;RAPE&#x27;</title>" in head
    assert "1 generators (places, or kinds of place) of nyc16" in head and "25.0 % to 25.0 %" in head
    assert (
        "moved apart" not in head
        and '"displayModeBar": false' in drawn
        and '"text":"1.\\u00a044|BAR\\u003cbr\\u003e25.0 %, 3 of 1,606 before"' in drawn
    )
    assert "What this must not be used for" in html and "sending patrols" in html


def test_a_map_says_which_model_it_is_of_and_which_elements_it_sums(forecaster):
    """It said neither: whether `THEFT` had taken in `THEFT OF SERVICES` was anybody's guess."""
    page = map_page(forecaster, FORECASTS, {"44|BAR": 0.25}, "RAPE")
    assert '<p class="soft">Made from HAIL-Dec-1.pth, HAIL on nyc16, by recbole-hail forecast.</p>' in page
    assert "covers the one element that has &#x27;RAPE&#x27; in slot or name: 21-24h RAPE.</p>" in page
    slots, names = ("00-03h", "21-24h"), ["THEFT", *(f"THEFT <{number:02}>" for number in range(11))]
    forecaster.elements.names = ["", *names * 2]
    forecaster.elements.tokens = forecaster.elements.names
    forecaster.name_of = lambda number: f"{slots[number > 12]} {forecaster.elements.names[number]}".strip()
    page = map_page(forecaster, FORECASTS, {"44|BAR": 0.25}, "THEFT")
    listed = "; ".join(f"{name.replace('<', '&lt;').replace('>', '&gt;')} (2 slots)" for name in names[:8])
    assert f"covers all 24 elements that have &#x27;THEFT&#x27; in slot or name: {listed}; and 4 more.</p>" in page
    page = map_page(forecaster, FORECASTS, {"44|BAR": 0.25}, "21-24h")
    assert "covers all 12 elements" in page and ": 21-24h THEFT; 21-24h THEFT &lt;00&gt;; " in page


def test_kinds_of_place_at_one_point_are_told_apart(forecaster):
    """72 of them read as 9 bull's-eyes."""
    names = [f"44|KIND%20{number}" for number in range(8)]
    forecaster.generators.coordinates = np.array([[np.nan] * 2, *[[40.8, -73.9]] * 8])
    forecaster.generators.number = lambda name: names.index(name) + 1
    forecaster.trained.histories = lambda: (np.zeros(0, dtype=int), np.zeros(10, dtype=int))
    forecasts = [replace(FORECASTS[0], generator=name) for name in names]
    html = map_page(forecaster, forecasts, {name: 0.01 * (1 + names.index(name)) for name in names}, "RAPE")
    drawn = html[html.rindex("Plotly.newPlot") :]
    assert re.search(r"moved apart, by at most 0\.\d+ km; a line leads to where each belongs", html)
    named = re.findall(r'"text":"(\d)\.\\u00a0(44\|KIND \d)["\\]', drawn)
    assert set(named) <= {(f"{8 - number}", f"44|KIND {number}") for number in (7, 6, 5, 4, 3)}, "as people read them"
    assert len(named) >= 3, "the likeliest, numbered as in the table"


def test_a_map_of_nowhere_is_refused_and_nothing_is_written(forecaster, tmp_path):
    with pytest.raises(
        DataError, match=r"none of these generators has coordinates; convert .* --latitude and --longit"
    ):
        map_page(forecaster, FORECASTS[1:], {}, "RAPE")
    assert list(tmp_path.iterdir()) == []


def test_several_groups_are_summed(forecaster):
    page = map_page(forecaster, FORECASTS[:1], {"44|BAR": 0.3}, "RAPE", "THEFT")
    assert "<h1>Chance that the next event is of &#x27;RAPE or THEFT&#x27;</h1>" in page
    assert (
        "all 2 elements that have &#x27;RAPE or THEFT&#x27; in slot or name: 21-24h RAPE; 00-03h THEFT, &lt;BIG&gt;"
        in page
    )


def test_a_map_says_which_newer_events_it_was_made_with(forecaster):
    """It was made with a history, and said that the dataset ends in December."""
    newer = [
        Event(2, "44|BAR", "21-24h|RAPE", "7", "2017-01-31T22:15"),
        Event(3, "44|BAR", "00-03h|THEFT, <BIG>", "8", "2017-01-05"),
        Event(4, "44|BAR", "unknown", "9", "2017-03-01"),
        Event(5, "elsewhere", "21-24h|RAPE", "9", "2017-04-01"),
    ]
    page = map_page(forecaster, FORECASTS[:1], {"44|BAR": 0.3}, "RAPE", newer=newer)
    assert "has events from 2016-01-01 to 2016-12-31; added to these: 2 newer events, up to 2017-01-31.</p>" in page
    assert "25.0" not in page.rpartition("<table>")[2] and '<td class="number">4</td>' in page, "3 and a newer one"
    forecaster.days = None
    undated = [Event(2, "44|BAR", "21-24h|RAPE", "7", "")]
    page = map_page(forecaster, FORECASTS[:1], {"44|BAR": 0.3}, "RAPE", newer=undated)
    assert "Added to the events of the dataset: 1 newer event.</p>" in page
    assert "newer event" not in map_page(forecaster, FORECASTS[:1], {"44|BAR": 0.3}, "RAPE")


def test_a_map_says_what_it_says_nothing_of(forecaster):
    """It looks as if it answered where burglary is likely next, but not whether one comes or twenty."""
    page = map_page(forecaster, FORECASTS[:1], {"44|BAR": 0.25}, "RAPE")
    assert "The model says neither how many events there will be nor on which day.</p>" in page
    assert "RAPE: 25.0 %, 3 of its 1,606 events before" in page


def test_the_likeliest_places_stand_in_a_table(forecaster):
    """On a phone dots are hard to point at."""
    names = [f"44|KIND%20{number:02}" for number in range(25)]
    forecaster.generators.coordinates = np.array([[np.nan] * 2, *([40.8 + 0.01 * n, -73.9] for n in range(25))])
    forecaster.generators.number = lambda name: names.index(name) + 1
    forecaster.trained.histories = lambda: (np.array([1, 1, 2]), np.array([0] + [0] * 25 + [3]))
    forecasts = [replace(FORECASTS[0], generator=name, events=3) for name in names]
    page = map_page(forecaster, forecasts, {name: 0.01 * (1 + names.index(name)) for name in names}, "RAPE")
    table = page.rpartition("<table>")[2].partition("</table>")[0]
    assert "The 20 likeliest of 25 places; before: how many of a place&#x27;s events so far are of" in table
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td class="number">(.*?)</td>', table)
    assert rows[:2] == [("1.\u00a044|KIND 24", "25.0 %"), ("2.\u00a044|KIND 23", "24.0 %")] and len(rows) == 20
    assert '<td class="number">2</td><td class="number">3</td>' in table, "of the group before, of all"


def test_districts_are_named_where_they_are(forecaster):
    """People at the table asked where on the white ground they were."""
    names = [f"{district}|{kind}" for district in ("Mitte", "S%C3%BCd") for kind in ("BAR", "PARK", "STREET")]
    places = [[52.0 + 0.1 * (n > 2) + 0.01 * n, 9.7] for n in range(6)]
    forecaster.generators.coordinates = np.array([[np.nan] * 2, *places])
    forecaster.generators.number = lambda name: names.index(name) + 1
    forecaster.generators.columns = {"city_district": ["", *(name.partition("|")[0] for name in names)]}
    forecasts = [replace(FORECASTS[0], generator=name) for name in names]
    page = map_page(forecaster, forecasts, dict.fromkeys(names, 0.1), "RAPE")
    assert "Grey text names the city district of the places beside it" in page
    drawn = page[page.rindex("Plotly.newPlot") :]
    assert '"text":"Mitte"' in drawn and '"text":"S\\u00fcd"' in drawn
    forecaster.generators.columns = {}
    assert "Grey text" not in map_page(forecaster, forecasts, dict.fromkeys(names, 0.1), "RAPE")


def test_no_rule_of_the_style_hides_text_of_several_lines(forecaster):
    """`.line { fill: none }`, meant for curves, hid every line of what is shown of a dot that is pointed at."""
    style = map_page(forecaster, FORECASTS[:1], {"44|BAR": 0.25}, "RAPE").partition("</style>")[0]
    assert re.findall(r"([\w.]*)\.line \{ fill: none", style) == ["path"]
