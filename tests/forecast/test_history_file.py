"""CSVs of newer events."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_hail.errors import DataError
from recbole_hail.forecast.history_file import by_generator, read_events


def written(path, text: str):
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "generator,element\na,x\nb,z\na,y\n",
        "element,note,generator\r\nx,1,a\r\n\r\nz,2,b\r\ny,3,a\r\n",
        "generator,element,timestamp\na,y,10\nb,z,0\na,x,9\n",
        "generator,element,timestamp\na,y,2017-01-02T00:00:00\nb,z,2017-01-01\na,x,2017-01-01T23:00:00\n",
        "generator,element,time\na,y,2017-01-02T00:00:00Z\nb,z,2017-01-01T00:00:00z\na,x,2017-01-02T00:30:00+01:00\n",
        "user_id:token\titem_id:token\ttimestamp:float\na\tx\t1\nb\tz\t1\na\ty\t1\n",
        '\ufeffGenerator,Element\n"a","x"\n"b",z\na,y',
        "generator;element\r\na;x\r\nb;z\r\na;y\r\n",
        "\n \r\ngenerator,element\na,x\nb,z\na,y\n",
    ],
)
def test_events_come_in_the_order_of_time(tmp_path, text):
    assert by_generator(read_events(written(tmp_path / "h.csv", text))) == {"a": ["x", "y"], "b": ["z"]}


@pytest.mark.parametrize("order", ["le", "be"])
def test_unicode_text_of_a_spreadsheet_was_refused(tmp_path, order):
    """UTF-16, with tabs."""
    text = "\ufeffgenerator\telement\ttimestamp\r\nBüro\ty\t10\r\n岸\tz\t0\r\nBüro\tx\t9\r\n"
    (tmp_path / "h.txt").write_bytes(text.encode(f"utf-16-{order}"))
    assert by_generator(read_events(tmp_path / "h.txt")) == {"Büro": ["x", "y"], "岸": ["z"]}
    (tmp_path / "h.txt").write_bytes(text.encode(f"utf-16-{order}") + b"x")
    with pytest.raises(DataError, match=r"h.txt row 5 is cut off within a character"):
        read_events(tmp_path / "h.txt")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text("xyz,\"|'", min_size=1, max_size=4), st.integers(-9, 9))))
def test_any_events_come_back_sorted_by_time_and_equal_times_as_they_stand(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "events.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("generator", "element", "timestamp"), *rows])
    if not rows:
        with pytest.raises(DataError, match="has no events"):
            read_events(path)
        return
    in_time = sorted(rows, key=lambda row: row[2])
    expected = {name: [element for of, element, _ in in_time if of == name] for name in {row[0] for row in rows}}
    assert by_generator(read_events(path)) == expected


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        (",\n", "has no column generator or user_id, nor element or item_id; its header is , ."),
        ("generator,what\na,x\n", "has no column element or item_id; its header is generator, what"),
        ("generator,element\n", "has no events below its header"),
        ("generator,element\na,x\na\n", "line 3 has no element"),
        ("generator,element\na,x\na,LARCENY, GRAND\n", "line 3 has 3 fields where the header has 2"),
        ("generator,element,element\na,x,y\n", "has two columns element; leave one"),
        ("generator,element\n ,\na,x\n,x\n", "line 4 has no generator"),
        ("\n\ngenerator,element\na,x\n,x\n", "line 5 has no generator"),
        # A quote that nobody closed swallowed the events after it, with exit status 0.
        ('generator,element\na,x\na,"y\nb,z\nc,z\n', "line 3 cannot be read: "),
        ('generator,element\na,"x\nb,y"\nc,z\n', "line 2 cannot be read: a quote that opens in this line"),
        ('generator,element\na,x\na,"y', "line 3 cannot be read: "),
        (
            "generator,element,timestamp\na,x,1\na,y,\n",
            "line 3 has no timestamp; give it, or leave the column out, then the file",
        ),
        (
            "generator,element,timestamp\na,x,soon\n",
            "neither all numbers nor all ISO times of one kind, such as 'soon'",
        ),
        ("generator,element,timestamp\na,x,nan\n", "neither all numbers"),
        ("generator,element,timestamp\na,x,1\na,x,inf\n", "such as 'inf' in line 3"),  # was the newest event
        ("generator,element,timestamp\na,x,1\na,y,abc\na,z,3\n", "such as 'abc' in line 3"),  # line 2 was named
        ("generator,element,time\na,x,2017-01-01\na,y,2017-01-01T00:00Z\n", "such as '2017-01-01T00:00Z' in line 3"),
        ("generator,element,time\na,x,2017-01-01T00:00\na,y,2017-01-01T00:00+00:00\n", "neither all numbers"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, message):
    with pytest.raises(DataError) as told:
        read_events(written(tmp_path / "h.csv", text))
    assert str(told.value).startswith(f"history: {tmp_path / 'h.csv'} ") and message in str(told.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "h.csv").write_bytes(b"generator,element\n\x81,x\n")
    for path, message in (
        (tmp_path / "h.csv", r"h\.csv row 2 holds byte 0x81, which is not UTF-8 or Windows-1252; save it as UTF-8"),
        (tmp_path / "no.csv", "does not exist"),
        (tmp_path / "h.csv" / "in.csv", "does not exist"),
    ):
        with pytest.raises(DataError, match=f"^history: .*{message}"):
            read_events(path)


def test_what_excel_saves_as_csv_on_windows_is_read(tmp_path):
    """Its encoding was refused, its dates, and its semicolons were not the fault."""
    text = "generator;element;timestamp\r\nBüro;y;02.01.2025 13:00\r\nBüro;x;02.01.2025 01:00\r\n"
    (tmp_path / "h.csv").write_bytes(text.encode("cp1252"))
    assert by_generator(read_events(tmp_path / "h.csv")) == {"Büro": ["x", "y"]}


@pytest.mark.parametrize(
    "text", ["Vorgang;Straße;Delikt\n1;Park;Raub\n".encode("cp1252"), b"Tatdatum;Delikt\n1;Raub\n"]
)
def test_a_citys_own_export_is_sent_to_the_converters(tmp_path, text):
    """What is wrong with it was told, but not that it has to become a dataset first."""
    (tmp_path / "h.csv").write_bytes(text)
    with pytest.raises(DataError, match="goes through `python -m dataset_converters city … --like DATASET` first"):
        read_events(tmp_path / "h.csv")


def test_the_folder_of_a_dataset_stands_for_its_events(tmp_path, monkeypatch):
    (tmp_path / "neu").mkdir()
    written(tmp_path / "neu" / "neu.inter", "user_id:token\titem_id:token\na\tx\n")
    assert by_generator(read_events(tmp_path / "neu")) == {"a": ["x"]}
    monkeypatch.chdir(tmp_path / "neu")
    assert by_generator(read_events(".")) == {"a": ["x"]}
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"is a folder without .*; name the file of events"):
        read_events(".")


OWN = {"USER_ID_FIELD": "Session_id", "ITEM_ID_FIELD": "song", "TIME_FIELD": "when"}


@pytest.mark.parametrize(
    "text",
    [
        "session_id:token\tsong:token\twhen:float\na\ty\t2\nb\tz\t0\na\tx\t1\n",
        "user_id,session_id,song,when,time\nu,a,y,2,2017-01-02\nv,b,z,0,2017-01-01\nu,a,x,1,2017-01-03\n",
        "generator,element,timestamp\na,y,2\nb,z,0\na,x,1\n",
    ],
)
def test_columns_may_be_called_as_in_the_dataset(tmp_path, text):
    """The dataset's own file was refused, as one of a city's export."""
    assert by_generator(read_events(written(tmp_path / "h.csv", text), OWN)) == {"a": ["x", "y"], "b": ["z"]}


def test_the_datasets_own_names_of_columns_are_told(tmp_path):
    message = "has no column session_id, generator or user_id, nor song, element or item_id; its header is who"
    with pytest.raises(DataError, match=message):
        read_events(written(tmp_path / "h.csv", "who\na\n"), OWN)
