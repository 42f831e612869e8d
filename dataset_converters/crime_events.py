"""From cleaned rows to events: each complaint once, ids grouped and named, and tables of what the ids mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from dataset_converters.coordinates import DEGREE, NO_COORDINATE
from dataset_converters.events import Events
from dataset_converters.times import DAY
from dataset_converters.tokens import text_cell, token, unique_labels


@dataclass(frozen=True)
class Collected:
    """n cleaned rows of a crime export.

    Attributes:
        seconds: [n] int64, start on the city's clock, counted from 1970.
        number: [n] int64, the complaint or case number as a number.
        codes: role -> [n] int32, places in `texts[role]`; -1 where missing.
        latitude, longitude: [n] int32 in units of 1e-7 degrees, or NO_COORDINATE.
        texts: role -> its values, in their natural order.
    """

    seconds: np.ndarray
    number: np.ndarray
    codes: dict[str, np.ndarray]
    latitude: np.ndarray
    longitude: np.ndarray
    texts: Mapping[str, list[str]] = field(default_factory=dict)

    def take(self, rows: np.ndarray) -> Collected:
        """The rows at `rows` (indices or a mask)."""
        codes = {role: values[rows] for role, values in self.codes.items()}
        arrays = {name: getattr(self, name)[rows] for name in ("seconds", "number", "latitude", "longitude")}
        return replace(self, codes=codes, **arrays)


def each_number_once(rows: Collected) -> tuple[Collected, int]:
    """Keeps one row of each complaint number: the one that starts first, then the one whose values sort first.

    A complaint stands twice where exports overlap (historic and year to date) and where it has several offences or
    victims. The rule looks at values only, so the order of the file's rows does not matter.

    Returns:
        the rows kept, and how many were left out.
    """
    repeated = np.flatnonzero(pd.Series(rows.number).duplicated(keep=False).to_numpy())
    if not len(repeated):
        return rows, 0
    some = rows.take(repeated)
    values = [some.codes[role] for role in sorted(some.codes)]
    order = np.lexsort([some.longitude, some.latitude, *values, some.seconds, some.number])
    first = np.r_[True, np.diff(some.number[order]) != 0]
    keep = np.ones(len(rows.number), bool)
    keep[repeated[order[~first]]] = False
    return rows.take(keep), int(len(keep) - keep.sum())


def crime_events(
    rows: Collected,
    described: Sequence[str],
    generator: Sequence[str],
    classes: tuple[str, str | None],
    slot_hours: int,
    names: Mapping[str, str],
) -> Events:
    """Events of generators made of the roles `generator`, and elements made of a time slot and an offence class.

    Args:
        described: roles by whose most frequent value a generator is described.
        classes: the roles of the class's code and of its description, if it has one.
        slot_hours: length of a slot, a divisor of 24.
        names: code of a class -> what it is called already.
    """
    slots = (rows.seconds % DAY // (slot_hours * 3600)).astype(np.int32)
    user, user_parts = _grouped([rows.codes[role] for role in generator])
    item, item_parts = _grouped([slots, rows.codes[classes[0]]])
    return Events(
        user=user,
        item=item,
        users=_users(rows, described, generator, user, user_parts),
        items=_items(rows, classes, slot_hours, item_parts, names),
        tie=rows.number,
        time=rows.seconds,
    )


def one_time_of_day(seconds: np.ndarray, slot_hours: int, newer: bool) -> list[str]:
    """A note where more than half of the events ([n] int64 starts) have one time of day, as dates without times do.

    Args:
        newer: than a dataset, whose slots they must have.
    """
    counts = np.bincount(seconds % DAY, minlength=1)
    if slot_hours == 24 or counts.max() * 2 <= len(seconds):
        return []
    clock = np.datetime64(int(counts.argmax()), "s").item().time()
    return [
        f"{counts.max():,} of {len(seconds):,} events start at {clock}, as dates without times do, so slots mean "
        f"little; take {'' if newer else '--slot-hours 24, or '}a column that has the times (city: --time)"
    ]


def _grouped(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Numbers the different combinations of `parts` ([n] each, no -1) in sorted order, in linear time.

    Returns:
        [n] int32 group of each row, and for each part its value by group.
    """
    sizes = [int(part.max(initial=0)) + 1 for part in parts]
    key = np.zeros(len(parts[0]), np.int64)
    for part, size in zip(parts, sizes, strict=True):
        key = key * size + part
    met, keys = pd.factorize(key)
    order = np.argsort(keys)
    place = order.argsort().astype(np.int32)
    values, rest = [], keys[order]
    for size in reversed(sizes):
        values.append(rest % size)
        rest = rest // size
    return place[met], values[::-1]


