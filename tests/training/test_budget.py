"""Bounds of steps and minutes on the training of any model, and what happens where they cut."""

import sys
from itertools import count

import pytest
import torch
from recbole.config import Config
from recbole.trainer import Trainer

from recbole_hail import model_names
from recbole_hail.cli import run_recbole as command
from recbole_hail.errors import SettingsError
from recbole_hail.training import budget
from recbole_hail.training.budget import Budget
from recbole_hail.training.checkpoints import read_checkpoint

TRAINED = ["HAIL", "SASRec", "GRU4Rec"]
# Several steps an epoch, and more epochs than any bound allows.
LONG = {"epochs": 50, "eval_step": 3, "train_batch_size": 64, "train_batch_tokens": 60, "stopping_step": 100}


def trained(build, name, monkeypatch, *, saved=True, **settings):
    """A trained model with what was seen on the way: `losses`, one for each step, and `validated` epochs."""
    built = build(name, **{**LONG, **settings})
    built.losses, built.validated = [], []
    original = built.model.calculate_loss

    def counted(batch, **how):
        built.losses.append(1)
        return original(batch, **how)

    monkeypatch.setattr(built.model, "calculate_loss", counted)
    built.outcome = built.trainer.fit(
        built.train, built.valid, saved=saved, callback_fn=lambda epoch, score: built.validated.append(epoch)
    )
    return built


def weights_are_saved(built) -> bool:
    saved = read_checkpoint(built.trainer.saved_model_file)["state_dict"]
    return all(torch.equal(saved[name], value) for name, value in built.model.state_dict().items())


@pytest.fixture
def six_seconds_a_step(monkeypatch):
    """A clock that moves on by six seconds whenever the budget looks at it."""
    clock = count(0, 6)
    monkeypatch.setattr(budget, "perf_counter", lambda: next(clock))
    return clock


