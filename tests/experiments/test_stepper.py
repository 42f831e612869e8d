"""Steps of single models, and how those of two are timed in turn."""

import pytest
import torch
from recbole.config import Config

from recbole_hail.data.segments import SEGMENT
from recbole_hail.experiments import stepper as timing
from recbole_hail.experiments.stepper import Stepper, in_turn, paired


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
    monkeypatch.setattr(timing, "perf_counter", lambda: clock[0])
    reference, own = Slow(clock, 0.5), Slow(clock, seconds)
    reference.step()
    assert in_turn(reference, own) == ([0.5] * rounds, [seconds] * rounds)
    first = 0 if seconds == 90 else 1  # the first step counts where there is time for no other
    assert own.steps == reference.steps == rounds + first


def test_the_reference_is_measured_by_itself():
    reference = Slow([0.0], 0.5)
    assert in_turn(reference, reference) == ([0.5] * 11, [0.5] * 11) and reference.steps == 12


def test_a_slow_moment_changes_no_ratio():
    """Rounds are compared one by one, so that neither a long batch nor a busy machine counts."""
    assert paired([1.0, 4.0, 1.1, 1.0, 9.0], [0.5, 2.0, 0.5, 0.5, 0.5]) == 2.0


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
        monkeypatch.setattr(timing, name, iter((0.0, seconds)).__next__)
    stepper = stepper_of("HAIL")
    threads(count)
    assert stepper.step() == {"process_time": 1.0, "perf_counter": 2.0}[clock]
