"""Any other city, by columns that are named."""

import csv
import datetime
import io
import shlex
from pathlib import Path

import pytest

import dataset_converters
from dataset_converters import ConversionError
from dataset_converters.__main__ import main

PAGE = Path(__file__).parents[2] / "docs" / "converters.md"
HEADER = ["DR_NO", "Date Rptd", "DATE OCC", "TIME OCC", "AREA", "AREA NAME", "Crm Cd Desc", "Premis Desc", "LAT", "LON"]
COLUMNS = {"number": "DR_NO", "date": "DATE OCC", "generator": "AREA NAME,Premis Desc", "element": "Crm Cd Desc"}
TIMED = COLUMNS | {"time": "TIME OCC", "latitude": "LAT", "longitude": "LON"}


def record(number: int, time: str = "0227", **changed: str) -> dict[str, str]:
    """A row as Los Angeles writes it."""
    row = dict(zip(HEADER, [str(number), "", "09/23/2023 12:00:00 AM", time, "12", "77th Street"], strict=False))
    row |= {"Crm Cd Desc": "BATTERY", "Premis Desc": "PARKING LOT", "LAT": "34.1", "LON": "-118.27"}
    return row | {name.replace("_", " "): value for name, value in changed.items()}


def table(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.fixture
def angeles(tmp_path):
    rows = [record(n, f"{n:02d}59") for n in range(4)] + [record(9, "2400", LAT="0", LON="0")]
    path = tmp_path / "Crime_Data.csv"
    path.write_text(table(rows), encoding="utf-8")
    return path


def test_rows_of_los_angeles(world, angeles, tmp_path):
    report = dataset_converters.city(angeles, tmp_path / "la", **TIMED)
    assert world.read_inter(tmp_path / "la")[1:] == [
        ["77th Street|PARKING LOT", "00-03h|BATTERY", "0", "2023-09-23T00:59:00"],
        ["77th Street|PARKING LOT", "00-03h|BATTERY", "1", "2023-09-23T01:59:00"],
        ["77th Street|PARKING LOT", "00-03h|BATTERY", "2", "2023-09-23T02:59:00"],
        ["77th Street|PARKING LOT", "03-06h|BATTERY", "3", "2023-09-23T03:59:00"],
        ["77th Street|PARKING LOT", "00-03h|BATTERY", "4", "2023-09-24T00:00:00"],
    ]
    (place,) = world.read_table(tmp_path / "la", ".user").values()
    assert (place["area_name"], place["latitude"], place["longitude"]) == ("77th Street", "34.1", "-118.27")
    assert report["notes"] == ["1 rows have coordinates at (0, 0) or off the globe, left out of the mean positions"]
    assert report["options"]["columns"]["time"] == "TIME OCC" and report["options"]["element"] == "Crm Cd Desc"


def test_the_command_of_the_page(angeles, monkeypatch, capsys):
    """Its file has another name, its columns are those of Los Angeles."""
    lines = PAGE.read_text(encoding="utf-8").split("## Another city")[1].split("```")[1]
    _, _, _, *command = shlex.split(lines.replace("\\\n", " "))
    monkeypatch.chdir(angeles.parent)
    command[command.index("Crime_Data_from_2020_to_Present.csv")] = angeles.name
    assert main(command) == 0, capsys.readouterr().err
    assert "rows read 5, events kept 5" in capsys.readouterr().out


@pytest.mark.parametrize(("latitude", "longitude"), [("51.5", "-0.1"), ("-33.9", "151.2"), ("0", "0.1"), ("90", "180")])
def test_every_place_on_earth_has_a_position(world, tmp_path, latitude, longitude):
    """All rows had coordinates outside the city, so that a map had nothing to draw."""
    path = tmp_path / "city.csv"
    rows = [record(n, LAT=latitude, LON=longitude) for n in range(5)] + [record(6, LAT="91", LON="0")]
    path.write_text(table(rows), encoding="utf-8")
    dataset_converters.city(path, tmp_path / "made", **TIMED)
    (place,) = world.read_table(tmp_path / "made", ".user").values()
    assert (place["latitude"], place["longitude"]) == (latitude, longitude)


def test_coordinates_are_found_by_their_usual_names(world, angeles, tmp_path):
    angeles.write_text(angeles.read_text().replace("LAT,LON", "Latitude,Longitude"))
    dataset_converters.city(angeles, tmp_path / "made", **COLUMNS | {"time": "TIME OCC"})
    (place,) = world.read_table(tmp_path / "made", ".user").values()
    assert place["latitude"] == "34.1"


@pytest.mark.parametrize(("alike", "noted"), [(4, False), (5, True)])
def test_more_than_half_of_the_events_at_one_time_of_day_are_noted(tmp_path, alike, noted):
    """Dates without times put every event into 00-03h, in silence."""
    rows = [record(n, "0000" if n < alike else f"{n:02d}30") for n in range(8)]
    path = tmp_path / "city.csv"
    path.write_text(table(rows), encoding="utf-8")
    notes = dataset_converters.city(path, tmp_path / "a", **TIMED)["notes"]
    assert notes == noted * [
        "5 of 8 events start at 00:00:00, as dates without times do, so slots mean little; take --slot-hours 24, "
        "or a column that has the times (city: --time)"
    ]
    newer = dataset_converters.city(path, tmp_path / "newer", **TIMED, like=tmp_path / "a")["notes"]
    assert [note.split("; ")[1] for note in newer] == noted * ["take a column that has the times (city: --time)"]
    assert not dataset_converters.city(path, tmp_path / "b", **TIMED, slot_hours=24)["notes"]


def test_a_date_is_read_with_its_time_where_no_other_column_has_it(world, angeles, tmp_path):
    report = dataset_converters.city(angeles, tmp_path / "made", **COLUMNS)
    assert {row[3] for row in world.read_inter(tmp_path / "made")[1:]} == {"2023-09-23T00:00:00"}
    assert report["notes"][-1].startswith("5 of 5 events start at 00:00:00")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("TIME OCC", '--time "TIME OCC"'),
        ("Uhrzeit", '--time "Uhrzeit"'),
        ("Hora del hecho", '--time "Hora del hecho"'),
        ("heure", '--time "heure"'),
        ("at", "--time (other columns are Date Rptd, at, AREA, LAT, LON)"),
    ],
)
def test_the_error_of_dates_without_times_named_neither_the_option_nor_the_column(tmp_path, column, said):
    """It listed rows and the forms that are read, beside a column of times."""
    path = tmp_path / "city.csv"
    path.write_text(table([record(n, DATE_OCC="9/23/2023") for n in range(5)]).replace("TIME OCC", column))
    with pytest.raises(ConversionError) as told:
        dataset_converters.city(path, tmp_path / "made", **COLUMNS)
    assert "5 of 5 rows (100.0%) cannot be used: 5 no time of day; " in str(told.value)
    assert f"in a column of its own, to be named with {said}; times of day are read as " in str(told.value)


