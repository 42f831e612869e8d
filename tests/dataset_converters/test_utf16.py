"""UTF-16, as spreadsheets save "Unicode text"."""

import codecs
import datetime
import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dataset_converters
from dataset_converters import ConversionError, text
from dataset_converters.text import TextSource
from dataset_converters.utf16 import Utf16Stream

MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
ENCODINGS = list(MARKS)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_what_excel_saves_as_unicode_text_was_refused(world, tmp_path, encoding, packed):
    """`is UTF-16 text; save it as UTF-8 and convert that`."""
    events = [world.replace(event, place=f"Büro 岸 🏛 {event.place}") for event in world.random_events(1, 60)]
    content = world.as_csv(world.NYC_24, [event.nyc() for event in events], "\r\n")
    (tmp_path / "a.csv").write_bytes(content.encode())
    (tmp_path / "b.txt").write_bytes(packed(MARKS[encoding] + content.encode(encoding)))
    for name in ("a.csv", "b.txt"):
        dataset_converters.nyc(tmp_path / name, tmp_path / name[0] / "made")
    for suffix in (".inter", ".user", ".item"):
        made = [(tmp_path / name / "made" / f"made{suffix}").read_bytes() for name in "ab"]
        assert made[0] == made[1] and (suffix == ".item" or "岸 🏛".encode() in made[0])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_other_converters_read_it_too(tmp_path, encoding):
    tables = {
        "sequences": "".join(f"岸 {n}\n" for n in range(5)),
        "movielens": "userId,movieId,rating,timestamp\n" + "".join(f"1,{n},3.5,97830{n}\n" for n in range(5)),
        "amazon": "".join(f'{{"user_id": "岸", "parent_asin": "{n}", "timestamp": {n}}}\n' for n in range(5)),
    }
    for command, content in tables.items():
        path = tmp_path / f"{command}.csv"
        path.write_bytes(MARKS[encoding] + content.encode(encoding))
        options = {} if command == "sequences" else {"min_item_events": 1}
        if command == "amazon":
            options["min_events"] = 1
        report = getattr(dataset_converters, command)(path, tmp_path / command, **options)
        assert report["rows"]["kept"] == 5


@settings(max_examples=60, deadline=None)
@given(content=st.text(st.characters(exclude_characters="\0", codec="utf-16"), max_size=30), size=st.integers(1, 9))
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_text_comes_back_in_pieces_of_any_size(content, size, encoding):
    stream = Utf16Stream(io.BufferedReader(io.BytesIO(content.encode(encoding)), 3), encoding)
    assert b"".join(iter(lambda: stream.read1(size), b"")) == content.encode()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_is_read_as_it_is_needed(tmp_path, monkeypatch, encoding):
    """What is wrong on the last line is not met by who reads the first, though UTF-8 takes more bytes than UTF-16."""
    monkeypatch.setattr(text, "BLOCK", 4)
    path = tmp_path / "source.txt"
    path.write_bytes(MARKS[encoding] + ("岸岸\n" + "岸岸岸\n" * 9000).encode(encoding) + b"\xd8\xd8\xd8\xd8")
    with TextSource(path) as source:
        assert source.first_line() == "岸岸"
        assert "岸岸岸\n".encode().startswith(source.read(12))


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (b"\x00\xd8x\0", "row 4 holds bytes 0x00D8, which are not UTF-16; save it as UTF-8"),
        (b"\x00\xdcx\0", "row 4 holds bytes 0x00DC, which are not UTF-16; save it as UTF-8"),
        (b"x", "row 4 is cut off within a character (0x78); download it again"),
        (b"\x3d\xd8", "row 4 is cut off within a character (0x3DD8); download it again"),
        (b"x\0\0\0", "row 4 holds a NUL byte; the file is damaged, download it again"),
    ],
)
@pytest.mark.parametrize("block", [4, text.BLOCK])
def test_rows_of_what_is_no_utf16_are_named(tmp_path, monkeypatch, end, said, block):
    """U+0A0A has the bytes of two line ends."""
    monkeypatch.setattr(text, "BLOCK", block)
    path = tmp_path / "source.txt"
    path.write_bytes(("\ufeffab\u0a0a\n\r\nghi\njk").encode("utf-16-le") + end)
    with pytest.raises(ConversionError) as told, TextSource(path) as source:
        source.read()
    assert str(told.value) == f"{path}: {said}"


def test_rows_of_a_table_in_utf16_are_named(world, tmp_path):
    start = datetime.datetime(2016, 5, 1, 12)
    lines = world.as_csv(world.NYC_24, [world.Event(n, start, "9", "岸").nyc() for n in range(40)]).splitlines()
    lines[6] = "a,b"
    (tmp_path / "bad.txt").write_bytes(("\n".join(lines) + "\n").encode("utf-16"))
    with pytest.raises(ConversionError, match="row 7 has 2 fields instead of 24"):
        dataset_converters.nyc(tmp_path / "bad.txt", tmp_path / "made")


@pytest.mark.parametrize(("content", "said"), [("", "is empty"), ("\n \n", "is empty"), ("<html>", "row 1 is an HTML")])
def test_what_holds_no_rows_is_told_as_in_utf8(tmp_path, content, said):
    (tmp_path / "bad.txt").write_bytes(codecs.BOM_UTF16_LE + content.encode("utf-16-le"))
    with pytest.raises(ConversionError, match=said):
        dataset_converters.nyc(tmp_path / "bad.txt", tmp_path / "made")
