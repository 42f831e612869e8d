"""Which column of a .user file names districts, and where their names are written."""

from types import SimpleNamespace

import numpy as np
import pytest

from recbole_hail.maps.districts import districts_of, named_districts, spread_out
from recbole_hail.maps.layout import Name, gaps


def generators(**columns):
    """Four places in each of four precincts at the corners of a square, two precincts in each borough."""
    corners = np.array([(x, y) for x in (0.0, 1.0) for y in (0.0, 1.0)])
    places = (corners[:, None] + 0.05 * corners[None]).reshape(-1, 2)
    known = {
        "precinct": [f"{1 + place // 4}" for place in range(16)],
        "borough": [("WEST", "EAST")[place // 8] for place in range(16)],
        "premises": [("BAR", "PARK", "STREET", "SHOP")[place % 4] for place in range(16)],
        "name": [f"place {place}" for place in range(16)],
        "events": ["7"] * 16,
    }
    found = {name: ["", *columns.get(name, values)] for name, values in known.items() if columns.get(name, 1)}
    return SimpleNamespace(columns=found, coordinates=np.concatenate([[[np.nan] * 2], places]))


def test_columns_whose_values_lie_together_name_districts_the_finest_first():
    """Kinds of place recur too, but everywhere."""
    found = districts_of(generators(), np.array([1, 16]))
    assert list(found.items()) == [("precinct", ["1", "4"]), ("borough", ["WEST", "EAST"])]
    assert districts_of(generators(precinct=None, borough=None), np.array([1])) == {}


def test_a_column_whose_values_do_not_all_recur_names_none():
    for precincts in (["0", *["1"] * 3, *["2"] * 4, *["3"] * 8], ["", *["1"] * 7, *["2"] * 8]):
        assert list(districts_of(generators(precinct=precincts), np.array([1]))) == ["borough"]


def test_places_without_coordinates_have_no_say():
    found = generators()
    found.columns["precinct"].append("5")
    found.columns["borough"].append("")
    found.coordinates = np.concatenate([found.coordinates, [[np.nan] * 2]])
    assert districts_of(found, np.array([2])) == {"precinct": ["1"], "borough": ["WEST"]}


def test_a_district_is_named_once_beside_its_places():
    pixels = np.array([[-60.0, 0.0], [-60.0, 40.0], [60.0, 0.0], [60.0, 40.0]])
    names = spread_out(["A", "A", "S%C3%BCd", "S%C3%BCd"], pixels, pixels, np.full(4, 10.0), [])
    assert [name.text for name in names] == ["A", "Süd"]
    assert np.linalg.norm(names[0].middle - [-60, 20]) < 20 and np.linalg.norm(names[1].middle - [60, 20]) < 20


def test_a_district_is_named_beside_dots_and_other_names_or_not_at_all():
    """A dot covered the last letter of BROOKLYN."""
    pixels = np.array([[0.0, 0.0], [3.0, 0.0], [-3.0, 0.0]])
    (name,) = spread_out(["A"] * 3, pixels, pixels, np.full(3, 10.0), [])
    assert (gaps(name, pixels) >= 5).all() and np.linalg.norm(name.middle) < 30
    over_all = Name("x", np.zeros(2), np.zeros(2), np.array([200.0, 200.0]), np.zeros((0, 2)))
    assert spread_out(["A"] * 3, pixels, pixels, np.full(3, 10.0), [over_all]) == []
    across = Name("x", np.array([200.0, 0.0]), np.ones(2), np.ones(2), np.linspace([-20, 9], [20, 9], 13))
    (name,) = spread_out(["A"] * 3, pixels, pixels, np.full(3, 10.0), [across])
    assert (gaps(name, across.line) > 3).all(), "nor on the line to another name"
    pixels = np.array([[0.0, 0.0], [40.0, 0.0]])
    one, other = spread_out(["A", "B"], pixels, pixels, np.full(2, 4.0), [])
    assert (abs(one.middle - other.middle) >= one.half + other.half).any()


@pytest.mark.parametrize("wider", [1, 2, 5])
def test_the_dot_nearest_to_a_name_is_one_of_its_district(wider):
    """Rampart stood at Hollywood's dots, 77th Street at Southwest's: only the middles of names were compared."""
    clusters = {"Hollywood": (-10, 40), "Rampart": (35, -2), "Southwest": (0, -45), "77th Street": (30, -85)}
    ring = np.array([(13 * x, 13 * y) for x in (-1, 0, 1) for y in (-1, 0, 1)], dtype=float)
    pixels = np.concatenate([ring + middle for middle in clusters.values()])
    values = [name for name in clusters for _ in ring]
    found = spread_out(values, pixels, pixels, np.full(len(pixels), 12.0), [])
    assert len(found) >= 3
    for name in found:
        away = np.maximum(abs(wider * pixels - wider * name.point - name.way * name.half) - name.half, 0)
        assert values[np.linalg.norm(away, axis=1).argmin()] == name.text


def test_a_district_among_others_goes_without_its_name():
    """Precinct 7 of Manhattan was written on Staten Island, where there was room."""
    grid = np.array([(x, y) for x in range(-60, 61, 10) for y in range(-60, 61, 10)], dtype=float)
    values = ["inner" if abs(x) <= 20 and abs(y) <= 20 else "outer" for x, y in grid]
    found = spread_out(values, grid, grid, np.full(len(grid), 8.0), [])
    assert [name.text for name in found] == ["outer"]


def test_a_coarser_column_is_taken_where_the_finest_has_no_room():
    grid = np.array([(x, y) for x in range(-60, 61, 10) for y in range(-60, 61, 10)], dtype=float)
    fine, coarse = [f"{x // 20:.0f}|{y // 20:.0f}" for x, y in grid], ["W" if x < 0 else "E" for x, _ in grid]
    dots = grid, grid, np.full(len(grid), 8.0)
    column, names = named_districts({"ward": fine, "side": coarse}, *dots, [])
    assert column == "side" and {name.text for name in names} == {"W", "E"}
    assert named_districts({"side": coarse}, *dots, [])[0] == "side"
    assert named_districts({}, *dots, []) is None
