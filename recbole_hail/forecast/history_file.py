"""A CSV of events that are newer than the training data."""

import codecs
import csv
import math
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from recbole_hail.errors import DataError

# What each column may be called; RecBole's types after a colon do not matter.
COLUMNS = {
    "generator": ("generator", "user_id"),
    "element": ("element", "item_id"),
    "timestamp": ("timestamp", "time"),
    "time": ("time",),  # beside a timestamp that only numbers events, as the converters write it
}
# What people have is the city's own file, which names neither.
_EXPORT = "A city's export goes through `python -m dataset_converters city … --like DATASET` first"


class Event(NamedTuple):
    """A row as text; `timestamp` and `time` are "" where there are no such columns."""

    line: int
    generator: str
    element: str
    timestamp: str
    time: str


def by_generator(events: Iterable[Event], named: Callable[[str], str] = str) -> dict[str, list[str]]:
    """The elements of each generator; `named` tells names that mean the same one."""
    found = {}
    for event in events:
        found.setdefault(named(event.generator), []).append(event.element)
    return found


def file_of_events(path: str | os.PathLike) -> str | os.PathLike:
    """The .inter file in the folder of a converted dataset; any other path as it is."""
    inter = Path(path, f"{Path(path).resolve().name}.inter")
    return inter if inter.is_file() else path


def read_events(path: str | os.PathLike) -> list[Event]:
    """The events of a file, or of a converted dataset's folder, oldest first.

    The file has a header with `generator` and `element`, or RecBole's `user_id` and `item_id`, and commas, tabs or
    semicolons between fields; it is in UTF-8, or in UTF-16 with a byte-order mark. A column `timestamp` of numbers or
    of ISO times gives the order; without it the file's order does.

    Raises:
        DataError: the file cannot be read or is empty, lacks a column, or a row lacks a value; names the line.
    """
    path = file_of_events(path)
    if os.path.isdir(path):
        raise DataError(
            f"history: {path} is a folder without {Path(path).resolve().name}.inter; name the file of events"
        )
    try:
        with open(path, encoding=_encoding(path), newline="") as file:
            before, header = next(((at, line) for at, line in enumerate(file) if line.strip()), (0, ""))
            header = header.rstrip("\r\n")
            separator = next((mark for mark in "\t;" if mark in header), ",")
            names = next(csv.reader([header], delimiter=separator), [])
            place = _places(path, names)
            lines = _lines(path, file, separator, before + 1)
            rows = [_row(path, line, fields, place, len(names)) for line, fields in lines]
    except FileNotFoundError:
        raise DataError(f"history: {path} does not exist") from None
    except UnicodeDecodeError as error:
        raise DataError(f"history: {path} is not text in UTF-8 ({error.reason}); save it as such. {_EXPORT}") from None
    except (OSError, csv.Error) as error:  # of csv in the header
        raise DataError(f"history: {path} cannot be read: {error}") from None
    if not rows:
        raise DataError(f"history: {path} has no events below its header")
    if "timestamp" in place:
        rows = _in_time(path, rows)
    return rows


def _encoding(path) -> str:
    """UTF-16 is told by its byte-order mark, as in what spreadsheets save as Unicode text."""
    with open(path, "rb") as file:
        return "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _lines(path, file, separator: str, before: int):
    """Line numbers and fields of the rows that are not blank, after the `before` lines up to the header."""
    reader = csv.reader(file, delimiter=separator, strict=True)
    line = before + 1
    try:
        for fields in reader:
            if any("\n" in field or "\r" in field for field in fields):
                raise csv.Error("a quote that opens in this line does not close in it")  # and would swallow events
            if any(field.strip() for field in fields):
                yield line, fields
            line = reader.line_num + before + 1
    except csv.Error as error:
        raise DataError(f"history: {path} line {line} cannot be read: {error}") from None


def _places(path, header: list[str]) -> dict[str, int]:
    names = [name.split(":")[0].strip().lower() for name in header]
    place = {
        role: next(names.index(known) for known in called if known in names)
        for role, called in COLUMNS.items()
        if set(called) & set(names)
    }
    missing = [" or ".join(COLUMNS[role]) for role in ("generator", "element") if role not in place]
    if missing:
        raise DataError(
            f"history: {path} has no column {', nor '.join(missing)}; its header is {', '.join(names) or 'empty'}. It "
            f"needs generator and element, and may have timestamp. {_EXPORT}"
        )
    twice = [names[at] for at in place.values() if names.count(names[at]) > 1]
    if twice:
        raise DataError(f"history: {path} has two columns {twice[0]}; leave one")
    return place


def _row(path, line: int, fields: list[str], place: dict[str, int], columns: int) -> Event:
    if any(field.strip() for field in fields[columns:]):
        raise DataError(
            f"history: {path} line {line} has {len(fields)} fields where the header has {columns}; put a name that "
            "holds the separator in quotes"
        )
    values = {role: fields[at].strip() if at < len(fields) else "" for role, at in place.items()}
    empty = [role for role, value in values.items() if not value and role != "time"]
    if empty:
        raise DataError(f"history: {path} line {line} has no {' and no '.join(empty)}")
    return Event(line, **{"timestamp": "", "time": "", **values})


def _in_time(path, rows: list[Event]) -> list[Event]:
    """Rows of equal time keep the file's order."""
    for read in (_finite, iso_time):
        try:
            times = [read(row.timestamp) for row in rows]
            order = sorted(range(len(rows)), key=times.__getitem__)
        except (ValueError, TypeError):  # times with and without a zone cannot be compared
            continue
        return [rows[place] for place in order]
    odd = _first_unlike(rows)
    raise DataError(
        f"history: {path} has timestamps that are neither all numbers nor all ISO times of one kind, such as "
        f"{odd.timestamp!r} in line {odd.line}"
    )


def _first_unlike(rows: list[Event]) -> Event:
    """The first row whose timestamp is no time, or of another kind than that of the first row."""
    kinds = [_kind(row.timestamp) for row in rows]
    return next(row for row, kind in zip(rows, kinds, strict=True) if kind is None or kind != kinds[0])


def _finite(text: str) -> float:
    time = float(text)
    if not math.isfinite(time):
        raise ValueError(f"{text} is no time")
    return time


def _kind(text: str) -> str | None:
    with suppress(ValueError):
        _finite(text)
        return "number"
    with suppress(ValueError):
        return "local" if iso_time(text).tzinfo is None else "with a zone"
    return None


def iso_time(text: str) -> datetime:
    """ValueError where it is none."""
    return datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text)  # Python 3.10 knows no Z