def test_columns_of_times_that_have_another_part_already_are_not_proposed(tmp_path):
    path = tmp_path / "city.csv"
    path.write_text("id,Tatzeit,Zeitung,Time reported,Time occurred,Art\n1,9/23/2023,a,1:00,2:00,b\n")
    with pytest.raises(ConversionError, match='named with --time "Time reported" or --time "Time occurred"; times'):
        dataset_converters.city(
            path, tmp_path / "made", number="id", date="tatzeit", generator="zeitung", element="ART"
        )


def test_columns_with_the_names_of_roles_are_themselves(world, tmp_path):
    """A house number is not the record's number, and words in any script name a column."""
    path = tmp_path / "city.csv"
    start = datetime.datetime(2023, 1, 1)
    rows = [f"{n},{start:%Y-%m-%dT%H:%M:%S},7,Центр,КРАЖА" for n in range(5)]
    path.write_text("\n".join(["id,date,number,Район,Вид", *rows]), encoding="utf-8")
    dataset_converters.city(
        path, tmp_path / "made", number="ID", date="Date", generator=["район", "Number"], element="Вид"
    )
    assert world.read_inter(tmp_path / "made")[1][:2] == ["Центр|7", "00-03h|КРАЖА"]


def test_first_and_last_day_and_slips_in_dates_are_told(tmp_path, capsys):
    """A date of 2091 was the end of the period, which nothing told."""
    path = tmp_path / "city.csv"
    rows = [record(n, f"{n:02d}30") for n in range(20)] + [record(n, DATE_OCC="09/24/2091") for n in (30, 31)]
    path.write_text(table(rows), encoding="utf-8")
    options = [word for name, value in TIMED.items() for word in (f"--{name}", value)]
    assert main(["city", str(path), "--output", str(tmp_path / "made"), *options]) == 0
    out = capsys.readouterr().out
    assert "\n  events of 2023-09-23 to 2091-09-24\n" in out
    assert f": {path} row 22 (2091-09-24); correct slips in the file\n" in out


