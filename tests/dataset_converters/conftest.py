"""Events written the way each source writes them, and the folder of real data that some tests need."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import random
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def _header(line: str) -> list[str]:
    return next(csv.reader([line]))


NYC_24 = _header(
    "CMPLNT_NUM,CMPLNT_FR_DT,CMPLNT_FR_TM,CMPLNT_TO_DT,CMPLNT_TO_TM,RPT_DT,KY_CD,OFNS_DESC,PD_CD,PD_DESC,"
    "CRM_ATPT_CPTD_CD,LAW_CAT_CD,JURIS_DESC,BORO_NM,ADDR_PCT_CD,LOC_OF_OCCUR_DESC,PREM_TYP_DESC,PARKS_NM,HADEVELOPT,"
    "X_COORD_CD,Y_COORD_CD,Latitude,Longitude,Lat_Lon"
)
NYC_35 = _header(
    "CMPLNT_NUM,CMPLNT_FR_DT,CMPLNT_FR_TM,CMPLNT_TO_DT,CMPLNT_TO_TM,ADDR_PCT_CD,RPT_DT,KY_CD,OFNS_DESC,PD_CD,PD_DESC,"
    "CRM_ATPT_CPTD_CD,LAW_CAT_CD,BORO_NM,LOC_OF_OCCUR_DESC,PREM_TYP_DESC,JURIS_DESC,JURISDICTION_CODE,PARKS_NM,"
    "HADEVELOPT,HOUSING_PSA,X_COORD_CD,Y_COORD_CD,SUSP_AGE_GROUP,SUSP_RACE,SUSP_SEX,TRANSIT_DISTRICT,Latitude,"
    "Longitude,Lat_Lon,PATROL_BORO,STATION_NAME,VIC_AGE_GROUP,VIC_RACE,VIC_SEX"
)
CHICAGO_22 = _header(
    "ID,Case Number,Date,Block,IUCR,Primary Type,Description,Location Description,Arrest,Domestic,Beat,District,Ward,"
    "Community Area,FBI Code,X Coordinate,Y Coordinate,Year,Updated On,Latitude,Longitude,Location"
)
CHICAGO_SODA = _header(
    "date,block,description,location_description,iucr,ward,year,case_number,fbi_code,domestic,beat,arrest,primary_type,"
    ":@computed_region_d9mm_jgwp,location,y_coordinate,latitude,x_coordinate,longitude,community_area,district,id"
)


@dataclass(frozen=True)
class Event:
    """One event, in neither city's terms; `area` is a precinct or a community area."""

    number: int
    start: datetime.datetime
    area: str
    place: str
    code: str = "341"
    offense: str = "PETIT LARCENY"
    latitude: str = "40.7"
    longitude: str = "-73.9"

    def nyc(self, **changed: str) -> dict[str, str]:
        start = self.start
        return {
            "CMPLNT_NUM": str(self.number),
            "CMPLNT_FR_DT": f"{start:%m/%d/%Y}",
            "CMPLNT_FR_TM": f"{start:%H:%M:%S}",
            "CMPLNT_TO_DT": "12/31/1999",
            "ADDR_PCT_CD": self.area,
            "KY_CD": self.code,
            "OFNS_DESC": self.offense,
            "PD_CD": "333",
            "PD_DESC": "LARCENY,PETIT FROM STORE-SHOPL",
            "LAW_CAT_CD": "MISDEMEANOR",
            "BORO_NM": "BROOKLYN",
            "PREM_TYP_DESC": self.place,
            "JURIS_DESC": "N.Y. POLICE DEPT",
            "X_COORD_CD": "1,017,141",
            "Y_COORD_CD": "183,798",
            "Latitude": self.latitude,
            "Longitude": self.longitude,
            "Lat_Lon": f"({self.latitude}, {self.longitude})",
            "VIC_RACE": "UNKNOWN",
            "VIC_SEX": "E",
            **changed,
        }

    def chicago(self, **changed: str) -> dict[str, str]:
        return {
            "ID": str(10_000_000 + self.number),
            "Case Number": f"HZ{self.number:06d}",
            "Date": f"{self.start:%m/%d/%Y %I:%M:%S %p}",
            "Block": "016XX W 77TH ST",
            "IUCR": "0486",
            "Primary Type": self.offense,
            "Description": "SIMPLE",
            "Location Description": self.place,
            "Arrest": "false",
            "Domestic": "true",
            "Beat": "0611",
            "District": "006",
            "Ward": "17",
            "Community Area": self.area,
            "FBI Code": "08B",
            "Year": str(self.start.year),
            "Latitude": self.latitude,
            "Longitude": self.longitude,
            "Location": f"({self.latitude}, {self.longitude})",
            **changed,
        }


