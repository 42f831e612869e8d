"""A CSV of events that are newer than the training data."""

import csv
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from dataset_converters.errors import ConversionError
from dataset_converters.text import TextSource
from recbole_hail.errors import DataError
from recbole_hail.forecast.history_times import Event, in_time

# What each column may be called; RecBole's types after a colon do not matter.
COLUMNS = {
    "generator": ("generator", "user_id"),
    "element": ("element", "item_id"),
    "timestamp": ("timestamp", "time"),
    "time": ("time",),  # beside a timestamp that only numbers events, as the converters write it
}
# The settings that say what a dataset calls them.
_FIELDS = {"generator": "USER_ID_FIELD", "element": "ITEM_ID_FIELD", "timestamp": "TIME_FIELD"}
# What people have is the city's own file, which names neither.
_EXPORT = "A city's export goes through `python -m dataset_converters city … --like DATASET` first"


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


def read_events(path: str | os.PathLike, config=None) -> list[Event]:
    """The events of a file, or of a converted dataset's folder, oldest first.

    The file has a header with `generator` and `element`, or RecBole's `user_id` and `item_id`, or what `config`, the
    settings of a dataset, calls them, and commas, tabs or semicolons between fields; its text is found as that of
    cities' exports is (`TextSource`). A column `timestamp` of numbers or of times gives the order, see `in_time`;
    without it the file's order does.

    Raises:
        DataError: the file cannot be read or is empty, lacks a column, or a row lacks a value; names the line.
    """
    path = file_of_events(path)
    if os.path.isdir(path):
        raise DataError(
            f"history: {path} is a folder without {Path(path).resolve().name}.inter; name the file of events"
        )
    if not os.path.exists(path):
        raise DataError(f"history: {path} does not exist")
    try:
        with TextSource(path) as source:
            rows, timed = _rows(path, source, _called(config))
    except ConversionError as error:
        raise DataError(f"history: {path} {str(error).removeprefix(f'{path}: ')}. {_EXPORT}") from None
    except (OSError, csv.Error) as error:  # of csv in the header
        raise DataError(f"history: {path} cannot be read: {error}") from None
    if not rows:
        raise DataError(f"history: {path} has no events below its header")
    return in_time(path, rows) if timed else rows


def _called(config) -> dict[str, tuple[str, ...]]:
    """What each column may be called; a dataset's own name first, for its file may have another `user_id` beside it."""
    own = {role: str(config[field]).lower() for role, field in _FIELDS.items() if config is not None and config[field]}
    return {
        role: called if own.get(role) in (None, *called) else (own[role], *called) for role, called in COLUMNS.items()
    }


def _rows(path, source: TextSource, called: dict[str, tuple[str, ...]]) -> tuple[list[Event], bool]:
    """Events as they stand, and whether they have times."""
    lines = (line for _, line in source.lines())
    before, header = next(((at, line) for at, line in enumerate(lines) if line.strip()), (0, ""))
    separator = next((mark for mark in "\t;" if mark in header), ",")
    names = next(csv.reader([header], delimiter=separator), [])
    place = _places(path, names, called)
    found = _lines(path, (line + "\n" for line in lines), separator, before + 1)
    return [_row(path, line, fields, place, len(names)) for line, fields in found], "timestamp" in place


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


def _places(path, header: list[str], called: dict[str, tuple[str, ...]]) -> dict[str, int]:
    names = [name.split(":")[0].strip().lower() for name in header]
    place = {
        role: next(names.index(known) for known in known_as if known in names)
        for role, known_as in called.items()
        if set(known_as) & set(names)
    }
    missing = [
        f"{', '.join(known)} or {last}"
        for role, (*known, last) in called.items()
        if role in ("generator", "element") and role not in place
    ]
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
        advice = "; give it, or leave the column out, then the file's order counts" * (empty == ["timestamp"])
        raise DataError(f"history: {path} line {line} has no {' and no '.join(empty)}{advice}")
    return Event(line, **{"timestamp": "", "time": "", **values})
