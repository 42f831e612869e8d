"""The chance of a group of elements as text, CSV and JSON."""

import csv
import io
import json
from types import SimpleNamespace

import pytest

from recbole_hail.evaluation.significance import wilson_interval
from recbole_hail.forecast.calibration import Calibration
from recbole_hail.forecast.group_output import ElementGroup, group_as_csv, group_as_json, group_as_text
from recbole_hail.forecast.output import Read
from recbole_hail.forecast.predictions import GroupChance

GROUP = ElementGroup(["RAPE", "THEFT"], [2], "The chance covers the one element that has 'RAPE or THEFT' in its name.")
CHANCES = [
    GroupChance("44|BAR", "precinct 44", 0.298, 312, 1606, (), True, {"precinct": "44", "rank": "x"}),
    GroupChance("new", "not in the training data", 0.0125, 0, 1, ("y",), False, {}),
    GroupChance("nobody", "not in the training data", None, 0, 0, ("x",), False, {}),
]


@pytest.fixture
def forecaster():
    """What the outputs ask of a Forecaster."""
    return SimpleNamespace(
        elements=SimpleNamespace(tokens=["[PAD]", "a", "b"]),
        days=("2016-01-01", "2016-12-31"),
        calibration=Calibration(1.25, 100, 0.03, 0.01, 0.0075, 0.114, 0.11, *wilson_interval(0.11, 100), False),
        trained=SimpleNamespace(config={"model": "HAIL", "dataset": "nyc16"}, file="saved/x.pth"),
    )


def test_text_has_a_row_for_each_generator(forecaster):
    said = group_as_text(forecaster, CHANCES, GROUP, Read("n.csv", 1, "2017-01-02"))
    assert said.startswith(
        "   chance  before  events  generator\n"
        "  29.80 %     312   1,606  44|BAR (precinct 44)\n"
        "   1.25 %       0       1  new (not in the training data)\n"
        "  unknown       0       0  nobody (not in the training data)\n"
        "\n"
        "The chance covers the one element that has 'RAPE or THEFT' in its name.\n"
        "nyc16 has events from 2016-01-01 to 2016-12-31\n"
        "n.csv adds 1 event, up to 2017-01-02\n"
        "the likeliest element came true for"
    )


def test_csv_and_json_have_the_same_chances(forecaster):
    rows = list(csv.DictReader(io.StringIO(group_as_csv(forecaster, CHANCES, GROUP, None))))
    assert rows == [
        {
            **{"generator": "44|BAR", "probability": "0.298", "times_before": "312", "known": "1", "events": "1606"},
            **{"precinct": "44", "rank": "x"},
        },
        {
            **{"generator": "new", "probability": "0.0125", "times_before": "0", "known": "0", "events": "1"},
            **{"precinct": "", "rank": ""},
        },
    ]
    read = json.loads(group_as_json(forecaster, CHANCES, GROUP, None))
    assert read["group"] == {"words": ["RAPE", "THEFT"], "elements": ["b"]} and read["model"] == "HAIL"
    assert [one["probability"] for one in read["chances"]] == [0.298, 0.0125, None]
    assert read["chances"][0]["about"] == {"precinct": "44", "rank": "x"}
