"""The paper's rules and their options, on rows checked by hand."""

import collections
import csv
import datetime
import gzip
import json
from pathlib import Path

import pytest

import dataset_converters
from dataset_converters import ConversionError

# Made-up rows in the layout of the NYPD export, checked by hand below.
COMPLAINTS = Path(__file__).with_name("complaints.csv")


@pytest.fixture
def nypd(tmp_path):
    path = tmp_path / "nypd.csv"
    path.write_bytes(COMPLAINTS.read_bytes())
    return path


def test_hand_checked_rows(world, nypd, tmp_path):
    report = dataset_converters.nyc(nypd, tmp_path / "nyc16", year=2016)
    assert world.read_inter(tmp_path / "nyc16")[1:] == [
        ["44|BAR/NIGHT CLUB", "00-03h|CRIMINAL MISCHIEF & RELATED OF (121)", "0", "2016-01-01T00:00:00"],
        ["44|BAR/NIGHT CLUB", "21-24h|ASSAULT 3 & RELATED OFFENSES", "1", "2016-01-01T21:00:00"],
        ["44|BAR/NIGHT CLUB", "21-24h|CRIMINAL MISCHIEF & RELATED OF (351)", "2", "2016-01-01T21:00:00"],
        ["44|BAR/NIGHT CLUB", "21-24h|ASSAULT 3 & RELATED OFFENSES", "3", "2016-01-01T23:59:00"],
        ["44|BAR/NIGHT CLUB", "00-03h|CRIMINAL MISCHIEF & RELATED OF (351)", "4", "2016-12-31T02:59:00"],
    ]
    assert report["rows"]["read"] == 12 and report["rows"]["kept"] == 5
    assert report["rows"]["dropped"] == {
        "outside 2016": 1,
        "no precinct": 1,
        "no premises": 2,
        "no offense code": 1,
        "complaint or case number met before": 1,
        "generators with fewer than 5 events": 1,
    }
    assert report["rows"]["unusable"] == {}
    # 40.82, 40.80, 40.84; the position 0, 0 is a placeholder
    assert world.read_table(tmp_path / "nyc16", ".user") == {
        "44|BAR/NIGHT CLUB": {
            "user_id": "44|BAR/NIGHT CLUB",
            "precinct": "44",
            "premises": "BAR/NIGHT CLUB",
            "borough": "BRONX",
            "latitude": "40.82",
            "longitude": "-73.92",
            "events": "5",
        }
    }
    items = world.read_table(tmp_path / "nyc16", ".item")
    assert items["00-03h|CRIMINAL MISCHIEF & RELATED OF (121)"] == {
        "item_id": "00-03h|CRIMINAL MISCHIEF & RELATED OF (121)",
        "slot": "00-03h",
        "offense_code": "121",
        "offense": "CRIMINAL MISCHIEF & RELATED OF",
        "events": "1",
    }
    assert len(items) == 4


def test_report_beside_the_files(nypd, tmp_path):
    report = dataset_converters.nyc(nypd, tmp_path / "nyc16", year=2016)
    assert json.loads((tmp_path / "nyc16" / "nyc16.json").read_text(encoding="utf-8")) == report
    (held,) = report["inputs"]
    assert held["file"] == "nypd.csv" and held["bytes"] == nypd.stat().st_size and len(held["sha256"]) == 64
    assert report["options"]["generator"] == ["precinct", "premises"] and report["options"]["year"] == 2016
    both = report["statistics"]
    assert both["all"]["events"] == 5 and both["without_last_two"]["events"] == 3
    assert both["repeat_rate"] == 0.0  # the last element, by night and with code 351, is new to the generator
    rows = report["rows"]
    assert rows["read"] == rows["kept"] + sum(rows["dropped"].values()) + sum(rows["unusable"].values())


