"""Events of any source, and the steps that every source shares: filtering, final order, ranks, statistics."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dataset_converters.errors import ConversionError
from dataset_converters.report import Tally

LAST_YEAR = 9998
SHORTEST = 4  # events of a sequence that takes part in training, validation and test


@dataclass(frozen=True)
class Events:
    """n events of U generators (RecBole: users) and E elements (RecBole: items).

    Attributes:
        user: [n] int32, row of `users`.
        item: [n] int32, row of `items`.
        users: U rows; first column `user_id:token`, the others what the id means, headed `name:type`.
        items: E rows; first column `item_id:token`, likewise.
        tie: [n] int64, the source's own order among events of one generator at the same time.
        time: [n] int64, seconds since 1970 on the source's clock; None where the source has no times.
        time_suffix: what follows the written ISO time: "" for local time, "Z" for UTC.
    """

    user: np.ndarray
    item: np.ndarray
    users: pd.DataFrame
    items: pd.DataFrame
    tie: np.ndarray
    time: np.ndarray | None = None
    time_suffix: str = ""

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: np.ndarray) -> Events:
        """The events at `rows` (indices, or a mask of [n] booleans)."""
        return replace(
            self,
            user=self.user[rows],
            item=self.item[rows],
            tie=self.tie[rows],
            time=None if self.time is None else self.time[rows],
        )


def positive(name: str, value: int, least: int = 1, most: int | None = None) -> None:
    """Checks that an option is a whole number from `least` to `most`.

    Raises:
        ConversionError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConversionError(f"{name} is {value!r}; it must be a whole number of at least {least}")
    if most is not None and value > most:
        raise ConversionError(f"{name} is {value!r}; it must be at most {most}")


def input_paths(inputs: str | os.PathLike | Iterable[str | os.PathLike]) -> list[Path]:
    """One file or several as a list.

    Raises:
        ConversionError: there is none.
    """
    paths = [Path(path) for path in ([inputs] if isinstance(inputs, str | os.PathLike) else inputs)]
    if not paths:
        raise ConversionError("no input file is named")
    return paths


def drop_rare(events: Events, tally: Tally, min_user: int, min_item: int, repeat: bool = False) -> Events:
    """Drops elements with fewer than `min_item` events, then generators with fewer than `min_user`.

    Args:
        events: in any order.
        tally: is told how many were dropped, and why.
        repeat: go round until neither drops anything (a k-core); otherwise each is done once.
    """
    while True:
        before = len(events)
        for field, least, noun in (("item", min_item, "elements"), ("user", min_user, "generators")):
            if least > 1:
                codes = getattr(events, field)
                keep = np.bincount(codes)[codes] >= least if len(codes) else np.zeros(0, bool)
                tally.drop(_rare(noun, least), len(keep) - keep.sum())
                if not keep.all():
                    events = events.take(keep)
        if not repeat or len(events) == before:
            return events


def _rare(noun: str, least: int) -> str:
    return f"{noun} with fewer than {least} events"


def rare_generators(least: int) -> str:
    """Under which reason `drop_rare` counts the events of generators that have too few."""
    return _rare("generators", least)


def in_final_order(events: Events) -> Events:
    """Sorts events by (generator, time, tie) and leaves only ids that occur, in the order of the `users`/`items` rows.

    The rows of `users` and `items` must already be in their final order.
    """
    user, users = _compact(events.user, events.users)
    item, items = _compact(events.item, events.items)
    time = np.zeros(len(events), np.int64) if events.time is None else events.time
    return replace(events, user=user, item=item, users=users, items=items).take(_order(user, time, events.tie))


def _order(user: np.ndarray, time: np.ndarray, tie: np.ndarray) -> np.ndarray:
    """[n] rows by (user, time, tie); several times faster than np.lexsort, as only rows that tie are sorted twice."""
    if not len(user):
        return np.zeros(0, np.int64)
    first = int(time.min())
    span = int(time.max()) - first + 1
    if (int(user.max()) + 1) * span > np.iinfo(np.int64).max:
        return np.lexsort((tie, time, user))
    key = user.astype(np.int64) * span + (time - first)
    order = np.argsort(key)
    same = np.diff(key[order]) == 0
    tied = np.r_[False, same] | np.r_[same, False]
    rows = order[tied]
    order[tied] = rows[np.lexsort((tie[rows], key[rows]))]
    return order


def _compact(codes: np.ndarray, table: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    counts = np.bincount(codes, minlength=len(table))
    new_code = (np.cumsum(counts > 0) - 1).astype(np.int32)
    table = table[counts > 0].reset_index(drop=True)
    return new_code[codes], table.assign(**{"events:float": counts[counts > 0]})


def ranks(user: np.ndarray) -> np.ndarray:
    """[n] int64: 0, 1, 2, … within each generator, for `user` [n] in final order.

    RecBole holds timestamps as float32 before it sorts by them: at today's epoch that is a step of 128 seconds, while
    whole numbers are exact up to 2**24.
    """
    starts = np.flatnonzero(np.r_[True, user[1:] != user[:-1]]) if len(user) else np.zeros(0, np.int64)
    lengths = np.diff(np.r_[starts, len(user)])
    return np.arange(len(user)) - np.repeat(starts, lengths)


def statistics(user: np.ndarray, item: np.ndarray) -> dict:
    """Table 1 of the paper, and how many targets are repeats.

    Args:
        user, item: [n] codes from 0, in final order.

    Returns:
        `all` and `without_last_two` (the paper's Table 1 leaves out the validation and test elements), each with
        generators, elements, events, max, min, mean and std (population) of the sequence lengths; and
        `repeat_rate`, the share of generators whose last element they had produced before (None without events).
        As in Table 1, `elements` is the whole vocabulary in both; `elements_seen` counts those that occur in the part.
    """
    if not len(user):
        return {"all": _lengths(user, item, 0), "without_last_two": _lengths(user, item, 0), "repeat_rate": None}
    vocabulary = len(np.unique(item))
    lengths = np.bincount(user)
    last = np.cumsum(lengths) - 1
    from_end = np.repeat(last, lengths) - np.arange(len(user))
    early = from_end >= 2
    repeats = (item == item[last][user]) & (from_end > 0)
    repeated = np.bincount(user, weights=repeats) > 0
    present = lengths > 0
    return {
        "all": _lengths(user, item, vocabulary),
        "without_last_two": _lengths(user[early], item[early], vocabulary),
        "repeat_rate": round(float(repeated[present].mean()), 6),
    }


def _lengths(user: np.ndarray, item: np.ndarray, vocabulary: int) -> dict:
    counts = np.bincount(user)
    counts = counts[counts > 0]
    shown = {"max": 0, "min": 0, "mean": 0.0, "std": 0.0}
    if len(counts):
        shown = {
            "max": int(counts.max()),
            "min": int(counts.min()),
            "mean": round(float(counts.mean()), 6),
            "std": round(float(counts.std()), 6),
        }
    seen = len(np.unique(item))
    return {"generators": len(counts), "elements": vocabulary, "elements_seen": seen, "events": len(user), **shown}