def test_dates_are_counted_once_where_a_file_is_read_twice(tmp_path):
    """As with the day first; rows outside the year are none of the dataset's."""
    path = tmp_path / "city.csv"
    dates = ["13/02/2023 10:00"] * 6 + ["01/02/2091 10:00"]
    path.write_text(table([record(n, DATE_OCC=date) for n, date in enumerate(dates)]), encoding="utf-8")
    (note, _) = dataset_converters.city(path, tmp_path / "a", **COLUMNS)["notes"]
    assert note.startswith("1 row has a date after today, ") and "2091-02-01" in note
    report = dataset_converters.city(path, tmp_path / "b", year=2023, **COLUMNS)
    assert len(report["notes"]) == 1 and report["days"] == ["2023-02-13", "2023-02-13"]


@pytest.mark.parametrize(("lone", "noted"), [(2, False), (3, True)])
def test_many_events_of_rare_places_are_noted(tmp_path, lone, noted):
    rows = [record(n, f"{n:02d}30") for n in range(8)]
    rows += [record(20 + n, f"{n:02d}30", Premis_Desc=f"PLACE {n}") for n in range(lone)]
    path = tmp_path / "city.csv"
    path.write_text(table(rows), encoding="utf-8")
    notes = dataset_converters.city(path, tmp_path / "a", **TIMED)["notes"]
    assert notes == noted * [
        "27% of the events went with generators of fewer than 5; make up places of fewer columns or of larger areas "
        "with --generator, or convert more files, or take --min-events 4"
    ]
    newer = dataset_converters.city(path, tmp_path / "b", like=tmp_path / "a", **TIMED)["notes"]
    assert all("; take --min-events 1, for newer rows train nothing" in note for note in newer)


def test_places_that_differ_in_zeros_blanks_or_case_alone_are_noted(tmp_path):
    """`04` and `4` made two places, each with half of the events."""
    path = tmp_path / "city.csv"
    rows = [record(n, f"{n:02d}30", AREA="4" if n % 2 else "04", Premis_Desc="PARK") for n in range(12)]
    path.write_text(table(rows), encoding="utf-8")
    notes = dataset_converters.city(path, tmp_path / "made", **TIMED | {"generator": "AREA,Premis Desc"})["notes"]
    assert notes == [
        "area: '04' and '4' are different places here, but differ in leading zeros, blanks or case alone; write them "
        "one way in the file if they are one"
    ]


def test_texts_lose_outer_blanks_alone(tmp_path):
    """The note told of leading zeros and thousands commas, which stay."""
    path = tmp_path / "city.csv"
    rows = [record(n, f"{n:02d}30", AREA="04", Premis_Desc="PARK  ") for n in range(12)]
    path.write_text(table(rows), encoding="utf-8")
    notes = dataset_converters.city(path, tmp_path / "made", **TIMED | {"generator": "AREA,Premis Desc"})["notes"]
    assert notes == ["premis_desc: 1 values rid of outer blanks ('PARK  ')"]


def test_offences_that_differ_in_case_alone_are_noted(tmp_path):
    """A tenth of Seattle's offences in capitals doubled its elements, without a word."""
    path = tmp_path / "city.csv"
    rows = [record(n, f"{n:02d}30", Crm_Cd_Desc="Robbery" if n % 2 else "ROBBERY ") for n in range(12)]
    path.write_text(table(rows), encoding="utf-8")
    assert dataset_converters.city(path, tmp_path / "made", **TIMED)["notes"][-1] == (
        "crm_cd_desc: 'ROBBERY' and 'Robbery' are different offences here, but differ in leading zeros, blanks or case "
        "alone; write them one way in the file if they are one"
    )
    newer = dataset_converters.city(path, tmp_path / "newer", **TIMED, like=tmp_path / "made")
    assert not [note for note in newer["notes"] if "different" in note]  # what is new is told by comparison


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"number": "ID"}, "row 1 lacks id; it has DR_NO, Date Rptd, .*; name columns as they stand there"),
        ({"latitude": "LATT"}, "row 1 lacks latt;"),
        ({"generator": "AREA NAME,Place"}, "row 1 lacks place;"),
        ({"generator": "AREA NAME,"}, "--generator is 'AREA NAME,'"),
        ({"element": " "}, "--element is ' '; name a column as row 1 of the file has it"),
        ({"time": "date occ"}, "--date and --time both name the column 'date occ'"),
        ({"latitude": None}, "--latitude and --longitude need each other"),
        ({"slot_hours": 5}, "--slot-hours is 5"),
    ],
)
def test_what_cannot_be_meant(angeles, tmp_path, changed, said):
    with pytest.raises(ConversionError, match=said):
        dataset_converters.city(angeles, tmp_path / "new" / "la", **TIMED | changed)
    assert not (tmp_path / "new").exists()
