"""Whatever is wrong with a source: one line that names file and row, exit status 2, and nothing written."""

import datetime
import gzip
import io
import os
import subprocess
import sys
import zipfile
import zlib

import pytest

import dataset_converters
from dataset_converters import ConversionError
from dataset_converters.__main__ import main

START = datetime.datetime(2016, 5, 1, 12)


@pytest.fixture
def good(world):
    """A sound export of 40 rows, as text."""
    return world.nyc["24 columns"]([world.Event(n, START, "44", "STREET") for n in range(40)]).decode()


def refused(tmp_path, capsys, content: bytes, *options: str, name: str = "bad.csv", command: str = "nyc") -> str:
    """Runs the command on `content`; checks status, the one line and that no file is left; returns the line."""
    path = tmp_path / name
    path.write_bytes(content)
    assert main([command, str(path), "--output", str(tmp_path / "new" / "made"), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1, captured.err
    assert sorted(os.listdir(tmp_path)) == [name]
    return captured.err.removeprefix(f"error: {path}").strip()


def with_row(good: str, row: int, text: str) -> bytes:
    lines = good.splitlines()
    lines[row - 1] = text
    return ("\n".join(lines) + "\n").encode()


def test_missing_columns(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, good.replace("ADDR_PCT_CD", "PCT").replace("KY_CD", "KEY").encode())
    assert "lacks addr_pct_cd or address_precinct_code, ky_cd" in line
    assert "it has CMPLNT_NUM, CMPLNT_FR_DT" in line
    assert "looks like the NYPD Complaint Data export (24 columns)" in line


def test_another_city(tmp_path, capsys, world):
    text = world.chicago["portal"]([world.Event(1, START, "44", "STREET")])
    assert "it looks like Chicago's Crimes - 2001 to Present" in refused(tmp_path, capsys, text)


def test_no_header(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, good.split("\n", 1)[1].encode())
    assert "it looks like no export known here; a file without a header row needs one" in line
    assert line.endswith("another city's columns are named to the city command (docs/converters.md, Another city)")


def test_a_column_that_is_missing_between_semicolons(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, good.replace(",", ";").replace("KY_CD", "KEY").encode())
    assert line.startswith(": row 1 lacks ky_cd; it has CMPLNT_NUM, CMPLNT_FR_DT, ")


def test_lines_that_end_in_carriage_returns_alone(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, good.replace("\n", "\r").encode())
    assert line.startswith(": row 1 is no header of a table") and line.endswith("with LF or CR LF line ends")


def test_a_column_twice(tmp_path, capsys, good):
    assert "row 1 has the column 'KY_CD' twice" in refused(tmp_path, capsys, good.replace("PD_CD", "KY_CD").encode())


def test_empty_file(tmp_path, capsys):
    assert refused(tmp_path, capsys, b"") == ": is empty; download it again"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_header_only(tmp_path, capsys, good, end):
    assert "has a header but no rows" in refused(tmp_path, capsys, (good.split("\n")[0] + end).encode())


def test_html_page(tmp_path, capsys):
    page = b"\n<!DOCTYPE html><html><body>503</body></html>\n"
    assert "row 1 is an HTML or XML page" in refused(tmp_path, capsys, page)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b"\n \r\n", gzip.compress(b"", mtime=0)])
def test_a_file_of_blanks_or_of_a_byte_order_mark_is_empty(tmp_path, capsys, content):
    assert refused(tmp_path, capsys, content) == ": is empty; download it again"


def test_a_blank_line_before_the_header(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, b"\n" + good.encode())
    assert line == ": row 1 is empty; the names of the columns belong there"


def test_a_header_wholly_in_quotes(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, with_row(good, 1, f'"{good.splitlines()[0]}"'))
    assert line.startswith(": row 1 is wholly in quotes, so it is 1 field ('CMPLNT_NUM,CMPLNT_FR_DT")


def test_truncated_gzip_names_the_last_row_that_came(tmp_path, capsys, world):
    text = world.nyc["24 columns"](world.random_events(1, 300))
    lines = text.splitlines(keepends=True)
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(b"".join(lines[:100])) + packer.flush(zlib.Z_FULL_FLUSH)
    line = refused(tmp_path, capsys, packed + packer.compress(b"".join(lines[100:])), name="bad.csv.gz")
    assert line == ": the compressed file is cut off or damaged after row 100; download it again"


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_truncated_gzip(tmp_path, capsys, world, keep):
    packed = gzip.compress(world.nyc["24 columns"](world.random_events(1, 300)))
    assert "cut off or damaged" in refused(tmp_path, capsys, packed[: int(len(packed) * keep)], name="bad.csv.gz")


def test_truncated_zip(tmp_path, capsys, world):
    packed = world.nyc["zip"](world.random_events(1, 300))
    assert "cut off or damaged" in refused(tmp_path, capsys, packed[:-30], name="bad.zip")


def test_zip_with_two_tables(tmp_path, capsys):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    assert "exactly one data file in the archive, found 2 (it holds a.csv, b.csv)" in refused(
        tmp_path, capsys, packed.getvalue(), name="bad.zip"
    )


