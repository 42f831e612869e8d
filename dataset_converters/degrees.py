"""Columns that look like coordinates and were not named, which a person might take for read."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence

from dataset_converters.errors import ConversionError
from dataset_converters.table import TableReader
from dataset_converters.times import is_missing

ROWS = 1000  # of the start of the file, that are looked at
_NUMBER = re.compile(r"\s*[+-]?\d{1,3}(?:[.,]\d+)?\s*")
_FINE = re.compile(r".*[.,]\d{4,}\s*")  # 4 places are some ten metres, and no amount of money
_NORTH, _EAST = ("lat", "breit", "y"), ("lon", "lng", "leng", "läng", "laeng", "x")


def unnamed_coordinates(path: str | os.PathLike, header: Sequence[str]) -> list[str]:
    """A note that names two columns of the table whose numbers look like degrees; none where there are no two.

    Args:
        path: a table that has been read.
        header: the names of its columns.
    """

    def choose(names: Sequence[str]) -> dict[str, int]:
        if list(names) != list(header):
            raise ConversionError(f"{path}: is split at another separator")
        return {str(at): at for at in range(len(names))}

    reader = TableReader(path, choose, skip_bad=True)
    with contextlib.closing(reader.batches()) as batches:
        columns = next(batches).columns
    values = {header[int(at)].strip(): column.slice(0, ROWS).to_pylist() for at, column in columns.items()}
    found = [name for name, texts in values.items() if name and _are_degrees(texts)]
    pair = _north_and_east(found, values)
    if pair is None:
        return []
    north, east = (f'"{name}"' if " " in name else name for name in pair)
    return [f"no coordinates are taken, so there will be no map; perhaps --latitude {north} --longitude {east}"]


def _are_degrees(texts: Sequence[str], most: float = 180) -> bool:
    texts = [text for text in texts if not is_missing(text)]
    numbers = [text for text in texts if _NUMBER.fullmatch(text) and abs(float(text.replace(",", "."))) <= most]
    fine = sum(bool(_FINE.fullmatch(text)) for text in numbers)
    return bool(texts) and len(numbers) >= 0.9 * len(texts) and 2 * fine >= len(texts)


def _north_and_east(names: Sequence[str], values: dict[str, Sequence[str]]) -> tuple[str, str] | None:
    """By what the columns are called, else the first two in order; a latitude lies within 90 degrees."""
    norths = [name for name in names if _are_degrees(values[name], 90) and not _called(name, _EAST)]
    norths.sort(key=lambda name: not _called(name, _NORTH))
    easts = [name for name in names if name not in norths[:1] and not _called(name, _NORTH)]
    easts.sort(key=lambda name: not _called(name, _EAST))
    return (norths[0], easts[0]) if norths and easts else None


def _called(name: str, words: Sequence[str]) -> bool:
    name = name.lower()
    return any(name == word if len(word) == 1 else word in name for word in words)
