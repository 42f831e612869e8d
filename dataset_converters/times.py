"""Dates and times of day as cities write them, and the refusal to guess where a file mixes date forms."""

from __future__ import annotations

import datetime
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataset_converters.errors import ConversionError

MISSING, UNREADABLE = -(2**31) + 1, -(2**31)
# What cities write, then what spreadsheets and pandas make of an empty cell.
MISSING_WORDS = frozenset(["", "na", "(null)", "unknown", "#n/a", "n/a", "nan", "none", "null", "<na>"])
DATE_FORMS = "dates are read as 12/31/2015, 31/12/2015, 12-31-2015, 12/31/15, 31.12.2015, 2015-12-31 and 2015.12.31"
CLOCK_FORMS = "times of day are read as 23:45:00, 23:45, 23.45, 2345 and 11:45 PM"
DAY = 86_400  # seconds
DATE_ORDERS = ("mdy", "dmy")
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
# Two digits of a year only after a slash: `16-05-01` may have the year first.
_SLASHED = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4}|(?<=/)\d{2})")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})")  # where the year is last the day comes first
# `14.35` is a time where one must stand. Were it a number, of hours or of days, many of its kind would not be read, as
# `14.5` and `0.75` are not, and the file be refused.
_CLOCK = re.compile(r"(\d{1,2})([:.])(\d{2})(?:\2(\d{2})(?:\.\d+)?)?(?:\s*([AaPp])\.?[Mm]\.?)?")
# Four digits only. Where leading zeros are lost, `12` may be an hour or minutes; and to read `930` but not `12` would
# leave out the first hour of every day, which are too few rows to be noticed.
_FOUR_DIGITS = re.compile(r"(\d{2})(\d{2})")
# What ISO times have behind them. A minus needs seconds before it: `22:00-06:00` may say from when to when.
_ZONED = re.compile(r"\s*(\d{1,2}:\d{2}(:\d{2}(?:\.\d+)?)?)\s?(?:Z|((?(2)[+-]|\+))(\d{2})(?::?(\d{2}))?)\s*")


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value: one of MISSING_WORDS, in any case."""
    return text.strip().lower() in MISSING_WORDS


def date_order(option: str | None) -> str | None:
    """`--date-format` as `mdy` or `dmy`; `%m/%d/%Y` and `%d/%m/%Y` are understood too.

    Raises:
        ConversionError: anything else.
    """
    if option is None or option in DATE_ORDERS:
        return option
    places = str(option).find("%m"), str(option).find("%d")
    if min(places) < 0:
        raise ConversionError(f"--date-format is {option!r}; it must be mdy (12/31/2015) or dmy (31/12/2015)")
    return "mdy" if places[0] < places[1] else "dmy"


def split_date_and_clock(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """`01/03/2016 11:57:00 PM` or `2012-01-01T00:05:00.000` as date and clock, each empty where there is none."""
    parts = pc.extract_regex(texts, r"(?s)^\s*(?P<date>[^T\s]+)(?:[T\s]\s*(?P<clock>.*?))?\s*$")
    return pc.coalesce(pc.struct_field(parts, 0), texts), pc.fill_null(pc.struct_field(parts, 1), "")


def clock_seconds(text: str) -> int:
    """Seconds from midnight of `23:45:00`, `23.45`, `11:45 PM`, `2345`, `24:00:00` (86,400); MISSING or UNREADABLE."""
    text = text.strip()
    if is_missing(text):
        return MISSING
    match = _CLOCK.fullmatch(_FOUR_DIGITS.sub(r"\1:\2", text) if len(text) == 4 else text)
    if not match:
        return UNREADABLE
    hour, minute, second = int(match[1]), int(match[3]), int(match[4] or 0)
    if match[5]:
        if not 1 <= hour <= 12:
            return UNREADABLE
        hour = hour % 12 + 12 * (match[5] in "Pp")
    if minute > 59 or second > 59 or hour > 24 or (hour == 24 and (minute or second)):
        return UNREADABLE
    return hour * 3600 + minute * 60 + second


def without_zone(text: str) -> tuple[str, int | None]:
    """`01:45:24-08:00` as the time that is written and minutes from UTC: `01:45:24` and -480; 0 for `Z`, None without.

    The time is the clock's own: what is behind it says how far that is from UTC, and nothing is to be added.
    """
    match = _ZONED.fullmatch(text)
    if not match:
        return text, None
    minutes = int(match[4] or 0) * 60 + int(match[5] or 0)
    return match[1], -minutes if match[3] == "-" else minutes


class Dates:
    """The dates of one file: reads them, and keeps what they show about the order of day and month.

    Args:
        order: how `2/3/2020` is read; the cities' portals write the month first.
    """

    def __init__(self, order: str = "mdy"):
        self.order = order
        self._days: dict[str, int] = {}
        # kind of evidence -> (row, text) of its first rows; the kinds are "mdy", "dmy" and "either"
        self._evidence: dict[str, list[tuple[int, str]]] = {"mdy": [], "dmy": [], "either": []}
        self._forms: dict[str, tuple[int, str]] = {}

    def days(self, dates: pa.DictionaryArray, row_number) -> np.ndarray:
        """[n] int64 days since 1970, MISSING or UNREADABLE, for n date strings.

        Args:
            row_number: gives the file's row number of an index, called for dates not met before.
        """
        indices, texts = dates.indices.to_numpy(), dates.dictionary.to_numpy(zero_copy_only=False).tolist()
        first = np.zeros(len(dates.dictionary), np.int64)
        first[indices[::-1]] = np.arange(len(indices))[::-1]  # of several assignments to one place the last one stays
        for code, text in enumerate(texts):
            if text not in self._days:
                self._days[text] = self._read(text.strip(), row_number(int(first[code])))
        return np.array([self._days[text] for text in texts] or [MISSING], np.int64)[indices]

    def _read(self, text: str, row: int) -> int:
        if is_missing(text):
            return MISSING
        if match := _ISO.fullmatch(text):
            self._forms.setdefault("year first", (row, text))
            return _day_number(int(match[1]), int(match[3]), int(match[4]))
        if match := _DOTTED.fullmatch(text):
            self._forms.setdefault("points", (row, text))
            return _day_number(_year(match[3]), int(match[2]), int(match[1]))
        match = _SLASHED.fullmatch(text)
        if not match:
            return UNREADABLE
        first, second, year = int(match[1]), int(match[3]), _year(match[4])
        self._forms.setdefault(f"{len(match[4])}-digit year last", (row, text))
        as_mdy, as_dmy = _day_number(year, first, second), _day_number(year, second, first)
        if as_mdy == as_dmy:
            return as_mdy
        kind = "dmy" if as_mdy == UNREADABLE else "mdy" if as_dmy == UNREADABLE else "either"
        self._evidence[kind].append((row, text))
        return as_dmy if kind == "dmy" or (kind == "either" and self.order == "dmy") else as_mdy

    def order_shown(self, path: str) -> str:
        """The order under which the whole file can be read.

        Raises:
            ConversionError: the file mixes forms and holds dates that could mean two days.
        """
        seen = self._evidence
        if not seen["either"]:
            return self.order
        if len(self._forms) > 1 or (seen["mdy"] and seen["dmy"]):
            shown = [*self._forms.values(), *seen["mdy"][:1], *seen["dmy"][:1]]
            rows = ", ".join(f"row {row} {text!r}" for row, text in sorted(set(shown)))
            doubtful = ", ".join(f"row {row} {text!r}" for row, text in sorted(seen["either"])[:3])
            raise ConversionError(
                f"{path}: mixes date forms ({rows}), so {doubtful} could mean two days; "
                "say which with --date-format mdy or --date-format dmy"
            )
        return "dmy" if seen["dmy"] else self.order

    def doubtful(self) -> tuple[int, str] | None:
        """Row and text of the first date that could mean two days, where no other of the file shows which."""
        seen = self._evidence
        shown = len(self._forms) == 1 and bool(seen["mdy"]) != bool(seen["dmy"])
        return None if shown else min(seen["either"], default=None)


def _year(digits: str) -> int:
    return int(digits) if len(digits) == 4 else int(digits) + (2000 if int(digits) < 69 else 1900)


def _day_number(year: int, month: int, day: int) -> int:
    try:
        return datetime.date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return UNREADABLE
