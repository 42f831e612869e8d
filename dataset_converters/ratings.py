"""What rating files share: users, items and Unix times become events, whatever the order of the file's rows."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dataset_converters.errors import ConversionError
from dataset_converters.events import Events
from dataset_converters.header import normal_name
from dataset_converters.report import SHOWN, Tally
from dataset_converters.table import TableReader
from dataset_converters.tokens import natural_key, token

MILLISECONDS = 10**11  # as seconds this is the year 5138
TOO_LATE = 253_402_300_800_000  # the first millisecond of the year 10000: microseconds, or no time at all


def find_columns(
    path: str | os.PathLike, header: Sequence[str], names: Mapping[str, Sequence[str]], expected: str
) -> dict[str, int]:
    """Positions of the roles `user`, `item` and `time`; `names` says what each may be called.

    Raises:
        ConversionError: one is absent; `expected` tells what the file should be.
    """
    held = [normal_name(name) for name in header]
    found = {
        role: held.index(name) for role, known in reversed(names.items()) for name in reversed(known) if name in held
    }
    absent = [" or ".join(known) for role, known in names.items() if role not in found]
    if absent:
        raise ConversionError(
            f"{path}: row 1 lacks {', '.join(absent)}; it has {', '.join(header)[:300]!r}; expected {expected}"
        )
    return found


class Ratings:
    """Collects (user, item, Unix time) rows.

    Args:
        tally: counts the rows and those that cannot be used.
    """

    def __init__(self, tally: Tally):
        self._tally = tally
        self._users: dict[str, int] = {}
        self._items: dict[str, int] = {}
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def read_table(self, reader: TableReader) -> None:
        """Adds the rows of a table with the roles `user`, `item` and `time`."""
        for batch in reader.batches():
            self._tally.read += batch.length
            columns = [batch.columns[role] for role in ("user", "item", "time")]
            user, item = (
                _numbered(column, known) for column, known in zip(columns, (self._users, self._items), strict=False)
            )
            time = _milliseconds(columns[2])
            good = np.ones(batch.length, bool)
            for bad, reason, column in (
                (user < 0, "no user", columns[0]),
                (item < 0, "no item", columns[1]),
                (time < 0, "unreadable time", columns[2]),
            ):
                rows = np.flatnonzero(good & bad)
                shown = (f"{batch.where(int(row))} {column[int(row)].as_py()!r}" for row in rows[:SHOWN])
                self._tally.reject(reason, len(rows), shown)
                good[rows] = False
            self._parts.append((user[good], item[good], time[good]))
        examples = (f"{reader.path} {bad}" for bad in reader.bad_rows)
        self._tally.read += len(reader.bad_rows)
        self._tally.reject("wrong number of fields", len(reader.bad_rows), examples)

    def add(self, rows: list[tuple[str, str, int]]) -> None:
        """Adds rows that are read and checked already."""
        user = [self._users.setdefault(row[0], len(self._users)) for row in rows]
        item = [self._items.setdefault(row[1], len(self._items)) for row in rows]
        time = np.array([row[2] for row in rows], np.int64)
        self._parts.append((np.array(user, np.int32), np.array(item, np.int32), _in_milliseconds(time)))

    def events(self, users: pd.DataFrame | None = None, items: pd.DataFrame | None = None) -> Events:
        """All rows as events; rows that repeat user, item and time are kept once.

        Events of one user at the same time, to the millisecond where the source has them, have no order of their own.
        They are put in an order that follows from the two ids by a hash: the same for every order of the file's rows,
        and without the pattern that an order by item number would bring into the sequences.

        Args:
            users, items: what the ids mean, indexed by id.
        """
        user, item, time = (
            np.concatenate([part[place] for part in self._parts] or [np.zeros(0, np.int64)]) for place in range(3)
        )
        repeated = pd.DataFrame({"user": user, "item": item, "time": time}).duplicated().to_numpy()
        self._tally.drop("user, item and time met before", int(repeated.sum()))
        user_ids, user_place = _in_order(self._users)
        item_ids, item_place = _in_order(self._items)
        user, item, time = user_place[user[~repeated]], item_place[item[~repeated]], time[~repeated]
        second, within = np.divmod(time, 1000)
        tie = _hashes(user_ids)[user] ^ _hashes(item_ids, b"item")[item]
        return Events(
            user=user,
            item=item,
            users=_described("user_id:token", user_ids, users),
            items=_described("item_id:token", item_ids, items),
            tie=_ranks(within, tie) if within.any() else tie,
            time=second,
            time_suffix="Z",
        )


def _numbered(column: pa.DictionaryArray, known: dict[str, int]) -> np.ndarray:
    texts = [text.strip() for text in column.dictionary.to_pylist()]
    table = [known.setdefault(text, len(known)) if text else -1 for text in texts]
    return np.array(table or [-1], np.int32)[column.indices.to_numpy()]


def _milliseconds(column: pa.StringArray) -> np.ndarray:
    """[n] int64 milliseconds since 1970; below 0 where the text is no whole number, or no time."""
    texts = pc.utf8_trim_whitespace(column)
    whole = pc.match_substring_regex(texts, r"^\d{1,18}(\.0*)?$")
    digits = pc.replace_substring_regex(pc.if_else(whole, texts, "-1"), r"\..*$", "")
    time = _in_milliseconds(pc.cast(digits, pa.int64()).to_numpy())
    return np.where(time < TOO_LATE, time, -1)


def _in_milliseconds(time: np.ndarray) -> np.ndarray:
    return np.where(time > MILLISECONDS, time, time * 1000)


def _ranks(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """[n] int64 in the order of two keys."""
    return np.lexsort((then, first)).argsort()


def _in_order(known: dict[str, int]) -> tuple[list[str], np.ndarray]:
    """The ids in natural order, and for each number its place there."""
    ids = sorted(known, key=natural_key)
    order = np.array([known[text] for text in ids], np.int32)
    return ids, order.argsort().astype(np.int32)


def _described(head: str, ids: list[str], table: pd.DataFrame | None) -> pd.DataFrame:
    frame = pd.DataFrame({head: [token(text) for text in ids]})
    if table is not None:
        for name in table:
            frame[name] = table[name].reindex(ids).to_numpy(object)
    return frame


def _hashes(ids: list[str], salt: bytes = b"user") -> np.ndarray:
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8, person=salt).digest() for text in ids)
    return np.frombuffer(digests, np.int64)
