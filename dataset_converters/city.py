"""Any city: whoever converts its export names the columns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from dataset_converters.crime import convert_crime
from dataset_converters.errors import ConversionError
from dataset_converters.header import normal_name
from dataset_converters.layouts import Layout

# What the columns of coordinates are called that are taken without being named.
FOUND = {"latitude": ("latitude", "lat"), "longitude": ("longitude", "long", "lon")}
# No normal name begins with `_`: a generator's column that is called `number` is not taken for the record's number.
ROLES = {"number": "_number", "date": "_date", "time": "_time", "latitude": "latitude", "longitude": "longitude"}


def city(
    inputs: str | os.PathLike | Iterable[str | os.PathLike],
    output: str | os.PathLike,
    *,
    number: str,
    date: str,
    generator: str | Sequence[str],
    element: str,
    time: str | None = None,
    latitude: str | None = None,
    longitude: str | None = None,
    year: int | None = None,
    slot_hours: int = 3,
    min_events: int = 5,
    date_format: str | None = None,
    tolerate: int | str | None = None,
    like: str | os.PathLike | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> dict:
    """Converts a city's table of recorded offences, whose columns are named, into a RecBole dataset folder.

    Args:
        inputs: one file or several, plain, gz or zip.
        output: dataset folder to write, named like the dataset.
        number: column of the record's own number, by which a record counts once.
        date: column of the event's start.
        generator: columns that make up a generator, such as `AREA NAME,Premis Desc`.
        element: column of the offence.
        time: column of the time of day, where that does not stand after the date.
        latitude, longitude: columns of the coordinates in degrees; by default those called so, `lat`, `long` or `lon`.
        year: only events that start in this year; None for all.
        slot_hours: length of the element's time slot, a divisor of 24.
        min_events: generators with fewer events are dropped.
        date_format: `mdy` or `dmy`, for files that mix date forms.
        tolerate: how many unusable rows are accepted, a count or a share like `8%`; rows with a wrong number of
            fields are an error unless this is given. By default 5 % of the rows may lack a readable date or number.
        like: folder of a dataset made by this command with the same options, whose names for offences are kept: for
            rows that are newer than those a model was trained on.
        overwrite: replace an existing dataset.
        progress: show a progress bar.

    Returns:
        the report that is also written to `<name>.json`.

    Raises:
        ConversionError: what is wrong, in which file and row, and what to do.
    """
    options = locals()
    columns = {option: name for option in ROLES if (name := options.pop(option)) is not None}
    return convert_crime(_layout(columns, element), **options)


def _layout(columns: Mapping[str, str], element: str) -> Layout:
    """The layout of an export whose columns are named, option by option."""
    _check({**columns, "element": element})
    return Layout(
        city="city",
        roles={**FOUND, **{ROLES[option]: (normal_name(name),) for option, name in columns.items()}},
        number=ROLES["number"],
        date=ROLES["date"],
        clock=ROLES["time"] if "time" in columns else None,
        generator=("district", "premises"),  # the example of a message: there is no default
        classes={element: (normal_name(element), None)},
        whole_numbers=frozenset(),
        named=columns,
    )


def _check(columns: Mapping[str, str]) -> None:
    """Raises ConversionError for a name that is none, one that is given twice, and one coordinate without the other."""
    options: dict[str, str] = {}
    for option, name in columns.items():
        if not normal_name(name):
            raise ConversionError(f"--{option} is {name!r}; name a column as row 1 of the file has it")
        other = options.setdefault(normal_name(name), option)
        if other != option:
            raise ConversionError(
                f"--{other} and --{option} both name the column {name!r}; each needs one of its own, "
                "but a time that stands after its date is read by --date alone"
            )
    if ("latitude" in columns) != ("longitude" in columns):
        raise ConversionError("--latitude and --longitude need each other; name both columns or neither")
