"""A year of a city's data set, page by page from its Socrata portal."""

from __future__ import annotations

import csv
import io
import json
import os
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from dataset_converters.errors import ConversionError
from dataset_converters.http import AttemptFailed, get, with_retries
from dataset_converters.layouts import Layout


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


class Pages:
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
        AttemptFailed: it is something else, such as an error page.
    """
    try:
        return int(next(iter(json.loads(answer)[0].values())))
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration) as error:
        raise AttemptFailed(f"{answer[:60]!r} came instead of a count of rows") from error


def _whole_page(text: bytes, due: int) -> bytes:
    """`text` if it is a CSV page of `due` rows.

    Raises:
        AttemptFailed: it is shorter (cut off on the way), longer, or no CSV.
    """
    if text.lstrip()[:1] == b"<":
        raise AttemptFailed("an HTML page came instead of CSV")
    try:
        rows = sum(1 for row in csv.reader(io.StringIO(text.decode("utf-8"), newline=""), strict=True) if row) - 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise AttemptFailed(f"the page is cut off ({error})") from error
    if rows != due or not text.endswith(b"\n"):
        raise AttemptFailed(f"the page has {rows:,} of {due:,} rows")
    return text
