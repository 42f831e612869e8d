"""Dates, times of day, and files that mix date forms."""

import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dataset_converters
from dataset_converters import ConversionError
from dataset_converters.times import MISSING, UNREADABLE, Dates, clock_seconds, split_date_and_clock, without_zone


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("23:45:00", 85_500),
        ("00:00:00", 0),
        ("24:00:00", 86_400),
        ("9:05", 32_700),
        ("12:01:00 AM", 60),
        ("12:00 PM", 43_200),
        ("11:57:00 pm", 86_220),
        ("1:30p.m.", 48_600),
        (" 07:00:00.000 ", 25_200),
        ("", MISSING),
        ("(null)", MISSING),
        ("0227", 8_820),
        ("14.35", 52_500),
        ("9.05", 32_700),
        ("14.35.59", 52_559),
        ("2.35 pm", 52_500),
        ("24.00", 86_400),
        ("14.5", UNREADABLE),  # a number
        ("14.75", UNREADABLE),
        ("0.604166666667", UNREADABLE),
        ("14.355", UNREADABLE),
        ("14.35:59", UNREADABLE),
        ("14,35", UNREADABLE),
        (".35", UNREADABLE),
        (" 0000 ", 0),
        ("2400", 86_400),
        ("2360", UNREADABLE),
        ("2401", UNREADABLE),
        ("227", UNREADABLE),
        ("12", UNREADABLE),
        ("02270", UNREADABLE),
        ("0227 PM", UNREADABLE),
        ("#N/A", MISSING),
        ("None", MISSING),
        ("NA", MISSING),
        ("24:01:00", UNREADABLE),
        ("13:00 PM", UNREADABLE),
        ("0:30 AM", UNREADABLE),
        ("12:60", UNREADABLE),
        ("25:00:00", UNREADABLE),
        ("noon", UNREADABLE),
    ],
)
def test_times_of_day(text, seconds):
    assert clock_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "clock", "minutes"),
    [
        ("01:45:24-08:00", "01:45:24", -480),
        ("01:45:24.123-0800", "01:45:24.123", -480),
        ("09:45:24+00", "09:45:24", 0),  # ArcGIS
        (" 9:45:24 +05:30 ", "9:45:24", 330),
        ("09:45Z", "09:45", 0),
        ("09:45+01:00", "09:45", 60),
        ("-00:00", "-00:00", None),
        ("22:00-06:00", "22:00-06:00", None),  # from when to when
        ("22:00:00-06:00:00", "22:00:00-06:00:00", None),
        ("2200-0600", "2200-0600", None),
        ("01:45:24", "01:45:24", None),
        ("", "", None),
    ],
)
def test_what_iso_times_have_behind_them(text, clock, minutes):
    assert without_zone(text) == (clock, minutes)


def days(texts, order="mdy"):
    dates = Dates(order)
    return dates, dates.days(pa.array(texts).dictionary_encode(), lambda index: index + 2).tolist()


@given(day=st.dates(datetime.date(1970, 1, 1), datetime.date(2068, 12, 31)))
def test_every_way_to_write_a_date(day):
    ways = [
        f"{day:%m/%d/%Y}",
        f"{day.month}/{day.day}/{day.year}",
        f"{day:%m/%d/%y}",
        f"{day:%m-%d-%Y}",
        f"{day:%Y-%m-%d}",
        f"{day:%Y/%m/%d}",
        f"{day:%Y.%m.%d}",
        f"{day:%d.%m.%Y}",
        f"{day.day}.{day.month}.{day:%y}",
    ]
    assert days(ways)[1] == [(day - datetime.date(1970, 1, 1)).days] * len(ways)
    assert days([f"{day:%d/%m/%Y}"], "dmy")[1] == [(day - datetime.date(1970, 1, 1)).days]


@pytest.mark.parametrize(
    "text",
    [
        "13/32/2016",
        "02/30/2016",
        "2016-13-01",
        "20160101",
        "1/2",
        "yesterday",
        "1/2-2016",
        "31.02.2024",
        "12.31.2015",
        "1.2",
        "2024.07",
        "2024.7.30.1",
        "2024.07-30",
        "14.35",
        "45351.60",
        "45351.6.1",
    ],
)
def test_what_is_no_date(text):
    assert days([text])[1] == [UNREADABLE]


