"""The times of newer events: numbers, ISO times, or dates as cities and spreadsheets write them."""

import math
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

import pyarrow as pa

from dataset_converters.times import (
    DATE_ORDERS,
    DAY,
    MISSING,
    UNREADABLE,
    Dates,
    clock_seconds,
    split_date_and_clock,
    without_zone,
)
from recbole_hail.errors import DataError

_1970 = datetime(1970, 1, 1)


class Event(NamedTuple):
    """A row as text; `timestamp` and `time` are "" where there are no such columns."""

    line: int
    generator: str
    element: str
    timestamp: str  # which gives the order
    time: str  # in ISO form; "" where timestamps are numbers and no other column has times


def in_time(path, events: list[Event]) -> list[Event]:
    """Events in the order of their `timestamp`; those of equal time keep the file's order.

    Timestamps are all numbers, all ISO times with a zone or all without, or dates and times of day that the converters
    read, such as `31.12.2025 13:00`.

    Raises:
        DataError: they are none of these, or nothing in the file says which number of a date is the month.
    """
    with suppress(ValueError):
        return sorted(events, key=lambda event: _finite(event.timestamp))
    with suppress(ValueError, TypeError):  # times with and without a zone cannot be compared
        return _timed(sorted(events, key=lambda event: iso_time(event.timestamp)))
    found = zip(events, _seconds(path, events), strict=True)
    written = [event._replace(timestamp=(_1970 + timedelta(seconds=second)).isoformat()) for event, second in found]
    return _timed(sorted(written, key=lambda event: event.timestamp))


def _timed(events: list[Event]) -> list[Event]:
    """With the ISO times that their timestamps are."""
    return [event._replace(time=event.timestamp) for event in events]


def newest_day(events: list[Event]) -> str | None:
    """The day of the last, in ISO form; None where there are no events, or not all have a time."""
    with suppress(ValueError):
        return max(iso_time(event.time).date() for event in events).isoformat()
    return None


def iso_time(text: str) -> datetime:
    """ValueError where it is none."""
    return datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text)  # Python 3.10 knows no Z


def _seconds(path, events: list[Event]) -> list[int]:
    """Seconds since 1970 of dates, with or without times of day, as cities and spreadsheets write them."""
    dates, clocks = split_date_and_clock(pa.array([event.timestamp for event in events]))
    read = {order: Dates(order) for order in DATE_ORDERS}
    days = {
        order: found.days(dates.dictionary_encode(), lambda at: events[at].line).tolist()
        for order, found in read.items()
    }
    clocks = clocks.to_pylist()
    if len({without_zone(clock)[1] for clock in clocks}) == 1:  # else nothing says which of two came first
        clocks = [without_zone(clock)[0] for clock in clocks]
    seconds = [clock_seconds(clock) if clock else 0 for clock in clocks]
    both = zip(events, days["mdy"], seconds, strict=True)
    if unread := [event for event, *parts in both if {MISSING, UNREADABLE} & {*parts}]:
        odd = next((event for event in unread if not _has_a_kind(event.timestamp)), unread[0])
        raise DataError(
            f"history: {path} has timestamps that are neither all numbers nor all ISO times of one kind, such as "
            f"{odd.timestamp!r} in line {odd.line}; write all of them as in 2025-12-31T13:00"
        )
    if doubt := read["mdy"].doubtful():
        line, text = doubt
        raise DataError(
            f"history: {path} line {line} has the date {text!r}, and nothing in the file says which of its numbers is "
            "the month; write the year first, as in 2025-12-31, or the day first with points, as in 31.12.2025"
        )
    order = read["mdy"].order_shown(str(path))
    return [day * DAY + second for day, second in zip(days[order], seconds, strict=True)]


def _finite(text: str) -> float:
    time = float(text)
    if not math.isfinite(time):
        raise ValueError(f"{text} is no time")
    return time


def _has_a_kind(text: str) -> bool:
    """Whether it would do, were the others like it."""
    for read in (_finite, iso_time):
        with suppress(ValueError):
            read(text)
            return True
    return False
