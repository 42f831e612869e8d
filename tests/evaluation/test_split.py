"""What is said of a split that asks nothing, or more than there are elements to rank among."""

import logging

import pytest
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.quick_start import run_recbole

from recbole_hail.errors import DataError
from recbole_hail.evaluation.split import check_data

FEW = {f"g{g}": [f"e{(g + time) % 6}" for time in range(8)] for g in range(5)}


@pytest.fixture
def make_config(workplace, write_dataset, monkeypatch):
    """Writes sequences as a dataset and makes RecBole's settings for it."""
    monkeypatch.setattr(logging.getLogger(), "disabled", True)

    def make(sequences, *, model="HAIL", **settings):
        write_dataset(workplace / "dataset", "tiny", sequences)
        among_99 = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni99"}
        own = {"eval_args": among_99, "train_neg_sample_args": None, "show_progress": False}
        return Config(model=model, dataset="tiny", config_dict={**own, **settings})

    return make


def test_one_element_is_too_few(make_config):
    """It was a ValueError of the loss."""
    config = make_config({"a": "xxxxxx"}, topk=[1], candidates="full")
    with pytest.raises(DataError, match="tiny has 1 element; to predict which is next takes two"):
        data_preparation(config, create_dataset(config))


@pytest.mark.parametrize("model", ["HAIL", "GeneratorKNN", "SASRec"])
def test_defaults_of_topk_are_cut_to_the_elements(make_config, caplog, monkeypatch, model):
    """Without --topk training ended in an error about a setting that nobody had given."""
    monkeypatch.setattr(logging.getLogger(), "disabled", False)
    config = make_config(FEW, model=model, candidates="full")
    asked = config["topk"]
    data_preparation(config, create_dataset(config))
    assert max(asked) == 10 and config["topk"] == ([1, 5] if len(asked) > 1 else [1])
    assert f"topk: {asked} is cut to {config['topk']}, for tiny has 6 elements" in caplog.text


def test_a_validation_at_a_length_that_was_cut_goes_with_it(workplace, write_dataset, small):
    """Where RecBole evaluates by itself its MRR is MRR@10."""
    world = {f"g{g}": [f"e{(g + time) % 6}" for time in range(8)] for g in range(20)}
    write_dataset(workplace / "dataset", "few", world)
    settings = {"eval_args": {"mode": "full"}, "metrics": ["MRR", "ItemCoverage"], "epochs": 1}
    found = run_recbole("SASRec", "few", config_dict={**small, **settings})
    assert found["best_valid_score"] >= 0 and "mrr@10" not in found["test_result"]


@pytest.mark.parametrize("asked", [{"topk": [1, 7]}, {"valid_metric": "MRR@10"}])
def test_lengths_that_were_asked_for_are_refused(make_config, asked):
    config = make_config(FEW, candidates="full", **asked)
    with pytest.raises(DataError, match=r"topk: (7|10) is more than the 6 elements of tiny; use --topk"):
        data_preparation(config, create_dataset(config))


def test_a_full_ranking_is_advised_without_topk_where_nobody_gave_it(make_config):
    config = make_config(FEW)
    with pytest.raises(DataError, match=r"has only 6; rank all of them with --candidates=full$"):
        data_preparation(config, create_dataset(config))


def test_too_few_to_draw_are_told_of_by_what_was_given(make_config):
    """Under --candidates it named a mode uni99 that nobody gave."""
    for settings, told in (
        ({}, "^eval_args: mode uni99 ranks the target among 99 other elements, but tiny has only 6; "),
        ({"candidates": "strict"}, "^candidates: strict draws 99 other elements, but tiny has only 6; "),
    ):
        config = make_config(FEW, **settings)
        with pytest.raises(DataError, match=told):
            data_preparation(config, create_dataset(config))


def test_a_full_ranking_is_advised_with_topk_where_it_is_not_cut(make_config):
    """`compare` takes the lengths as given, and refused its own advice."""
    with pytest.raises(DataError, match=r'rank all of them with --candidates=full --topk="\[1, 5\]"$'):
        check_data(make_config(FEW))
    check_data(make_config(FEW, candidates="full", topk=[1, 5]))


@pytest.mark.parametrize(("elements", "enough"), [(100, True), (99, False)])
def test_a_protocol_beside_that_of_the_training_draws_99_beside_the_target(make_config, elements, enough):
    sequences = {f"g{g}": [f"e{(20 * g + time) % elements}" for time in range(30)] for g in range(5)}
    config = make_config(sequences, candidates="full", topk=[1])
    if enough:
        return check_data(config, also=["strict", "full"])
    with pytest.raises(DataError, match="strict draws 99 other elements, but tiny has only 99; leave it out of --also"):
        check_data(config, also=["strict"])


@pytest.mark.parametrize("metric", ["MRR", "Hit@5"])
def test_a_validation_that_no_cut_concerns_stays(make_config, metric):
    config = make_config(FEW, candidates="full", valid_metric=metric)
    data_preparation(config, create_dataset(config))
    assert (config["topk"], config["valid_metric"]) == ([1, 5], metric)