@pytest.mark.parametrize("name", TRAINED)
def test_max_steps_cuts_an_epoch_which_is_validated_and_saved(build, monkeypatch, name):
    built = trained(build, name, monkeypatch, max_steps=11, eval_step=100)
    assert len(built.train) > 2 and len(built.losses) == built.trainer.budget.steps == 11
    assert built.validated == [10 // len(built.train)]
    assert built.outcome[0] == built.outcome[1]["mrr"] == built.trainer.best_valid_score
    assert weights_are_saved(built)


@pytest.mark.parametrize("more", [0, 1])
def test_an_epoch_of_several_passes_is_validated_wherever_it_is_cut(build, monkeypatch, more):
    """RecVAE's steps of that epoch were lost, and within the first there was no checkpoint: its second pass was no more
    than the end of the budget.
    """
    built = build("RecVAE", max_steps=1, train_batch_size=8)
    built = trained(build, "RecVAE", monkeypatch, max_steps=len(built.train) + more, eval_step=100, train_batch_size=8)
    assert built.trainer.budget.steps == len(built.losses) == len(built.train) + more
    assert built.validated == [0] and weights_are_saved(built)


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("eval_step, validated", [(3, [2, 3]), (2, [1, 3]), (9, [3]), (0, [])])
def test_the_last_epoch_is_validated_whatever_eval_step_leaves_over(build, monkeypatch, name, eval_step, validated):
    """RecBole's models trained it and threw it away, which HAIL did not."""
    assert trained(build, name, monkeypatch, epochs=4, eval_step=eval_step).validated == validated


@pytest.mark.parametrize("bound", [{"epochs": 2}, {"max_steps": 5}])
def test_tensorboard_is_told_the_settings_however_training_ends(build, monkeypatch, bound):
    """Not where the budget ended it, as the shipped max_steps do."""
    told = []
    monkeypatch.setattr(Trainer, "_add_hparam_to_tensorboard", lambda trainer, best: told.append(best))
    built = trained(build, "HAIL", monkeypatch, **bound)
    assert told == [built.trainer.best_valid_score]


def test_a_slow_first_step_is_not_taken_for_the_pace(monkeypatch):
    """A first step that compiled for seconds made the whole training look seven steps long, and ended its warm-up."""
    clock = iter([0.0, 8.0, *(8 + 0.05 * step for step in range(1, 100))])
    monkeypatch.setattr(budget, "perf_counter", lambda: next(clock))
    spent, totals = Budget(None, 1.0), []
    for _ in spent.watch(range(40)):
        totals.append(spent.total_steps(10_000))
    assert totals[:2] == [10_000, 10_000] and totals[-1] == pytest.approx(1 + 52 / 0.05, abs=1)
    assert Budget(None, 1.0, steps=10, seconds=30.0).total_steps(10_000) == 20  # of a run that is resumed


@pytest.mark.parametrize("name", TRAINED)
def test_max_minutes_bounds_every_model(build, monkeypatch, six_seconds_a_step, name):
    built = trained(build, name, monkeypatch, max_minutes=1)
    assert len(built.losses) == 10
    assert built.trainer.budget.seconds == 60
    assert built.validated[-1] == 9 // len(built.train)


def test_validation_does_not_count(build, monkeypatch, six_seconds_a_step):
    evaluate = Trainer.evaluate

    def slow(self, *args, **kwargs):
        for _ in range(1000):
            next(six_seconds_a_step)
        return evaluate(self, *args, **kwargs)

    monkeypatch.setattr(Trainer, "evaluate", slow)
    built = trained(build, "SASRec", monkeypatch, max_minutes=3, eval_step=1)
    assert len(built.losses) == 30 and len(built.validated) > 1


@pytest.mark.parametrize("name", TRAINED)
def test_a_bound_at_the_end_of_an_epoch_starts_no_other(build, monkeypatch, name):
    steps = len(build(name, **LONG).train)
    built = trained(build, name, monkeypatch, max_steps=steps, eval_step=2)
    assert len(built.losses) == steps and built.validated == [0]


@pytest.mark.parametrize("name", TRAINED)
def test_eval_step_0_never_validates_but_saves(build, monkeypatch, name):
    built = trained(build, name, monkeypatch, max_steps=7, eval_step=0)
    assert len(built.losses) == 7 and built.validated == []
    assert weights_are_saved(built)


@pytest.mark.parametrize("name", TRAINED)
def test_the_best_model_is_kept_where_the_cut_epoch_is_worse(build, monkeypatch, name):
    scores = iter([0.9, 0.1, 0.05])
    monkeypatch.setattr(Trainer, "_valid_epoch", lambda *args, **kwargs: (next(scores), {"mrr": 0.0}))
    if name == "HAIL":
        monkeypatch.setattr("recbole_hail.training.trainer.HAILTrainer._valid_epoch", Trainer._valid_epoch)
    steps = len(build(name, **LONG).train)
    built = trained(build, name, monkeypatch, max_steps=steps + 2, eval_step=1)
    assert built.validated == [0, 1] and built.outcome[0] == 0.9
    assert not weights_are_saved(built)
    assert read_checkpoint(built.trainer.saved_model_file)["epoch"] == 0


@pytest.mark.parametrize("name", ["SASRec", "GRU4Rec"])
def test_without_a_bound_nothing_changes(build, name):
    """RecBole's own fit, and ours with no bound or one that is never reached."""
    losses = []
    for fit, settings in (
        (Trainer.fit.__wrapped__, {}),
        (Trainer.fit, {}),
        (Trainer.fit, {"max_steps": 1000, "max_minutes": 60}),
    ):
        built = build(name, **{**LONG, "epochs": 3, **settings})
        fit(built.trainer, built.train, built.valid, saved=False)
        losses.append((built.trainer.train_loss_dict, built.trainer.best_valid_result))
    assert losses[0] == losses[1] == losses[2]


@pytest.mark.parametrize("name", ["Pop", "GRU4Rec"])
def test_fewer_epochs_than_eval_step_are_validated_once_and_saved(build, name):
    """Pop trains for one epoch whatever it is told, and left no checkpoint with an eval_step of 2."""
    built = build(name, **{**LONG, "epochs": 2, "eval_step": 5})
    score, _ = built.trainer.fit(built.train, built.valid)
    assert score == read_checkpoint(built.trainer.saved_model_file)["best_valid_score"] > 0


@pytest.mark.parametrize("max_steps", [1, 1000])
def test_pop_counts_everything_however_few_steps_there_are(build, max_steps):
    """In the tables of `paper` it had counted 256,000 of CHI-18's events, in 1,000 steps of 256."""
    built = build("Pop", max_steps=max_steps, train_batch_size=64)
    built.trainer.fit(built.train, built.valid, saved=False)
    popularity = built.train._dataset.history.popularity
    assert torch.equal(built.model.item_cnt.squeeze(1), popularity)


@pytest.mark.parametrize(
    "max_steps, max_minutes, steps, seconds, planned, total",
    [
        (None, None, 5, 30.0, 100, 100),
        (40, None, 5, 30.0, 100, 40),
        (400, None, 5, 30.0, 100, 100),  # the epochs end first, and the schedule with them
        (None, 1, 0, 0.0, 100, 100),  # no pace is known yet
        (None, 1, 5, 30.0, 100, 10),  # half of the time for 5 steps
        (8, 1, 5, 30.0, 100, 8),
        (None, 1, 12, 61.0, 100, 12),  # never fewer than were taken
        (None, 100, 5, 30.0, 100, 100),
    ],
)
def test_total_steps_are_what_the_first_bound_leaves(max_steps, max_minutes, steps, seconds, planned, total):
    assert Budget(max_steps, max_minutes, steps, seconds).total_steps(planned) == total


def test_what_a_run_has_taken_before_counts():
    resumed = Budget(10, None, steps=7)
    assert list(resumed.watch("abcdef")) == ["a", "b", "c"]
    assert resumed.spent and list(resumed.watch("abc")) == []


@pytest.mark.parametrize(
    "given, message",
    [
        ("--max_steps=0", "max_steps: 0 must be a whole number of at least 1"),
        ("--max_steps=2.5", "max_steps: 2.5 must be a whole number"),
        ("--max_steps=many", "max_steps: 'many' must be a whole number"),
        ("--max_minutes=0", "max_minutes: 0 must be a positive number"),
        ("--max_minutes=-1", "max_minutes: -1 must be a positive number"),
        ("--max_minutes=True", "max_minutes: True must be a positive number"),
    ],
)
@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
def test_bad_values_are_messages_and_status_2(cyclic, monkeypatch, capsys, model, given, message):
    monkeypatch.setattr(sys, "argv", ["run_recbole", f"--model={model}", "--dataset=cyclic", given])
    assert command.main() == 2
    assert message in capsys.readouterr().err
    assert not (cyclic / "saved").exists()


@pytest.fixture
def faiss(monkeypatch):
    """As if it were installed, which NCL asks for."""
    monkeypatch.setattr(model_names, "find_spec", lambda module: True)


def test_a_model_that_no_bound_reaches_is_refused(cyclic, monkeypatch, capsys, faiss):
    monkeypatch.setattr(sys, "argv", ["run_recbole", "--model=NCL", "--dataset=cyclic", "--max_steps=5"])
    assert command.main() == 2
    said = capsys.readouterr().err
    assert (
        "max_steps: 5 does not reach NCL, which trains in a loop of its own; go by epochs with --max_steps=None" in said
    )
    assert "max_minutes" not in said, "nobody gave it"


def test_pre_training_that_no_bound_reaches_is_refused_and_fine_tuning_is_not(cyclic):
    """RaCT took 150 epochs in a table whose caption said at most 2 steps."""
    with pytest.raises(SettingsError, match="max_steps: 2 does not reach RaCT, which trains in a loop of its own"):
        Config("RaCT", "cyclic", config_dict={"max_steps": 2})
    fine_tuning = {"train_stage": "finetune", "pre_model_path": __file__}
    assert Config("RaCT", "cyclic", config_dict={"max_steps": 2, **fine_tuning})["max_steps"] == 2


def test_a_dataset_whose_settings_have_a_bound_can_be_trained_on_by_epochs(workplace, faiss):
    """Of a model that no bound reaches, by the option that the error names."""
    with pytest.raises(SettingsError, match="--max_steps=None"):
        Config(model="NCL", dataset="chi18")
    assert Config(model="NCL", dataset="chi18", config_dict={"max_steps": "None"})["max_steps"] is None


def test_all_ranks_go_by_one_clock(monkeypatch, six_seconds_a_step):
    """A rank that found its time spent a step before the others left them waiting for it for ever."""

    def broadcast(shared, src):
        shared[src] = 30.0

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "broadcast_object_list", broadcast)
    assert list(Budget(None, 1).watch("abcdef")) == ["a", "b"], "rank 0 has taken 30 s for each"


