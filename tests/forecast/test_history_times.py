"""Times of newer events, in the forms that people have them in."""

import pytest

from recbole_hail.errors import DataError
from recbole_hail.forecast.history_times import Event, in_time, newest_day


def events(*times: str) -> list[Event]:
    """Line 2 has element a, line 3 b, and so on."""
    return [Event(line, "g", "abcdef"[line - 2], time, "") for line, time in enumerate(times, 2)]


@pytest.mark.parametrize(
    "times, order, first",
    [
        (["2", "1", "1.5"], "bca", ""),
        (["2025-01-02T00:30", "2025-01-01", "2025-01-01"], "bca", "2025-01-01"),
        (["02.01.2025 13:00", "1.2.25", "03.12.2024 11:45 PM"], "cab", "2024-12-03T23:45:00"),
        (["1/2/2025 13:00", "1/31/2025 9:00", "12/1/2024 0:00"], "cab", "2024-12-01T00:00:00"),  # the month is first
        (["1/2/2025 13:00", "31/1/2025 09:00", "12/1/2024 00:00"], "cba", "2024-01-12T00:00:00"),  # the day is
        (["2/2/2025", "1/1/2025"], "ba", "2025-01-01T00:00:00"),  # the same day by both
        (["31.12.2024", "2024-12-30 07:00"], "ba", "2024-12-30T07:00:00"),
        (["27.02.2025 14:35+01:00", "27.02.2025 14:30+01:00"], "ba", "2025-02-27T14:30:00"),  # as the converters
    ],
)
def test_events_are_ordered_by_their_time_and_dates_become_iso_times(times, order, first):
    """Dates that a spreadsheet shows, and therefore saves, were refused."""
    found = in_time("h.csv", events(*times))
    assert "".join(event.element for event in found) == order and found[0].time == first


@pytest.mark.parametrize(
    "times, message",
    [
        (["1/2/2025 13:00", "2/2/2025"], "h.csv line 2 has the date '1/2/2025', and nothing in the file says which of"),
        (["31/1/2025", "1/31/2025", "1/2/2025"], "h.csv line 4 has the date '1/2/2025'"),
        (["2025-01-01 10:00", "1/2/2025", "1/31/2025"], "line 3 has the date '1/2/2025'"),  # which another hand wrote
        (["02.01.2025 13:00", "2.1.2025 25:00"], "such as '2.1.2025 25:00' in line 3; write all of them as in 2025-"),
        (["02.01.2025 13:00", "soon"], "such as 'soon' in line 3"),
        (["02.01.2025 13:00", "7"], "such as '7' in line 3"),
        (["31.02.2025", "7"], "such as '31.02.2025' in line 2"),
        (["27.02.2025 14:35+01:00", "27.02.2025 14:30"], "such as '27.02.2025 14:35+01:00' in line 2"),
    ],
)
def test_times_that_may_be_misread_are_refused(times, message):
    with pytest.raises(DataError) as told:
        in_time("h.csv", events(*times))
    assert message in str(told.value)


def test_the_newest_day_is_known_where_all_have_times():
    assert newest_day(in_time("h.csv", events("02.01.2025 23:00", "1.1.2025"))) == "2025-01-02"
    assert newest_day(in_time("h.csv", events("2025-01-01T23:00:00Z", "2025-01-01T23:30:00-01:00"))) == "2025-01-01"
    assert newest_day(in_time("h.csv", events("1", "2"))) is newest_day([]) is None
