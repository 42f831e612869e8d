"""The days that events start on, and those that are hardly meant."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from dataset_converters.times import DAY

EARLIEST = 1950
FAR = 10 * 365.25  # days from the median
MOST = 0.05  # where more of the rows are far from the median, they are years of the data and no slips
SHOWN = 3


class Days:
    """How many rows start on each day, and where the first of them stands."""

    def __init__(self):
        self._rows: dict[int, int] = {}
        self._first: dict[int, str] = {}

    def add(self, seconds: np.ndarray, where: Callable[[int], str]) -> None:
        """Takes starts ([n] int64 seconds since 1970); `where` says where the row at an index stands."""
        codes, days = pd.factorize(seconds // DAY)
        first = np.flatnonzero(np.diff(np.maximum.accumulate(codes), prepend=-1))  # codes count up as days are met
        for day, index, rows in zip(days.tolist(), first.tolist(), np.bincount(codes).tolist(), strict=True):
            if day not in self._rows:
                self._first[day] = where(index)
            self._rows[day] = self._rows.get(day, 0) + rows

    def notes(self, today: datetime.date) -> list[str]:
        """What is to be said of dates after `today`, before EARLIEST, or far from those of nearly all rows."""
        if not self._rows:
            return []
        now, early = _number(today), _number(datetime.date(EARLIEST, 1, 1))
        median = self._median()
        after = [day for day in self._rows if day > now]
        before = [day for day in self._rows if day < early]
        far = [day for day in self._rows if early <= day <= now and abs(day - median) > FAR]
        if self._count(far) > MOST * self._count(self._rows):
            far = []
        middle = f"more than 10 years from the median, {day_of(median)}"
        kinds = ((after, f"after today, {today}"), (before, f"before {EARLIEST}"), (far, middle))
        return [self._said(days, what) for days, what in kinds if days]

    def _median(self) -> int:
        days = sorted(self._rows)
        upto = np.cumsum([self._rows[day] for day in days])
        return days[int(np.searchsorted(upto, upto[-1] / 2))]

    def _count(self, days: Iterable[int]) -> int:
        return sum(self._rows[day] for day in days)

    def _said(self, days: list[int], what: str) -> str:
        count = self._count(days)
        shown = ", ".join(f"{self._first[day]} ({day_of(day)})" for day in days[:SHOWN])
        rows = f"{count:,} rows have dates" if count > 1 else "1 row has a date"
        return f"{rows} {what}: {shown}{', …' if len(days) > SHOWN else ''}; correct slips in the file"


def day_of(number: int) -> str:
    """The ISO date of a day counted from 1970."""
    return str(np.datetime64(int(number), "D"))


def first_and_last(seconds: np.ndarray) -> list[str]:
    """ISO dates of the first and the last of [n] int64 seconds since 1970."""
    return [day_of(end // DAY) for end in (seconds.min(), seconds.max())]


def _number(day: datetime.date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))
