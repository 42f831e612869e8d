"""The map of generators."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from recbole_hail.errors import DataError, SettingsError
from recbole_hail.forecast import Forecast, Prediction
from recbole_hail.page.map import check_coordinates, elements_of_group, map_page

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
    return SimpleNamespace(
        elements=SimpleNamespace(
            tokens=["[PAD]", *(one.element for one in PREDICTIONS)], names=["", "RAPE", "THEFT, <BIG>"]
        ),
        generators=SimpleNamespace(
            coordinates=np.array([[np.nan] * 2, [40.8, -73.9]]), number=lambda name: {"44|BAR": 1}.get(name)
        ),
        name_of=lambda number: names[number],
        days=("2016-01-01", "2016-12-31"),
        trained=SimpleNamespace(config={"dataset": "nyc16", "model": "HAIL"}, file=Path("saved/HAIL-Dec-1.pth")),
    )


def test_a_group_is_what_has_the_words_in_its_name(forecaster):
    assert elements_of_group(forecaster, "rape") == [1]
    assert elements_of_group(forecaster, "00-03h") == [2]
    with pytest.raises(SettingsError, match="group: no element has 'ARSON' in its name"):
        elements_of_group(forecaster, "ARSON")
    assert elements_of_group(forecaster, "rape", "theft", "21-24h") == [1, 2]
    with pytest.raises(
        SettingsError, match=r"no element has 'rape,theft' .*; give several as in --group=ASSAULT --group"
    ):
        elements_of_group(forecaster, "rape,theft")
    forecaster.generators.coordinates = None
    with pytest.raises(DataError, match="nyc16 has no latitude and longitude"):
        check_coordinates(forecaster)


def test_a_group_of_several_names_is_called_by_all_of_them(forecaster):
    page = map_page(forecaster, FORECASTS, {"44|BAR": 0.25}, "RAPE", "THEFT")
    assert "<h1>Chance that the next event is of &#x27;RAPE or THEFT&#x27;</h1>" in page
    assert (
        "all 2 elements that have &#x27;RAPE or THEFT&#x27; in slot or name: 21-24h RAPE; 00-03h THEFT, &lt;BIG&gt;"
        in page
    )


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
    assert "moved apart" not in head and '"displayModeBar": false' in drawn and '"text":"44|BAR"' in drawn
    assert "What this must not be used for" in html and "sending patrols" in html


def test_a_map_says_which_model_it_is_of_and_which_elements_it_sums(forecaster):
    """It said neither: whether `THEFT` had taken in `THEFT OF SERVICES` was anybody's guess."""
    page = map_page(forecaster, FORECASTS, {"44|BAR": 0.25}, "RAPE")
    assert '<p class="soft">Made from HAIL-Dec-1.pth, HAIL on nyc16, by recbole-hail forecast.</p>' in page
    assert "that of the one element that has &#x27;RAPE&#x27; in slot or name: 21-24h RAPE.</p>" in page
    slots, names = ("00-03h", "21-24h"), ["THEFT", *(f"THEFT <{number:02}>" for number in range(11))]
    forecaster.elements.names = ["", *names * 2]
    forecaster.elements.tokens = forecaster.elements.names
    forecaster.name_of = lambda number: f"{slots[number > 12]} {forecaster.elements.names[number]}".strip()
    page = map_page(forecaster, FORECASTS, {"44|BAR": 0.25}, "THEFT")
    listed = "; ".join(f"{name.replace('<', '&lt;').replace('>', '&gt;')} (2 slots)" for name in names[:8])
    assert f"that of all 24 elements that have &#x27;THEFT&#x27; in slot or name: {listed}; and 4 more.</p>" in page
    page = map_page(forecaster, FORECASTS, {"44|BAR": 0.25}, "21-24h")
    assert "that of all 12 elements" in page and ": 21-24h THEFT; 21-24h THEFT &lt;00&gt;; " in page


def test_kinds_of_place_at_one_point_are_told_apart(forecaster):
    """72 of them read as 9 bull's-eyes."""
    names = [f"44|KIND%20{number}" for number in range(8)]
    forecaster.generators.coordinates = np.array([[np.nan] * 2, *[[40.8, -73.9]] * 8])
    forecaster.generators.number = lambda name: names.index(name) + 1
    forecasts = [replace(FORECASTS[0], generator=name) for name in names]
    html = map_page(forecaster, forecasts, {name: 0.01 * (1 + names.index(name)) for name in names}, "RAPE")
    drawn = html[html.rindex("Plotly.newPlot") :]
    assert re.search(r"moved apart, by at most 0\.\d+ km; a line leads to where they belong", html)
    named = re.findall(r'"text":"(44\|KIND \d)"', drawn)
    assert named == [f"44|KIND {number}" for number in (7, 6, 5, 4, 3)], "the likeliest, as people read them"


def test_a_map_of_nowhere_is_refused_and_nothing_is_written(forecaster, tmp_path):
    with pytest.raises(DataError, match="none of these generators has coordinates"):
        map_page(forecaster, FORECASTS[1:], {}, "RAPE")
    assert list(tmp_path.iterdir()) == []
