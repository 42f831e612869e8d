"""RecBole's `eval_args` and `valid_metric`, that it trips over in the middle of a run."""

import pytest
from recbole.config import Config

from recbole_hail.errors import SettingsError

SPLIT = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni99"}


def said(model="HAIL", **settings) -> str:
    with pytest.raises(SettingsError) as error:
        Config(model=model, dataset="chi18", config_dict=settings)
    return "; ".join(error.value.problems)


@pytest.mark.parametrize(
    "split",
    [
        *({"RS": [0.8, 0.2]}, {"TS": [0.8, 0.2]}, {"RS": []}, {"RS": [0, 0, 0]}, {"RS": "abc"}),
        *({"TS": [0.8, "a", 0.1]}, {"RS": [-1, 1, 1]}, {"LS": "none"}, {"XS": [0.8, 0.1, 0.1]}, {}, "LS"),
    ],
)
@pytest.mark.parametrize("model", ["HAIL", "BPR"])
def test_splits_that_are_none_are_refused(workplace, model, split):
    """Most were tracebacks."""
    assert "eval_args: split" in said(model, eval_args={**SPLIT, "split": split})


@pytest.mark.parametrize("split", [{"RS": [8, 1, 1]}, {"TS": [0.8, 0.2, 0]}, {"LS": "valid_only"}])
def test_splits_of_recbole_are_taken(workplace, split):
    Config(model="HAIL", dataset="chi18", config_dict={"eval_args": {**SPLIT, "split": split}})


def test_a_valid_metric_that_is_not_measured_is_not_offered(workplace):
    """It said that MRR must be one of MRR."""
    assert said(metrics=["Hit"], topk=[1, 5]) == (
        "valid_metric: 'MRR' must be one of Hit@1, Hit@5, or one of these after repeat_ or new_ (metrics and topk)"
    )