@pytest.mark.parametrize(
    ("options", "elements"),
    [
        ({"element": "law"}, {"00-03h|FELONY", "00-03h|MISDEMEANOR", "21-24h|MISDEMEANOR"}),
        ({"element": "pd"}, {"00-03h|MISCHIEF,UNCL", "00-03h|GRAFFITI", "21-24h|GRAFFITI", "21-24h|ASSAULT 3"}),
        ({"element": "law", "slot_hours": 12}, {"00-12h|FELONY", "00-12h|MISDEMEANOR", "12-24h|MISDEMEANOR"}),
        ({"element": "law", "slot_hours": 24}, {"00-24h|FELONY", "00-24h|MISDEMEANOR"}),
    ],
)
def test_elements_as_asked(world, nypd, tmp_path, options, elements):
    dataset_converters.nyc(nypd, tmp_path / "made", year=2016, **options)
    assert set(world.read_table(tmp_path / "made", ".item")) == elements


@pytest.mark.parametrize(
    ("generator", "users", "kept"),
    [("precinct", {"44"}, 9), (["BORO_NM", "Precinct"], {"BRONX|44"}, 8), ("Latitude", {"40.84"}, 6)],
)
def test_generators_as_asked(world, nypd, tmp_path, generator, users, kept):
    report = dataset_converters.nyc(nypd, tmp_path / "made", generator=generator)
    assert set(world.read_table(tmp_path / "made", ".user")) == users
    assert report["rows"]["kept"] == kept


@pytest.mark.parametrize(
    ("generator", "said"), [("premises,nothing", "lacks nothing"), ("precinct,precinct", "different column names")]
)
def test_generators_that_cannot_be(nypd, tmp_path, generator, said):
    with pytest.raises(ConversionError, match=said):
        dataset_converters.nyc(nypd, tmp_path / "made", generator=generator)


def test_all_years_without_a_year(world, nypd, tmp_path):
    report = dataset_converters.nyc(nypd, tmp_path / "made", min_events=1)
    assert report["rows"]["kept"] == 7
    assert world.read_inter(tmp_path / "made")[1][3] == "2015-12-31T23:59:00"


def test_chicago_rule_for_missing_places(world, tmp_path):
    noon = datetime.datetime(2018, 3, 1, 12)
    rows = [world.Event(n, noon, "25", "STREET", offense="THEFT").chicago() for n in range(5)]
    rows += [world.Event(10 + n, noon, "25", "", offense="DECEPTIVE PRACTICE").chicago() for n in range(5)]
    rows += [world.Event(20, noon, "25", "", offense="THEFT").chicago()]
    for number, area in enumerate(["0", "", "0.0"], 30):
        rows.append(world.Event(number, noon, area, "STREET", offense="THEFT").chicago())
    path = tmp_path / "crimes.csv"
    path.write_text(world.as_csv(world.CHICAGO_22, rows), encoding="utf-8")
    report = dataset_converters.chicago(path, tmp_path / "chi18", year=2018)
    assert set(world.read_table(tmp_path / "chi18", ".user")) == {"25|STREET", "25|empty"}
    assert report["rows"]["dropped"] == {"no community area": 3, "no location description": 1}


def test_a_case_with_several_rows_counts_once_whatever_their_order(world, tmp_path):
    early, late = datetime.datetime(2018, 3, 1, 1), datetime.datetime(2018, 3, 1, 9)
    rows = [world.Event(7, late, "1", "STREET", offense="THEFT").chicago()]
    rows += [world.Event(7, early, "2", "ALLEY", offense="HOMICIDE").chicago()]
    rows += [world.Event(7, early, "2", "ALLEY", offense="BATTERY").chicago()]
    for order in (rows, rows[::-1]):
        path = tmp_path / "crimes.csv"
        path.write_text(world.as_csv(world.CHICAGO_22, order), encoding="utf-8")
        report = dataset_converters.chicago(path, tmp_path / "made", min_events=1, overwrite=True)
        assert world.read_inter(tmp_path / "made")[1:] == [["2|ALLEY", "00-03h|BATTERY", "0", "2018-03-01T01:00:00"]]
        assert report["rows"]["dropped"] == {"complaint or case number met before": 2}


