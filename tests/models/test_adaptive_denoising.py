"""R-CE and T-CE as RecBole models."""

import pytest
import torch
from recbole.config import Config
from recbole.quick_start import run_recbole
from torch.nn import functional as F

from recbole_hail.errors import SettingsError
from recbole_hail.models.adaptive_denoising import TCE


@pytest.fixture
def built(cyclic, small, prepared):
    def build(name, **settings):
        model, (train, _, _) = prepared(name, "cyclic", **{**small, **settings})
        return model, next(iter(train))

    return build


def test_rce_weighs_each_positive_by_a_power_of_its_likelihood(built):
    model, batch = built("RCE", reweight_exponent=0.5, initializer_range=0.5)
    logits = model.networks.logits(model.hidden_at_targets(batch))[0]
    losses = F.cross_entropy(logits, batch["target_element"] - 1, reduction="none")
    parts = model.loss_parts(batch)
    torch.testing.assert_close(parts.total, (losses * (-losses).exp().sqrt()).mean())
    torch.testing.assert_close(parts.self_knowledge, losses.mean()[None])


def test_tce_drops_more_the_longer_it_trains(built):
    model, batch = built("TCE", drop_rate=0.2, drop_steps=10)
    positions = len(batch["target_element"])
    for step, rate in ((0, 0.0), (5, 0.1), (10, 0.2), (99, 0.2)):
        model.step = step
        assert model.loss_parts(batch).dropped.item() == pytest.approx(int(rate * positions + 1e-9) / positions)


def test_the_trainer_tells_the_step_and_a_resumed_run_goes_on_counting(cyclic, small, monkeypatch):
    weights, told = TCE.weights, []
    monkeypatch.setattr(TCE, "weights", lambda self, loss: told.append(self.step) or weights(self, loss))
    settings = {**small, "epochs": 3, "drop_steps": 5, "drop_rate": 0.3}
    whole = run_recbole(model="TCE", dataset="cyclic", config_dict=settings)
    assert told == list(range(9))

    def killed(self, loss):
        if self.step == 7:
            raise KeyboardInterrupt
        return weights(self, loss)

    monkeypatch.setattr(TCE, "weights", killed)
    with pytest.raises(KeyboardInterrupt):
        run_recbole(model="TCE", dataset="cyclic", config_dict=settings)
    told.clear()
    monkeypatch.setattr(TCE, "weights", lambda self, loss: told.append(self.step) or weights(self, loss))
    (latest,) = cyclic.glob("saved/*.latest.pth")
    resumed = run_recbole(model="TCE", dataset="cyclic", config_dict={**settings, "resume": str(latest)})
    assert told == [6, 7, 8]
    assert resumed["test_result"] == whole["test_result"]


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("RCE", {"reweight_exponent": -1}, "reweight_exponent: -1 must not be negative"),
        ("RCE", {"reweight_exponent": "high"}, "reweight_exponent: 'high' must not be negative"),
        ("RCE", {"distillation": "med"}, "distillation: 'med' must be none for RCE"),
        ("TCE", {"drop_rate": 1}, "drop_rate: 1 must lie in [0, 1)"),
        ("TCE", {"drop_steps": -5}, "drop_steps: -5 must be a whole number of at least 0"),
    ],
)
def test_wrong_settings_are_named(workplace, model, settings, message):
    with pytest.raises(SettingsError) as caught:
        Config(model=model, dataset="ml-100k", config_dict=settings)
    assert [problem for problem in caught.value.problems if message in problem]
