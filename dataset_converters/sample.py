"""Made-up crime exports of any size, in the cities' own layouts: for trying things out and for the benchmark."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from dataset_converters.errors import ConversionError
from dataset_converters.events import LAST_YEAR, positive
from dataset_converters.sample_rows import chicago_rows, nyc_rows
from dataset_converters.sample_values import CHICAGO_HEADER, NYC_HEADER
from dataset_converters.writer import replacing

ROWS = 200_000  # written at a time


def sample(
    city: str,
    output: str | os.PathLike,
    *,
    events: int = 50_000,
    seed: int = 1,
    year: int = 2016,
    years: int = 1,
    overwrite: bool = False,
) -> Path:
    """Writes a made-up export of `city`: Zipf-distributed places, a daily rhythm, and places that repeat themselves.

    Args:
        city: `nyc` (35 columns) or `chicago` (22 columns).
        output: the CSV file to write; gzip if its name ends in .gz.
        events: how many rows.
        seed: the same seed gives the same file.
        year, years: the events start in `years` years from the beginning of `year`.
        overwrite: replace an existing file.

    Returns:
        the path of the file.

    Raises:
        ConversionError: an option that makes no sense, or the file exists.
    """
    if city not in ("nyc", "chicago"):
        raise ConversionError(f"there is no sample of {city!r}; the cities are nyc and chicago")
    positive("--events", events)
    positive("--seed", seed, least=0)
    positive("--year", year, most=LAST_YEAR)
    positive("--years", years, most=LAST_YEAR - year + 1)
    path = Path(os.path.abspath(output))
    if path.is_dir():
        raise ConversionError(f"{output}: is a directory; name a file")
    if path.exists() and not overwrite:
        raise ConversionError(f"{output}: exists already; add --overwrite to replace it")
    header, make = (NYC_HEADER, nyc_rows) if city == "nyc" else (CHICAGO_HEADER, chicago_rows)
    names = header.split(",")
    random = np.random.default_rng(seed)
    days = np.arange(np.datetime64(f"{year:04d}", "D"), np.datetime64(f"{year + years:04d}", "D"))
    with replacing({"": path}) as temporary, _opened(temporary[""], path.suffix == ".gz") as stream:
        stream.write((header + "\n").encode())
        for start in range(0, events, ROWS):
            columns = make(random, start, min(ROWS, events - start), days)
            rows = pc.binary_join_element_wise(*(columns.get(name, "") for name in names), ",")
            stream.write(("\n".join(rows.to_pylist()) + "\n").encode())
    return path


def _opened(path: Path, packed: bool):
    return gzip.open(path, "wb", compresslevel=1) if packed else open(path, "wb")
