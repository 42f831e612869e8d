"""Amazon reviews: JSON lines (`reviews_Toys_and_Games_5.json.gz`) or rating tables (`ratings_Toys_and_Games.csv`)."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from dataset_converters.errors import ConversionError
from dataset_converters.rating_file import convert_ratings
from dataset_converters.ratings import TOO_LATE, Ratings, find_columns
from dataset_converters.report import Tally
from dataset_converters.table import TableReader
from dataset_converters.text import TextSource

# The names of the 2014 and 2018 releases, then of the 2023 release.
KEYS = {
    "user": ("reviewerID", "user_id"),
    "item": ("asin", "parent_asin"),
    "time": ("unixReviewTime", "timestamp"),
}
NAMES = {role: (role, *map(str.lower, keys)) for role, keys in KEYS.items()}
EXPECTED = "Amazon reviews as JSON lines, or a CSV of user,item,rating,time"
ROWS = 1 << 16
_ASIN = re.compile(r"[0-9B][0-9A-Z]{9}")


def amazon(
    inputs: str | os.PathLike,
    output: str | os.PathLike,
    *,
    min_events: int = 5,
    min_item_events: int = 5,
    tolerate: int | str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> dict:
    """Converts Amazon reviews, every review an event.

    Args:
        inputs: JSON lines, or a CSV of user, item, rating, time (or item, user, rating, time), with or without header.
        output: dataset folder to write, named like the dataset.
        min_events, min_item_events: users and items with fewer events are dropped, round after round until none is
            left (with 5 and 5 the 5-core, which the published 5-core files are already).
        tolerate: how many unusable rows are accepted, a count or a share like `8%`.
        overwrite: replace an existing dataset.
        progress: show a progress bar.

    Returns:
        the report that is also written to `<name>.json`.

    Raises:
        ConversionError: what is wrong, in which file and row, and what to do.
    """
    return convert_ratings("amazon", _read, **locals(), repeat=True)


def _read(path: Path, ratings: Ratings, tally: Tally, progress: bool) -> None:
    with TextSource(path, member=_is_data) as source:
        first = source.first_line()
    if first.lstrip()[:1] == "{":
        _read_json(path, ratings, tally, progress)
    else:
        ratings.read_table(_table(path, first, tally.tolerate is not None, progress))


def _is_data(name: str) -> bool:
    return name.lower().endswith((".csv", ".json", ".jsonl"))


def _read_json(path: Path, ratings: Ratings, tally: Tally, progress: bool) -> None:
    rows: list[tuple[str, str, int]] = []
    with TextSource(path, member=_is_data, progress=progress) as source:
        for number, line in source.lines():
            if not line.strip():
                continue
            tally.read += 1
            try:
                rows.append(_review(json.loads(line)))
            except ValueError as error:
                tail = " (the last row is cut off)" if source.ended and not source.ends_with_line else ""
                if isinstance(error, json.JSONDecodeError) and tally.tolerate is None:
                    raise ConversionError(
                        f"{path}: row {number} is not JSON{tail} ({line[:40]!r}); repair the file, download it again, "
                        "or leave such rows out with --tolerate 5%"
                    ) from error
                reason = "not JSON" if isinstance(error, json.JSONDecodeError) else str(error)
                tally.reject(reason, 1, [f"{path} row {number} {line[:40]!r}"])
            if len(rows) == ROWS:
                ratings.add(rows)
                rows = []
    ratings.add(rows)


def _review(review: dict) -> tuple[str, str, int]:
    values = []
    for role, keys in KEYS.items():
        held = [review[key] for key in keys if isinstance(review, dict) and review.get(key) not in (None, "")]
        if not held:
            raise ValueError(f"no {role}")
        # a review of 2023 has both an item and its parent; ratings of variants belong together
        values.append(held[-1])
    for role, value in zip(KEYS, values, strict=True):
        if not isinstance(value, int if role == "time" else int | str) or isinstance(value, bool):
            raise ValueError(f"unreadable {role}")
    user, item, time = values
    if not 0 <= time < TOO_LATE:
        raise ValueError("unreadable time")
    return _id(user, "user"), _id(item, "item"), time


def _id(value: int | str, role: str) -> str:
    try:
        return str(value).encode().decode()
    except UnicodeEncodeError:  # half of a character, which no file can hold
        raise ValueError(f"unreadable {role}") from None


def _table(path: Path, first: str, skip_bad: bool, progress: bool) -> TableReader:
    fields = first.split(",")
    header = None
    if len(fields) == 4 and fields[3].strip().removesuffix(".0").isdigit():
        item_first = bool(_ASIN.fullmatch(fields[0])) and not _ASIN.fullmatch(fields[1])
        header = ["item", "user", "rating", "time"] if item_first else ["user", "item", "rating", "time"]
    return TableReader(
        path,
        lambda header: find_columns(path, header, NAMES, EXPECTED),
        plain=["time"],
        header=header,
        skip_bad=skip_bad,
        member=_is_data,
        progress=progress,
    )