def test_a_two_digit_year_between_dashes_may_stand_first_and_is_not_guessed():
    assert days(["16-05-01", "05-01-16", "12/31/19"])[1] == [UNREADABLE, UNREADABLE, 18_261]


def test_date_and_clock_in_one_column():
    texts = [
        "01/03/2016 11:57:00 PM",
        "2012-01-01T00:05:00.000",
        "2016-01-03",
        "",
        " 1/3/2016  9:00 ",
        "Tue",
        "1\n2\n3",
        "30.07.2024 14:35",
        "2024.07.30 14.35",
        "45351.60",
    ]
    date, clock = split_date_and_clock(pa.array(texts))
    dates = [
        "01/03/2016",
        "2012-01-01",
        "2016-01-03",
        "",
        "1/3/2016",
        "Tue",
        "1",
        "30.07.2024",
        "2024.07.30",
        "45351.60",
    ]
    assert date.to_pylist() == dates
    assert clock.to_pylist() == ["11:57:00 PM", "00:05:00.000", "", "", "9:00", "", "2\n3", "14:35", "14.35", ""]


# What a file holds, and how `2/3/2016` in it is then to be read: the month of it, or None where it must be refused.
MIXES = [
    (["2/3/2016", "12/31/2015"], 2),
    (["2/3/2016", "2/4/2016"], 2),
    (["2/3/2016", "31/12/2015"], 3),
    (["2/3/2016", "31/12/2015", "12/31/2015"], None),
    (["2/3/2016", "2016-12-31"], None),
    (["2/3/2016", "12/31/15"], None),
    (["2/3/2016", "31.12.2015"], None),
    (["02/03/16", "12/31/15"], 2),
    (["2/3/2016", "3/3/2016"], 2),
]


def table(world, dates):
    start = datetime.datetime(2016, 1, 1, 12)
    rows = [world.Event(n, start, "9", "STREET").nyc(CMPLNT_FR_DT=date) for n, date in enumerate(dates)]
    return world.as_csv(world.NYC_24, rows).encode()


@pytest.mark.parametrize(("dates", "month"), MIXES)
def test_mixed_date_forms(world, tmp_path, dates, month):
    path = tmp_path / "mixed.csv"
    path.write_bytes(table(world, dates))
    if month is None:
        with pytest.raises(ConversionError) as caught:
            dataset_converters.nyc(path, tmp_path / "made", min_events=1)
        assert f"{path}: mixes date forms" in str(caught.value) and f"row 2 {dates[0]!r}" in str(caught.value)
        assert "--date-format mdy" in str(caught.value)
        assert not (tmp_path / "made").exists()
    else:
        dataset_converters.nyc(path, tmp_path / "made", min_events=1)
        times = [row[3] for row in world.read_inter(tmp_path / "made")[1:]]
        assert any(time.startswith(f"2016-{month:02d}-{5 - month:02d}") for time in times)


@pytest.mark.parametrize(("option", "month"), [("mdy", 2), ("dmy", 3), ("%m/%d/%Y", 2), ("%d/%m/%Y", 3)])
def test_date_format_settles_it(world, tmp_path, option, month):
    path = tmp_path / "mixed.csv"
    path.write_bytes(table(world, ["2/3/2016", "31/12/2015", "12/31/2015", "2016-12-31"]))
    dataset_converters.nyc(path, tmp_path / "made", min_events=1, date_format=option)
    times = sorted(row[3][:10] for row in world.read_inter(tmp_path / "made")[1:])
    assert times == ["2015-12-31", "2015-12-31", f"2016-{month:02d}-{5 - month:02d}", "2016-12-31"]


def test_a_mix_of_forms_that_are_all_unambiguous_is_converted(world, tmp_path):
    path = tmp_path / "mixed.csv"
    path.write_bytes(table(world, ["12/31/2015", "31/12/2016", "2016-02-03", "3/3/16"]))
    dataset_converters.nyc(path, tmp_path / "made", min_events=1)
    times = sorted(row[3][:10] for row in world.read_inter(tmp_path / "made")[1:])
    assert times == ["2015-12-31", "2016-02-03", "2016-03-03", "2016-12-31"]


