"""Which days the events are of: known times, and times that are none."""

import pytest

from recbole_hail.data.days import days_of, days_of_times


@pytest.fixture
def period(tmp_path):
    """That of a dataset with these columns beside user and item, and these rows."""

    def of(columns: str, *rows: str):
        lines = [f"user_id:token\titem_id:token\t{columns}", *(f"a\tx\t{row}" for row in rows)]
        (tmp_path / "tiny.inter").write_text("\n".join(lines) + "\n")
        fields = {"TIME_FIELD": "timestamp", "field_separator": "\t", "encoding": None}
        return days_of({**fields, "data_path": tmp_path, "dataset": "tiny"})

    return of


def test_iso_times_beside_ranks_as_the_converters_write_them(period):
    rows = ("0\t2016-03-01T10:00:00", "1\t2016-12-31T23:59:00", "0\t2016-01-01T00:00:00")
    assert period("timestamp:float\ttime:token", *rows) == ("2016-01-01", "2016-12-31")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("881250949", "893286638", ("1997-12-04", "1998-04-22")),
        ("881250949000", "893286638000.5", ("1997-12-04", "1998-04-22")),
        ("0", "893286638", None),
        ("1", "2", None),
        ("20160101", "20161231", None),
        ("20160101120000", "20161231120000", None),
        ("881250949", "", None),
        ("881250949", "soon", None),
        ("881250949", "inf", None),
    ],
)
def test_timestamps_are_days_where_they_are_plainly_seconds_or_milliseconds(period, first, last, expected):
    assert period("timestamp:float", first, last) == expected


@pytest.mark.parametrize("time", ["", "noon", "2016-13-01T00:00", "01/02/2016"])
def test_text_that_is_no_iso_time_says_nothing(period, time):
    assert period("timestamp:float\ttime:token", "0\t2016-01-01", f"1\t{time}") is None


def test_a_time_that_says_no_days_leaves_the_word_to_the_timestamps(period):
    assert period("timestamp:float\ttime:token", "881250949\tnoon") == ("1997-12-04", "1997-12-04")


def test_a_dataset_in_other_files_has_no_period(tmp_path):
    assert days_of({"data_path": tmp_path, "dataset": "none"}) is None


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2025-01-03T10:00:00", "2025-01-31"], ("2025-01-03", "2025-01-31")),
        (["881250949", "893286638"], ("1997-12-04", "1998-04-22")),
        (["0", "1"], None),
        ([""], None),
    ],
)
def test_times_of_events_say_days_as_those_of_a_dataset(times, expected):
    assert days_of_times(times) == expected