@pytest.mark.parametrize("name", ["HAIL", "SASRec"])
def test_what_a_gpu_has_still_to_do_at_the_end_of_an_epoch_is_training(build, monkeypatch, six_seconds_a_step, name):
    """It was not counted; where it is what spends the budget, the epoch is validated like any other last one."""
    waited, wait = [], Budget.wait
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    monkeypatch.setattr(Budget, "wait", lambda self, device: wait(self, torch.device("cuda")))
    steps = len(build(name, **LONG).train)
    built = trained(build, name, monkeypatch, max_minutes=(steps + 1) * 6 / 60)
    assert len(built.losses) == steps < LONG["eval_step"] * steps
    assert built.trainer.budget.seconds == pytest.approx((steps + 1) * 6)
    assert waited == [torch.device("cuda")] and weights_are_saved(built)


def test_a_cpu_is_not_waited_for(six_seconds_a_step):
    spent = Budget(None, 1)
    spent.wait(torch.device("cpu"))
    assert spent.seconds == 0


@pytest.mark.parametrize(
    "bounds, told",
    [
        ((100, None), "step 40 of 100, 1.5 min of training left"),
        ((None, 1.25), "step 40, 0.2 min of training left"),
        ((100, 1.25), "step 40 of 100, 0.2 min of training left"),
        ((None, None), "step 40"),
        ((40, None), "step 40 of 40, 0.0 min of training left"),
    ],
)
def test_a_budget_says_how_much_of_it_is_left(bounds, told):
    assert Budget(*bounds, steps=40, seconds=60.0).in_words == told


def test_a_budget_tells_after_every_step(monkeypatch):
    heard = []
    monkeypatch.setattr(Budget, "on_step", lambda budget: heard.append(budget.steps))
    assert list(Budget(3, None).watch("abcde")) == ["a", "b", "c"] and heard == [1, 2, 3]
