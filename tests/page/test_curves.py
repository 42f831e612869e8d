"""Why a page has no learning curves."""

from types import SimpleNamespace

import pytest

from recbole_hail.page.curves import curves


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, "there is no record beside the checkpoint, and it holds none itself."),
        ({"model": "SASRec"}, "the record beside the checkpoint is of an earlier version, which kept none."),
        ({"curve": None}, "there is a record beside the checkpoint, but the trainer of SASRec keeps none."),
        ({"curve": []}, "the record beside the checkpoint has no point of one, for no epoch was validated."),
    ],
)
def test_pages_without_a_curve_say_which_of_the_reasons_it_is(record, why):
    """All of them were told that there is no record."""
    said = curves(SimpleNamespace(record=record, is_rule=False, config={"model": "SASRec"}))
    assert said == [f"<p>There is no curve: {why}</p>"]