def test_last_row_cut_off(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, good.encode()[:-150])
    assert line.startswith(": row 41 is the last and is cut off (") and " of 24 fields)" in line


def test_last_row_cut_off_within_quotes(tmp_path, capsys, good):
    text = good.rstrip("\n")
    assert text.endswith(')"')
    assert "row 41 opens a quote that is not closed, or is cut off" in refused(tmp_path, capsys, text[:-3].encode())


def test_too_few_fields(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, with_row(good, 7, "a,b,c"))
    assert "row 7 has 3 fields instead of 24 ('a,b,c')" in line
    assert line.endswith("leave such rows out with --tolerate 5%")


def test_a_short_row_was_called_the_last_where_no_line_end_follows_the_last_one(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, with_row(good, 7, "a,b,c").rstrip(b"\n"))
    assert line.startswith(": row 7 has 3 fields instead of 24 ('a,b,c')")


def test_too_many_fields(tmp_path, capsys, good):
    row = good.splitlines()[6] + ",x,y"
    assert "row 7 has 26 fields instead of 24" in refused(tmp_path, capsys, with_row(good, 7, row))


def test_a_whole_row_in_quotes(tmp_path, capsys, good):
    row = '"' + good.splitlines()[8].replace('"', '""') + '"'
    assert "row 9 is wholly in quotes" in refused(tmp_path, capsys, with_row(good, 9, row))


@pytest.mark.parametrize("rows", [40, 60_000])
def test_a_quote_that_is_never_closed(tmp_path, capsys, world, rows):
    text = world.nyc["24 columns"]([world.Event(n, START, "44", "STREET") for n in range(rows)]).decode()
    lines = text.splitlines()
    lines[4] = lines[4].replace("STREET", '"STREET', 1)
    if rows > 1000:  # the quotes of the following rows would close it
        lines = lines[:5] + [line.replace('"', "") for line in lines[5:]]
    line = refused(tmp_path, capsys, ("\n".join(lines) + "\n").encode())
    assert line.startswith(": row 5 ")


def test_nul_bytes(tmp_path, capsys, good):
    assert ": row 4 holds a NUL byte" in refused(tmp_path, capsys, with_row(good, 4, good.splitlines()[3] + "\0\0"))


def test_bytes_of_no_encoding(tmp_path, capsys, good):
    text = with_row(good, 6, good.splitlines()[5].replace("STREET", "CAF?")).replace(b"CAF?", b"CAF\x81")
    assert "row 6 holds byte 0x81" in refused(tmp_path, capsys, text)


def test_a_year_with_no_rows(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, good.encode(), "--year", "2017")
    assert "no usable events in 2017; the rows run from 2016-05-01 to 2016-05-01" in line


def test_all_rows_dropped(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, good.encode(), "--min-events", "41")
    assert "no events are left (40 generators with fewer than 41 events)" in line


def test_a_directory_and_a_file_that_is_not_there(tmp_path, capsys):
    for path, said in ((tmp_path, "is a directory"), (tmp_path / "no.csv", "No such file")):
        assert main(["nyc", str(path), "--output", str(tmp_path / "made")]) == 2
        assert said in capsys.readouterr().err
    assert not os.listdir(tmp_path)


def test_an_unreadable_file(tmp_path, capsys, monkeypatch, good):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(io, "FileIO", refuse)
    assert ": Permission denied" in refused(tmp_path, capsys, good.encode())


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
@pytest.mark.parametrize("limit", [100, 4000, 60_000])
def test_a_full_disk(tmp_path, world, limit):
    """A limit on the size of files stands for the full disk: the write fails in the middle."""
    (tmp_path / "good.csv").write_bytes(world.nyc["24 columns"](world.random_events(1, 3000)))
    code = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        "from dataset_converters.__main__ import main;"
        "sys.exit(main(['nyc', 'good.csv', '--output', 'new/made']))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert os.listdir(tmp_path) == ["good.csv"]


def broken(good: str, count: int) -> bytes:
    """The sound export with `count` further rows without a date that can be read."""
    row = good.splitlines()[1]
    rows = [row.replace("05/01/2016", "13/32/2016").replace("0,", f"9{n},", 1) for n in range(count)]
    return (good + "\n".join(rows) + "\n").encode()


def test_more_than_a_twentieth_unusable(tmp_path, capsys, good):
    line = refused(tmp_path, capsys, broken(good, 3))
    assert "3 of 43 rows (7.0%) cannot be used: 3 unreadable date; first: " in line
    assert "row 42 '13/32/2016': unreadable date" in line and line.endswith("add --tolerate 3 to leave them out")


