"""Costs of steps: measured once, kept, and turned into steps of equal time."""

from dataclasses import replace

import pytest
import torch
from recbole.config import Config

from recbole_hail.data.segments import SEGMENT
from recbole_hail.errors import SettingsError
from recbole_hail.experiments import step_costs
from recbole_hail.experiments.step_costs import StepCosts, Stepper, cost_label, paired
from recbole_hail.report.notation import parse_models
from recbole_hail.report.runs import Shared

SHARED = Shared("made", "0123", {"max_steps": 5, "candidates": "strict"}, {})
HAIL, ONE, THREE, MEAN = parse_models("HAIL,HAIL[peers=1],HAIL[peers=3],ensemble(HAIL[peers=1],3)")


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


class Slow:
    """Steps that take `seconds` of the clock each; counts those since the start."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.steps = clock, seconds, 0

    def restart(self):
        self.steps = 0

    def step(self):
        self.steps += 1
        self.clock[0] += self.seconds
        return self.seconds


@pytest.mark.parametrize("seconds, rounds", [(0.1, 11), (1.4, 11), (3.0, 6), (19.0, 2), (20.0, 1), (90.0, 1)])
def test_no_system_takes_minutes(monkeypatch, seconds, rounds):
    """RecBole's BERT4Rec on NYC-16 took them, in silence."""
    clock = [0.0]
    monkeypatch.setattr(step_costs, "perf_counter", lambda: clock[0])
    reference, own = Slow(clock, 0.5), Slow(clock, seconds)
    reference.step()
    assert step_costs.in_turn(reference, own) == ([0.5] * rounds, [seconds] * rounds)
    first = 0 if seconds == 90 else 1  # the first step counts where there is time for no other
    assert own.steps == reference.steps == rounds + first


def test_the_reference_is_measured_by_itself():
    reference = Slow([0.0], 0.5)
    assert step_costs.in_turn(reference, reference) == ([0.5] * 11, [0.5] * 11) and reference.steps == 12


def test_a_slow_moment_changes_no_ratio():
    """Rounds are compared one by one, so that neither a long batch nor a busy machine counts."""
    assert paired([1.0, 4.0, 1.1, 1.0, 9.0], [0.5, 2.0, 0.5, 0.5, 0.5]) == 2.0


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


@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
def test_a_stepper_takes_training_steps_as_long_as_it_is_asked(cyclic, small, model):
    eval_args = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
    own = {**small, "epochs": 2, "eval_args": eval_args, "valid_metric": "MRR@10", "train_batch_size": 512}
    stepper = Stepper(Config(model=model, dataset="cyclic", config_dict=own))
    passes = len(stepper.loader)
    assert stepper.most_steps == 2 * passes
    assert stepper.model.training
    before = [weight.clone() for weight in stepper.model.parameters()]
    assert all(stepper.step() > 0 for _ in range(passes + 1)), "the second pass begins by itself"
    assert any((old != new).any() for old, new in zip(before, stepper.model.parameters(), strict=True))


@pytest.fixture
def stepper_of(cyclic, small):
    def make(model, **settings):
        return Stepper(Config(model=model, dataset="cyclic", config_dict={**small, **settings}))

    return make


def test_a_restarted_stepper_takes_the_batches_that_it_began_with(stepper_of):
    stepper = stepper_of("HAIL")
    first = stepper._next()
    for _ in range(len(stepper.loader)):
        second_pass = stepper._next()
    stepper.restart()
    again = stepper._next()
    same = [all(torch.equal(first[name], other[name]) for name in first.columns) for other in (again, second_pass)]
    assert same == [True, False]


def test_a_step_of_a_model_in_two_stages_is_one_of_each_for_its_share(stepper_of, monkeypatch):
    """Fine-tuning alone was measured, and S3-Rec got a third more than equal time."""
    stepper = stepper_of("S3RecID", pretrain_share=0.25)
    loss, stages = stepper.model.calculate_loss, []

    def noting(batch):
        stages.append(SEGMENT in batch)
        return loss(batch)

    monkeypatch.setattr(stepper.model, "calculate_loss", noting)
    for _ in range(2 * len(stepper.loader)):
        stepper.step()
    assert stages == [True, False] * (2 * len(stepper.loader))
    monkeypatch.setattr(stepper, "_step", lambda pretraining: 4.0 if pretraining else 2.0)
    assert stepper.step() == 2.5


@pytest.mark.parametrize("count, clock", [(1, "process_time"), (2, "perf_counter")])
def test_several_threads_are_timed_by_the_wall(stepper_of, threads, monkeypatch, count, clock):
    """Their processor time counts how long they wait for one another: one network of two threads got half its steps."""
    for name, seconds in (("process_time", 1.0), ("perf_counter", 2.0)):
        monkeypatch.setattr(step_costs, name, iter((0.0, seconds)).__next__)
    stepper = stepper_of("HAIL")
    threads(count)
    assert stepper.step() == {"process_time": 1.0, "perf_counter": 2.0}[clock]