def as_csv(header: list[str], rows: list[dict[str, str]], end: str = "\n") -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(header)
    writer.writerows([row.get(name, "") for name in header] for row in rows)
    return text.getvalue()


def soda(text: str) -> str:
    """A lower-case header, as SODA's."""
    header, rest = text.split("\n", 1)
    return header.lower() + "\n" + rest


def _nyc_24(events):
    return as_csv(NYC_24, [event.nyc() for event in events]).encode()


def _nyc_35(events):
    # the newer export: a byte-order mark, and NA for what does not apply
    return b"\xef\xbb\xbf" + as_csv(NYC_35, [event.nyc(PARKS_NM="NA", HOUSING_PSA="NA") for event in events]).encode()


def _nyc_soda(events):
    rows = [event.nyc(CMPLNT_FR_DT=f"{event.start:%Y-%m-%d}T00:00:00.000") for event in events]
    return soda(as_csv(NYC_35[::-1], rows)).encode()


def _nyc_short_dates(events):
    # as a spreadsheet saves them: no leading zeros, two-digit years, a 12-hour clock, CR LF
    def row(event):
        start = event.start
        date = f"{start.month}/{start.day}/{start:%y}"
        return event.nyc(CMPLNT_FR_DT=date, CMPLNT_FR_TM=f"{(start.hour - 1) % 12 + 1}:{start:%M:%S %p}")

    return as_csv(NYC_24, [row(event) for event in events], "\r\n").encode()


def _nyc_zip(events):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("NYPD_Complaint_Data_Historic.csv", _nyc_24(events))
    return packed.getvalue()


def _chicago_portal(events):
    return as_csv(CHICAGO_22, [event.chicago() for event in events]).encode()


def _chicago_soda(events):
    rows = []
    for event in events:
        row = event.chicago(Date=f"{event.start:%Y-%m-%dT%H:%M:%S}.000", Location="{'latitude': '41.7', \"a\": \"\"}")
        rows.append({name.lower().replace(" ", "_"): value for name, value in row.items()})
    return as_csv(CHICAGO_SODA, rows).encode()


def _chicago_gzip(events):
    return gzip.compress(_chicago_portal(events))


def random_events(seed: int, count: int) -> list[Event]:
    """Events with many equal times, in a few places, with two codes of one name."""
    draw = random.Random(seed)
    kinds = [("341", "PETIT LARCENY"), ("344", "ASSAULT, 3"), ("121", "MISCHIEF"), ("351", "MISCHIEF")]
    events = []
    for number in draw.sample(range(100, 999_999), count):
        code, offense = draw.choice(kinds)
        start = datetime.datetime(2015, 12, 30) + datetime.timedelta(minutes=30 * draw.randrange(40 * 48))
        place = draw.choice(["STREET", "BAR/NIGHT CLUB", 'SCHOOL, "PUBLIC"', "RESIDENCE"])
        spot = f"{40.5 + draw.random() / 3:.9f}", f"{-74.2 + draw.random() / 3:.9f}"
        events.append(Event(number, start, draw.choice(["9", "44", "101"]), place, code, offense, *spot))
    return events


def read_inter(output: Path) -> list[list[str]]:
    """The rows of `<name>.inter`, header included, split at tabs."""
    lines = (output / f"{output.name}.inter").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines]


def read_table(output: Path, suffix: str) -> dict[str, dict[str, str]]:
    """The rows of a `.user` or `.item` file by id, each by field name."""
    head, *lines = (output / (output.name + suffix)).read_text(encoding="utf-8").splitlines()
    names = [field.split(":")[0] for field in head.split("\t")]
    return {line.split("\t")[0]: dict(zip(names, line.split("\t"), strict=True)) for line in lines}


@pytest.fixture(scope="session")
def world() -> SimpleNamespace:
    """What the tests share, without a module of their own to import it from."""
    return SimpleNamespace(
        Event=Event,
        NYC_24=NYC_24,
        NYC_35=NYC_35,
        CHICAGO_22=CHICAGO_22,
        as_csv=as_csv,
        replace=replace,
        random_events=random_events,
        read_inter=read_inter,
        read_table=read_table,
        nyc={
            "24 columns": _nyc_24,
            "35 columns": _nyc_35,
            "SODA": _nyc_soda,
            "spreadsheet": _nyc_short_dates,
            "zip": _nyc_zip,
        },
        chicago={"portal": _chicago_portal, "SODA": _chicago_soda, "gzip": _chicago_gzip},
    )


@pytest.fixture
def shared() -> Path:
    """The folder of real data beside the checkout; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip("needs the real data in ../shared/data, which is not part of the project")
    return SHARED
