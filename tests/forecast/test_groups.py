"""Groups of elements by words of their names."""

from types import SimpleNamespace

import pytest

from recbole_hail.errors import SettingsError
from recbole_hail.forecast.groups import elements_of_group, summed

SLOTS = ["", "21-24h", "00-03h", "03-06h"]
NAMES = ["[PAD]", "RAPE", "THEFT", "THEFT"]


@pytest.fixture
def forecaster():
    return SimpleNamespace(
        elements=SimpleNamespace(tokens=NAMES, names=NAMES),
        name_of=lambda number: f"{SLOTS[number]} {NAMES[number]}".strip(),
    )


def test_a_group_is_what_has_one_of_the_words_in_slot_or_name(forecaster):
    assert elements_of_group(forecaster, "rape") == [1]
    assert elements_of_group(forecaster, "00-03h") == [2]
    assert elements_of_group(forecaster, "rape", "theft", "21-24h") == [1, 2, 3]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ARSON"], "group: no element has 'ARSON' in its name; they are such as '21-24h RAPE'$"),
        (["rape", "ARSON"], "no element has 'ARSON'"),
        (["rape,theft"], "no element has 'rape,theft' .*; give several as in --group=ASSAULT --group=RAPE"),
    ],
)
def test_words_that_no_element_has_are_refused(forecaster, words, expected):
    with pytest.raises(SettingsError, match=expected):
        elements_of_group(forecaster, *words)


def test_what_is_summed_is_named_once_with_its_slots(forecaster):
    assert summed(forecaster, "theft", "rape") == (
        "The chance covers all 3 elements that have 'theft or rape' in slot or name: 21-24h RAPE; THEFT (2 slots)."
    )
    assert summed(forecaster, "rape").startswith("The chance covers the one element that has 'rape' in")
