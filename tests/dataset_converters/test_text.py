"""Opening sources: packing, encoding, and blocks that end in the middle of a character."""

import gzip
import io
import os
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_converters import ConversionError, table, text
from dataset_converters.table import TableReader
from dataset_converters.text import TextSource


def packed_as(kind, content):
    if kind == "gzip":
        return gzip.compress(content)
    if kind == "zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("__MACOSX/table.csv", "no")
            archive.writestr("table.csv", content)
        return stream.getvalue()
    return content


@settings(max_examples=60, deadline=None)
@given(
    content=st.text(st.characters(exclude_characters="\0\r\n", codec="cp1252"), min_size=1).map(
        lambda t: "x" + t + "\n"
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]),
    kind=st.sampled_from(["plain", "gzip", "zip"]),
    block=st.integers(4, 9),
)
def test_the_text_comes_back(tmp_path_factory, content, encoding, kind, block):
    path = tmp_path_factory.mktemp("text") / "source"
    written = content.encode(encoding)
    if encoding == "cp1252":  # text whose bytes happen to be UTF-8 too is taken for that, rightly or not
        try:
            content = written.decode("utf-8")
        except UnicodeDecodeError:
            # the first bytes beyond ASCII decide: they must not be UTF-8 by chance
            written, content = b"\xe9 " + written, "é " + content
    path.write_bytes(packed_as(kind, written))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "BLOCK", block)
        with TextSource(path) as source:
            assert source.read().decode() == content
            assert source.ends_with_line


def test_lines_and_first_line(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK", 4)
    path = tmp_path / "source"
    path.write_bytes(b"one long first line\r\ntwo\n\nfour")
    with TextSource(path) as source:
        assert source.first_line() == "one long first line"
        assert source.read() == b"two\n\nfour" and not source.ends_with_line
    with TextSource(path) as source:
        assert list(source.lines()) == [(1, "one long first line"), (2, "two"), (3, ""), (4, "four")]


def test_rows_are_named_in_later_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK", 4)
    path = tmp_path / "source"
    for bad, said in (
        (b"\0", "row 3 holds a NUL byte"),
        (b"\xc3\xa9\n\xff", "row 4 holds byte 0xFF, which is not UTF-8"),
    ):
        path.write_bytes(b"abcdef\nghi\njk" + bad + b"l\n")
        with pytest.raises(ConversionError, match=said), TextSource(path) as source:
            source.read()


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16"])
def test_blocks_that_grow_in_utf8_were_refused(tmp_path, monkeypatch, encoding):
    """`straddling object straddles two block boundaries`: of 8 MB and a byte the byte went to pyarrow alone."""
    monkeypatch.setattr(text, "BLOCK", 1000)
    monkeypatch.setattr(table, "BLOCK_BYTES", 1000)
    rows = [f"{n};Straße\n" if n % 9 == 0 or encoding == "utf-8" else f"{n};Strasse\n" for n in range(2000)]
    (tmp_path / "source").write_bytes(("number;street\n" + "".join(rows)).encode(encoding))
    reader = TableReader(tmp_path / "source", lambda header: {"number": 0}, plain=["number"], delimiter=";")
    numbers = [number for batch in reader.batches() for number in batch.columns["number"].to_pylist()]
    assert numbers == [str(n) for n in range(2000)]


def test_a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(ConversionError, match="is a pipe or device; save it to a file first"):
        TextSource(path)