def test_counts_are_those_of_one_reading_when_a_file_is_read_twice(world, tmp_path):
    path = tmp_path / "days_first.csv"
    path.write_bytes(table(world, ["2/3/2016", "31/12/2015", "13/1/2016", "1/1/2016"]))
    report = dataset_converters.nyc(path, tmp_path / "made", min_events=1, year=2016)
    assert report["rows"]["read"] == 4 and report["rows"]["dropped"] == {"outside 2016": 1}


def test_notes_and_span_are_those_of_one_reading_when_a_file_is_read_twice(world, tmp_path):
    start = datetime.datetime(2016, 7, 2, 12)
    dates = ["2/7/2016", "13/6/2016"]
    rows = [world.Event(n, start, "44", "STREET", latitude="0").nyc(CMPLNT_FR_DT=d) for n, d in enumerate(dates)]
    path = tmp_path / "days_first.csv"
    path.write_text(world.as_csv(world.NYC_24, rows), encoding="utf-8")
    with pytest.raises(ConversionError, match="the rows run from 2016-06-13 to 2016-07-02"):
        dataset_converters.nyc(path, tmp_path / "made", year=2014)
    report = dataset_converters.nyc(path, tmp_path / "made", min_events=1, slot_hours=24)
    assert report["notes"] == ["2 rows have coordinates outside the city, left out of the mean positions"]


def test_no_time_stands_for_a_missing_one(world, tmp_path):
    """-2**31 + 1 seconds from 1970, which is also the mark of a missing day."""
    path = tmp_path / "old.csv"
    row = world.Event(1, datetime.datetime(1901, 12, 13, 20, 45, 53), "44", "STREET").nyc()
    path.write_text(world.as_csv(world.NYC_24, [row]), encoding="utf-8")
    report = dataset_converters.nyc(path, tmp_path / "made", min_events=1)
    assert (report["rows"]["read"], report["rows"]["kept"], report["rows"]["dropped"]) == (1, 1, {})


@pytest.mark.parametrize(
    ("texts", "doubtful"),
    [
        (["1/2/2020", "3/4/2020"], (1, "1/2/2020")),
        (["1/2/2020", "13/4/2020"], None),
        (["1/2/2020", "4/13/2020"], None),
        (["13/4/2020", "4/13/2020", "1/2/2020"], (3, "1/2/2020")),
        (["2020-01-02", "2/3/2020", "4/13/2020"], (2, "2/3/2020")),
        (["2/2/2020", "1.2.2020", "2020-01-02"], None),
    ],
)
def test_a_date_is_doubtful_where_no_other_shows_its_order(texts, doubtful):
    dates = Dates()
    dates.days(pa.array(texts).dictionary_encode(), lambda index: index + 1)
    assert dates.doubtful() == doubtful


UTC = "times end in Z or +00:00, so slots are those of UTC; where the city's clock is another, "
MEND = "bring times to it in the file"


@pytest.mark.parametrize(
    ("zones", "note"),
    [
        (["-08:00", "-07:00"], []),  # a year of Seattle
        (["+0000", "+0100"], []),  # a year of London
        (["Z", "+00:00"], [UTC + MEND]),
        (["Z", "-08:00"], [f"times are -08:00 to +00:00 from UTC, so of more than the city's clock; {MEND}"]),
        (["+05:30", "-03:30"], [f"times are -03:30 to +05:30 from UTC, so of more than the city's clock; {MEND}"]),
        (["Z", ""], []),  # one Z in a thousand times is not the whole file's clock
        (["", ""], []),
    ],
)
def test_iso_times_are_read_as_they_are_written(world, tmp_path, zones, note):
    """Seattle's export was refused for its -08:00."""
    start = datetime.datetime(2016, 2, 27, 23, 45, 24)
    events = [world.Event(n, start, "9", "STREET") for n in range(6)]
    dates = [f"{start.isoformat()}{zones[n % 2]}" for n in range(6)]
    rows = [
        event.chicago(Date=date, Latitude="41.8", Longitude="-87.6") for event, date in zip(events, dates, strict=True)
    ]
    path = tmp_path / "zoned.csv"
    path.write_text(world.as_csv(world.CHICAGO_22, rows), encoding="utf-8")
    report = dataset_converters.chicago(path, tmp_path / "made", slot_hours=24)
    assert {row[3] for row in world.read_inter(tmp_path / "made")[1:]} == {start.isoformat()}
    assert report["notes"] == note
