"""Downloads from a server of our own that pages, drops connections, answers 429 and 500, and cuts answers short."""

import errno
import gzip
import http.server
import io
import json
import re
import threading
import urllib.parse
import zipfile

import pytest

import dataset_converters
from dataset_converters import DOWNLOADABLE, ConversionError, commands_for
from dataset_converters.__main__ import main
from dataset_converters.report import summary


class Portal(http.server.ThreadingHTTPServer):
    """Serves one table by SODA's rules, or files by path; `faults` are used up one a request, None meaning none."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.table: list[str] = []
        self.count: int | None = None
        self.files: dict[str, bytes] = {}
        self.faults: list[str | None] = []
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        self.server.requests.append((address.path, query, dict(self.headers)))
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault and fault.isdigit():
            return self.answer(int(fault), b"please wait", {"Retry-After": "0"} if fault == "429" else {})
        if fault == "drop":
            self.close_connection = True
            return self.connection.close()
        if fault == "html":
            return self.answer(200, b"<html>maintenance</html>")
        body, status, headers = self.body(address.path, query)
        if fault == "cut":  # fewer bytes than announced
            return self.answer(status, body[: len(body) // 2], headers | {"Content-Length": str(len(body))})
        if fault == "short":  # a whole answer with too little in it
            return self.answer(status, body[: len(body) // 2], headers)
        return self.answer(status, body, headers)

    def body(self, path, query):
        server = self.server
        if path in server.files:
            content, start = server.files[path], 0
            if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
                start = int(match[1])
                if start >= len(content):
                    return b"", 416, {"Content-Range": f"bytes */{len(content)}"}
                return content[start:], 206, {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            return content, 200, {}
        if not path.startswith("/resource/"):
            return b"no such file", 404, {}
        if path.endswith(".json"):
            count = len(server.table) - 1 if server.count is None else server.count
            return json.dumps([{"count": str(count)}]).encode(), 200, {}
        start, size = int(query["$offset"]), int(query["$limit"])
        rows = [server.table[0], *server.table[1:][start : start + size]]
        return "".join(row + "\n" for row in rows).encode(), 200, {}

    def answer(self, status, body, headers=None):
        headers = {"Content-Length": str(len(body)), **(headers or {})}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if int(headers["Content-Length"]) != len(body):
            self.close_connection = True


@pytest.fixture
def portal():
    server = Portal()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def crimes(world, portal):
    """95 events of 2018 in the portal, in pages of 20."""
    events = [world.replace(event, start=event.start.replace(year=2018)) for event in world.random_events(1, 95)]
    portal.table = world.chicago["SODA"](events).decode().splitlines()
    return portal


def fetch(portal, tmp_path, name="chi18", **options):
    options = {"page_rows": 20, "wait": 0.001, **options}
    return dataset_converters.download(name, tmp_path / name, base_url=portal.url, **options)


def pages(portal):
    return [query["$offset"] for path, query, _ in portal.requests if path.endswith(".csv")]


def test_pages_are_put_together(world, crimes, tmp_path):
    report = fetch(crimes, tmp_path, app_token="secret")
    path = tmp_path / "whole.csv"
    path.write_text("\n".join(crimes.table) + "\n", encoding="utf-8")
    dataset_converters.chicago(path, tmp_path / "direct", year=2018)
    assert world.read_inter(tmp_path / "chi18") == world.read_inter(tmp_path / "direct")
    assert report["rows"]["read"] == 95 and len(report["inputs"]) == 5
    assert pages(crimes) == ["0", "20", "40", "60", "80"]
    assert not (tmp_path / "chi18.download").exists()
    path, query, headers = crimes.requests[1]
    assert path == "/resource/ijzp-q8t2.csv" and headers["X-App-Token"] == "secret"
    assert query["$where"] == "date >= '2018-01-01T00:00:00' AND date < '2019-01-01T00:00:00'"
    assert query["$order"] == ":id" and query["$limit"] == "20"
    assert query["$select"].startswith("case_number,date,community_area,location_description,primary_type")


def test_new_york(world, portal, tmp_path):
    events = [world.replace(event, start=event.start.replace(year=2016)) for event in world.random_events(2, 60)]
    portal.table = world.nyc["SODA"](events).decode().splitlines()
    assert fetch(portal, tmp_path, "nyc16", keep=True)["rows"]["read"] == 60
    path, query, _ = portal.requests[1]
    assert path == "/resource/qgea-i56i.csv" and query["$where"].startswith("cmplnt_fr_dt >= '2016-01-01T00:00:00'")
    assert "ky_cd" in query["$select"] and "vic_race" not in query["$select"]
    assert len(list((tmp_path / "nyc16.download").glob("page-*.csv"))) == 3


ANY_REQUEST = ["429", "500", "503", "drop", "cut"]


@pytest.mark.parametrize(
    ("fault", "at"), [(fault, at) for at in (0, 1, 4) for fault in ANY_REQUEST + ["short", "html"] * (at > 0)]
)
def test_faults_are_got_over(crimes, tmp_path, fault, at):
    """At the count (request 0) and at pages, of which one may be short or HTML though the answer is whole."""
    crimes.faults = [None] * at + [fault] * 2
    assert fetch(crimes, tmp_path)["rows"]["read"] == 95
    assert len(crimes.requests) == 6 + 2


def test_a_broken_download_goes_on_where_it_stopped(crimes, tmp_path):
    crimes.faults = [None, None, None, "drop", "500", "cut"]
    with pytest.raises(ConversionError, match=r"gave up after 3 attempts .* it goes on where it stopped"):
        fetch(crimes, tmp_path, retries=2)
    assert not (tmp_path / "chi18").exists()
    crimes.requests.clear()
    assert fetch(crimes, tmp_path)["rows"]["read"] == 95
    assert pages(crimes) == ["40", "60", "80"]


def test_pages_of_a_table_that_has_grown_are_not_mixed(crimes, tmp_path):
    crimes.faults = [None, None, None, "400"]
    with pytest.raises(ConversionError, match="the server answers 400 Bad Request: please wait"):
        fetch(crimes, tmp_path)
    crimes.table.append(crimes.table[-1].replace("HZ", "HY"))
    crimes.requests.clear()
    assert fetch(crimes, tmp_path)["rows"]["read"] == 96
    assert pages(crimes) == ["0", "20", "40", "60", "80"]


def test_fewer_rows_than_counted(crimes, tmp_path):
    crimes.count = 97
    with pytest.raises(ConversionError, match="the page has 15 of 17 rows"):
        fetch(crimes, tmp_path, retries=1)


def test_no_rows_and_no_count(crimes, tmp_path):
    crimes.count = 0
    with pytest.raises(ConversionError, match="has no rows where date >= '2018-01-01"):
        fetch(crimes, tmp_path)
    crimes.faults = ["html"] * 3
    with pytest.raises(ConversionError, match=r"gave up after 3 attempts.*instead of a count of rows"):
        fetch(crimes, tmp_path, retries=2)
    assert not list(tmp_path.iterdir())


def test_an_error_page_instead_of_the_count_is_got_over(crimes, tmp_path):
    crimes.faults = ["html"]
    assert fetch(crimes, tmp_path)["rows"]["read"] == 95


def test_many_pages_are_not_all_named_in_the_summary(crimes, tmp_path):
    report = fetch(crimes, tmp_path)
    assert len(report["inputs"]) == 5
    assert summary(report).startswith("chi18  (from page-00000.csv, page-00001.csv, page-00002.csv and 2 more)\n")


@pytest.fixture
def archives(portal):
    """ml-1m.zip and the toys in the layout of the real files."""
    ratings = "".join(f"{user}::{film}::4::{978300000 + film}\n" for user in range(1, 8) for film in range(1, 8))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ml-1m/ratings.dat", ratings)
        archive.writestr("ml-1m/movies.dat", "1::Toy Story (1995)::Comedy\n")
    reviews = "".join(
        json.dumps({"reviewerID": f"A{user}", "asin": f"B{item}", "unixReviewTime": 1_300_000_000 + item}) + "\n"
        for user in range(6)
        for item in range(6)
    )
    portal.files = {
        "/datasets/movielens/ml-1m.zip": packed.getvalue(),
        DOWNLOADABLE["toys"].path: gzip.compress(reviews.encode()),
    }
    return portal


@pytest.mark.parametrize(("name", "events"), [("ml-1m", 49), ("toys", 36)])
@pytest.mark.parametrize("fault", [None, "cut", "500", "drop"])
def test_archives(archives, tmp_path, name, events, fault):
    archives.faults = [fault]
    assert fetch(archives, tmp_path, name)["rows"]["kept"] == events
    ranges = [headers.get("Range") for _, _, headers in archives.requests]
    half = len(next(content for path, content in archives.files.items() if path == archives.requests[0][0])) // 2
    assert ranges == {None: [None], "cut": [None, f"bytes={half}-"]}.get(fault, [None, None])


def test_an_archive_goes_on_in_another_run(archives, tmp_path):
    archives.faults = ["cut"]
    with pytest.raises(ConversionError, match="gave up after 1 attempts"):
        fetch(archives, tmp_path, "toys", retries=0)
    assert fetch(archives, tmp_path, "toys", retries=0)["rows"]["kept"] == 36
    assert "Range" in archives.requests[1][2] and not (tmp_path / "toys.download").exists()


def test_an_archive_that_came_whole_but_was_not_renamed(archives, tmp_path):
    (tmp_path / "toys.download").mkdir()
    part = tmp_path / "toys.download" / "reviews_Toys_and_Games_5.json.gz.part"
    part.write_bytes(archives.files[DOWNLOADABLE["toys"].path])
    assert fetch(archives, tmp_path, "toys")["rows"]["kept"] == 36


@pytest.mark.parametrize("name", ["ml-1m", "toys"])
def test_a_damaged_archive_is_not_kept(archives, tmp_path, name):
    archives.faults = ["short"]
    with pytest.raises(ConversionError, match="what came is damaged"):
        fetch(archives, tmp_path, name)
    assert fetch(archives, tmp_path, name)["rows"]["kept"] > 0


def test_a_file_that_is_gone(archives, tmp_path):
    archives.files.clear()
    with pytest.raises(ConversionError, match="the server answers 404 Not Found: no such file"):
        fetch(archives, tmp_path, "ml-1m")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_not_taken_for_a_bad_line(archives, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr("dataset_converters.http._fetch_rest", refuse)
    with pytest.raises(ConversionError, match=r"toys\.download: Disk quota exceeded"):
        fetch(archives, tmp_path, "toys")
    assert not list(tmp_path.iterdir())


def test_the_command(crimes, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--base-url", crimes.url + "/", "--page-rows", "50", "--wait", "0", "--app-token", "x"]
    assert main(["download", "chi18", *options]) == 0
    assert "events kept" in capsys.readouterr().out
    assert (tmp_path / "dataset" / "chi18" / "chi18.inter").exists()
    assert main(["download", "chi18", *options]) == 2
    assert "add --overwrite" in capsys.readouterr().err
    assert main(["download", "chi18", *options, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "ml-20m"}, "known are nyc16, chi18, ml-1m, toys"),
        ({"name": "toys", "base_url": "ftp://x"}, "--base-url is 'ftp://x'"),
        ({"name": "toys", "page_rows": 0}, "--page-rows is 0"),
        ({"name": "toys", "wait": -1}, "--wait is -1"),
        ({"name": "toys", "base_url": "http://127.0.0.1:1", "retries": 1, "wait": 0}, "gave up after 2 attempts"),
    ],
)
def test_downloads_that_make_no_sense(tmp_path, options, said):
    with pytest.raises(ConversionError, match=said):
        dataset_converters.download(output=tmp_path / "made", **options)
    assert not list(tmp_path.iterdir())


def test_commands_to_run():
    assert commands_for("nyc16") == [
        "python -m dataset_converters download nyc16 --output dataset/nyc16",
        "python -m dataset_converters nyc NYPD_Complaint_Data_Historic.csv --year 2016 --output dataset/nyc16",
    ]
    assert commands_for("ml-1m", "data/ml-1m")[1] == (
        "python -m dataset_converters movielens ml-1m.zip --output data/ml-1m"
    )
    commands = [line.split()[3] for line in commands_for("mine")]
    assert commands == ["city", "nyc", "sequences"] and "Chicago's: chicago" in commands_for("mine")[1]
    assert all("--output dataset/mine" in line for line in commands_for("mine"))
    assert set(DOWNLOADABLE) == {"nyc16", "chi18", "ml-1m", "toys"}
