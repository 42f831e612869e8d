"""Models that cannot be built from their settings: a message for RecBole's own, a traceback for their author's."""

import pytest
from recbole.model.abstract_recommender import SequentialRecommender
from recbole.model.sequential_recommender import SASRec
from recbole.quick_start import run_recbole

from recbole_hail import building
from recbole_hail.errors import SettingsError
from recbole_hail.tuning.objective import objective_function

SETTINGS = {"candidates": "full", "topk": [1], "valid_metric": "MRR@1", "show_progress": False}


@pytest.mark.parametrize("run", [run_recbole, lambda **given: objective_function(_flat(**given))])
def test_a_setting_that_recboles_model_cannot_be_built_with_is_named_with_its_value(cyclic, run):
    """It was a traceback."""
    with pytest.raises(SettingsError) as caught:
        run(model="SASRec", dataset="cyclic", config_dict={**SETTINGS, "hidden_act": "sine"})
    said = str(caught.value)
    assert said.startswith("model: SASRec cannot be built from the data and its settings, n_layers: 2, n_heads: 2, ")
    assert "hidden_act: 'sine'" in said and "KeyError: 'sine'" in said
    assert not list(cyclic.glob("saved/*.pth"))


def test_a_setting_that_recboles_model_cannot_train_with_is_named_with_its_value(cyclic):
    """It was a traceback."""
    settings = {**SETTINGS, "loss_type": "BPR", "train_neg_sample_args": None}
    with pytest.raises(SettingsError) as caught:
        run_recbole(model="SASRec", dataset="cyclic", config_dict=settings)
    said = str(caught.value)
    assert said.startswith("model: SASRec cannot take its first step with the data and its settings, n_layers: 2, ")
    assert "loss_type: 'BPR'" in said and "KeyError: 'neg_item_id'" in said


def test_what_fails_where_recbole_counts_operations_is_a_matter_of_settings(cyclic, monkeypatch):
    """It does so before it trains, and SASRecF without fitting features was a traceback."""

    def failing(self, *_):
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")

    monkeypatch.setattr(SASRec, "forward", failing)
    with pytest.raises(SettingsError, match=r"model: SASRec cannot take its first step .*torch\.cat\(\): exp"):
        run_recbole(model="SASRec", dataset="cyclic", config_dict=SETTINGS)


def test_an_error_after_the_first_step_is_no_matter_of_settings(cyclic, monkeypatch):
    loss, calls = SASRec.calculate_loss, []

    def failing(self, interaction):
        calls.append(interaction)
        return loss(self, interaction) if len(calls) == 1 else 1 // 0

    monkeypatch.setattr(SASRec, "calculate_loss", failing)
    with pytest.raises(ZeroDivisionError):
        run_recbole(model="SASRec", dataset="cyclic", config_dict={**SETTINGS, "train_batch_size": 64})


@pytest.mark.parametrize(
    ("error", "alone"), [(OSError(28, "No space left", "events.out"), True), (RuntimeError("Connection closed"), False)]
)
def test_a_full_disk_and_a_lost_rank_are_no_matter_of_settings(cyclic, monkeypatch, error, alone):
    """Both have messages of their own."""

    def failing(self, interaction):
        self.config_seen["single_spec"] = alone
        raise error

    build = SASRec.__init__

    def with_config(self, config, dataset):
        build(self, config, dataset)
        self.config_seen = config

    monkeypatch.setattr(SASRec, "__init__", with_config)
    monkeypatch.setattr(SASRec, "calculate_loss", failing)
    with pytest.raises(type(error)) as caught:
        run_recbole(model="SASRec", dataset="cyclic", config_dict=SETTINGS)
    assert caught.value is error


def _flat(model, dataset, config_dict):
    return {"model": model, "dataset": dataset, **config_dict}


class Settings(dict):
    """As much of a Config as building a model needs."""

    def __init__(self, model_class: type):
        super().__init__(model=model_class.__name__, device="cpu", offset=None)
        self.model_class = model_class


def test_what_a_users_model_raises_is_left_to_its_author():
    class Broken(SASRec):
        def __init__(self, config, dataset):
            raise ZeroDivisionError("by its author")

    with pytest.raises(ZeroDivisionError, match="by its author"):
        building.build_model(Settings(Broken), None)


@pytest.mark.parametrize("left_out", [("predict",), ("calculate_loss", "predict")])
def test_a_users_model_without_a_method_is_told_which(left_out):
    """RecBole ended in a NotImplementedError without a word, after the first epoch."""
    methods = {name: lambda self, interaction: None for name in ("calculate_loss", "predict") if name not in left_out}
    with pytest.raises(SettingsError) as raised:
        building.build_model(Settings(type("Mine", (SequentialRecommender,), methods)), None)
    assert raised.value.problems == [f"model: Mine has no {name}(self, interaction)" for name in left_out]


def test_our_own_messages_stay_as_they_are():
    class Choosy(SASRec):
        def __init__(self, config, dataset):
            raise SettingsError(["alpha: 2 must lie in [0, 1]"])

    with pytest.raises(SettingsError, match=r"^alpha: 2 must lie in \[0, 1\]$"):
        building.build_model(Settings(Choosy), None)
