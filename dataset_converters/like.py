"""Converting newer rows so that they have the names of a dataset that is there already."""

from __future__ import annotations

import contextlib
import csv
import difflib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from dataset_converters.alike import SHOWN, spelling
from dataset_converters.errors import ConversionError, describe_os_error
from dataset_converters.events import Events
from dataset_converters.tokens import SEPARATOR
from dataset_converters.writer import dataset_files

SAME = ("slot_hours", "element", "generator")


def check_another(folder: str | os.PathLike, output: str | os.PathLike) -> None:
    """Checks that newer rows do not replace the dataset in `folder`, with which they are compared.

    Raises:
        ConversionError: both are one folder.
    """
    if not (os.path.exists(folder) and os.path.exists(output) and os.path.samefile(folder, output)):
        return
    made = dataset_files(output)[".inter"].parent
    other = made.with_name(f"{made.name}-newer")
    raise ConversionError(
        f"--like and --output are the same folder, {folder}, whose dataset would be lost; newer rows need another, "
        f"such as {other if os.path.isabs(output) else os.path.relpath(other)}"
    )


def names_like(folder: str | os.PathLike, source: str, options: Mapping[str, object], code_role: str) -> dict[str, str]:
    """What the dataset in `folder` calls each offence, by its code.

    Which offences have their code in brackets depends on the codes that a file holds (`unique_labels`), so a short file
    would name some of them otherwise than the dataset that a model was trained on.

    Args:
        source: the command that must have made the dataset.
        options: those of this conversion, of which SAME must be the dataset's.
        code_role: the column of the `.item` file with the offence's code.

    Raises:
        ConversionError: there is no such dataset, or its generators and elements are made up otherwise.
    """
    wanted = {"command": source} | {name: options[name] for name in SAME}
    with _reading(folder) as files:
        report = json.loads(files[".json"].read_text(encoding="utf-8"))
        made = {"command": report["source"]} | {name: report["options"][name] for name in SAME}
    for name, value in made.items():
        if value != wanted[name]:
            option = name.replace("_", "-")
            raise ConversionError(
                f"--like {folder}: was made with {option} {value!r}, not {wanted[name]!r}; give the same"
            )
    with _reading(folder) as files:
        items = _column(files[".item"], "item_id", code_role)
        return {unquote(code): _label(item) for item, code in items}


def compared_with(folder: str | os.PathLike, events: Events) -> list[str]:
    """In words, how many generators and elements of `events` are not in the dataset in `folder`, and the first few.

    A name in other case is not counted where one alone is meant: forecasts and `verify` find it.

    Raises:
        ConversionError: its files cannot be read.
    """
    notes = []
    for noun, suffix, table, codes in (
        ("generators", ".user", events.users, events.user),
        ("elements", ".item", events.items, events.item),
    ):
        name = table.columns[0]
        with _reading(folder) as files:
            known = [value for (value,) in _column(files[suffix], name.split(":")[0])]
        notes.append(_compared(noun, folder, known, table[name].to_numpy()[np.unique(codes)].tolist()))
    return notes


def _compared(noun: str, folder: str | os.PathLike, known: Sequence[str], met: Sequence[str]) -> str:
    # As Words of recbole_hail finds a name that no token has.
    meant = Counter(unquote(name).casefold() for name in known)
    new = sorted(name for name in set(met) - set(known) if meant[name.casefold()] != 1)
    if not new:
        return f"all {len(met):,} {noun} are in {folder} too"
    spelt = {spelling(unquote(name)): name for name in known}
    near = {name: spelt.get(spelling(unquote(name))) for name in new}
    new.sort(key=lambda name: near[name] is None)  # those that can be mended first
    shown = ", ".join(f"{name}: did you mean {near[name]}?" if near[name] else name for name in new[:SHOWN])
    return f"{len(new):,} of {len(met):,} {noun} are not in {folder} ({shown}{', …' if len(new) > SHOWN else ''})"


def _column(file: Path, *names: str) -> list[tuple[str, ...]]:
    """The values of columns of a `.user` or `.item` file, row by row."""
    with open(file, encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [tuple(row[f"{name}:token"] for name in names) for row in rows]


@contextlib.contextmanager
def _reading(folder: str | os.PathLike) -> Iterator[dict[str, Path]]:
    """Gives the dataset's files; what is wrong with them becomes a ConversionError."""
    files = dataset_files(folder)
    try:
        yield files
    except FileNotFoundError as error:
        raise ConversionError(f"--like {folder}: there is no {error.filename}{_meant(files['.json'].stem)}") from error
    except OSError as error:
        raise describe_os_error(error.filename or folder, error) from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ConversionError(f"--like {folder}: holds no dataset that nyc, chicago or city have made") from error


def _meant(name: str) -> str:
    """The dataset in `dataset/` that may be meant by a name."""
    reports = (path for path in Path("dataset").glob("*/*.json") if path.stem == path.parent.name)
    there = {path.stem: path.parent for path in reports}
    for likest in difflib.get_close_matches(name, there, n=1):
        return f"; did you mean {there[likest].as_posix()}?"
    return "; name the folder of a dataset, such as dataset/leipzig"


def _label(item: str) -> str:
    return unquote(item.split(SEPARATOR, 1)[1])
