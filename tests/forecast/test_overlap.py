"""Which newer events are told of as no newer."""

import re

import pytest

from recbole_hail.forecast.history_file import read_events
from recbole_hail.forecast.overlap import not_newer

INTER = """user_id:token\titem_id:token\ttimestamp:float\ttime:token
a|NA\tx\t0\t2016-03-01T10:00:00
a|NA\ty\t1\t2016-03-02T10:00:00
NA\tx\t0\t2016-05-01T00:00:00
"""


@pytest.fixture
def told(tmp_path):
    """What is told of events in a CSV, for the dataset `INTER`."""

    def of(rows: str, *, header: str = "generator,element,time", inter: str = INTER, named=str) -> str | None:
        (tmp_path / "tiny.inter").write_text(inter)
        (tmp_path / "h.csv").write_text(f"{header}\n{rows}\n")
        fields = {"USER_ID_FIELD": "user_id", "field_separator": "\t", "encoding": None}
        return not_newer(read_events(tmp_path / "h.csv"), {**fields, "data_path": tmp_path, "dataset": "tiny"}, named)

    return of


@pytest.mark.parametrize(
    "rows, expected",
    [
        ("a|NA,z,2016-03-02T10:00:01\nNA,z,2016-05-02\nnew,z,2001-01-01", None),
        ("a|NA,z,2016-03-02T10:00:00", "1 of 1 events .* such as that on line 2;"),
        ("a|NA,z,2016-04-01\nNA,z,2016-04-01", "1 of 2 events .* such as that on line 3;"),
        ("a|NA,z,2016-03-02T10:30:00+01:00", None),  # which hour that is on the city's clock nothing says
        ("a|NA,z,7", None),  # numbers are no times
    ],
)
def test_each_event_against_the_newest_of_its_generator(told, rows, expected):
    said = told(rows)
    assert said is None if expected is None else re.search(expected, said)


def test_numbers_of_events_are_not_compared_where_times_are(told):
    assert told("a|NA,z,0,2016-04-01", header="generator,element,timestamp,time") is None
    assert told("a|NA,z,9,2016-01-01", header="generator,element,timestamp,time")


def test_nothing_is_told_where_one_of_both_has_no_times(told):
    assert told("a|NA,z,0", header="generator,element,timestamp") is None
    without = "\n".join(line.rpartition("\t")[0] for line in INTER.splitlines()) + "\n"
    assert told("a|NA,z,2001-01-01", inter=without) is None


def test_a_generator_is_found_by_what_it_is_called(told):
    assert told("A,z,2016-03-01", named={"A": "a|NA"}.get)
