"""Results of every view, against RecBole's own evaluation of a model that predicts with that view."""

import json

import pytest
from recbole.quick_start import run_recbole

MODES = ["uni99", "full"]


@pytest.mark.parametrize("mode", MODES)
def test_views_equal_recboles_evaluation_of_each(cyclic, small, mode):
    eval_args = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": mode}
    by_choice = {}
    for choice in ("mean", 1, 2):
        settings = {**small, "epochs": 2, "eval_args": eval_args, "predict_with": choice}
        by_choice[choice] = run_recbole(model="HAIL", dataset="cyclic", config_dict=settings)["test_result"]
    records = [json.loads(file.read_text()) for file in cyclic.glob("saved/*.json")]
    (of_mean,) = (record for record in records if record["settings"]["predict_with"] == "mean")
    views = of_mean["results"]["test"]
    assert list(views) == ["peer 1", "peer 2", "mean"]
    # The three runs share every random draw but the choice of the best epoch, here always the last.
    assert {record["best epoch"] for record in records} == {1}
    for view, choice in (("mean", "mean"), ("peer 1", 1), ("peer 2", 2)):
        assert views[view] == pytest.approx(by_choice[choice])


def test_hit_at_100_is_certain_among_100_candidates(cyclic, small):
    result = run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, "epochs": 1})["test_result"]
    assert result["hit@100"] == 1.0
    assert 0 < result["mrr@100"] <= 1


def test_value_metrics_are_collected_too(cyclic, small):
    settings = {**small, "epochs": 1, "metrics": ["AUC", "LogLoss"], "valid_metric": "AUC"}
    assert 0 <= run_recbole(model="HAIL", dataset="cyclic", config_dict=settings)["test_result"]["auc"] <= 1
