"""Rows of made-up exports: places that are popular by Zipf's law, a daily rhythm, and places that repeat themselves."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataset_converters.sample_values import (
    BOROUGHS,
    CHICAGO_OFFENSES,
    CHICAGO_PLACES,
    NYC_OFFENSES,
    NYC_PREMISES,
)

FAVOURITES = 6  # offence classes that come back again and again in one place
REPEATS = 0.5  # share of events that are one of the place's favourites
# Events by hour of the day: a low before dawn, peaks at midnight and noon (to which reports are rounded) and at dusk.
HOURS = np.array(
    [60, 34, 28, 22, 19, 17, 18, 24, 38, 41, 42, 43, 58, 45, 50, 56, 57, 58, 60, 57, 55, 51, 49, 42], float
)
# Shares of the events without premises and without coordinates.
NO_PREMISES, NO_COORDINATES = 0.004, 0.02


def _zipf(random: np.random.Generator, count: int, size: int, exponent: float = 1.0) -> np.ndarray:
    """[size] numbers below `count`, number k with weight 1 / (k + 2) ** exponent."""
    edges = np.cumsum(1.0 / np.arange(2, count + 2) ** exponent)
    return np.searchsorted(edges, random.random(size) * edges[-1], side="right")


def _draw(random: np.random.Generator, size: int, regions: int, places: int, offenses: int) -> tuple[np.ndarray, ...]:
    """[size] numbers of region, place and offence; each (region, place) has favourites of its own."""
    region = _zipf(random, regions, size, 0.8) * 31 % regions  # neighbouring numbers are not neighbours in size
    place, offense = _zipf(random, places, size, 1.8), _zipf(random, offenses, size)
    favourite = (region * 7919 + place * 104_729 + _zipf(random, FAVOURITES, size) * 15_485_863) % 1_000_003 % offenses
    return region, place, np.where(random.random(size) < REPEATS, favourite, offense)


def _times(random: np.random.Generator, size: int, days: int) -> tuple[np.ndarray, np.ndarray]:
    """[size] numbers of the day and minutes of the day; people report on the hour and on the half hour."""
    hour = np.searchsorted(np.cumsum(HOURS / HOURS.sum())[:-1], random.random(size), side="right")
    rounding = random.choice([60, 30, 5, 1], size, p=[0.35, 0.2, 0.3, 0.15])
    return random.integers(0, days, size), hour * 60 + random.integers(0, 60, size) // rounding * rounding


def _picked(texts: list[str], codes: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """[n] texts, quoted where they hold a comma; empty where `missing`."""
    quoted = pa.array([f'"{text}"' if "," in text else text for text in texts] + [""])
    return quoted.take(pa.array(codes if missing is None else np.where(missing, len(texts), codes)))


def _words(text: str) -> list[str]:
    return text.replace("\n", "|").split("|")


def _position(random, region: np.ndarray, box: tuple[float, ...], regions: int) -> tuple[np.ndarray, np.ndarray]:
    """[n] latitude and longitude, each region a spot of its own in `box` (south, north, west, east)."""
    south, north, west, east = box
    lat = south + (north - south) * (region * 17 % regions + random.random(len(region))) / regions
    lon = west + (east - west) * (region * 29 % regions + random.random(len(region))) / regions
    return np.round(lat, 9), np.round(lon, 9)


def _texts(numbers: np.ndarray, missing: np.ndarray) -> pa.Array:
    return pc.if_else(pa.array(missing), "", pa.array(numbers).cast(pa.string()))


def _with_commas(numbers: np.ndarray, missing: np.ndarray) -> pa.Array:
    """[n] numbers below ten million as `"1,035,836"`, the way the newer NYPD export writes coordinates."""
    low = pc.utf8_lpad(pa.array(numbers % 1000).cast(pa.string()), 3, "0")
    mid = pc.utf8_lpad(pa.array(numbers // 1000 % 1000).cast(pa.string()), 3, "0")
    text = pc.binary_join_element_wise(pa.array(numbers // 1_000_000).cast(pa.string()), mid, low, ",")
    return pc.if_else(pa.array(missing), "", pc.binary_join_element_wise('"', text, '"', ""))


def _pair(lat: pa.Array, lon: pa.Array, missing: np.ndarray) -> pa.Array:
    text = pc.binary_join_element_wise('"(', lat, ", ", lon, ')"', "")
    return pc.if_else(pa.array(missing), "", text)


def nyc_rows(random: np.random.Generator, start: int, size: int, days: np.ndarray) -> dict[str, pa.Array]:
    """[size] made-up rows of New York from row `start` on, on some of `days` (datetime64[D]): texts by column."""
    precincts = [(number, name) for name, first, last in BOROUGHS for number in range(first, last + 1)][::2]
    premises = _words(NYC_PREMISES)
    codes, names, laws = zip(*(line.split("|") for line in NYC_OFFENSES.split("\n")), strict=True)
    region, place, offense = _draw(random, size, len(precincts), len(premises), len(codes))
    day, minute = _times(random, size, len(days))
    detail = random.integers(0, 4, size)
    lat, lon = _position(random, region, (40.5, 40.9, -74.2, -73.7), len(precincts))
    nowhere = random.random(size) < NO_COORDINATES
    dates = [f"{day.month:02d}/{day.day:02d}/{day.year:04d}" for day in days.astype(object)]
    clocks = [f"{minute // 60:02d}:{minute % 60:02d}:00" for minute in range(1440)]
    date, clock = _picked(dates, day), _picked(clocks, minute)
    details = [f"{name},UNCLASSIFIED {kind}" for name in names for kind in range(4)]
    ages, races = ["<18", "18-24", "25-44", "45-64", "65+", ""], ["BLACK", "WHITE", "WHITE HISPANIC", "UNKNOWN", ""]
    latitude, longitude = _texts(lat, nowhere), _texts(lon, nowhere)
    number = np.arange(start, start + size)
    return {
        # 900,000,007 is a prime, so that no number comes twice before it has gone round
        "CMPLNT_NUM": pa.array(number * 7_368_787 % 900_000_007 + 100_000_000).cast(pa.string()),
        "CMPLNT_FR_DT": date,
        "CMPLNT_FR_TM": clock,
        "CMPLNT_TO_DT": date,
        "CMPLNT_TO_TM": clock,
        "ADDR_PCT_CD": _picked([str(number) for number, _ in precincts], region),
        "RPT_DT": date,
        "KY_CD": _picked(list(codes), offense),
        "OFNS_DESC": _picked(list(names), offense),
        "PD_CD": _picked([str(100 + number) for number in range(4 * len(codes))], offense * 4 + detail),
        "PD_DESC": _picked(details, offense * 4 + detail),
        "CRM_ATPT_CPTD_CD": _picked(["COMPLETED", "ATTEMPTED"], _zipf(random, 2, size, 4)),
        "LAW_CAT_CD": _picked(list(laws), offense),
        "BORO_NM": _picked([name for _, name in precincts], region),
        "LOC_OF_OCCUR_DESC": _picked(["INSIDE", "FRONT OF", "", "OPPOSITE OF", "REAR OF"], _zipf(random, 5, size)),
        "PREM_TYP_DESC": _picked(premises, place, random.random(size) < NO_PREMISES),
        "JURIS_DESC": _picked(["N.Y. POLICE DEPT", "N.Y. HOUSING POLICE"], _zipf(random, 2, size, 3)),
        "JURISDICTION_CODE": _picked(["0", "2"], _zipf(random, 2, size, 3)),
        "PARKS_NM": _picked(["NA"], np.zeros(size, int)),
        "HOUSING_PSA": _picked(["NA"], np.zeros(size, int)),
        "X_COORD_CD": _with_commas(1_000_000 + (lon * 1e5).astype(int) % 60_000, nowhere),
        "Y_COORD_CD": _with_commas(1_200_000 + (lat * 1e5).astype(int) % 60_000, nowhere),
        "SUSP_AGE_GROUP": _picked(ages, _zipf(random, 6, size)),
        "SUSP_RACE": _picked(races, _zipf(random, 5, size)),
        "SUSP_SEX": _picked(["M", "F", "U", ""], _zipf(random, 4, size)),
        "Latitude": latitude,
        "Longitude": longitude,
        "Lat_Lon": _pair(latitude, longitude, nowhere),
        "PATROL_BORO": _picked([f"PATROL BORO {name}" for _, name in precincts], region),
        "VIC_AGE_GROUP": _picked(ages, _zipf(random, 6, size)),
        "VIC_RACE": _picked(races, _zipf(random, 5, size)),
        "VIC_SEX": _picked(["F", "M", "E", "D"], _zipf(random, 4, size)),
    }


def chicago_rows(random: np.random.Generator, start: int, size: int, days: np.ndarray) -> dict[str, pa.Array]:
    """The same of Chicago."""
    offenses, places = _words(CHICAGO_OFFENSES), _words(CHICAGO_PLACES)
    region, place, offense = _draw(random, size, 77, len(places), len(offenses))
    day, minute = _times(random, size, len(days))
    dates = [f"{day.month:02d}/{day.day:02d}/{day.year:04d}" for day in days.astype(object)]
    clocks = [f"{(m // 60 + 11) % 12 + 1:02d}:{m % 60:02d}:00 {'AP'[m // 720]}M" for m in range(1440)]
    lat, lon = _position(random, region, (41.65, 42.02, -87.9, -87.53), 77)
    nowhere = random.random(size) < NO_COORDINATES
    latitude, longitude = _texts(lat, nowhere), _texts(lon, nowhere)
    number = np.arange(start, start + size)
    case = pc.utf8_lpad(pa.array(number * 7_919 % 10_000_019).cast(pa.string()), 8, "0")
    when = pc.binary_join_element_wise(_picked(dates, day), _picked(clocks, minute), " ")
    return {
        "ID": pa.array(10_000_000 + number).cast(pa.string()),
        "Case Number": pc.binary_join_element_wise("J", case, ""),
        "Date": when,
        "Block": pc.binary_join_element_wise(_picked([f"{n:03d}XX" for n in range(80)], region), "N STATE ST", " "),
        "IUCR": _picked([f"{n * 41 % 9973:04d}" for n in range(1, len(offenses) + 1)], offense),
        "Primary Type": _picked(offenses, offense),
        "Description": _picked([f"{name}: SIMPLE" for name in offenses], offense),
        "Location Description": _picked(places, place, random.random(size) < NO_PREMISES),
        "Arrest": _picked(["false", "true"], _zipf(random, 2, size, 2)),
        "Domestic": _picked(["false", "true"], _zipf(random, 2, size, 2)),
        "Beat": _picked([f"{n:04d}" for n in range(111, 188)], region),
        "District": _picked([f"{n % 25 + 1:03d}" for n in range(77)], region),
        "Ward": _picked([str(n % 50 + 1) for n in range(77)], region),
        "Community Area": _picked([str(n + 1) for n in range(77)], region),
        "FBI Code": _picked([f"{n % 26 + 1:02d}" for n in range(len(offenses))], offense),
        "X Coordinate": _texts(1_150_000 + (lon * 1e5).astype(int) % 40_000, nowhere),
        "Y Coordinate": _texts(1_850_000 + (lat * 1e5).astype(int) % 60_000, nowhere),
        "Year": _picked([str(day.year) for day in days.astype(object)], day),
        "Updated On": when,
        "Latitude": latitude,
        "Longitude": longitude,
        "Location": _pair(latitude, longitude, nowhere),
    }
