"""What a trial tells Ray Tune, and what the scheduler makes of it; Ray itself is left out."""

import json
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from ray import tune
from ray.exceptions import RaySystemError
from ray.tune.error import TuneError
from ray.tune.schedulers import ASHAScheduler

from recbole_hail.errors import UserError
from recbole_hail.tuning import with_ray


@pytest.fixture
def reports_of(cyclic, small, monkeypatch):
    """Trains a trial of three epochs, each validated; its reports."""
    told = []
    monkeypatch.setattr(tune, "report", lambda **metrics: told.append(metrics))
    monkeypatch.setattr("ray.get_gpu_ids", list)
    fixed = {**small, "model": "HAIL", "dataset": "cyclic", "epochs": 3, "state": "warning"}

    def train() -> list[dict]:
        with_ray._trial({"settings": {"alpha": 0.3}}, fixed, sys.path[-1])
        return told

    return train


@pytest.fixture
def reports(reports_of):
    return reports_of()


def test_a_trial_reports_each_validation_and_the_end_and_no_test_result_by_name(reports):
    assert [report.keys() for report in reports] == [{"valid_score", "outcome"}] * 3
    outcomes = [json.loads(report["outcome"]) for report in reports]
    assert [outcome["status"] for outcome in outcomes] == ["stopped", "stopped", "finished"]
    assert [bool(outcome["test"]) for outcome in outcomes] == [False, False, True]
    assert [outcome["steps"] for outcome in outcomes] == [3, 6, 9]
    scores = [report["valid_score"] for report in reports]
    assert outcomes[-1]["score"] == max(scores) == outcomes[-1]["valid"]["mrr"]
    assert outcomes[0]["score"] == scores[0], "a trial ended here has this score"


def test_a_trial_that_is_stopped_keeps_its_best_score(reports_of, monkeypatch):
    """The scheduler is told the last one."""
    falling = iter([0.5, 0.3, 0.2])

    def validate(trainer, *_, **__):
        score = next(falling)
        return score, {"mrr": score}

    monkeypatch.setattr("recbole_hail.training.trainer.HAILTrainer._valid_epoch", validate)
    *validated, _ = reports_of()
    assert [report["valid_score"] for report in validated] == [0.5, 0.3]
    assert [json.loads(report["outcome"])["score"] for report in validated] == [0.5, 0.5]


def test_the_scheduler_ends_what_is_worse_after_the_same_number_of_validations():
    scheduler = with_ray.make_scheduler("asha")
    assert isinstance(scheduler, ASHAScheduler)
    assert scheduler.set_search_properties("valid_score", "max")

    class One:
        def __init__(self, name):
            self.trial_id = name

    decisions = {}
    for name, score in {"first": 0.3, "better": 0.4, "worse": 0.1}.items():
        trial = One(name)
        scheduler.on_trial_add(None, trial)
        decisions[name] = scheduler.on_trial_result(None, trial, {"training_iteration": 1, "valid_score": score})
    assert decisions == {"first": "CONTINUE", "better": "CONTINUE", "worse": "STOP"}


