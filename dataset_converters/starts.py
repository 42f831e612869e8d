"""When the events of a crime export start: dates and times of day of its rows, and which rows have none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataset_converters.days import day_of
from dataset_converters.layouts import Layout
from dataset_converters.report import SHOWN, Tally
from dataset_converters.table import Batch
from dataset_converters.times import DAY, MISSING, UNREADABLE, Dates, clock_seconds, split_date_and_clock, without_zone

NO_START = np.iinfo(np.int64).min
SUMMER = 60  # minutes by which a city's own clock moves within a year
_MEND = "bring times to it in the file"


class Starts:
    """Reads the starts of rows, and keeps the first and the last of all.

    Args:
        layout: says where date and time of day stand.
    """

    def __init__(self, layout: Layout):
        self._layout = layout
        self._first, self._last = np.iinfo(np.int64).max, np.iinfo(np.int64).min
        self._clocks: dict[str, int] = {}
        self._zones: set[int | None] = set()  # minutes from UTC; None where a time has none behind it

    def notes(self) -> list[str]:
        """What is to be said of times that have their distance from UTC behind them."""
        if self._zones == {0}:
            return [f"times end in Z or +00:00, so slots are those of UTC; where the city's clock is another, {_MEND}"]
        known = self._zones - {None}
        if known and max(known) - min(known) > SUMMER:
            first, last = _offset(min(known)), _offset(max(known))
            return [f"times are {first} to {last} from UTC, so of more than the city's clock; {_MEND}"]
        return []

    def span(self) -> str:
        """The first and last day among the rows with a readable start."""
        if self._first > self._last:
            return "no row has a readable start"
        return f"the rows run from {day_of(self._first // DAY)} to {day_of(self._last // DAY)}"

    def read(self, batch: Batch, dates: Dates, tally: Tally) -> np.ndarray:
        """[n] int64 seconds since 1970 of the events' start; NO_START in rows that are counted out, of which `tally` is
        told."""
        date_column = batch.columns[self._layout.date]
        clock_column = batch.columns[self._layout.clock or self._layout.date]
        if self._layout.clock:
            texts = split_date_and_clock(date_column.dictionary)[0]
            date_texts = pa.DictionaryArray.from_arrays(date_column.indices, texts)
            clock_texts = clock_column
        else:
            date_texts, clock_texts = (part.dictionary_encode() for part in split_date_and_clock(date_column))
        days = dates.days(date_texts, batch.row_number)
        clocks = self._clock_table(clock_texts.dictionary.to_numpy(zero_copy_only=False).tolist())[
            clock_texts.indices.to_numpy()
        ]
        blank = _blank(batch) if (days == MISSING).any() else np.zeros(batch.length, bool)
        tally.drop("blank rows", int(blank.sum()))
        bad = blank.copy()
        for values, cells, noun in ((days, date_column, "date"), (clocks, clock_column, "time of day")):
            for kind, reason in ((MISSING, f"no {noun}"), (UNREADABLE, f"unreadable {noun}")):
                rows = np.flatnonzero((values == kind) & ~bad)
                examples = (f"{batch.where(int(row))} {cells[int(row)].as_py()!r}" for row in rows[:SHOWN])
                tally.reject(reason, len(rows), examples)
                bad[rows] = True
        seconds = np.where(bad, NO_START, days * DAY + clocks)
        if not bad.all():
            self._first = min(self._first, int(seconds[~bad].min()))
            self._last = max(self._last, int(seconds[~bad].max()))
        return seconds

    def _clock_table(self, texts: list[str]) -> np.ndarray:
        for text in texts:
            if text not in self._clocks:
                clock, zone = without_zone(text)
                self._clocks[text] = clock_seconds(clock)
                if clock:
                    self._zones.add(zone)
        return np.array([self._clocks[text] for text in texts] or [MISSING], np.int64)


def _offset(minutes: int) -> str:
    """`-08:00`."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _blank(batch: Batch) -> np.ndarray:
    """[n] bool, whether nothing stands in a row."""
    blank = np.ones(batch.length, bool)
    for column in batch.columns.values():
        blank &= pc.equal(pc.cast(column, pa.string()), "").to_numpy(zero_copy_only=False)
    return blank
