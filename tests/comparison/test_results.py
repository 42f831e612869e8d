"""What is read of a finished run, by hand."""

import numpy as np
import pytest
from recbole.config import Config

from recbole_hail.comparison.results import read_result, several_versions

METRICS = ["hit@1", "hit@5", "mrr"]


@pytest.fixture
def config(workplace):
    return Config("Pop", "made", config_dict={"metrics": ["Hit", "MRR"], "topk": [1, 5], "valid_metric": "MRR"})


def test_metrics_of_generators_all_repeat_and_new(tmp_path, config, write_run):
    # Ranks 1, 3, 5 and 1 tied with one other; generator b is asked twice.
    ranks = [[[0, 0, 9]], [[2, 0, 9]], [[4, 0, 9]], [[0, 1, 9]]]
    write_run(tmp_path / "run", ranks, generators=["b", "a", "b", "c"], repeat=[True, False, False, True])
    result = read_result(tmp_path / "run", config, METRICS)
    names, values = result.values["all"]
    assert names.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(values, [[0, 1, 1 / 3], [0.5, 1, 0.6], [0.5, 1, 0.75]])
    names, values = result.values["repeat"]
    assert names.tolist() == ["b", "c"]
    np.testing.assert_allclose(values[:, 0], [1, 0.5])
    names, values = result.values["new"]
    assert names.tolist() == ["a", "b"]
    np.testing.assert_allclose(values[:, 2], [1 / 3, 1 / 5])


@pytest.mark.parametrize(
    "views, predict_with, expected",
    [
        (["peer 1", "peer 2", "mean"], "mean", 1 / 3),
        (["peer 1", "peer 2", "mean"], 1, 1),
        (["peer 1", "peer 2", "mean"], 2, 1 / 2),
        (["mean", "peer 1", "peer 2"], "mean", 1),  # whatever their order
        (["mean"], 2, 1),
        (["peer 1"], "mean", 1),
        (["model"], "mean", 1),
    ],
)
def test_the_view_is_the_one_to_predict_with(tmp_path, config, write_run, views, predict_with, expected):
    ranks = [[[view, 0, 9] for view in range(len(views))]]
    write_run(tmp_path / "run", ranks, views=views, predict_with=predict_with)
    assert read_result(tmp_path / "run", config, METRICS).values["all"][1][0, 2] == pytest.approx(expected)


def test_cost_and_lists_are_those_of_the_record(tmp_path, config, write_run):
    write_run(tmp_path / "run", [[[0, 0, 9]]], parameters=7, **{"training seconds": None})
    result = read_result(tmp_path / "run", config, METRICS)
    assert (result.seconds, result.parameters, result.candidates["hash"]) == (None, 7, "abc")


def test_runs_of_several_versions_are_told_of(tmp_path, write_run):
    """A table could be of runs before and after an upgrade, and nothing said so."""
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder, version in zip(folders, ("2.12.0", "2.13.0", "2.13.0"), strict=True):
        write_run(folder, [[[0, 0, 9]]], versions={"torch": version, "numpy": "1.26.4"})
    told = several_versions([*folders, tmp_path / "not trained yet"])
    assert told == ["these runs had several versions of torch: 2.12.0 (1), 2.13.0 (2)"]
    assert several_versions(folders[1:]) == []
