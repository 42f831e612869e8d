"""Tokens that RecBole reads back as the very text that was meant, and that never merge two source values."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

# What pandas.read_csv turns into a missing value (RecBole reads with its defaults), and RecBole's own padding token.
READ_AS_MISSING = frozenset(
    (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"),
        *("NA", "NULL", "NaN", "None", "n/a", "nan", "null", "[PAD]"),
    )
)
SEPARATOR = "|"
# Control characters and every kind of line or paragraph end, the quote character that pandas would take for the start
# of a quoted field, and the two characters that the escape and the join below need for themselves.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff"%|]')
_OUTER_SPACE = re.compile(r"^\s+|\s+$")


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def safe_part(value: str) -> str:
    """One value as part of a token: `%09` for a tab and so on, as in a web address; readable text stays as it is."""
    value = _UNSAFE.sub(lambda match: _percent(match[0]), value)
    return _OUTER_SPACE.sub(lambda match: _percent(match[0]), value)


def token(*parts: str) -> str:
    """A token of one or more values joined by `|`; different values give different tokens."""
    joined = SEPARATOR.join(safe_part(part) for part in parts)
    if joined in READ_AS_MISSING:
        return (_percent(joined[0]) + joined[1:]) if joined else "%"
    return joined


def text_cell(value: object) -> str:
    """A descriptive value for a `.user` or `.item` file; empty where it is missing."""
    return "" if value is None or value == "" or value != value else token(str(value))


def unique_labels(
    codes: Sequence[str], descriptions: Sequence[str], known: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """The description of each code where it names that code alone, else `description (code)`; the code without one.

    Offence descriptions are what people can read, but one description may stand for several codes (a felony and a
    misdemeanour of the same name); those must stay apart.

    Args:
        known: code -> the label that it has already and keeps; other codes get none of these labels.
    """
    labels = [known.get(code) or description or code for code, description in zip(codes, descriptions, strict=True)]
    new = [code not in known for code in codes]
    while shared := _repeated([*set(known.values()), *itertools.compress(labels, new)]):
        labels = [
            f"{label} ({code})" if free and label in shared else label
            for label, code, free in zip(labels, codes, new, strict=True)
        ]
    return labels


def _repeated(labels: Iterable[str]) -> set[str]:
    seen, twice = set(), set()
    for label in labels:
        (twice if label in seen else seen).add(label)
    return twice


def natural_key(text: str) -> tuple:
    """Sort key under which precinct `9` comes before `44` and `44|BAR` before `44|STREET`."""
    return tuple(
        (0, int(part), part) if part.isdecimal() and part.isascii() else (1, 0, part) for part in text.split(SEPARATOR)
    )
