"""Which checkpoints can forecast, and which data they belong to."""

import pytest

from recbole_hail.errors import CheckpointError, DataError
from recbole_hail.forecast import Forecaster
from recbole_hail.training.checkpoints import read_checkpoint, write_checkpoint


def test_models_that_do_not_predict_from_a_history_are_named(saved):
    with pytest.raises(CheckpointError, match="holds Pop, which does not predict from a history"):
        Forecaster.load(saved("Pop").path)
    caser = Forecaster.load(saved("Caser").path)
    with pytest.raises(CheckpointError, match="holds Caser, which knows no generators but those it was trained with"):
        caser.predict(["e1"])


def test_another_dataset_is_told_from_the_one_trained_on(saved, write_dataset, tmp_path):
    made = saved("HAIL", peers=2)
    write_dataset(tmp_path / "fewer", "world", {g: events[:2] for g, events in made.world.items()})
    with pytest.raises(CheckpointError, match=r"was not trained on the data in .*fewer/world.*--data_path"):
        Forecaster.load(made.path, data_path=str(tmp_path / "fewer"))
    turned = dict(reversed(list(made.world.items())))  # the same tokens under other numbers
    write_dataset(tmp_path / "turned", "world", turned)
    with pytest.raises(CheckpointError, match="other elements, or in another order"):
        Forecaster.load(made.path, data_path=str(tmp_path / "turned"))
    with pytest.raises(DataError, match="world is not at"):
        Forecaster.load(made.path, data_path=str(tmp_path / "nowhere"))


@pytest.mark.parametrize("model", ["GeneratorKNN", "FPMC", "Caser"])
def test_generators_under_other_numbers_are_refused_where_a_model_knows_their_numbers(
    saved, write_dataset, tmp_path, model
):
    """With the elements in the same order nothing had told them apart, and forecasts were those of other generators."""
    made = saved(model)
    swapped = {{"g0": "g1", "g1": "g0"}.get(name, name): events for name, events in made.world.items()}
    write_dataset(tmp_path / "swapped", "world", swapped)
    with pytest.raises(
        CheckpointError, match=f"by their numbers, which the data in .*swapped.* train {model} on these"
    ):
        Forecaster.load(made.path, data_path=str(tmp_path / "swapped"))


@pytest.mark.parametrize("model", ["HAIL", "SASRec", "GeneratorFrequency"])
def test_generators_may_be_others_where_a_model_knows_none_of_them(saved, write_dataset, tmp_path, model):
    made = saved(model)
    swapped = {{"g0": "g1", "g1": "g0"}.get(name, name): events for name, events in made.world.items()}
    write_dataset(tmp_path / "swapped", "world", swapped)
    (here,) = Forecaster.load(made.path).forecast(["g0"], k=3)
    (there,) = Forecaster.load(made.path, data_path=str(tmp_path / "swapped")).forecast(["g1"], k=3)
    assert [found.element for found in there.predictions] == [found.element for found in here.predictions]


def test_new_generators_may_come_after_those_that_neighbours_are_known_by(saved, write_dataset, tmp_path):
    made = saved("GeneratorKNN")
    write_dataset(tmp_path / "more", "world", {**made.world, "new": ["e1", "e2", "e3", "e4"]})
    forecaster = Forecaster.load(made.path, data_path=str(tmp_path / "more"))
    assert [forecast.generator for forecast in forecaster.forecast(["g0", "new"], k=1)] == ["g0", "new"]


def test_a_rule_of_another_dataset_has_counted_other_elements(saved, write_dataset, tmp_path):
    made = saved("GeneratorFrequency")
    state = read_checkpoint(made.path)
    del state["config"].final_config_dict["elements_hash"]  # as older versions wrote it
    write_checkpoint(state, tmp_path / "old.pth")
    write_dataset(tmp_path / "fewer", "world", {"g1": ["e1", "e2", "e3", "e4", "e5"]})
    with pytest.raises(CheckpointError, match="120 were counted; there it has 5 elements"):
        Forecaster.load(tmp_path / "old.pth", data_path=str(tmp_path / "fewer"))
    assert Forecaster.load(tmp_path / "old.pth").forecast(["g1"], k=1)


def test_a_model_of_rows_of_its_own_has_no_whole_histories(saved, tmp_path):
    """The message blamed HAIL, whatever the model, and asked for a setting to be left out that no forecast has."""
    state = read_checkpoint(saved("SASRec").path)
    state["config"].final_config_dict["benchmark_filename"] = ["train", "valid", "test"]
    write_checkpoint(state, tmp_path / "rows.pth")
    with pytest.raises(CheckpointError, match=r"rows.pth was trained on rows of its own .*train it on one .inter file"):
        Forecaster.load(tmp_path / "rows.pth")
