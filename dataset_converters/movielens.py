"""MovieLens: `ratings.dat` (1M, 10M), `ratings.csv` (20M and later), `u.data` (100K), or the zip that holds them."""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from dataset_converters.errors import ConversionError
from dataset_converters.rating_file import convert_ratings
from dataset_converters.ratings import Ratings, find_columns
from dataset_converters.report import Tally
from dataset_converters.table import TableReader
from dataset_converters.text import TextSource
from dataset_converters.tokens import text_cell, token

RATING_FILES = ("ratings.dat", "ratings.csv", "u.data")
NAMES = {
    "user": ("user", "userid", "user_id"),
    "item": ("item", "movieid", "movie_id"),
    "time": ("time", "timestamp"),
}
EXPECTED = "MovieLens ratings such as 1::1193::5::978300760, or a CSV with userId,movieId,rating,timestamp"
# The files that say what the ids mean: separator, whether there is a header, and the columns worth keeping.
MEANINGS = {
    "movies.dat": ("::", False, {"title:token": 1, "genre:token_seq": 2}),
    "movies.csv": (",", True, {"title:token": 1, "genre:token_seq": 2}),
    "u.item": ("|", False, {"title:token": 1, "release_date:token": 2}),
    "users.dat": ("::", False, {"gender:token": 1, "age:token": 2, "occupation:token": 3, "zip_code:token": 4}),
    "u.user": ("|", False, {"age:token": 1, "gender:token": 2, "occupation:token": 3, "zip_code:token": 4}),
}


def movielens(
    inputs: str | os.PathLike,
    output: str | os.PathLike,
    *,
    min_events: int = 5,
    min_item_events: int = 5,
    tolerate: int | str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> dict:
    """Converts MovieLens ratings, every rating an event; titles, genres and user attributes where they are at hand.

    Args:
        inputs: the ratings file or the zip; the files beside it (or in the zip) say what the ids mean.
        output: dataset folder to write, named like the dataset.
        min_events: then users with fewer events are dropped.
        min_item_events: first, movies with fewer events are dropped (as in the ml-1m file of the BERT4Rec, SASRec and
            HAIL papers: 3,416 of 3,706 movies stay).
        tolerate: how many unusable rows are accepted, a count or a share like `8%`.
        overwrite: replace an existing dataset.
        progress: show a progress bar.

    Returns:
        the report that is also written to `<name>.json`.

    Raises:
        ConversionError: what is wrong, in which file and row, and what to do.
    """
    return convert_ratings("movielens", _read, **locals(), meanings=_of_users_and_items)


def _read(path: Path, ratings: Ratings, tally: Tally, progress: bool) -> None:
    ratings.read_table(_ratings_table(path, tally.tolerate is not None, progress))


def _is_rating_file(name: str) -> bool:
    return PurePosixPath(name).name in RATING_FILES


def _ratings_table(path: Path, skip_bad: bool, progress: bool) -> TableReader:
    member = _is_rating_file
    with TextSource(path, member=member) as source:
        first = source.first_line()
    if "::" in first:
        # `1::1193::5::978300760`: with one colon as separator there is an empty column between any two
        header, delimiter = ["user", "", "item", "", "rating", "", "time"], ":"
    elif first.count("\t") >= 3 and not first[:1].isalpha():
        header, delimiter = ["user", "item", "rating", "time"], "\t"
    else:
        header, delimiter = None, None
    return TableReader(
        path,
        lambda header: find_columns(path, header, NAMES, EXPECTED),
        plain=["time"],
        header=header,
        delimiter=delimiter,
        skip_bad=skip_bad,
        member=member,
        progress=progress,
    )


def _of_users_and_items(path: Path) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    found = _meanings(path)
    return _first(found, "users.dat", "u.user"), _first(found, "movies.dat", "movies.csv", "u.item")


def _first(meanings: dict[str, pd.DataFrame], *names: str) -> pd.DataFrame | None:
    return next((meanings[name] for name in names if name in meanings), None)


def _meanings(path: Path) -> dict[str, pd.DataFrame]:
    """The descriptive files in the zip or beside the ratings file, by name, indexed by id."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if PurePosixPath(name).name in MEANINGS]
        return {PurePosixPath(name).name: _meaning(path, name) for name in names}
    return {name: _meaning(path.with_name(name), name) for name in MEANINGS if path.with_name(name).is_file()}


def _meaning(path: Path, member: str) -> pd.DataFrame:
    separator, has_header, columns = MEANINGS[PurePosixPath(member).name]
    ids, cells = [], {name: [] for name in columns}
    with TextSource(path, member=member.__eq__) as source:
        for row, fields in _split(source, separator):
            if has_header and row == 1:
                continue
            if len(fields) <= max(columns.values()):
                raise ConversionError(
                    f"{path}: row {row} of {member} has {len(fields)} fields; repair it or take it away"
                )
            ids.append(fields[0])
            for name, place in columns.items():
                cells[name].append(_cell(name, fields[place]))
    table = pd.DataFrame(cells, index=ids)
    return table[~table.index.duplicated()]


def _split(source: TextSource, separator: str) -> Iterator[tuple[int, list[str]]]:
    if separator == ",":
        yield from enumerate(csv.reader(line + "\n" for _, line in source.lines()), 1)
    else:
        for row, line in source.lines():
            if line:
                yield row, line.split(separator)


def _cell(name: str, text: str) -> str:
    if name.endswith(":token_seq"):  # genres; RecBole separates them by spaces
        return " ".join(token(word.replace(" ", "_")) for word in text.split("|") if word and word[0] != "(")
    return text_cell(text)