@pytest.mark.parametrize(
    "word", ["#N/A", "N/A", "n/a", "NaN", "nan", "None", "null", "NULL", "<NA>", "", "NA", "(null)"]
)
def test_what_spreadsheets_and_pandas_write_for_an_empty_cell_is_missing(world, tmp_path, word):
    start = datetime.datetime(2016, 1, 1)
    rows = [world.Event(n, start, "9", "STREET").nyc() for n in range(30)]
    rows += [world.Event(50, start, "9", word).nyc(), world.Event(51, start, "9", "STREET").nyc(KY_CD=word)]
    rows += [world.Event(52, start, "9", "STREET").nyc(CMPLNT_NUM=word)]
    path = tmp_path / "nyc.csv"
    path.write_text(world.as_csv(world.NYC_24, rows), encoding="utf-8")
    report = dataset_converters.nyc(path, tmp_path / "made")["rows"]
    assert report["dropped"] == {"no premises": 1, "no offense code": 1} and report["kept"] == 30
    assert report["unusable"] == {"no complaint or case number": 1}


def test_awkward_values_come_through(world, tmp_path):
    places = ['A "B"', "TAB\tHERE", "LINE\nEND", "  BLANKS  ", "50% OFF", "A|B", "PLAIN", "plain"]
    start = datetime.datetime(2016, 1, 1)
    events = [world.Event(n, start, "9", place) for n, place in enumerate(places)]
    path = tmp_path / "odd.csv"
    path.write_text(world.as_csv(world.NYC_24, [event.nyc() for event in events]), encoding="utf-8", newline="")
    report = dataset_converters.nyc(path, tmp_path / "made", min_events=1)
    tokens = [row[0] for row in world.read_inter(tmp_path / "made")[1:]]
    names = ["A %22B%22", "TAB%09HERE", "LINE%0AEND", "BLANKS", "50%25 OFF", "A%7CB", "PLAIN", "plain"]
    assert sorted(tokens) == sorted(f"9|{name}" for name in names)
    assert any("BLANKS" in note for note in report["notes"])


def test_genuine_exports(shared, world, tmp_path):
    """Counts of the real rows by the csv module and the rules, without the converter's own code."""
    nyc, chicago = ("ADDR_PCT_CD", "PREM_TYP_DESC"), ("Community Area", "Location Description")
    soda = ("beat", "location_description")
    cases = [
        ("nypd_historic_24_columns_2015", dataset_converters.nyc, nyc, "CMPLNT_NUM", None),
        ("nypd_historic_35_columns_2010", dataset_converters.nyc, nyc, "CMPLNT_NUM", None),
        ("chicago_portal_2016", dataset_converters.chicago, chicago, "Case Number", None),
        ("chicago_soda_2012", dataset_converters.chicago, soda, "case_number", ",".join(soda)),
    ]
    for name, convert, (area, place), number, generator in cases:
        path = shared / "raw" / f"{name}.csv.gz"
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        lengths = collections.Counter(
            (row[area], row[place]) for row in {row[number]: row for row in rows}.values() if row[area] and row[place]
        )
        kept = {key: count for key, count in lengths.items() if count >= 5}
        report = convert(path, tmp_path / name, year=int(name[-4:]), generator=generator)
        assert report["rows"]["read"] == len(rows)
        assert report["statistics"]["all"]["generators"] == len(kept)
        assert report["statistics"]["all"]["events"] == sum(kept.values())
        assert {user: int(row["events"]) for user, row in world.read_table(tmp_path / name, ".user").items()} == {
            "|".join(key): count for key, count in kept.items()
        }


def test_an_output_that_is_there_is_refused_before_any_row_is_read(tmp_path):
    made, path = tmp_path / "made", tmp_path / "some.csv"
    made.mkdir()
    (made / "made.inter").write_text("", encoding="utf-8")
    path.write_text("no,export\n1,2\n", encoding="utf-8")
    with pytest.raises(ConversionError, match="add --overwrite"):
        dataset_converters.nyc(path, made)