def test_sigterm_stays_the_commands_own(monkeypatch):
    """Ray takes it over: the command printed a stack and aborted between two files."""
    before = signal.getsignal(signal.SIGTERM)
    found = []
    monkeypatch.setattr(ray, "init", lambda **how: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    monkeypatch.setattr(ray, "cluster_resources", dict)
    monkeypatch.setattr(tune, "with_parameters", lambda function, **parameters: function)

    def run(*_, **how):
        found.append(signal.getsignal(signal.SIGTERM))
        return SimpleNamespace(trials=[])

    monkeypatch.setattr(tune, "run", run)

    def ours(*_):
        pass

    signal.signal(signal.SIGTERM, ours)
    try:
        search = SimpleNamespace(missing=lambda: [{"alpha": 0.1}], config={"gpu_id": ""}, fixed={}, bigger=True)
        with_ray.search_with_ray(search, None, "asha")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert found == [ours]


def test_models_of_trials_that_were_stopped_do_not_stay(tmp_path, monkeypatch):
    """Each left a checkpoint that no table named."""
    monkeypatch.setattr(ray, "init", lambda **how: None)
    monkeypatch.setattr(ray, "cluster_resources", dict)
    monkeypatch.setattr(tune, "with_parameters", lambda function, **parameters: function)
    kept = []

    def run(*_, callbacks, **how):
        for name, ends in {"a": "stopped", "b": "finished", "c": "diverged", "d": None}.items():
            trial = SimpleNamespace(trial_id=name)
            files = [tmp_path / f"{name}.pth", tmp_path / f"{name}.latest.pth"]
            for file in files:
                file.touch()
            for status in filter(None, ["stopped", ends]):  # one is under way when the search ends
                outcome = {"settings": {}, "status": status, "steps": 1, "checkpoint": str(files[0])}
                trial.last_result = {"valid_score": 0.1, "outcome": json.dumps(outcome)}
                callbacks[0].on_trial_result(0, [], trial, trial.last_result)
            if ends:
                callbacks[0].on_trial_complete(0, [], trial)
        return SimpleNamespace(trials=[])

    monkeypatch.setattr(tune, "run", run)
    search = SimpleNamespace(missing=lambda: [{}], config={"gpu_id": ""}, fixed={}, bigger=True)
    search.keep, search.under_way = kept.append, lambda *told: None
    with_ray.search_with_ray(search, None, "asha")
    assert {file.stem.split(".")[0] for file in tmp_path.iterdir()} == {"b", "c"}
    assert [trial.checkpoint and Path(trial.checkpoint).stem for trial in kept] == [None, "b", "c"]


def _as_tune_does():
    try:
        raise RaySystemError("Broken pipe")
    except RaySystemError:
        raise TuneError("a traceback")  # noqa: B904


def _as_ray_does():
    try:
        raise RaySystemError("Broken pipe")
    except RaySystemError as error:
        raise RuntimeError("Caught unexpected exception") from error


def _as_anything_may():
    raise RuntimeError("no room")


@pytest.mark.parametrize(
    "fails, kind, said",
    [
        (_as_tune_does, UserError, "cut off from its cluster .*Broken pipe"),
        (_as_ray_does, UserError, "cut off from its cluster .*Broken pipe"),
        (_as_anything_may, RuntimeError, "no room"),
    ],
)
def test_a_lost_cluster_is_a_message(monkeypatch, fails, kind, said):
    """It was a traceback, of either kind."""
    monkeypatch.setattr(ray, "init", lambda **how: None)
    monkeypatch.setattr(ray, "cluster_resources", dict)
    monkeypatch.setattr(tune, "with_parameters", lambda function, **parameters: function)
    monkeypatch.setattr(tune, "run", lambda *_, **how: fails())
    search = SimpleNamespace(missing=lambda: [{"alpha": 0.1}], config={"gpu_id": ""}, fixed={}, bigger=True)
    with pytest.raises(kind, match=said):
        with_ray.search_with_ray(search, "auto", "asha")


def test_trials_say_that_they_train_and_how_they_go(reports):
    """Nothing was said until the first trial ended."""
    told, said = [], []
    search = SimpleNamespace(under_way=lambda *given: told.append(given), say=said.append)
    keeper = with_ray._keeper(search)
    trial = SimpleNamespace(config={"settings": {"alpha": 0.3}}, trial_id="1")
    keeper.on_trial_start(0, [], trial)
    assert said == ["alpha 0.3: training"]
    for report in reports:
        keeper.on_trial_result(0, [], trial, report)
    of_trial = {"alpha": 0.3}
    assert told == [(of_trial, 3, reports[0]["valid_score"]), (of_trial, 6, reports[1]["valid_score"])]
