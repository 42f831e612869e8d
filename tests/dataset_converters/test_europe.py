"""Tables as spreadsheets in Europe write them: semicolons, dates with points, decimal commas."""

import pytest

import dataset_converters
from dataset_converters import ConversionError
from dataset_converters.__main__ import main

HEADER = ["Nr", "Tatdatum", "Bezirk", "Delikt", "Breite", "Länge", "Schaden, ca. (EUR; Tab\t)"]
COLUMNS = {"number": "nr", "date": "Tatdatum", "generator": "Bezirk", "element": "Delikt"}
PLACED = COLUMNS | {"latitude": "Breite", "longitude": "Länge"}


def table(separator: str = ";", date: str = "30.07.2024 14:35", latitude: str = "52,5", rows: int = 6) -> bytes:
    """As Excel saves it: Windows-1252, and in quotes only what holds the separator or looks as if."""
    lines = [HEADER] + [[str(n), date, "Mitte, Süd; West", "Betrug", latitude, "9,25", "442,86"] for n in range(rows)]
    text = "".join(separator.join(map('"{}"'.format, line)) + "\r\n" for line in lines)
    return text.encode("cp1252")


def converted(tmp_path, content: bytes, name: str = "made", **options) -> dict:
    path = tmp_path / "Straftaten.csv"
    path.write_bytes(content)
    return dataset_converters.city(path, tmp_path / name, **{**PLACED, **options})


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_taken_from_the_header(world, tmp_path, separator):
    """`row 1 has ';' between its fields; save it with commas`, which such a spreadsheet cannot."""
    converted(tmp_path, table(separator))
    assert world.read_inter(tmp_path / "made")[1] == ["Mitte, Süd; West", "12-15h|Betrug", "0", "2024-07-30T14:35:00"]
    (place,) = world.read_table(tmp_path / "made", ".user").values()
    assert (place["latitude"], place["longitude"]) == ("52.5", "9.25")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_exports_of_new_york_saved_anew_give_the_same_files(world, tmp_path, separator):
    header = world.NYC_24
    rows = [event.nyc() for event in world.random_events(3, 60)]
    for name, between in (("a", ","), ("b", separator)):
        lines = [header] + [[row.get(column, "") for column in header] for row in rows]
        quoted = [between.join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines]
        (tmp_path / f"{name}.csv").write_text("\n".join(quoted) + "\n", encoding="utf-8")
        dataset_converters.nyc(tmp_path / f"{name}.csv", tmp_path / name / "made")
    for suffix in (".inter", ".user", ".item"):
        assert (tmp_path / "a/made" / f"made{suffix}").read_bytes() == (
            tmp_path / "b/made" / f"made{suffix}"
        ).read_bytes()


