"""Charts: where things are drawn, what they say in words, and that they need no colour."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.page.charts import Series, _spread, _ticks, bars, intervals, lines


def numbers(attribute: str, drawing: str) -> list[float]:
    return [float(found) for found in re.findall(rf'{attribute}="([\d.]+)"', drawing)]


def test_bars_are_as_long_as_their_values():
    drawing = bars([("a", 4.0, "4"), ("b", 2.0, "2"), ("c", 0.0, "0")], title="T")
    first, second, third = (float(width) for width in re.findall(r'class="bar".*?width="([\d.]+)"', drawing))
    assert second == pytest.approx(first / 2, abs=0.1) and third == 1, "nothing is a line, not a gap"


def test_every_chart_tells_its_numbers_in_words():
    marks = [Estimate(0.25, 0.2, 0.3), Estimate(0.5, 0.45, 0.55)]
    drawing = intervals([("HAIL", marks)], marks=["repeat", "new"], title="MRR")
    assert "<title" in drawing and ">MRR</title>" in drawing
    assert "HAIL: repeat 0.250 (0.200–0.300), new 0.500 (0.450–0.550)" in drawing
    drawing = lines([Series("peer 1", [1, 2], [3.5, 1.25])], title="Loss", x_name="steps")
    assert "peer 1: 3.5 at steps 1, 1.25 at 2" in drawing
    assert "a: 4 %" in bars([("a", 4, "4 %")], title="T")


def test_an_interval_is_drawn_around_its_mean_and_right_is_more():
    drawing = intervals([("a", [Estimate(0.3, 0.2, 0.4)]), ("b", [Estimate(0.5, 0.4, 0.6)])], marks=["m"], title="T")
    whiskers = [tuple(map(float, ends)) for ends in re.findall(r'"M([\d.]+) \d+H([\d.]+)"', drawing)]
    means = [float(x) for x in re.findall(r"translate\(([\d.]+)", drawing)]
    for (low, high), mean in zip(whiskers, means, strict=True):
        assert low < mean < high and mean == pytest.approx((low + high) / 2, abs=0.1)
    assert means[0] < means[1]


def test_numbers_do_not_lie_on_whiskers():
    """Near the right end `0.934 (0.880–0.987)` stood over its own interval."""
    drawing = intervals([("a", [Estimate(0.9, 0.8, 1.0)]), ("b", [Estimate(0.1, 0.0, 0.2)])], marks=["m"], title="T")
    ends = [float(end) for end in re.findall(r'"M[\d.]+ \d+H([\d.]+)"', drawing)]
    assert max(ends) + 5 < 360 - 6 * len("0.900 (0.800–1.000)")
    assert drawing.count('x="360.0"') == 2


def test_lines_differ_by_dashes_and_signs_so_that_no_colour_is_needed():
    drawing = lines(
        [Series(f"peer {peer}", range(3), [peer, peer + 1, peer + 2]) for peer in range(4)], title="T", x_name="steps"
    )
    dashes = re.findall(r'class="line[^>]*stroke-dasharray="([^"]*)"', drawing)
    signs = set(re.findall(r'class="sign (\w+)[^>]*? d="([^"]*)"', drawing))
    assert len(set(dashes)) == len(signs) == 4


@pytest.mark.parametrize("line", [Series("one point", [5], [0.5]), Series("flat", [1, 2], [0.0, 0.0])])
def test_a_single_point_and_a_flat_line_can_be_drawn(line):
    assert "nan" not in lines([line], title="T", x_name="steps", marked=line.x[0])


def test_a_name_that_is_wider_than_a_phone_is_cut_and_told_whole():
    long = "CRIMINAL MISCHIEF & RELATED OFFENSES OF EVERY KIND (351)"
    drawing = bars([(long, 1.0, "1")], title="T")
    assert ">CRIMINAL MISCHIEF &amp; RELATED OFFENSES OF EVERY KIN…</text>" in drawing
    assert long.replace("&", "&amp;") in drawing.split("</desc>")[0]


def test_names_are_escaped():
    drawing = intervals([('<a> & "b"', [Estimate(1, 1, 1)])], marks=["m"], title="<T>")
    assert "<a>" not in drawing and "&lt;a&gt; &amp; &quot;b&quot;" in drawing and "&lt;T&gt;" in drawing


values = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))  # the digits that curves keep


def test_ticks_of_values_that_hardly_differ_have_labels_that_do():
    """Two peers at 5.2117101 and 5.2117112 had six labels 5.21171."""
    ticks = _ticks(5.2117101, 5.2117112)
    assert ticks[0] <= 5.2117101 and ticks[-1] >= 5.2117112
    assert len({f"{tick:g}" for tick in ticks}) == len(ticks) >= 3


@given(values, values)
def test_ticks_hold_what_is_shown_and_are_few(a, b):
    low, high = min(a, b), max(a, b)
    ticks = _ticks(low, high)
    slack = 1e-6 * ((high - low) or abs(high) or 1)
    assert ticks[0] <= low + slack and ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 8 and ticks == sorted(ticks)


@given(st.lists(st.floats(0, 200), min_size=1, max_size=6))
def test_labels_do_not_lie_on_one_another_and_keep_their_order(places):
    moved = _spread(places, lowest=200)
    by_place = sorted(range(len(places)), key=places.__getitem__)
    order = [moved[place] for place in by_place]
    assert all(after - before >= 13 - 1e-9 for before, after in pairwise(order))
    assert order[-1] <= 200, "the numbers of the x axis stand there"
    if all(after - before >= 13 for before, after in pairwise(sorted(places))):
        assert moved == places
