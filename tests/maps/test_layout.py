"""Where dots and names stand on a map: none on another, none far from its place, the same in every run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from recbole_hail.maps.layout import EDGE, FARTHEST, HEIGHT, SMALLEST, WIDTH, apart, arranged, beside, frame_of


def test_a_frame_holds_all_places_and_goes_back_to_degrees():
    places = np.array([[52.3, 9.7], [52.46, 9.82], [52.4, 9.75]])
    frame = frame_of(places)
    pixels = frame.pixels(places)
    assert (abs(pixels) <= [WIDTH / 2 - EDGE + 1e-6, HEIGHT / 2 - EDGE + 1e-6]).all()
    assert frame.degrees(pixels) == pytest.approx(places)
    assert pixels[1, 0] > pixels[0, 0] and pixels[1, 1] > pixels[0, 1], "east is to the right, north is up"
    tall = np.linalg.norm(pixels[0] - pixels[1])
    assert frame.kilometres(tall) == pytest.approx(19.5, abs=0.3), "on a globe it is 19.5 km from one to the other"


def test_a_single_place_is_in_the_middle():
    frame = frame_of(np.array([[40.8, -73.9]]))
    pixels = frame.pixels(np.array([[40.8, -73.9]]))
    sizes, moved = arranged(pixels, np.array([0.25]))
    assert sizes == [30] and moved == pytest.approx(np.zeros((1, 2)), abs=0.1)


def test_areas_go_with_chances():
    sizes, _ = arranged(np.array([[0.0, 0.0], [100.0, 0.0]]), np.array([0.4, 0.1]))
    assert sizes == pytest.approx([30, 15])


@pytest.mark.parametrize("many", [2, 8, 20])
def test_dots_at_one_point_come_to_lie_beside_one_another(many):
    pixels = np.concatenate([np.zeros((many, 2)), [[100.0, 200.0]]])
    sizes, moved = arranged(pixels, np.linspace(1, 0.1, many + 1))
    needed = np.array([sizes[i] / 2 + sizes[j] / 2 for i in range(many + 1) for j in range(i + 1, many + 1)])
    assert (pdist(moved) >= needed - 0.5).all()
    assert np.linalg.norm(moved - pixels, axis=1).max() <= FARTHEST
    assert np.linalg.norm(moved[:many].mean(0)) < 6, "around their point"
    assert moved[-1] == pytest.approx(pixels[-1], abs=0.1), "what is alone stays"
    again = arranged(pixels, np.linspace(1, 0.1, many + 1))
    assert (again[1] == moved).all()


def test_too_many_dots_stay_near_their_places():
    pixels = np.zeros((150, 2))
    sizes, moved = arranged(pixels, np.full(150, 0.1))
    assert sizes.max() == 8 and np.linalg.norm(moved, axis=1).max() <= FARTHEST + 1e-6


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(-120, 120), st.integers(-230, 230), st.floats(0, 1)), min_size=1, max_size=40))
def test_any_dots_are_finite_and_not_far_from_where_they_belong(dots):
    pixels, chance = np.array([dot[:2] for dot in dots], dtype=float), np.array([dot[2] for dot in dots])
    sizes, moved = arranged(pixels, chance)
    assert np.isfinite(moved).all() and (sizes >= SMALLEST).all()
    assert np.linalg.norm(moved - pixels, axis=1).max() <= FARTHEST + 1e-6
    names = beside([f"place {number}" for number in range(min(5, len(dots)))], moved, sizes)
    for number, name in enumerate(names):
        assert (abs(name.middle) + name.half <= [WIDTH / 2, HEIGHT / 2]).all()
        assert all((abs(name.middle - other.middle) >= name.half + other.half).any() for other in names[:number])


def test_names_stand_beside_their_dots_and_on_no_other():
    pixels = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, -100.0]])
    sizes = np.full(3, 20.0)
    first, second, third = beside(["Hafen|Park", "Mitte|Park", "x" * 99], pixels, sizes)
    assert first.near and first.middle[0] < 0 and first.middle[1] == 0, "to its right is the other dot"
    assert second.near and second.middle[0] > 40
    assert third.text == "x" * 29 + "…"


def test_no_line_to_a_name_crosses_another_dot_with_a_name():
    """Three names at the edge of a map led into the same dot."""
    pixels = np.array([[140.0, 0.0], [120.0, 0.0], [139.0, -20.0]])
    names = beside(["Neustadt|Park", "Neustadt|Parkplatz", "Neustadt|Wohnhaus"], pixels, np.full(3, 18.0))
    for number, name in enumerate(names):
        for other in np.delete(pixels, number, axis=0):
            line = pixels[number] + np.linspace(0, 1, 99)[:, None] * (name.middle - pixels[number])
            assert np.linalg.norm(line - other, axis=1).min() > 8.5
    assert len(names) == 3


def crossing(a, b, c, d) -> bool:
    """Whether two lines cross, by where on each of them they meet."""
    ways = np.stack([b - a, c - d], axis=1)
    return abs(np.linalg.det(ways)) > 1e-9 and bool((abs(np.linalg.solve(ways, c - a) - 0.5) < 0.5).all())


def test_lines_to_names_cross_neither_one_another_nor_a_dot_where_there_is_room():
    """Two of them crossed, on a map with free space at both dots."""
    places = [(91, -1), (-60, 50), (90, -90), (110, -50), (100, -120), (79, 11), (60, -30), (-80, -30), (50, -50)]
    pixels = np.array([*places, (0, 90), (-20, -50), (80, -70)], dtype=float)
    names = beside(["Hafen|Laden", "Hafen|Tankstelle", "Altstadt|Bahnhof", "Mitte|Park"], pixels, np.full(12, 16.0))
    assert len(names) == 4
    for number, name in enumerate(names):
        line = pixels[number] + np.linspace(0, 1, 99)[:, None] * (name.middle - pixels[number])
        assert all(np.linalg.norm(line - other, axis=1).min() > 8 for other in np.delete(pixels, number, axis=0))
        for before, other in zip(pixels, names[:number], strict=False):
            assert not crossing(pixels[number], name.middle, before, other.middle)
            assert not (abs(line - other.middle) < other.half).all(1).any(), "nor goes through its name"


def test_a_long_name_at_the_edge_stands_near_its_dot():
    """It would have hung over the edge there, and so stood twice as far away."""
    pixels = np.array([[110.0, 0.0], [80.0, -10.0], [100.0, 40.0], [40.0, 10.0]])
    (name,) = beside(["Südvorstadt|Bar, Club"], pixels, np.full(4, 18.0))
    assert np.linalg.norm(name.middle - pixels[0]) < 50 and name.middle[0] + name.half[0] == WIDTH / 2


def test_a_name_without_room_ends_the_names():
    """One left out between others would say that the next is likelier."""
    grid = np.array([[x, y] for y in range(-250, 251, 12) for x in range(-140, 141, 12)], dtype=float)
    names = beside(["Mitte", "Nord", "West"], grid, np.full(len(grid), 10.0))
    assert [name.text for name in names] == ["Mitte"]


def test_a_name_of_two_lines_is_twice_as_high_and_no_line_goes_through_it():
    """Below names stands how likely they are, and a line to another name went through it."""
    pixels = np.array([[0.0, 0.0], [4.0, 60.0], [2.0, -40.0]])
    names = beside(["Hafen|Park\n19.5 %, 8 of 8 before", "Mitte|Bar\n18.8 %, 4 of 8 before"], pixels, np.full(3, 18.0))
    (one,) = beside(["Hafen|Park"], pixels[:1], np.full(1, 18.0))
    assert names[0].half[1] == 2 * one.half[1] and names[0].half[0] > one.half[0]
    for name, start, other in ((names[0], pixels[0], names[1]), (names[1], pixels[1], names[0])):
        line = start + np.linspace(0, 1, 99)[:, None] * (name.middle - start)
        assert not (abs(line - other.middle) < other.half).all(1).any()
    crowded = np.array([[x, 0.0] for x in range(-120, 121, 12)])
    assert names[0].text == "Hafen|Park\n19.5 %, 8 of 8 before" and beside(
        ["x\n" + "y" * 99], crowded, np.full(21, 10.0)
    )


def test_dots_that_do_not_touch_stay():
    pixels = np.array([[0.0, 0.0], [31.0, 0.0], [0.0, 31.0]])
    assert apart(pixels, np.full(3, 30.0)) == pytest.approx(pixels, abs=0.02)
