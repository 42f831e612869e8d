"""Downloading what the paper used from where it is published, and converting it."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import shutil
import urllib.parse
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from dataset_converters.amazon import amazon
from dataset_converters.chicago import chicago
from dataset_converters.errors import ConversionError
from dataset_converters.events import positive
from dataset_converters.http import Interrupted, check_url, fetch_file, get, with_retries
from dataset_converters.layouts import CHICAGO, NYC, Layout
from dataset_converters.movielens import movielens
from dataset_converters.nyc import nyc
from dataset_converters.text import DAMAGED, describe_os_error
from dataset_converters.writer import check_output

PAGE_ROWS = 50_000


@dataclass(frozen=True)
class Portal:
    """A year of a Socrata data set.

    Attributes:
        base: scheme and host.
        identifier: the data set's name at the portal.
        layout, date: whose columns are asked for, and the column that `$where` tests.
        year: of the events' start.
        export: what the portal's own CSV download is called.
        convert: `nyc` or `chicago`.
    """

    base: str
    identifier: str
    layout: Layout
    date: str
    year: int
    export: str
    convert: Callable[..., dict]


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

    For a dataset that can be downloaded: the download, then converting a file that is there already.
    """
    program, output = "python -m dataset_converters", output or f"dataset/{name}"
    source = DOWNLOADABLE.get(name)
    if isinstance(source, Portal):
        convert = f"{source.layout.city} {source.export} --year {source.year}"
    elif isinstance(source, Archive):
        convert = f"{source.command} {source.path.rsplit('/', 1)[1]}"
    else:
        return [f"{program} sequences {name}.txt --output {output}"]
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
            pages = _Pages(
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


class _Pages:
    """The pages of one query, each a file in `folder` once it is complete."""

    def __init__(self, source: Portal, base: str, folder: Path, headers: dict, rows: int, retries: int, wait: float):
        roles = (source.layout.roles[role][0] for role in _roles(source.layout))
        self._folder, self._headers, self._rows = folder, headers, rows
        self._retries, self._wait = retries, wait
        self._address = f"{base}/resource/{source.identifier}"
        date, year = source.date, source.year
        self._where = f"{date} >= '{year}-01-01T00:00:00' AND {date} < '{year + 1}-01-01T00:00:00'"
        self._select = ",".join(roles)

    def fetch(self, progress: bool) -> list[Path]:
        """Downloads the pages that are not there yet; all of them in order.

        Raises:
            ConversionError: the server has no rows, or gives fewer than it counts.
        """
        count = self._count()
        if count == 0:
            raise ConversionError(f"{self._address}: has no rows where {self._where}")
        self._start_over_if_changed(
            {"address": self._address, "where": self._where, "rows": self._rows, "count": count}
        )
        paths = []
        with tqdm(total=count, unit=" rows", unit_scale=True, disable=None if progress else True) as bar:
            for offset in range(0, count, self._rows):
                due = min(self._rows, count - offset)
                path = self._folder / f"page-{offset // self._rows:05d}.csv"
                if not path.exists():
                    self._fetch_page(path, offset, due)
                bar.update(due)
                paths.append(path)
        return paths

    def _url(self, form: str, **query: object) -> str:
        parameters = {f"${key}": value for key, value in query.items()} | {"$where": self._where}
        return f"{self._address}.{form}?{urllib.parse.urlencode(parameters, safe='$')}"

    def _count(self) -> int:
        url = self._url("json", select="count(*)")
        return with_retries(url, lambda: _row_count(get(url, self._headers)), self._retries, self._wait)

    def _start_over_if_changed(self, query: dict) -> None:
        """Pages of another query, or of a data set that has grown since, do not fit together with new ones."""
        note = self._folder / "query.json"
        if not note.exists() or note.read_text(encoding="utf-8") != json.dumps(query):
            for page in self._folder.glob("page-*.csv*"):
                page.unlink()
            note.write_text(json.dumps(query), encoding="utf-8")

    def _fetch_page(self, path: Path, offset: int, due: int) -> None:
        # ordered by the row's own identifier: pages of an unordered query may overlap
        url = self._url("csv", select=self._select, order=":id", limit=self._rows, offset=offset)
        text = with_retries(url, lambda: _whole_page(get(url, self._headers), due), self._retries, self._wait)
        part = path.with_name(path.name + ".part")
        part.write_bytes(text)
        os.replace(part, path)


def _roles(layout: Layout) -> list[str]:
    """The roles that the default conversion reads."""
    code, description = layout.classes["offense"]
    roles = [layout.number, layout.date, layout.clock, *layout.generator, code, description, *layout.described]
    return [role for role in dict.fromkeys([*roles, "latitude", "longitude"]) if role]


def _row_count(answer: bytes) -> int:
    """The number in `[{"count": "95"}]`.

    Raises:
        Interrupted: it is something else, such as an error page.
    """
    try:
        return int(next(iter(json.loads(answer)[0].values())))
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration) as error:
        raise Interrupted(f"{answer[:60]!r} came instead of a count of rows") from error


def _whole_page(text: bytes, due: int) -> bytes:
    """`text` if it is a CSV page of `due` rows.

    Raises:
        Interrupted: it is shorter (cut off on the way), longer, or no CSV.
    """
    if text.lstrip()[:1] == b"<":
        raise Interrupted("an HTML page came instead of CSV")
    try:
        rows = sum(1 for row in csv.reader(io.StringIO(text.decode("utf-8"), newline=""), strict=True) if row) - 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise Interrupted(f"the page is cut off ({error})") from error
    if rows != due or not text.endswith(b"\n"):
        raise Interrupted(f"the page has {rows:,} of {due:,} rows")
    return text
