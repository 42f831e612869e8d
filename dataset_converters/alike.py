"""Names that differ in leading zeros, blanks or case alone, and so may be meant as one."""

from __future__ import annotations

import re
from collections.abc import Iterable

SHOWN = 3
_LEADING_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")
_BLANKS = re.compile(r"\s+")


def spelling(text: str) -> str:
    """The same for `04 Mitte`, `4 mitte` and `4  Mitte`."""
    return _BLANKS.sub("", _LEADING_ZEROS.sub("", text)).casefold()


def alike(texts: Iterable[str]) -> list[list[str]]:
    """Those of the different `texts` that are spelt like another, together, in the order in which they come."""
    groups: dict[str, list[str]] = {}
    for text in texts:
        groups.setdefault(spelling(text), []).append(text)
    return [group for group in groups.values() if len(group) > 1]


def alike_note(column: str, texts: Iterable[str], noun: str) -> list[str]:
    """A note where values of a column make several "places" or "offences" of what may be one."""
    groups = alike(texts)
    if not groups:
        return []
    shown = ", ".join(" and ".join(map(repr, group)) for group in groups[:SHOWN])
    rest = f" and {len(groups) - SHOWN:,} more" if len(groups) > SHOWN else ""
    return [
        f"{column}: {shown}{rest} are different {noun} here, but differ in leading zeros, blanks or case alone; write "
        "them one way in the file if they are one"
    ]
