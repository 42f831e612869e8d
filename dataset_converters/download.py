"""Downloading what the paper used from where it is published, and converting it."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dataset_converters.amazon import amazon
from dataset_converters.chicago import chicago
from dataset_converters.errors import ConversionError, describe_os_error
from dataset_converters.events import positive
from dataset_converters.http import check_url, fetch_file
from dataset_converters.layouts import CHICAGO, NYC
from dataset_converters.movielens import movielens
from dataset_converters.nyc import nyc
from dataset_converters.packed import DAMAGED
from dataset_converters.portal import Pages, Portal
from dataset_converters.writer import check_output

PAGE_ROWS = 50_000


@dataclass(frozen=True)
class Archive:
    """A published file.

    Attributes:
        base, path: the address.
        command, convert: the converter.
    """

    base: str
    path: str
    command: str
    convert: Callable[..., dict]


_NYC_PORTAL, _CHICAGO_PORTAL = "https://data.cityofnewyork.us", "https://data.cityofchicago.org"
_NYC_EXPORT, _CHICAGO_EXPORT = "NYPD_Complaint_Data_Historic.csv", "Crimes_-_2001_to_Present.csv"
_TOYS = "/data/amazon/productGraph/categoryFiles/reviews_Toys_and_Games_5.json.gz"
#: The datasets that can be downloaded, by name.
DOWNLOADABLE: dict[str, Portal | Archive] = {
    "nyc16": Portal(_NYC_PORTAL, "qgea-i56i", NYC, "cmplnt_fr_dt", 2016, _NYC_EXPORT, nyc),
    "chi18": Portal(_CHICAGO_PORTAL, "ijzp-q8t2", CHICAGO, "date", 2018, _CHICAGO_EXPORT, chicago),
    "ml-1m": Archive("https://files.grouplens.org", "/datasets/movielens/ml-1m.zip", "movielens", movielens),
    "toys": Archive("http://snap.stanford.edu", _TOYS, "amazon", amazon),
}


def commands_for(name: str, output: str | os.PathLike | None = None) -> list[str]:
    """The command lines that bring the dataset `name` to `output` (by default `dataset/<name>`).

    For a dataset that can be downloaded: the download, then converting a file that is there already. For any other:
    what makes one of a city's table, and of a file of sequences.
    """
    program, output = "python -m dataset_converters", output or f"dataset/{name}"
    source = DOWNLOADABLE.get(name)
    if isinstance(source, Portal):
        convert = f"{source.layout.city} {source.export} --year {source.year}"
    elif isinstance(source, Archive):
        convert = f"{source.command} {source.path.rsplit('/', 1)[1]}"
    else:
        return [
            f"{program} city FILE.csv --output {output} --number … --date … --generator … --element …",
            f"{program} nyc FILE.csv --output {output}  # New York's; Chicago's: chicago",
            f"{program} sequences FILE.txt --output {output}  # `generator element` per line",
        ]
    return [f"{program} download {name} --output {output}", f"{program} {convert} --output {output}"]


def download(
    name: str,
    output: str | os.PathLike | None = None,
    *,
    app_token: str | None = None,
    base_url: str | None = None,
    page_rows: int = PAGE_ROWS,
    retries: int = 6,
    wait: float = 1.0,
    keep: bool = False,
    overwrite: bool = False,
    progress: bool = False,
) -> dict:
    """Downloads a dataset of the paper and converts it with the paper's defaults.

    What is downloaded lies in `<output>.download` until it is converted; an interrupted download goes on from there.

    Args:
        name: one of `DOWNLOADABLE`.
        output: dataset folder to write; `dataset/<name>` by default.
        app_token: a Socrata application token; without one the cities' portals slow down callers.
        base_url: replaces scheme and host, for a mirror or a test server.
        page_rows: rows asked for at a time.
        retries, wait: further attempts, and seconds before the first of them (doubled each time).
        keep: leave `<output>.download` in place.
        overwrite: replace an existing dataset.
        progress: show progress bars.

    Returns:
        the report that is also written to `<name>.json`.

    Raises:
        ConversionError: what is wrong and what to do.
    """
    if name not in DOWNLOADABLE:
        raise ConversionError(f"cannot download {name!r}; known are {', '.join(DOWNLOADABLE)}")
    positive("--page-rows", page_rows)
    positive("--retries", retries, least=0)
    if not wait >= 0:
        raise ConversionError(f"--wait is {wait!r}; it must be a number of seconds, 0 or more")
    output = Path(output or f"dataset/{name}")
    check_output(output, overwrite)
    source = DOWNLOADABLE[name]
    base = check_url(base_url or source.base)
    folder = output.with_name(output.name + ".download")
    options = {"overwrite": overwrite, "progress": progress}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Portal):
            pages = Pages(
                source, base, folder, {"X-App-Token": app_token} if app_token else {}, page_rows, retries, wait
            )
            report = source.convert(pages.fetch(progress), output, year=source.year, **options)
        else:
            report = source.convert(_archive(source, base, folder, retries, wait, progress), output, **options)
        if not keep:
            shutil.rmtree(folder)
    except OSError as error:
        raise describe_os_error(error.filename or folder, error) from error
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()  # only if nothing came
    return report


def _archive(source: Archive, base: str, folder: Path, retries: int, wait: float, progress: bool) -> Path:
    path = folder / source.path.rsplit("/", 1)[1]
    if not path.exists():
        fetch_file(base + source.path, path, retries, wait, progress)
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                broken = archive.testzip()
                if broken:
                    raise zipfile.BadZipFile(f"{broken} is damaged")
        else:
            with gzip.open(path) as stream:
                while stream.read(1 << 22):
                    pass
    except DAMAGED as error:
        path.unlink()
        raise ConversionError(f"{base + source.path}: what came is damaged ({error}); run the command again") from error
    return path
