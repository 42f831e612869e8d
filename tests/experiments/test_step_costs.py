"""Costs of steps: measured once, kept, and turned into steps of equal time."""

from dataclasses import replace

import pytest

from recbole_hail.comparison.notation import parse_models
from recbole_hail.comparison.runs import Shared
from recbole_hail.errors import SettingsError
from recbole_hail.experiments import step_costs
from recbole_hail.experiments.step_costs import StepCosts, cost_label

SHARED = Shared("made", "0123", {"max_steps": 5, "candidates": "strict"}, {})
HAIL, ONE, THREE, MEAN = parse_models("HAIL,HAIL[peers=1],HAIL[peers=3],ensemble(HAIL[peers=1],3)")


@pytest.fixture(autouse=True)
def idle(monkeypatch):
    monkeypatch.setattr(step_costs.os, "getloadavg", lambda: (0.0, 0.0, 0.0))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "made" / "calibration.json"


def test_equal_time_in_steps(file, fixed_costs):
    costs = StepCosts(file, SHARED)
    costs.measure([HAIL, ONE, THREE, MEAN], None, lambda text: None)
    assert costs.steps_for(ONE, HAIL, 300) == 600
    assert costs.steps_for(MEAN, HAIL, 300) == 200, "three networks, each a third of what one would get"
    assert costs.ratio(THREE) == 0.67, "two digits, so that a busy moment less often plans other runs"
    assert costs.steps_for(HAIL, THREE, 67) == 100
    assert costs.times(THREE, ONE) == pytest.approx(3.0), "not of rounded figures"
    assert costs.steps_for(THREE, ONE, 1) == 1, "no system is left without a step"


def test_what_was_measured_is_kept_and_only_what_is_new_is_added(file, fixed_costs, monkeypatch, kept_calibration):
    said = []
    StepCosts(file, SHARED).measure([ONE], None, said.append)
    before = kept_calibration(file)
    assert set(before) == {"HAIL", "HAIL (peers=1)"} and len(said) == 1
    monkeypatch.setattr(
        "recbole_hail.experiments.step_costs._measured",
        lambda specs, *_: ((label, {"seconds": 9.0, "most steps": 1, "ratio": 1.0}) for label in specs),
    )
    again = StepCosts(file, replace(SHARED, settings={"max_steps": 700, "candidates": "strict"}))
    again.measure([ONE, HAIL, MEAN], None, said.append)
    assert len(said) == 1 and kept_calibration(file) == before
    again.measure([THREE], None, said.append)
    assert len(said) == 2
    after = kept_calibration(file)
    assert before.items() <= after.items() and after["HAIL (peers=3)"]["ratio"] == 1.0


def test_a_calibration_beside_other_programs_says_so(file, fixed_costs, monkeypatch):
    """With a load of 20 on two cores one system was planned four times the steps, and nothing was said."""
    said = []
    monkeypatch.setattr(step_costs.os, "getloadavg", lambda: (20.4, 3.0, 1.0))
    monkeypatch.setattr(step_costs, "usable_cores", lambda: 2)
    StepCosts(file, SHARED).measure([ONE], None, said.append)
    assert "other programs have a load of 20.4 on 2 cores" in said[1] and f"remove {file}" in said[1]


def test_a_calibration_that_is_interrupted_keeps_what_it_has(file, fixed_costs, kept_calibration, monkeypatch):
    """All of several minutes were lost: the figures of five systems were written together."""
    whole = step_costs._measured

    def interrupted(specs, *others):
        yield from list(whole(specs, *others))[:2]
        raise KeyboardInterrupt

    monkeypatch.setattr(step_costs, "_measured", interrupted)
    with pytest.raises(KeyboardInterrupt):
        StepCosts(file, SHARED).measure([HAIL, ONE, THREE], None, lambda text: None)
    assert set(kept_calibration(file)) == {"HAIL", "HAIL (peers=1)"}
    monkeypatch.setattr(step_costs, "_measured", whole)
    said = []
    StepCosts(file, SHARED).measure([HAIL, ONE, THREE], None, said.append)
    assert len(kept_calibration(file)) == 3 and "of 1 systems" in said[0]


@pytest.mark.parametrize("ratio, planned", [(2.04, 2.0), (0.149, 0.15), (1 / 27.3, 0.037), (12.4, 12.0)])
def test_plans_go_by_two_digits(file, fixed_costs, ratio, planned):
    """A tenth gave BERT4Rec 2.7 times the time, and left mimicry of four peers a third of its steps."""
    costs = StepCosts(file, SHARED)
    costs.systems["HAIL (peers=1)"] = {"ratio": ratio}
    assert costs.ratio(ONE) == planned


def test_two_commands_keep_what_both_measure(file, fixed_costs, kept_calibration):
    """The second to write had read the file before the first wrote, and dropped its figures."""
    first, second = StepCosts(file, SHARED), StepCosts(file, SHARED)
    first.measure([ONE], None, lambda text: None)
    second.measure([THREE], None, lambda text: None)
    assert set(kept_calibration(file)) == {"HAIL", "HAIL (peers=1)", "HAIL (peers=3)"}
    assert second.ratio(ONE) == first.ratio(ONE)


def test_systems_whose_steps_cost_the_same_are_measured_once():
    labels = {cost_label(spec) for spec in parse_models("HAIL,HAIL[alpha=0.1],HAIL[alpha=1.0;alpha_end=0.0;beta=0.0]")}
    assert labels == {"HAIL"} and cost_label(MEAN) == cost_label(ONE) == "HAIL (peers=1)"


@pytest.mark.parametrize("changed", [{"data": "4567"}, {"settings": {"train_batch_tokens": 5, "candidates": "strict"}}])
def test_figures_of_other_data_or_settings_are_kept_apart(file, fixed_costs, changed, kept_calibration):
    StepCosts(file, SHARED).measure([ONE], None, lambda text: None)
    before, said = kept_calibration(file), []
    StepCosts(file, replace(SHARED, **changed)).measure([ONE], None, said.append)
    assert len(said) == 1 and kept_calibration(file) == before
    for shared in (SHARED, replace(SHARED, **changed)):
        StepCosts(file, shared).measure([ONE], None, said.append)
    assert len(said) == 1


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"settings": {}}', '[{"settings": {}}]'])
def test_a_damaged_file_is_named(file, text):
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"calibration.json cannot be read; remove it"):
        StepCosts(file, SHARED)
