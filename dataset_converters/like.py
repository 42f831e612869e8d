"""Converting newer rows so that they have the names of a dataset that is there already."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from dataset_converters.errors import ConversionError
from dataset_converters.text import describe_os_error
from dataset_converters.tokens import SEPARATOR
from dataset_converters.writer import dataset_files

SAME = ("slot_hours", "element", "generator")


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
    with _reading(folder) as files, open(files[".item"], encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {unquote(row[f"{code_role}:token"]): _label(row["item_id:token"]) for row in rows}


@contextlib.contextmanager
def _reading(folder: str | os.PathLike) -> Iterator[dict[str, Path]]:
    """Gives the dataset's files; what is wrong with them becomes a ConversionError."""
    try:
        yield dataset_files(folder)
    except OSError as error:
        raise describe_os_error(error.filename or folder, error) from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ConversionError(f"--like {folder}: holds no dataset that nyc, chicago or city have made") from error


def _label(item: str) -> str:
    return unquote(item.split(SEPARATOR, 1)[1])
