"""The temperature of probabilities, and how far they are from what comes true."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from recbole_hail.evaluation.significance import wilson_interval
from recbole_hail.forecast import calibration
from recbole_hail.forecast.calibration import (
    calibration_error_by_chance,
    calibration_of,
    expected_calibration_error,
    fit_temperature,
)
from recbole_hail.forecast.loading import load_forecast_model


def drawn(seed: int, *, rows: int = 4000, elements: int = 6):
    """Scores, and targets that come as often as their softmax says."""
    generator = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(rows, elements, generator=generator)
    return scores, torch.multinomial(scores.softmax(1), 1, generator=generator).squeeze(1)


@pytest.mark.parametrize("factor", [0.2, 1.0, 7.0])
def test_the_temperature_of_scaled_scores_is_the_scale(factor):
    scores, targets = drawn(0)
    assert fit_temperature(factor * scores, targets) == pytest.approx(factor, rel=0.06)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.1, 10), rows=st.integers(5, 60))
def test_no_other_temperature_is_likelier(seed, scale, rows):
    scores, targets = drawn(seed, rows=rows)
    scores = (scores * scale).double()
    best = fit_temperature(scores, targets)
    likelihood = {at: float(cross_entropy(scores / at, targets)) for at in (best, best * 1.1, best / 1.1)}
    if 0.02 < best < 50:
        assert likelihood[best] == min(likelihood.values())


def test_an_added_constant_changes_nothing_and_impossible_elements_are_no_trouble():
    scores, targets = drawn(1, rows=300)
    expected = fit_temperature(scores, targets)
    assert fit_temperature(scores + 1000 * torch.arange(300)[:, None], targets) == pytest.approx(expected, rel=1e-2)
    impossible = torch.cat([scores, torch.full((300, 1), -torch.inf)], dim=1)
    assert fit_temperature(impossible, targets) == pytest.approx(expected, rel=1e-3)


def test_temperatures_stay_within_bounds_where_answers_are_all_right_or_all_wrong():
    scores = torch.eye(4)
    assert fit_temperature(scores, torch.arange(4)) == pytest.approx(1 / calibration.LARGEST)
    assert fit_temperature(scores, (torch.arange(4) + 1) % 4) == calibration.LARGEST


def test_the_calibration_error_by_hand():
    confidence, correct = np.array([0.95, 0.95, 0.55, 0.55, 1.0]), np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    # Two bins of ten hold answers: 2 right for 2.9 expected, and 2 right for 1.1.
    assert expected_calibration_error(confidence, correct, bins=10) == pytest.approx((0.9 + 0.9) / 5)
    assert expected_calibration_error(np.array([0.5, 0.5]), np.array([0.0, 1.0])) == 0


def test_what_was_fitted_is_kept_for_these_bytes_and_no_others(saved, tmp_path, monkeypatch):
    checkpoint = tmp_path / "model.pth"
    checkpoint.write_bytes(saved("SASRec").path.read_bytes())
    first = calibration_of(load_forecast_model(checkpoint))
    kept = tmp_path / "model.calibration.json"
    assert json.loads(kept.read_text())["calibration"]["temperature"] == first.temperature
    with monkeypatch.context() as patch:
        patch.setattr(calibration, "fit_temperature", None)  # would fail
        assert calibration_of(load_forecast_model(checkpoint)) == first
    for spoilt in ("{}", "not json", kept.read_text().replace(load_forecast_model(checkpoint).hash, "0" * 64)):
        kept.write_text(spoilt)
        assert calibration_of(load_forecast_model(checkpoint)) == first
        assert json.loads(kept.read_text())["checkpoint sha256"] == load_forecast_model(checkpoint).hash


def test_a_folder_that_cannot_be_written_to_is_no_trouble(saved, tmp_path, monkeypatch):
    def full_disk(path, value):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(calibration, "write_json", full_disk)
    checkpoint = tmp_path / "model.pth"
    checkpoint.write_bytes(saved("SASRec").path.read_bytes())
    assert calibration_of(load_forecast_model(checkpoint)).targets == 41
    assert [file.name for file in tmp_path.iterdir()] == ["model.pth"]


def test_targets_and_errors_are_those_of_the_validation_part(saved):
    made = saved("SASRec")
    found = calibration_of(load_forecast_model(made.path))
    rows = made.live.valid._dataset
    with torch.no_grad():
        scores = made.live.model.full_sort_predict(rows[torch.arange(len(rows))])[:, 1:]
    targets = rows.inter_feat["item_id"] - 1
    assert found.temperature == pytest.approx(fit_temperature(scores, targets), rel=1e-3)
    confidence, first = scores.softmax(1).max(1)
    right = (first == targets).float().numpy()
    assert found.ece_before == pytest.approx(expected_calibration_error(confidence.numpy(), right), abs=1e-5)
    half = np.unique(rows.inter_feat["user_id"].numpy(), return_inverse=True)[1] % 2 == 0
    of_half, of_others = (fit_temperature(scores[some], targets[some]) for some in (half, ~half))
    untouched = torch.from_numpy(np.where(half, of_others, of_half))[:, None]
    cooled = (scores / untouched).softmax(1).max(1).values.numpy()
    assert found.ece_after == pytest.approx(expected_calibration_error(cooled, right), abs=1e-5)
    assert found.ece_by_chance == pytest.approx(calibration_error_by_chance(cooled), abs=1e-5)
    assert (found.confidence, found.right) == pytest.approx((cooled.mean(), right.mean()), abs=1e-5)
    assert "of 41 validation targets" in str(found) and f"these: temperature {found.temperature:.3f}" in str(found)


def test_answers_that_are_right_as_often_as_they_say_have_the_error_of_chance():
    draw = np.random.default_rng(0)
    confidence = draw.beta(2, 6, 3000)
    errors = [expected_calibration_error(confidence, draw.random(3000) < confidence) for _ in range(300)]
    assert calibration_error_by_chance(confidence) == pytest.approx(np.mean(errors), rel=0.05)


def test_every_target_is_measured_with_the_temperature_of_other_generators():
    scores, targets = drawn(5)
    generators = np.arange(len(targets)) % 10 + 7
    sure = torch.from_numpy(generators % 2 == 0)
    scores[sure] *= 4
    found = calibration._of_the_others(scores, targets, generators)
    assert found[sure].tolist() == pytest.approx([1.0] * int(sure.sum()), rel=0.1)
    assert found[~sure].tolist() == pytest.approx([4.0] * int((~sure).sum()), rel=0.1)


def test_a_single_generator_has_no_others_to_be_measured_by():
    scores, targets = torch.randn(6, 5, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 3, 4, 0])
    found = calibration._of_the_others(scores, targets, np.zeros(6, dtype=int))
    assert found.tolist() == pytest.approx([fit_temperature(scores, targets)] * 6)


def test_a_model_that_has_learnt_nothing_says_so():
    """Only documentation said what a temperature of 100 means, beside a small error that read like success."""
    said = str(calibration.Calibration(100.0, 175, 0.04, 0.01, 0.01, 0.005, 0.005, 0.0, 0.1, False))
    assert said.endswith("; a temperature this high means that hardly anything was learnt")
    assert "learnt" not in str(calibration.Calibration(99.9, 175, 0.04, 0.01, 0.01, 0.005, 0.005, 0.0, 0.1, False))


def test_the_share_that_came_true_has_its_interval_and_few_targets_are_called_few():
    """2.5 % of 79 targets read like a measurement; they are two."""
    said = str(
        calibration.Calibration(1.0, 79, 0.04, 0.01, 0.01, 0.031, 2 / 79, *wilson_interval(2 / 79, 79), False)
    ).splitlines()
    assert said[0] == (
        "the likeliest element came true for 2.5 % (95 %: 0.7 to 8.8) of 79 validation targets; its chance was 3.1 % "
        "on average"
    )
    assert said[1].startswith("so few targets say little") and len(said) == 3
    assert "few" not in str(calibration.Calibration(1.0, 100, 0.04, 0.01, 0.01, 0.03, 0.03, 0.0, 0.1, False))


def test_a_split_without_validation_is_not_calibrated(saved):
    split = {"split": {"LS": "test_only"}, "order": "TO", "group_by": "user", "mode": "full"}
    trained = load_forecast_model(saved("SASRec").path)
    trained.config["eval_args"] = split
    found = calibration_of(trained._replace(valid=trained.train.copy(trained.train.inter_feat[:0])))
    assert found.temperature == 1 and found.targets == 0
    assert "not calibrated" in str(found)
