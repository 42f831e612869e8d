"""Forecasts as text, CSV and JSON."""

import csv
import io
import json
from types import SimpleNamespace

import pytest

from recbole_hail.evaluation.significance import wilson_interval
from recbole_hail.forecast import Forecast, Prediction
from recbole_hail.forecast.calibration import Calibration
from recbole_hail.forecast.output import Read, as_csv, as_json, as_text

PREDICTIONS = [
    Prediction("21-24h|RAPE", "RAPE", "21-24h", 0.25, 3, (0.2, 0.3)),
    Prediction("00-03h|THEFT, <BIG>", "THEFT, <BIG>", "00-03h", 0.0625, 1200, (0.1, 0.05)),
]
FORECASTS = [
    Forecast(
        "44|BAR",
        "precinct 44",
        1606,
        PREDICTIONS,
        0.0312,
        ("21-24h RAPE", "00-03h THEFT"),
        ("x", "y", "x"),
        True,
        {"precinct": "44", "rank": "of the file"},
    ),
    Forecast("new", "not in the training data", 0, [], None, (), ("x",), False),
]


@pytest.fixture
def forecaster():
    """What the outputs ask of a Forecaster."""
    return SimpleNamespace(
        peers=["peer 1", "peer 2"],
        elements=SimpleNamespace(slots=["", "21-24h", "00-03h"]),
        days=("2016-01-01", "2016-12-31"),
        calibration=Calibration(1.25, 100, 0.03, 0.01, 0.0075, 0.114, 0.11, *wilson_interval(0.11, 100), False),
        trained=SimpleNamespace(config={"model": "HAIL", "dataset": "nyc16"}, file="saved/x.pth"),
    )


def test_text_has_a_table_for_each_generator_and_the_calibration(forecaster):
    assert as_text(forecaster, FORECASTS) == (
        "44|BAR (precinct 44), 1,606 events\n"
        "   chance   peer 1   peer 2  before    slot  next element\n"
        "  25.00 %  20.00 %  30.00 %       3  21-24h  RAPE\n"
        "   6.25 %  10.00 %   5.00 %   1,200  00-03h  THEFT, <BIG>\n"
        "  the peers disagree on the first: peer 1 21-24h RAPE, peer 2 00-03h THEFT; divergence 0.0312 bits\n"
        "\n"
        "new (not in the training data), 0 events: none of its elements is known\n"
        "\n"
        "nyc16 has events from 2016-01-01 to 2016-12-31\n"
        "the likeliest element came true for 11.0 % (95 %: 6.3 to 18.6) of 100 validation targets; its chance was 11.4 "
        "% on average\n"
        "calibrated on these: temperature 1.250, expected calibration error 0.0300 before, 0.0100 "
        "after, 0.0075 by chance\n"
    )


def test_days_are_left_out_where_times_are_ranks(forecaster):
    forecaster.days = None
    assert "has events" not in as_text(forecaster, FORECASTS) and json.loads(as_json(forecaster, []))["days"] is None


def test_csv_and_json_hold_the_same_forecasts(forecaster):
    rows = list(csv.DictReader(io.StringIO(as_csv(forecaster, FORECASTS))))
    read = json.loads(as_json(forecaster, FORECASTS))
    assert [row["element"] for row in rows] == [one.element for one in PREDICTIONS]
    assert rows[1] == {
        **{"generator": "44|BAR", "rank": "2", "element": "00-03h|THEFT, <BIG>", "words": "THEFT, <BIG>"},
        **{"slot": "00-03h", "probability": "0.0625", "times_before": "1200"},
        **{"peer_1": "0.1", "peer_2": "0.05", "divergence": "0.0312"},
        **{
            "known": "1",
            "events": "1606",
            "precinct": "44",
            "user_rank": "of the file",
        },  # last: others keep their place
    }
    assert read["calibration"] == {
        **{"temperature": 1.25, "targets": 100, "ece_before": 0.03, "ece_after": 0.01, "ece_by_chance": 0.0075},
        **{"confidence": 0.114, "right": 0.11, "low": wilson_interval(0.11, 100)[0]},
        **{"high": wilson_interval(0.11, 100)[1], "trained_on": False},
    }
    told = read["forecasts"][0]["predictions"][1]
    assert told["probability"] == 0.0625 and told["peers"] == [0.1, 0.05] and told["slot"] == "00-03h"
    assert [one["known"] for one in read["forecasts"]] == [True, False]
    assert read["forecasts"][0]["about"] == {"precinct": "44", "rank": "of the file"}
    assert read["forecasts"][1]["predictions"] == [] and read["forecasts"][1]["skipped"] == ["x"]


def test_newer_events_are_told_of_beside_the_datasets(forecaster):
    """The last lines told of the dataset's days alone, also of a forecast that had read four weeks more."""
    said = as_text(forecaster, FORECASTS, Read("newer.csv", 1210, "2017-01-28"))
    assert "to 2016-12-31\nnewer.csv adds 1,210 events, up to 2017-01-28\nthe likeliest" in said
    assert "newer" not in as_text(forecaster, FORECASTS, Read("newer.csv", 12, None)), "times are numbers"
    read = json.loads(as_json(forecaster, [], Read("newer.csv", 12, None)))["newer"]
    assert read == {"file": "newer.csv", "events": 12, "until": None}
    forecaster.days = None
    assert "newer" not in as_text(forecaster, FORECASTS, Read("newer.csv", 12, "2017-01-28"))
