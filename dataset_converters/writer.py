"""Writing a RecBole dataset folder: all of its files or none."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from dataset_converters.days import first_and_last
from dataset_converters.errors import ConversionError, describe_os_error
from dataset_converters.events import Events, in_final_order, ranks, statistics

SUFFIXES = (".inter", ".user", ".item", ".json")
ROWS = 1 << 20
# pyarrow quotes nothing: tokens hold no quote, tab or line end (tokens.py), and a header is written by hand.
_FORMAT = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")


def dataset_files(output: str | os.PathLike) -> dict[str, Path]:
    """The files of the dataset folder `output`, by suffix: `dataset/nyc16` holds `nyc16.inter` and so on."""
    folder = Path(os.path.abspath(output))
    return {suffix: folder / (folder.name + suffix) for suffix in SUFFIXES}


def check_output(output: str | os.PathLike, overwrite: bool) -> None:
    """Refuses early, before hours of work, what `write_dataset` would refuse.

    Raises:
        ConversionError: the folder holds this dataset already and `overwrite` is not set, or cannot be a folder.
    """
    files = dataset_files(output)
    folder = files[".inter"].parent
    if not folder.name or not os.fspath(output):
        raise ConversionError(f"{str(output)!r}: needs a folder name, which becomes the dataset's name")
    if folder.exists() and not folder.is_dir():
        raise ConversionError(f"{output}: is a file; name a folder for the dataset")
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise ConversionError(f"{output}: {parent} is not a folder in which you may write")
    held = [path.name for path in files.values() if path.exists()]
    if held and not overwrite:
        raise ConversionError(f"{output}: holds {', '.join(held)} already; add --overwrite to replace the dataset")


def write_dataset(output: str | os.PathLike, events: Events, report: dict, overwrite: bool = False) -> dict:
    """Brings events into final order and writes `<name>.inter`, `.user`, `.item` and `.json`.

    Args:
        output: folder; its last part is the dataset's name.
        events: filtered, in any order.
        report: what the source has to say; `days` (the first and the last) and `statistics` are added.

    Returns:
        the complete report, as written to `<name>.json`.

    Raises:
        ConversionError: nothing to write, the dataset exists, or the disk refuses.
    """
    check_output(output, overwrite)
    if not len(events):
        dropped = ", ".join(f"{count:,} {reason}" for reason, count in report["rows"]["dropped"].items() if count)
        raise ConversionError(f"{output}: no events are left ({dropped or 'the source has none'}); nothing was written")
    events = in_final_order(events)
    files = dataset_files(output)
    days = {} if events.time is None else {"days": first_and_last(events.time)}
    counts = {"statistics": statistics(events.user, events.item)}
    report = {"name": files[".inter"].parent.name, **report, **days, **counts}
    with replacing(files) as temporary:
        write_inter(temporary[".inter"], events)
        write_table(temporary[".user"], events.users)
        write_table(temporary[".item"], events.items)
        text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        temporary[".json"].write_text(text, encoding="utf-8", newline="\n")
    return report


def write_inter(path: Path, events: Events) -> None:
    """Writes the interactions of `events`, in final order, with the rank within the generator as timestamp."""
    users = pa.array(events.users["user_id:token"].to_numpy(object), pa.string())
    items = pa.array(events.items["item_id:token"].to_numpy(object), pa.string())
    header = ["user_id:token", "item_id:token", "timestamp:float"] + ["time:token"] * (events.time is not None)
    rank = ranks(events.user)
    with open(path, "wb") as stream:
        stream.write(("\t".join(header) + "\n").encode())
        for start in range(0, len(events), ROWS):
            rows = slice(start, start + ROWS)
            columns = [users.take(pa.array(events.user[rows])), items.take(pa.array(events.item[rows]))]
            columns.append(pa.array(rank[rows]).cast(pa.string()))
            if events.time is not None:
                columns.append(iso_times(events.time[rows], events.time_suffix))
            csv.write_csv(pa.table(columns, header), stream, _FORMAT)


def iso_times(seconds: np.ndarray, suffix: str) -> pa.Array:
    """[n] int64 seconds since 1970 as `2016-01-03T23:57:00` + suffix."""
    times = pa.array(seconds).cast(pa.timestamp("s"))
    # A cast writes `2016-01-03 23:57:00` and is several times faster than strftime.
    return pc.replace_substring(pc.binary_join_element_wise(times.cast(pa.string()), suffix, ""), " ", "T")


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Writes a `.user` or `.item` file; None and NaN become empty cells, whole floats lose their `.0`."""
    columns = [[_cell(value) for value in table[name]] for name in table]
    with open(path, "w", encoding="utf-8", newline="\n") as stream:
        stream.write("\t".join(table.columns) + "\n")
        stream.writelines("\t".join(cells) + "\n" for cells in zip(*columns, strict=True))


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@contextlib.contextmanager
def replacing(files: dict[str, Path]) -> Iterator[dict[str, Path]]:
    """Gives a temporary path for each file; on success all of them take their names, otherwise none does.

    The temporary files lie in the same folder, which is made if need be and removed again if nothing came of it.

    Raises:
        ConversionError: for any OSError on the way (a full disk, no permission).
    """
    temporary = {key: path.with_name(f".{path.name}.{os.getpid()}.new") for key, path in files.items()}
    folder = next(iter(files.values())).parent
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield temporary
        for path in temporary.values():
            _to_disk(path)
        _rename_all(temporary, files)
    except BaseException as error:
        for path in temporary.values():
            with contextlib.suppress(OSError):
                path.unlink()
        for parent in made:
            with contextlib.suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError):
            raise describe_os_error(folder, error) from error
        raise


def _to_disk(path: Path) -> None:
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())


def _rename_all(temporary: dict[str, Path], files: dict[str, Path]) -> None:
    """Renames every file, or puts back those that were replaced."""
    aside: dict[Path, Path] = {}
    fresh: list[Path] = []
    try:
        for key, path in files.items():
            if path.exists():
                backup = path.with_name(f".{path.name}.{os.getpid()}.old")
                os.replace(path, backup)
                aside[path] = backup
            os.replace(temporary[key], path)
            fresh.append(path)
    except BaseException:
        for path in fresh:
            path.unlink()
        for path, backup in aside.items():
            os.replace(backup, path)
        raise
    for backup in aside.values():
        backup.unlink()
