"""What is meant by a name that no token has."""

import pytest

from recbole_hail.data.closest_names import ClosestNames


def names_of(*tokens: str, slots: list[str] | None = None, names: list[str] | None = None) -> ClosestNames:
    names = names or list(tokens)
    return ClosestNames("element", ["[PAD]", *tokens], ["", *(slots or [""] * len(tokens))], ["[PAD]", *names])


def test_a_number_that_is_meant_stands_beside_its_title():
    """`did you mean '50'?` said nothing to those who had misspelt a film."""
    films = names_of("7", "50", "8", names=["Toy Story", "Star Wars", "8"])
    assert films.did_you_mean("Star Warz", most=1) == "did you mean '50' (Star Wars)?"
    assert films.advice("unlike any") == "its elements are such as '7' (Toy Story)"


def test_what_is_like_none_has_no_nearest():
    places = names_of("9|STREET", "44|BAR/NIGHT CLUB", "unlisted")
    assert places.did_you_mean("44|zoo", most=1) == ""
    assert places.did_you_mean("9 STREET", most=1) == "did you mean '9|STREET'?"
    assert places.advice("44|zoo") == "its elements that begin with '44|' are such as '44|BAR/NIGHT CLUB'"


def test_one_that_is_near_by_several_names_is_named_once():
    one = names_of("00-03h|RAPE", slots=["00-03h"], names=["RAPE"])
    assert one.did_you_mean("00-03h|RAPPE", most=5) == "did you mean '00-03h|RAPE'?"


@pytest.mark.parametrize(
    "name, meant", [("01|Bahnhof", "1|Bahnhof"), ("1|Bahnhoff", "1|Bahnhof"), ("7|Bahnhof", None), ("1|", None)]
)
def test_another_number_or_a_missing_part_is_no_slip(name, meant):
    stations = names_of("1|Bahnhof", "17|Bahnhof")
    expected = f"did you mean '{meant}'?" if meant else ""
    assert stations.did_you_mean(name, most=1, slips=True) == expected
