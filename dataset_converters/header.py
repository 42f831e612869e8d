"""The first row of a table: the separator between fields, and the columns' names."""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataset_converters.errors import ConversionError
from dataset_converters.text import TextSource

SEPARATORS = ",;\t"  # spreadsheets write semicolons where the comma is a decimal one
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """`names` of the columns, in row number `rows`, with `separator` between them."""

    rows: int
    separator: str
    names: list[str]


def normal_name(header: str) -> str:
    """A header as it is compared: `Community Area`, `COMMUNITY_AREA` and `community_area` are one name."""
    return re.sub(r"[\W_]+", "_", header.strip().lower()).strip("_")


def read_header(
    source: TextSource, choose: Callable[[Sequence[str]], object], separator: str | None, quotes: bool
) -> Header:
    """Takes the header from the start of `source`.

    Args:
        choose: raises ConversionError for a header without its columns.
        separator: one character; None for that of the line `sep=;` which Excel knows above the header, or of
            SEPARATORS, with which `choose` finds its columns; with none, for that which gives the most fields.
        quotes: whether `"` encloses fields.

    Raises:
        ConversionError: no text that fields could be made of.
    """
    line, rows, first = source.first_line(), 1, ""
    if separator is None and (told := _SEPARATOR_LINE.fullmatch(line)):
        line, rows, first = source.first_line(), 2, told[1]
    found = {mark: _split(source.path, rows, line, mark, quotes) for mark in separator or first + SEPARATORS}
    for mark, names in found.items():
        with contextlib.suppress(ConversionError):
            choose(names)
            return Header(rows, mark, names)
    return Header(rows, *max(found.items(), key=lambda pair: len(pair[1])))


def _split(path: str, row: int, line: str, separator: str, quotes: bool) -> list[str]:
    if not quotes:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error as error:
        raise ConversionError(
            f"{path}: row {row} is no header of a table ({error}); save it as CSV with LF or CR LF line ends"
        ) from error
