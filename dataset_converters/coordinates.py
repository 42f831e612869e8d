"""Coordinates of a crime export's rows: read, held to the city, and what is to be said where there are none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dataset_converters.layouts import EARTH
from dataset_converters.times import MISSING_WORDS

DEGREE = 10**7  # coordinates are held as int32 in units of 1e-7 degrees, about a centimetre
NO_COORDINATE = np.iinfo(np.int32).min
FEW = 0.05  # a smaller share of numbers than this is hardly any
ROLES = ("latitude", "longitude")


class Coordinates:
    """The coordinates inside `box` (south, north, west, east), but for (0, 0), a placeholder everywhere.

    Args:
        named: `latitude` and `longitude` -> column, where a person has named them.
    """

    def __init__(self, box: tuple[float, float, float, float], named: Mapping[str, str]):
        self._box = box
        self._named = named
        self._outside = 0
        self.found = False  # whether a file has had columns of both
        self._columns = {role: _Seen(role) for role in ROLES}

    def read(self, columns: Mapping[str, pa.Array], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latitude and longitude at `rows` as [len(rows)] int32 in units of 1e-7 degrees; NO_COORDINATE where either is
        missing, unreadable or outside."""
        if not columns.keys() >= set(ROLES):
            nothing = np.full(len(rows), NO_COORDINATE, np.int32)
            return nothing, nothing
        lat, lon = (self._columns[role].floats(columns[role].take(pa.array(rows))) for role in ROLES)
        south, north, west, east = self._box
        inside = (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east) & ((lat != 0) | (lon != 0))
        self._outside += int((~np.isnan(lat + lon) & ~inside).sum())
        held = [np.where(inside, np.round(values * DEGREE), NO_COORDINATE).astype(np.int32) for values in (lat, lon)]
        return held[0], held[1]

    def call(self, header: list[str], positions: Mapping[str, int]) -> None:
        """Takes the columns' names for `notes` from a file's header."""
        self.found |= positions.keys() >= set(ROLES)
        for role in ROLES:
            if role in positions:
                self._columns[role].name = header[positions[role]].strip()

    def notes(self) -> list[str]:
        """How many rows lie outside, and whether a column has no coordinates or hardly any."""
        notes = []
        if self._outside:
            where = "at (0, 0) or off the globe" if self._box is EARTH else "outside the city"
            notes.append(f"{self._outside:,} rows have coordinates {where}, left out of the mean positions")
        lacking = [column.lack(role in self._named) for role, column in self._columns.items()]
        return notes + [lack for lack in lacking if lack][:1]  # the other column is as a rule written the same way


class _Seen:
    """What one column has held: rows, values that are not blank, numbers among them, and a value that is none."""

    def __init__(self, name: str):
        self.name = name
        self._rows = self._values = self._numbers = 0
        self._other: str | None = None

    def floats(self, texts: pa.StringArray) -> np.ndarray:
        """[n] float64, NaN where the text is no number. A comma is a decimal one where no other and no point is."""
        try:
            filled = pc.if_else(pc.equal(texts, ""), None, texts)
            values = pc.cast(filled, pa.float64()).to_numpy(zero_copy_only=False)
            self._count(len(texts), int((~np.isnan(values)).sum()), values)
            return values
        except pa.ArrowInvalid:
            points = pc.replace_substring_regex(texts, r"^(\s*[+-]?\d+),(\d+\s*)$", r"\1.\2")
        values = pd.to_numeric(pd.Series(points.to_pylist(), dtype=object), errors="coerce").to_numpy(np.float64)
        words = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
        blank = pc.is_in(words, pa.array(sorted(MISSING_WORDS))).to_numpy(zero_copy_only=False)
        self._count(len(texts), int((~blank).sum()), values)
        odd = np.flatnonzero(np.isnan(values) & ~blank)
        if self._other is None and len(odd):
            self._other = texts[int(odd[0])].as_py()
        return values

    def _count(self, rows: int, values: int, numbers: np.ndarray) -> None:
        self._rows += rows
        self._values += values
        self._numbers += int((~np.isnan(numbers)).sum())

    def lack(self, named: bool) -> str | None:
        """What to say where there are no numbers, or hardly any; of a column of blanks only where it was `named`."""
        if named and self._rows and not self._values:
            return f"no coordinates: {self.name} is blank in all {self._rows:,} rows; there will be no map"
        if self._other is None or self._numbers > FEW * self._values:
            return None
        if not self._numbers:
            return (
                f"no coordinates: none of {self._values:,} values in {self.name} is a number, such as {self._other!r}; "
                "there will be no map"
            )
        return (
            f"hardly any coordinates: only {self._numbers:,} of {self._values:,} values in {self.name} are numbers, "
            f"not such as {self._other!r}; a map will lack most places"
        )