def _users(rows: Collected, described, generator, user: np.ndarray, parts: Sequence[np.ndarray]) -> pd.DataFrame:
    names = [[rows.texts[role][code] for code in part] for role, part in zip(generator, parts, strict=True)]
    table = {"user_id:token": [token(*values) for values in zip(*names, strict=True)]}
    table |= {f"{role}:token": list(map(text_cell, column)) for role, column in zip(generator, names, strict=True)}
    groups = len(parts[0])
    for role in described:
        if role not in generator:
            values = _most_frequent(user, rows.codes[role], groups)
            table[f"{role}:token"] = [text_cell(rows.texts[role][code] if code >= 0 else None) for code in values]
    known = rows.latitude != NO_COORDINATE
    for name, values in (("latitude", rows.latitude), ("longitude", rows.longitude)):
        if name not in generator:
            table[f"{name}:float"] = _means(user[known], values[known], groups)
    return pd.DataFrame(table)


def _items(
    rows: Collected,
    classes: tuple[str, str | None],
    slot_hours: int,
    parts: Sequence[np.ndarray],
    names: Mapping[str, str],
) -> pd.DataFrame:
    code_role, description_role = classes
    codes, descriptions = rows.texts[code_role], [""] * len(rows.texts[code_role])
    if description_role:
        best = _most_frequent(rows.codes[code_role], rows.codes[description_role], len(codes))
        descriptions = [rows.texts[description_role][code] if code >= 0 else "" for code in best]
    labels = unique_labels(codes, descriptions, names)
    slots = [f"{slot * slot_hours:02d}-{(slot + 1) * slot_hours:02d}h" for slot in parts[0]]
    table = {
        "item_id:token": [token(slot, labels[code]) for slot, code in zip(slots, parts[1], strict=True)],
        "slot:token": slots,
        f"{code_role}:token": [text_cell(codes[code]) for code in parts[1]],
    }
    if description_role:
        table[f"{description_role}:token"] = [text_cell(descriptions[code]) for code in parts[1]]
    return pd.DataFrame(table)


def _most_frequent(group: np.ndarray, values: np.ndarray, groups: int) -> np.ndarray:
    """[groups] the value met most often in each group, the lowest of equals, -1 without any. `values` -1 is missing."""
    best = np.full(groups, -1, np.int64)
    known = values >= 0
    size = int(values.max(initial=0)) + 1
    met, pairs = pd.factorize(group[known].astype(np.int64) * size + values[known])
    counts = np.bincount(met, minlength=len(pairs))
    order = np.lexsort((-pairs, counts))  # the last one written to a group wins: most often, then lowest
    best[pairs[order] // size] = pairs[order] % size
    return best


def _means(group: np.ndarray, values: np.ndarray, groups: int) -> np.ndarray:
    """[groups] float64 mean in degrees, to 6 places; NaN without values. Exact, so independent of the rows' order."""
    if not len(values):
        return np.full(groups, np.nan)
    # Distances from one of the values are small (below a degree in a city), so that float64 sums of them are exact.
    origin = int(values.min())
    counts = np.bincount(group, minlength=groups)
    sums = np.bincount(group, weights=values.astype(np.int64) - origin, minlength=groups)
    with np.errstate(invalid="ignore"):
        return np.round((sums / counts + origin) / DEGREE, 6)
