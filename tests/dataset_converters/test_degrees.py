"""Coordinates of columns that were not named."""

import pytest

import dataset_converters

COLUMNS = {"number": "Nr", "date": "Tatzeit", "generator": "Revier", "element": "Delikt"}
NOTE = "no coordinates are taken, so there will be no map; perhaps --latitude {} --longitude {}"


def converted(folder, names: str, *cells: str, separator=",") -> dict:
    rows = [separator.join([str(n), "2024-01-05 10:00", "9", "Raub", *cells]) for n in range(6)]
    path = folder / "city.csv"
    path.write_text("\n".join([separator.join(["Nr", "Tatzeit", "Revier", "Delikt", names]), *rows]), encoding="utf-8")
    return dataset_converters.city(path, folder / "made", slot_hours=24, **COLUMNS)


@pytest.mark.parametrize("names", ["Lat,Long", "LATITUDE,LONGITUDE", "lat,lon", "Latitude,lon"])
def test_columns_that_are_called_so_are_taken(world, tmp_path, names):
    report = converted(tmp_path, names, "51.34012", "12.37005")
    (place,) = world.read_table(tmp_path / "made", ".user").values()
    assert (place["latitude"], place["longitude"], report["notes"]) == ("51.34012", "12.37005", [])


def test_what_is_called_so_and_is_none_is_not_taken(world, tmp_path):
    report = converted(tmp_path, "Lat,Long", "5691234.5", "317890.25")
    (place,) = world.read_table(tmp_path / "made", ".user").values()
    assert place["latitude"] == "" and "off the globe" in report["notes"][0]


@pytest.mark.parametrize(
    ("names", "cells", "north", "east"),
    [
        ("Breite;Länge", ("51,34012", "12,37005"), "Breite", "Länge"),
        ("Länge;Breite", ("12,37005", "51,34012"), "Breite", "Länge"),
        ("Geo X;Geo Y", ("12.37005", "51.34012"), '"Geo X"', '"Geo Y"'),
        ("x;y", ("12.37005", "51.34012"), "y", "x"),
        ("a;b", ("-118.27001", "34.05001"), "b", "a"),
        ("Schaden;Breite;Länge", ("12,50", "51,34012", "12,37005"), "Breite", "Länge"),
    ],
)
def test_columns_that_hold_degrees_are_named(tmp_path, names, cells, north, east):
    """Without --latitude they were passed over in silence."""
    notes = converted(tmp_path, names, *cells, separator=";")["notes"]
    assert notes == [NOTE.format(north, east)]


@pytest.mark.parametrize(
    ("names", "cells"),
    [
        ("Schaden;Breite", ("12,50", "51,34012")),
        ("a;b", ("118.27001", "134.05001")),  # no latitude
        ("a;b", ("", "")),
        ("a;b", ("51.5", "12.4")),
        ("a;b", ("1.2.3", "51.34012 N")),
    ],
)
def test_other_numbers_are_not(tmp_path, names, cells):
    assert converted(tmp_path, names, *cells, separator=";")["notes"] == []