def test_ratings_between_semicolons(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("userId;movieId;rating;timestamp\n" + "".join(f"1;{n};3,5;97830{n}\n" for n in range(5)))
    report = dataset_converters.movielens(path, tmp_path / "ml", min_item_events=1)
    assert report["rows"]["kept"] == 5
    path.write_text("user_id;parent_asin;rating;timestamp\n" + "".join(f"1;{n};3,5;97830{n}\n" for n in range(5)))
    assert dataset_converters.amazon(path, tmp_path / "a", min_item_events=1)["rows"]["kept"] == 5


@pytest.mark.parametrize("date", ["30.07.2024 14:35", "30.7.2024 14:35:00", "30.07.24 14:35"])
@pytest.mark.parametrize("order", [None, "mdy", "dmy"])
def test_dates_with_points_have_the_day_first(world, tmp_path, date, order):
    converted(tmp_path, table(date=date), date_format=order)
    assert world.read_inter(tmp_path / "made")[1][3] == "2024-07-30T14:35:00"
    converted(tmp_path, table(date="02.03.2024 00:00"), "day", date_format=order)
    assert world.read_inter(tmp_path / "day")[1][3] == "2024-03-02T00:00:00"


@pytest.mark.parametrize("date", ["2024.07.30 14.35", "30.07.2024 14.35", "2024.7.30 14.35.00", "2024.07.30T14:35"])
def test_points_in_dates_of_the_year_first_and_in_times_were_unreadable(world, tmp_path, date):
    converted(tmp_path, table(date=date))
    assert world.read_inter(tmp_path / "made")[1][3] == "2024-07-30T14:35:00"


@pytest.mark.parametrize("time", ["14.35", "14.35.00"])
def test_times_with_points_in_a_column_of_their_own_were_unreadable(world, tmp_path, time):
    content = table(date="2024.07.30").replace(b"442,86", time.encode())
    converted(tmp_path, content, time="Schaden, ca. (EUR; Tab\t)")
    assert world.read_inter(tmp_path / "made")[1][3] == "2024-07-30T14:35:00"


@pytest.mark.parametrize("date", ["14.35", "45503.61", "2024.07", "45503.61 14.35"])
def test_a_decimal_number_is_no_date(tmp_path, date):
    with pytest.raises(ConversionError, match=r"6 of 6 rows .* cannot be used: 6 unreadable date"):
        converted(tmp_path, table(date=date))


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=; "])
def test_the_line_of_the_separator_was_taken_for_the_header(world, tmp_path, line):
    """Excel reads `sep=;` and does not show it."""
    converted(tmp_path, f"{line}\r\n".encode() + table())
    assert world.read_inter(tmp_path / "made")[1][:2] == ["Mitte, Süd; West", "12-15h|Betrug"]


@pytest.mark.parametrize(("told", "written"), [("|", "|"), ("\t", "\t"), (",", ","), (",", ";")])
def test_the_separator_that_a_file_names_is_tried_first(world, tmp_path, told, written):
    converted(tmp_path, f"sep={told}\r\n".encode() + table(written))
    assert world.read_inter(tmp_path / "made")[1][0] == "Mitte, Süd; West"


def test_rows_below_the_line_of_the_separator_are_named_as_they_are_counted(tmp_path):
    lines = (b"sep=;\n" + table(rows=40)).splitlines(keepends=True)
    lines[9] = lines[9].replace(b"30.07.2024", b"30.30.2024")
    lines[4:4] = [b"a;b\n"]
    shown = converted(tmp_path, b"".join(lines), tolerate=2)["rows"]["examples_of_unusable"]
    assert [text.split("Straftaten.csv ")[1] for text in shown] == [
        "row 11 '30.30.2024 14:35': unreadable date",
        "row 5 has 2 fields instead of 7 ('a;b'): wrong number of fields",
    ]
    with pytest.raises(ConversionError, match="row 5 has 2 fields instead of 7"):
        converted(tmp_path, b"".join(lines), "other")


@pytest.mark.parametrize(
    ("latitude", "read"), [("52,5", "52.5"), ("-33,25", "-33.25"), (" 52,5 ", "52.5"), ("52.5", "52.5"), ("52", "52")]
)
def test_decimal_commas_of_coordinates(world, tmp_path, latitude, read):
    """They were lost in silence, which was noticed only when a map was to be drawn."""
    assert not [note for note in converted(tmp_path, table(latitude=latitude))["notes"] if "coordinates" in note]
    (place,) = world.read_table(tmp_path / "made", ".user").values()
    assert (place["latitude"], place["longitude"]) == (read, "9.25")


@pytest.mark.parametrize("latitude", ["52,5 N", "52,465,26", "1.052,5", "N52"])
def test_coordinates_that_are_no_numbers_are_told(tmp_path, latitude):
    notes = converted(tmp_path, table(latitude=latitude))["notes"]
    assert notes[0] == (
        f"no coordinates: none of 6 values in Breite is a number, such as {latitude!r}; there will be no map"
    )


def test_hardly_any_coordinates_and_blank_ones_are_told(tmp_path):
    head, *rest = table(latitude="N52", rows=40).splitlines(keepends=True)
    some = b"".join([head, rest[0].replace(b"N52", b"52"), *rest[1:]])
    assert converted(tmp_path, some, "some")["notes"][0] == (
        "hardly any coordinates: only 1 of 40 values in Breite are numbers, not such as 'N52'; "
        "a map will lack most places"
    )
    more = b"".join([head, *(row.replace(b"N52", b"52") for row in rest[:3]), *rest[3:]])
    assert "coordinates" not in str(converted(tmp_path, more, "more")["notes"])
    assert converted(tmp_path, table(latitude=""), "none")["notes"][0] == (
        "no coordinates: Breite is blank in all 6 rows; there will be no map"
    )


def test_notes_on_coordinates_are_those_of_one_reading_when_a_file_is_read_twice(tmp_path):
    head, *rest = table(latitude="N52", date="2/7/2016 12:00").splitlines(keepends=True)
    content = b"".join([head, rest[0].replace(b"2/7", b"13/6"), *rest[1:]])
    assert "none of 6 values in Breite" in converted(tmp_path, content)["notes"][0]


def test_the_command_says_what_to_do_with_few_elements(tmp_path, capsys):
    path = tmp_path / "Straftaten.csv"
    path.write_bytes(table())
    options = [word for name, column in PLACED.items() for word in (f"--{name}", column)]
    note = "note: 1 elements; ranking among 100 candidates needs as many, so train with --candidates=full"
    assert main(["city", str(path), "--output", str(tmp_path / "made"), *options]) == 0
    assert note in capsys.readouterr().out
    options += ["--like", str(tmp_path / "made")]
    assert main(["city", str(path), "--output", str(tmp_path / "newer"), *options]) == 0
    assert "candidates" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("latitude", "said"), [("N52", "none of 6 values in Breite"), ("52,51234", "perhaps --latitude")]
)
def test_newer_rows_need_no_coordinates(tmp_path, latitude, said):
    """ "There will be no map", though it has those of the dataset that the newer rows are compared with."""
    columns = (
        PLACED if "Breite" in said else {name: PLACED[name] for name in PLACED if name not in ("latitude", "longitude")}
    )
    path = tmp_path / "Straftaten.csv"
    path.write_bytes(table(latitude=latitude).replace(b"9,25", b"9,25123"))
    notes = [
        dataset_converters.city(path, tmp_path / name, like=like, **columns)["notes"]
        for name, like in (("made", None), ("newer", tmp_path / "made"))
    ]
    assert [sum(said in note for note in some) for some in notes] == [1, 0]


def test_rows_cut_apart_by_a_comma_are_told(tmp_path):
    """Between semicolons a comma cuts nothing; between commas, unquoted, it does."""
    text = "Nr,Tatdatum,Bezirk,Delikt,Breite,Länge\n1,30.07.2024 14:35,Mitte,Betrug,52,5,9,2\n"
    with pytest.raises(ConversionError, match="row 2 has 8 fields instead of 6"):
        converted(tmp_path, text.encode())
