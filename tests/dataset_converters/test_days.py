"""Dates that are hardly meant."""

import datetime

import numpy as np
import pytest

from dataset_converters.days import Days, first_and_last

TODAY = datetime.date(2026, 6, 1)


def notes(*dates: str) -> list[str]:
    days = Days()
    for start in range(0, len(dates), 7):  # as batches come
        seconds = np.array(dates[start : start + 7], "datetime64[s]").astype(np.int64)
        days.add(seconds, lambda index, start=start: f"row {start + index + 2}")
    return days.notes(TODAY)


def test_days_of_one_time_are_not_noted():
    assert notes() == [] and notes(*["2024-01-01", "2024-01-01T23:00", "2016-05-05", "2026-06-01"] * 10) == []


def test_days_after_today_and_before_1950_are_counted_and_named():
    """A century too many, and a year that a form was filled in with, were the first and last day in silence."""
    slips = ["2024-02-02", "2091-01-01T10:00", "2026-06-02", "1016-03-03"]
    assert notes(*slips, *["2024-02-03"] * 6, "2091-01-01", "1900-01-01") == [
        "3 rows have dates after today, 2026-06-01: row 3 (2091-01-01), row 4 (2026-06-02); correct slips in the file",
        "2 rows have dates before 1950: row 5 (1016-03-03), row 13 (1900-01-01); correct slips in the file",
    ]


@pytest.mark.parametrize(("date", "noted"), [("2014-03-01", False), ("2014-01-31", True)])
def test_a_day_is_far_from_ten_years_on(date, noted):
    assert bool(notes(*["2024-02-02"] * 99, date)) == noted


@pytest.mark.parametrize(("far", "noted"), [(0, False), (1, True), (5, True), (6, False)])
def test_years_that_many_rows_are_of_are_no_slips(far, noted):
    """Chicago's file has more than twenty years."""
    found = notes(*["2024-02-02"] * (100 - far), *[f"2011-01-{day:02d}" for day in range(1, far + 1)])
    assert bool(found) == noted
    if noted:
        dates = "1 row has a date" if far == 1 else "5 rows have dates"
        assert found[0].startswith(f"{dates} more than 10 years from the median, 2024-02-02: row {102 - far} (2011-01-")
        assert ("), …; correct" in found[0]) == (far == 5)


def test_the_period():
    seconds = np.array(["2024-02-02T23:59:59", "1969-12-31T23:59", "2024-02-03"], "datetime64[s]").astype(np.int64)
    assert first_and_last(seconds) == ["1969-12-31", "2024-02-03"]
