"""Validating a RecBole dataset folder: what RecBole would refuse, misread, reorder or silently lose."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dataset_converters.atomic import Atomic, fields, packing
from dataset_converters.errors import ConversionError
from dataset_converters.events import positive, statistics
from dataset_converters.report import statistics_table
from dataset_converters.table import TableReader
from dataset_converters.writer import dataset_files


@dataclass
class Checked:
    """The outcome of `check`.

    Attributes:
        name: the dataset's name.
        findings: what is wrong, one line each; empty for a sound dataset.
        notes: what is worth knowing but not wrong.
        statistics: see `events.statistics`; None where the interactions cannot be read.
    """

    name: str
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    statistics: dict | None = None

    def __str__(self) -> str:
        lines = [f"{self.name}: {f'{len(self.findings)} findings' if self.findings else 'sound'}"]
        lines += [f"  finding: {finding}" for finding in self.findings]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines + ([statistics_table(self.statistics)] if self.statistics else []))


def check(
    folder: str | os.PathLike,
    *,
    user_field: str = "user_id",
    item_field: str = "item_id",
    time_field: str = "timestamp",
    min_events: int = 5,
    candidates: int = 100,
    progress: bool = False,
) -> Checked:
    """Checks the dataset in `folder`: `<name>.inter`, and `<name>.user` and `<name>.item` where they exist.

    Args:
        folder: the dataset folder; its last part is the dataset's name.
        user_field, item_field, time_field: RecBole's USER_ID_FIELD, ITEM_ID_FIELD and TIME_FIELD.
        min_events: generators with fewer events are a finding.
        candidates: fewer elements than this are a finding (the target and 99 others by default).
        progress: show a progress bar.

    Raises:
        ConversionError: the folder does not exist.
    """
    positive("--min-events", min_events)
    positive("--candidates", candidates)
    if not os.path.isdir(folder):
        raise ConversionError(f"{folder}: is not a folder; name a dataset folder such as dataset/nyc16")
    files = dataset_files(folder)
    result = Checked(files[".inter"].parent.name)
    if not files[".inter"].exists():
        result.findings.append(f"{files['.inter'].name} is missing; RecBole looks for it by the folder's name")
        return result
    inter = _read(files[".inter"], (user_field, item_field, time_field), result, progress)
    if inter is None:
        return result
    user, item, time = (inter.codes(name) for name in (user_field, item_field, time_field))
    for name in (user_field, item_field):
        if inter.types[name] != "token":
            result.findings.append(
                f"{inter.name}: {name} is a {inter.types[name]}; RecBole numbers ids that are a token"
            )
    _check_times(inter, user, time_field, result)
    _check_counts(inter, user_field, item_field, min_events, candidates, result)
    doubled = int(pd.DataFrame({"user": user, "item": item, "time": time}).duplicated().sum())
    if doubled:
        result.findings.append(
            f"{inter.name}: {doubled:,} rows repeat the {user_field}, {item_field} and {time_field} of another"
        )
    for suffix, key in ((".user", user_field), (".item", item_field)):
        table = _read(files[suffix], (key,), result, progress) if files[suffix].exists() else None
        if table is not None:
            _check_ids(table, inter, key, result)
    order = np.lexsort([inter.floats(time_field), user])
    result.statistics = statistics(user[order], item[order])
    return result


def _read(path: Path, needed: Sequence[str], result: Checked, progress: bool) -> Atomic | None:
    """An atomic file; None, with findings, if it cannot be used."""
    try:
        reader = TableReader(
            path,
            lambda header: fields(path, header, needed),
            delimiter="\t",
            quotes=False,
            skip_bad=True,
            progress=progress,
        )
        batches = list(reader.batches())
    except ConversionError as error:
        result.findings.append(str(error))
        return None
    if fault := packing(path):
        result.findings.append(f"{path.name}: {fault}")
    if reader.bad_rows:
        result.findings.append(
            f"{path.name}: {len(reader.bad_rows):,} rows are malformed; the first: {reader.bad_rows[0]}"
        )
    if not batches:
        return None
    if reader.encoding in ("cp1252", "utf-16"):
        result.findings.append(f"{path.name}: is not UTF-8, the encoding in which RecBole reads")
    table = Atomic(path, reader, batches)
    faults = (table.fault_of(name, needed=name in needed) for name in table.types)
    result.findings += filter(None, faults)
    return table


def _check_times(inter: Atomic, user: np.ndarray, time_field: str, result: Checked) -> None:
    """Times out of order in the file, and times that tie once RecBole holds them as float32."""
    if inter.types[time_field] != "float":
        result.findings.append(f"{inter.name}: {time_field} is a {inter.types[time_field]}; RecBole orders by a float")
        return
    times = inter.floats(time_field)
    by_user = np.argsort(user, kind="stable")
    same = user[by_user][1:] == user[by_user][:-1]
    back = np.flatnonzero(same & (np.diff(times[by_user]) < 0))
    if len(back):
        row = inter.row(by_user[back + 1].min())
        result.findings.append(
            f"{inter.name}: {len(back):,} rows stand before an earlier event of their generator (first: row {row})"
        )
    order = np.lexsort([times, user])
    same = user[order][1:] == user[order][:-1]
    tied = same & (times[order][1:] == times[order][:-1])
    merged = same & ~tied & (np.diff(times[order].astype(np.float32)) == 0)
    if tied.any():
        result.findings.append(f"{inter.name}: {int(tied.sum()):,} events have the same time as the one before them")
    if merged.any():
        result.findings.append(
            f"{inter.name}: {int(merged.sum()):,} events get the same time as the one before them once RecBole holds "
            "times as float32; write ranks within the generator instead"
        )


def _check_counts(inter: Atomic, user_field, item_field, min_events: int, candidates: int, result: Checked) -> None:
    lengths = np.bincount(inter.codes(user_field))
    short = np.flatnonzero((lengths > 0) & (lengths < min_events))
    if len(short):
        first = f"{inter.values(user_field)[short[0]]!r} with {lengths[short[0]]}"
        result.findings.append(
            f"{inter.name}: {len(short):,} generators have fewer than {min_events} events (first: {first})"
        )
    elements = len(inter.values(item_field))
    if elements < candidates:
        result.findings.append(
            f"{inter.name}: has {elements:,} elements; ranking among {candidates} candidates needs as many, so train "
            "with --candidates=full"
        )


def _check_ids(table: Atomic, inter: Atomic, key: str, result: Checked) -> None:
    """Ids that are described twice or not at all, or described without an event."""
    described, used = table.values(key), inter.values(key)
    if len(described) < len(table.codes(key)):
        result.findings.append(
            f"{table.name}: {len(table.codes(key)) - len(described):,} rows repeat the {key} of another"
        )
    for ids, others, text in ((used, described, "are not described"), (described, used, "have no event")):
        rest = sorted(set(ids) - set(others))
        if rest:
            lines = result.findings if ids is used else result.notes
            lines.append(f"{table.name}: {len(rest):,} values of {key} {text} (first: {rest[0]!r})")
