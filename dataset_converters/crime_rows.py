"""The rows of a city's crime export that can be used, gathered file by file."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from dataset_converters.alike import alike_note
from dataset_converters.coordinates import ROLES, Coordinates
from dataset_converters.crime_events import Collected
from dataset_converters.days import Days
from dataset_converters.layouts import Layout
from dataset_converters.report import SHOWN, Tally
from dataset_converters.starts import NO_START, Starts
from dataset_converters.table import Batch, TableReader
from dataset_converters.times import Dates
from dataset_converters.vocabulary import MISSING_NUMBER, CaseNumbers, Vocabulary


class CrimeRows:
    """Collects the rows that count, as whole numbers.

    Args:
        generator: the roles that make up a generator.
        element: the choice of `layout.classes`.
        year: only events that start in this year; None for all.
    """

    def __init__(self, layout: Layout, generator: Sequence[str], element: str, year: int | None, tally: Tally):
        self.layout = layout
        self.generator = tuple(generator)
        self._code_role, description = layout.classes[element]
        self.tally = tally
        self.header: list[str] = []  # of the file read last
        self._year = year
        self._limits = None if year is None else tuple(_seconds_of_new_year(year + after) for after in (0, 1))
        self._coordinates = Coordinates(layout.box, layout.named)
        self._numbers = CaseNumbers()
        self._parts: list[Collected] = []
        self._fills = {role: rule for role, rule in layout.fill.items() if role in self.generator}
        needed = [*self.generator, self._code_role, *(rule[0] for rule in self._fills.values())]
        self._needed = tuple(dict.fromkeys(needed))
        self._described = tuple(role for role in (*layout.described, description) if role and role not in needed)
        self._vocabularies = {
            role: Vocabulary(role in layout.whole_numbers, layout.missing.get(role, frozenset()))
            for role in (*self._needed, *self._described)
        }
        self._days = Days()
        self.starts = Starts(layout)

    def __len__(self) -> int:
        return sum(len(part.seconds) for part in self._parts)

    @property
    def has_coordinates(self) -> bool:
        """Whether a file had columns of both."""
        return self._coordinates.found

    def read_file(self, path: Path, order: str | None, progress: bool) -> None:
        """Adds the rows of a file; reads it a second time if its dates turn out to put the day first."""
        before, counts = len(self._parts), self.tally.snapshot()
        seen = copy.deepcopy((self._coordinates, self._days, self.starts))
        dates = self._read_as(path, order or "mdy", progress)
        if order is None and (shown := dates.order_shown(str(path))) != dates.order:
            del self._parts[before:]
            self.tally.restore(counts)
            self._coordinates, self._days, self.starts = seen
            self._read_as(path, shown, progress)

    def _read_as(self, path: Path, order: str, progress: bool) -> Dates:
        layout, dates = self.layout, Dates(order)
        always = [layout.number, layout.date, *([layout.clock] if layout.clock else []), *self._needed]
        always += [role for role in ROLES if role in layout.named]
        wanted = [*self._described, *ROLES]
        reader = TableReader(
            path,
            lambda header: layout.find(str(path), header, always, wanted),
            plain=[layout.number, *ROLES, *([] if layout.clock else [layout.date])],
            skip_bad=self.tally.tolerate is not None,
            progress=progress,
        )
        self.header = reader.header
        self._coordinates.call(reader.header, reader.positions)
        for batch in reader.batches():
            self._add(batch, dates)
        self.tally.read += len(reader.bad_rows)
        examples = (f"{path} {bad}" for bad in reader.bad_rows)
        self.tally.reject("wrong number of fields", len(reader.bad_rows), examples)
        return dates

    def _add(self, batch: Batch, dates: Dates) -> None:
        self.tally.read += batch.length
        seconds = self.starts.read(batch, dates, self.tally)
        rows = np.flatnonzero(seconds != NO_START)
        if self._limits:
            inside = (seconds[rows] >= self._limits[0]) & (seconds[rows] < self._limits[1])
            self.tally.drop(f"outside {self._year}", len(rows) - int(inside.sum()))
            rows = rows[inside]
        self._days.add(seconds[rows], lambda index: batch.where(int(rows[index])))
        number = self._numbers.codes(batch.columns[self.layout.number].take(pa.array(rows)))
        lacking = number == MISSING_NUMBER
        if lacking.any():
            examples = (batch.where(int(row)) for row in rows[lacking])
            self.tally.reject("no complaint or case number", int(lacking.sum()), examples)
            rows, number = rows[~lacking], number[~lacking]
        codes, kept = self._codes(batch, rows)
        rows = rows[kept]
        latitude, longitude = self._coordinates.read(batch.columns, rows)
        self._parts.append(Collected(seconds[rows], number[kept], codes, latitude, longitude))

    def _codes(self, batch: Batch, rows: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Numbers of the values at `rows` by role, and which of `rows` have all that is needed ([len(rows)] bool)."""
        codes = {}
        for role, vocabulary in self._vocabularies.items():
            if role in batch.columns:
                codes[role] = vocabulary.codes(batch.columns[role])[rows]
            else:
                codes[role] = np.full(len(rows), -1, np.int32)
        for role, (other, value, filler) in self._fills.items():
            matching = codes[other] == self._vocabularies[other].code(value)
            codes[role][matching & (codes[role] < 0)] = self._vocabularies[role].code(filler)
        kept = np.ones(len(rows), bool)
        for role in dict.fromkeys([*self.generator, self._code_role]):
            present = codes[role] >= 0
            self.tally.drop(f"no {role.replace('_', ' ')}", int((kept & ~present).sum()))
            kept &= present
        return {role: values[kept] for role, values in codes.items()}, kept

    def collected(self) -> Collected:
        """All rows kept, renumbered into orders that do not depend on the order of the rows; empties the collector."""
        parts, self._parts = self._parts, []
        texts, codes = {}, {}
        for role, vocabulary in self._vocabularies.items():
            texts[role], place = vocabulary.in_order()
            met = _joined([part.codes.pop(role) for part in parts], np.int32)
            codes[role] = np.where(met < 0, np.int32(-1), np.r_[place, np.int32(-1)][met])
        return Collected(
            seconds=_joined([part.seconds for part in parts], np.int64),
            number=self._numbers.in_order(_joined([part.number for part in parts], np.int64)),
            codes=codes,
            latitude=_joined([part.latitude for part in parts], np.int32),
            longitude=_joined([part.longitude for part in parts], np.int32),
            texts=texts,
        )

    def notes(self, newer: bool) -> list[str]:
        """What was cleaned without dropping a row.

        Args:
            newer: than a dataset (`--like`), with whose names theirs are compared, and whose coordinates maps take.
        """
        notes = self._days.notes(datetime.date.today()) + self.starts.notes()
        for role, vocabulary in self._vocabularies.items():
            if vocabulary.rewritten:
                shown = ", ".join(map(repr, sorted(vocabulary.rewritten)[:SHOWN]))
                count = len(vocabulary.rewritten)
                more = ", leading zeros or thousands commas" if vocabulary.whole_number else ""
                notes.append(f"{role}: {count} values rid of outer blanks{more} ({shown})")
            if role in self.generator and not newer:
                notes += alike_note(role, vocabulary.texts, "places")
            elif role == self._code_role and not newer:
                notes += alike_note(role, vocabulary.texts, "offences")
        return notes if newer else notes + self._coordinates.notes()


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def _seconds_of_new_year(year: int) -> int:
    return int(np.datetime64(f"{year:04d}-01-01", "s").astype(np.int64))
