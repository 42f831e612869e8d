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
    assert (abs(pixels) <= np.array([WIDTH, HEIGHT]) / 2 - EDGE + 1e-6).all()
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
    for wider in (1, 1.4, 2, 5):
        assert_readable(names, moved, sizes, wider)
    for number, name in names.items():
        assert (abs(name.middle) + name.half <= [WIDTH / 2, HEIGHT / 2]).all()
        assert np.linalg.norm(name.point - moved[number]) <= sizes[number] / 2 + 55.1, "beside its dot, or left out"


def assert_readable(names, pixels, sizes, wider=1.0):
    """No name and no line on another, nor on a dot but its own, where the land is drawn so many times as large."""
    of = list(names.items())
    boxes = [(wider * name.point + name.way * name.half, name.half) for _, name in of]
    lines = [wider * np.linspace(pixels[number], name.point, 99) for number, name in of]
    for (number, _), (middle, half), line in zip(of, boxes, lines, strict=True):
        away = np.linalg.norm(np.maximum(abs(wider * pixels - middle) - half, 0), axis=1)
        assert (away >= sizes / 2 - 1e-9).all()
        for other in np.delete(np.arange(len(pixels)), number):
            assert np.linalg.norm(line - wider * pixels[other], axis=1).min() >= sizes[other] / 2
        for (another, _), (its_middle, its_half), its_line in zip(of, boxes, lines, strict=True):
            if another != number:
                assert (abs(middle - its_middle) >= half + its_half).any()
                assert not (abs(its_line - middle) < half).all(1).any()
                assert np.linalg.norm(line[:, None] - its_line, axis=2).min() > 1


def test_names_stand_beside_their_dots_and_on_no_other():
    pixels = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, -100.0]])
    sizes = np.full(3, 20.0)
    names = beside(["Hafen|Park", "Mitte|Bar", "x" * 99], pixels, sizes)
    assert_readable(names, pixels, sizes)
    assert names[0].middle[0] < 0 and names[0].middle[1] == 0, "to its right is the other dot"
    assert names[1].middle[0] > 40 and names[2].text == "x" * 29 + "…"


def test_a_name_stands_near_its_dot_or_nowhere():
    """One stood half a map from its dot, at the end of a line that crossed nothing, with room beside the dot.

    Where there is none, the name is left out, and the next is not.
    """
    y, x = np.mgrid[-240:241:13, -100:101:13]
    crowd = np.stack([x, y], axis=-1).reshape(-1, 2).astype(float)
    middle, rim = (np.linalg.norm(crowd - place, axis=1).argmin() for place in ([0, 0], [100, 0]))
    order = [middle, rim, *np.setdiff1d(np.arange(len(crowd)), [middle, rim])]
    names = beside(["Mitte", "Rand"], crowd[order], np.full(len(crowd), 10.0))
    assert list(names) == [1], "what is in the middle of the crowd goes without"
    assert np.linalg.norm(names[1].point - crowd[rim]) < 10


def test_no_line_to_a_name_crosses_another_dot_with_a_name():
    """Three names at the edge of a map led into the same dot."""
    pixels = np.array([[130.0, 0.0], [110.0, 0.0], [129.0, -20.0]])
    names = beside(["Neustadt|Park", "Neustadt|Parkplatz", "Neustadt|Wohnhaus"], pixels, np.full(3, 18.0))
    assert len(names) == 3
    assert_readable(names, pixels, np.full(3, 18.0))


def test_lines_to_names_cross_neither_one_another_nor_a_dot():
    """Two of them crossed, on a map with free space at both dots."""
    places = [(91, -1), (-60, 50), (90, -90), (110, -50), (100, -120), (79, 11), (60, -30), (-80, -30), (50, -50)]
    pixels = np.array([*places, (0, 90), (-20, -50), (80, -70)], dtype=float)
    names = beside(["Hafen|Laden", "Hafen|Tankstelle", "Altstadt|Bahnhof", "Mitte|Park"], pixels, np.full(12, 16.0))
    assert len(names) == 4
    assert_readable(names, pixels, np.full(12, 16.0))


def test_a_name_beside_its_dot_stays_there_on_a_wider_screen():
    """Letters do not grow with the land: what had room on a phone must have it there too."""
    pixels = np.array([[0.0, 0.0], [13.0, 4.0], [2.0, 14.0], [-12.0, -9.0], [60.0, 30.0], [40.0, -40.0]])
    names = beside(["Hafen|Tankstelle\n19.5 %, 8 of 8 before", "Mitte", "Nord", "West"], pixels, np.full(6, 12.0))
    assert len(names) == 4
    for wider in (1, 1.2, 1.5, 2, 3, 6):
        assert_readable(names, pixels, np.full(6, 12.0), wider)


def test_a_long_name_at_the_edge_stands_near_its_dot():
    """It would have hung over the edge there, and so stood twice as far away."""
    pixels = np.array([[110.0, 0.0], [80.0, -10.0], [100.0, 40.0], [40.0, 10.0]])
    names = beside(["Südvorstadt|Bar, Club"], pixels, np.full(4, 18.0))
    assert np.linalg.norm(names[0].point - pixels[0]) < 25 and names[0].middle[0] + names[0].half[0] <= WIDTH / 2


def test_a_name_of_two_lines_is_twice_as_high_and_no_line_goes_through_it():
    """Below names stands how likely they are, and a line to another name went through it."""
    pixels = np.array([[0.0, 0.0], [4.0, 60.0], [2.0, -40.0]])
    names = beside(["Hafen|Park\n19.5 %, 8 of 8 before", "Mitte|Bar\n18.8 %, 4 of 8 before"], pixels, np.full(3, 18.0))
    one = beside(["Hafen|Park"], pixels[:1], np.full(1, 18.0))[0]
    assert names[0].half[1] == 2 * one.half[1] and names[0].half[0] > one.half[0] and len(names) == 2
    assert_readable(names, pixels, np.full(3, 18.0))
    below = np.array([[0.0, HEIGHT / 2 - 25], *((x, HEIGHT / 2 - 40) for x in range(-130, 131, 10))])
    (name,) = beside(["x\n" + "y" * 20], below, np.full(len(below), 9.0)).values()
    assert name.text == "x", "where there is room for no more"


def test_dots_that_do_not_touch_stay():
    pixels = np.array([[0.0, 0.0], [31.0, 0.0], [0.0, 31.0]])
    assert apart(pixels, np.full(3, 30.0)) == pytest.approx(pixels, abs=0.02)