@pytest.mark.parametrize("options", [(), ("--tolerate", "100%")])
def test_where_most_rows_are_unusable_the_forms_that_are_read_are_named(tmp_path, capsys, good, options):
    """The advice was to tolerate all of them, which leaves nothing; and the cell was shown to its first blank."""
    line = refused(tmp_path, capsys, good.replace("05/01/2016", "2016 May 01").encode(), *options)
    assert "40 of 40 rows (100.0%) cannot be used: 40 unreadable date; first: " in line
    assert "row 2 '2016 May 01': unreadable date" in line and "--tolerate" not in line
    assert line.endswith(
        "; dates are read as 12/31/2015, 31/12/2015, 12-31-2015, 12/31/15, 31.12.2015, 2015-12-31 and 2015.12.31"
    )
    line = refused(tmp_path, capsys, good.replace("12:00:00", "noon").encode(), *options)
    assert "row 2 'noon': unreadable time of day" in line
    assert line.endswith("; times of day are read as 23:45:00, 23:45, 23.45, 2345 and 11:45 PM")
    lines = [line.split(",", 1)[1] for line in good.splitlines()[1:]]
    numberless = "\n".join([good.splitlines()[0], *(f"NULL,{line}" for line in lines)])
    line = refused(tmp_path, capsys, numberless.encode(), *options)
    assert line.endswith("each event needs a number; where an export has none, number its rows")


def test_a_cell_of_date_and_time_is_shown_whole(tmp_path, capsys, world):
    rows = [world.Event(1, START, "9", "STREET").chicago(Date=date) for date in ("2016 Sep 23 01:00", "1/2/2016 noon")]
    line = refused(tmp_path, capsys, world.as_csv(world.CHICAGO_22, rows).encode(), command="chicago")
    assert "'2016 Sep 23 01:00': unreadable date" in line and "'1/2/2016 noon': unreadable time of day" in line


@pytest.mark.parametrize("option", ["3", "6%", "10%"])
def test_unusable_rows_that_are_tolerated_are_counted_and_shown(tmp_path, capsys, good, option):
    path = tmp_path / "some.csv"
    path.write_bytes(broken(good, 3))
    status = main(["nyc", str(path), "--output", str(tmp_path / "made"), "--tolerate", option])
    out = capsys.readouterr().out
    assert status == (2 if option == "6%" else 0)
    if status == 0:
        assert "unusable           3  unreadable date" in out and "some.csv row 42 '13/32/2016'" in out


def test_a_few_unusable_rows_are_counted_without_being_asked(tmp_path, good):
    path = tmp_path / "some.csv"
    path.write_bytes(broken(good, 2))
    report = dataset_converters.nyc(path, tmp_path / "made")
    assert report["rows"]["unusable"] == {"unreadable date": 2} and report["rows"]["kept"] == 40


def test_malformed_rows_can_be_tolerated_by_name(tmp_path, good):
    path = tmp_path / "some.csv"
    path.write_bytes(with_row(good, 7, "a,b,c"))
    report = dataset_converters.nyc(path, tmp_path / "made", tolerate=1)
    assert report["rows"]["unusable"] == {"wrong number of fields": 1} and report["rows"]["read"] == 40
    assert report["rows"]["examples_of_unusable"][0].startswith(f"{path} row 7 has 3 fields instead of 24")


def test_row_numbers_count_blank_and_malformed_rows(tmp_path, good):
    lines = good.splitlines()
    lines[3:3] = ["", "a,b"]
    lines[20] = lines[20].replace("12:00:00", "late")
    path = tmp_path / "some.csv"
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    report = dataset_converters.nyc(path, tmp_path / "made", tolerate=2)
    assert report["rows"]["dropped"]["blank rows"] == 2
    assert f"{path} row 21 'late': unreadable time of day" in report["rows"]["examples_of_unusable"]


def test_row_numbers_after_malformed_rows_in_several_places(tmp_path, good):
    lines = good.splitlines()
    for at in (2, 3, 9, 30):
        lines.insert(at, "a,b")
    for at in (5, 20, 35):
        lines[at] = lines[at].replace("12:00:00", f"late {at + 1}")
    path = tmp_path / "some.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    report = dataset_converters.nyc(path, tmp_path / "made", tolerate=7)
    shown = [text for text in report["rows"]["examples_of_unusable"] if "late" in text]
    assert shown == [f"{path} row {row} 'late {row}': unreadable time of day" for row in (6, 21, 36)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--slot-hours", "5"], "--slot-hours is 5; it must divide the day"),
        (["--min-events", "0"], "--min-events is 0; it must be a whole number of at least 1"),
        (["--tolerate", "some"], "--tolerate is 'some'"),
        (["--date-format", "julian"], "--date-format is 'julian'"),
        (["--generator", "precinct,"], "--generator is 'precinct,'"),
        (["--year", "0"], "--year is 0"),
        (["--year", "99999"], "--year is 99999; it must be at most 9998"),
    ],
)
def test_options_that_make_no_sense(tmp_path, capsys, good, options, said):
    assert said in refused(tmp_path, capsys, good.encode(), *options)


def test_python_call_raises(tmp_path):
    with pytest.raises(ConversionError, match="--element is 'x'; it must be one of offense, pd, law"):
        dataset_converters.nyc("any.csv", tmp_path / "made", element="x")
    with pytest.raises(ConversionError, match="--date-format is 3; it must be mdy"):
        dataset_converters.nyc("any.csv", tmp_path / "made", date_format=3)
    with pytest.raises(ConversionError, match="no input file"):
        dataset_converters.nyc([], tmp_path / "made")
