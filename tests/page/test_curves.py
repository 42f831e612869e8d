"""Why a page has no learning curves."""

from types import SimpleNamespace

import pytest

from recbole_hail.page.curves import curves


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, "the checkpoint holds none, and there is no record beside it."),
        ({"model": "SASRec"}, "the record beside the checkpoint is from an earlier version, which kept none."),
        ({"curve": None}, "the trainer of SASRec keeps none in the record beside the checkpoint."),
        ({"curve": []}, "no epoch was validated, so the record beside the checkpoint has no points."),
    ],
)
def test_pages_without_a_curve_say_which_of_the_reasons_it_is(record, why):
    """All of them were told that there is no record."""
    said = curves(SimpleNamespace(record=record, is_rule=False, config={"model": "SASRec"}))
    assert said == [f"<p>There is no curve: {why}</p>"]


@pytest.mark.parametrize(
    ("step", "seconds", "expected"),
    [(1, 0.6, "1 step took 1 second."), (8, 1.4, "8 steps took 1 second."), (2000, 61, "2,000 steps took 61 seconds.")],
)
def test_one_second_is_no_seconds(step, seconds, expected):
    point = {"step": step, "epoch": 1, "seconds": seconds, "losses": {"loss": 1.0}}
    config = {"model": "SASRec", "pretrain_share": None}
    report = SimpleNamespace(record={"curve": [point]}, is_rule=False, config=config, views=1)
    assert f"; {expected}" in curves(report)[0]
