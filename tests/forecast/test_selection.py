"""Which generators are asked for, and what of a history is told of."""

from pathlib import Path

import numpy as np
import pytest

from recbole_hail.data.words import Words
from recbole_hail.errors import DataError
from recbole_hail.forecast import Forecast
from recbole_hail.forecast.selection import generators_asked, skipped_elements, unknown_generators


def words(noun: str, *tokens: str) -> Words:
    return Words(noun, np.array(["[PAD]", *tokens]), Path("no.file"))


@pytest.fixture
def generators():
    return words("generator", "44|STREET", "4|STREET", "44|BAR", "1|Bahnhof", "9|[x]", "9|x")


@pytest.mark.parametrize(
    "names, expected",
    [
        (["44|*"], ["44|STREET", "44|BAR", "44|new"]),
        (["*|street", "4|street"], ["44|STREET", "4|STREET"]),
        (["44|BAR", "?|street"], ["44|BAR", "4|STREET"]),
        (["[49]|[!x]*"], ["4|STREET", "9|[x]"]),
        (["9|[x]"], ["9|[x]"]),  # its name, which as a pattern is another's
        (["unknown"], ["unknown"]),  # is refused where it is looked for
        (["5|*new*"], ["5|*new*"]),
    ],
)
def test_a_pattern_stands_for_all_generators_that_match(generators, names, expected):
    assert generators_asked(generators, names, ["44|new", "5|*new*"]) == expected


@pytest.mark.parametrize(
    "pattern, advice",
    [
        ("44|*house*", "its generators that begin with '44|' are such as '44|STREET', '44|BAR'"),
        ("*bahnof*", "did you mean '1|Bahnhof'?"),
        ("7|*", "its generators are such as '44|STREET'"),
    ],
)
def test_a_pattern_without_a_match_is_refused_with_the_closest_names(generators, pattern, advice):
    with pytest.raises(DataError) as told:
        generators_asked(generators, [pattern], [])
    assert str(told.value) == f"generator: {pattern!r} matches none of the model's 6; {advice}"


def test_generators_of_a_history_that_the_dataset_has_not_are_told_of(generators):
    """`01|Bahnhof` was forecast from two events as a place that nobody knew, and not as `1|Bahnhof`."""
    (line,) = unknown_generators(generators, ["01|Bahnhof", "44|BAR", "1 Bahnhof", "unlike"])
    assert line == (
        "history: 3 of 4 generators are not in the dataset; only their newer events are known: "
        "'01|Bahnhof' (did you mean '1|Bahnhof'?), '1 Bahnhof' (did you mean '1|Bahnhof'?), 'unlike'"
    )
    (line,) = unknown_generators(generators, [f"unlike {number}" for number in range(1200)])
    assert "history: 1,200 of 1,200" in line and line.endswith("'unlike 4' and 1,195 more")
    assert unknown_generators(generators, ["44|bar"]) == []


def test_another_place_is_not_taken_for_a_slip(generators):
    """Of 441 places that a year before had not, each was asked whether a neighbouring district's was meant."""
    (line,) = unknown_generators(generators, ["144|STREET", "44|STORE", "44", "44|STR", "44|STRET"])
    assert line.endswith("'144|STREET', '44|STORE', '44', '44|STR', '44|STRET' (did you mean '44|STREET'?)")


def test_skipped_elements_are_counted_by_name_with_what_comes_near():
    def skipped(*elements: str) -> Forecast:
        return Forecast("g", "", 0, [], None, (), elements)

    elements = words("element", "12-15h|Betrug", "15-18h|Raub")
    (line,) = skipped_elements(elements, [skipped("12-15h|Betrugg", "y", "y"), skipped("y")])
    assert line == (
        "history: left out 4 events whose element the model does not know: 'y' (3), '12-15h|Betrugg' (1; "
        "did you mean '12-15h|Betrug'?)"
    )
    (line,) = skipped_elements(elements, [skipped(*(f"{number:04}" for number in range(1012)))])
    assert line.endswith("'0009' (1) and 1,002 more")
    assert skipped_elements(elements, [skipped()]) == []
