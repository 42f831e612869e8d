"""Training runs: what is logged and written, when they stop, and that a killed one ends like any other."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.quick_start import run_recbole
from recbole.utils import get_model, get_trainer, init_seed

from recbole_hail.errors import CheckpointError, TrainingDiverged
from recbole_hail.training.checkpoints import read_checkpoint


def run(small, **settings):
    return run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, **settings})


def test_writes_a_record_beside_the_checkpoint(cyclic, small):
    result = run(small, epochs=3)
    (checkpoint,), (record,) = cyclic.glob("saved/*.pth"), cyclic.glob("saved/*.json")
    written = json.loads(record.read_text())
    assert record.stem == checkpoint.stem
    assert written["results"]["test"]["mean"] == pytest.approx(result["test_result"])
    assert written["results"]["valid"]["mean"] == pytest.approx(result["best_valid_result"])
    assert written["settings"]["alpha"] == 0.5
    assert written["data"] == {
        "generators": 120,
        "elements": 110,
        "events": 3600,
        "training windows": 240,
        "training positions": 4800,
        "validation targets": 120,
    }
    assert written["best epoch"] in (0, 1, 2)
    assert written["versions"]["recbole"] == "1.2.1"
    assert written["training seconds"] > 0 and written["peak memory MiB"]["host"] > 0


def test_what_learns_the_answers_of_validation_is_not_chosen_by_them(cyclic, small):
    """Its best epoch was the one that knew most of them by heart, and nothing ended its training early."""
    result = run(small, epochs=3, train_on_valid=True, eval_step=1)
    (record,) = cyclic.glob("saved/*.json")
    written = json.loads(record.read_text())
    assert written["best epoch"] == 2 and "valid" not in written["results"]
    assert not any("valid" in point for point in written["curve"]) and not result["best_valid_result"]
    assert written["results"]["test"]["mean"] == pytest.approx(result["test_result"])


def test_logs_loss_parts_and_every_view(cyclic, small, caplog):
    with caplog.at_level("INFO"):
        run(small, epochs=1, beta=0.1)
    for part in ("peer 1/self-knowledge", "peer 2/positive", "peer 2/negative", "dropped"):
        assert re.search(rf"{part} \d", caplog.text)
    assert "| peer 2 |" in caplog.text
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = cyclic.glob("log_tensorboard/*")
    events = EventAccumulator(str(folder))
    events.Reload()
    assert {"Loss/peer 2/positive", "Loss/dropped", "Valid/peer 1/mrr", "Valid/mean/hit@1"} <= set(
        events.Tags()["scalars"]
    )


def test_max_steps_ends_training_in_the_middle_of_an_epoch_and_validates(cyclic, small):
    run(small, epochs=50, max_steps=7, eval_step=4)
    written = json.loads(next(cyclic.glob("saved/*.json")).read_text())
    assert written["steps"] == 7
    assert written["results"]["valid"]


def test_gradients_are_clipped(cyclic, small):
    """No test would have noticed a training without the authors' clipping."""

    def norm_of_step(**settings):
        """Of the change of all weights in one step of plain gradient descent with a learning rate of 1."""
        shared = {"learner": "sgd", "learning_rate": 1.0, "warmup_steps": 0, "weight_decay": 0.0}
        config = Config("HAIL", "cyclic", config_dict={**small, **shared, "max_steps": 1, **settings})
        init_seed(7, True)
        train, *_ = data_preparation(config, create_dataset(config))
        model = get_model("HAIL")(config, train._dataset)
        before = [weight.detach().clone() for weight in model.parameters()]
        get_trainer(None, "HAIL")(config, model).fit(train, saved=False, verbose=False)
        changes = [weight - old for weight, old in zip(model.parameters(), before, strict=True)]
        return float(torch.linalg.vector_norm(torch.cat([change.flatten() for change in changes])).detach())

    assert norm_of_step(clip_grad_norm=None) > 0.1
    assert norm_of_step(clip_grad_norm={"max_norm": 0.01}) == pytest.approx(0.01, rel=1e-3)


def test_stops_early_on_the_valid_metric(cyclic, small, monkeypatch):
    from recbole_hail.evaluation.metrics import RankEvaluator

    scores = iter(range(1000, 0, -1))
    monkeypatch.setattr(RankEvaluator, "evaluate", lambda self, collected, view=0: {"hit@1": 0.0, "mrr": next(scores)})
    run(small, epochs=40, stopping_step=2)
    written = json.loads(next(cyclic.glob("saved/*.json")).read_text())
    assert written["best epoch"] == 0
    assert written["steps"] == 4 * 3  # the best epoch and three worse ones, one more than stopping_step


def test_a_resumed_run_has_the_patience_that_was_left(cyclic, small, monkeypatch):
    from recbole_hail.evaluation.metrics import RankEvaluator
    from recbole_hail.models.hail import HAIL

    scores, loss_parts, steps = iter(range(1000, 0, -1)), HAIL.loss_parts, []

    def killed_in_the_fourth_epoch(self, interaction):
        steps.append(1)
        if len(steps) == 3 * 3 + 1:
            raise KeyboardInterrupt
        return loss_parts(self, interaction)

    monkeypatch.setattr(RankEvaluator, "evaluate", lambda self, collected, view=0: {"hit@1": 0.0, "mrr": next(scores)})
    monkeypatch.setattr(HAIL, "loss_parts", killed_in_the_fourth_epoch)
    with pytest.raises(KeyboardInterrupt):
        run(small, epochs=40, stopping_step=3)
    (latest,) = cyclic.glob("saved/*.latest.pth")
    run(small, epochs=40, stopping_step=3, resume=str(latest))
    written = json.loads(next(cyclic.glob("saved/*.json")).read_text())
    assert written["steps"] == 5 * 3  # the best epoch, two worse ones before it was killed and two after


def test_the_same_seed_gives_the_same_run_and_another_does_not(cyclic, small):
    results = [run(small, epochs=2, seed=seed)["test_result"] for seed in (1, 1, 2)]
    assert results[0] == results[1] != results[2]


def test_a_diverging_run_names_step_and_peer_and_keeps_the_last_good_checkpoint(cyclic, small, monkeypatch):
    from recbole_hail.models.hail import HAIL

    loss_parts = HAIL.loss_parts
    calls = []

    def breaking(self, interaction):
        calls.append(1)
        parts = loss_parts(self, interaction)
        return parts if len(calls) < 6 else parts._replace(positive=parts.positive * torch.tensor([1.0, float("nan")]))

    monkeypatch.setattr(HAIL, "loss_parts", breaking)
    with pytest.raises(TrainingDiverged, match=r"step 6: peer 2 .*positive nan.*checkpoint is kept: saved/HAIL"):
        run(small, epochs=5)
    kept = read_checkpoint(next(cyclic.glob("saved/*.latest.pth")))
    assert all(value.isfinite().all() for value in kept["state_dict"].values())


_RUN = """
import sys; sys.argv = ["x"]
import torch; torch.set_num_threads(1)
import json, recbole_hail
from recbole.quick_start import run_recbole
settings = json.load(open("settings.json"))
result = run_recbole(model="HAIL", dataset="cyclic", config_dict=settings)
json.dump([result["best_valid_result"], result["test_result"]], open(settings["checkpoint_dir"] + ".out", "w"))
"""


def _start(folder: Path, settings: dict) -> subprocess.Popen:
    (folder / "settings.json").write_text(json.dumps(settings))
    return subprocess.Popen([sys.executable, "-c", _RUN], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_a_run_killed_by_sigkill_and_resumed_ends_with_the_same_numbers(cyclic, small):
    settings = {**small, "epochs": 30, "eval_step": 2, "hidden_dropout_prob": 0.2, "schedule": "linear"}
    whole = _start(cyclic, {**settings, "checkpoint_dir": "whole"})
    assert whole.wait(300) == 0, whole.stderr.read()
    killed = _start(cyclic, {**settings, "checkpoint_dir": "killed"})
    deadline = time.monotonic() + 120
    while not (latest := list(cyclic.glob("killed/HAIL*.latest.pth"))):
        assert time.monotonic() < deadline and killed.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    resumed = _start(cyclic, {**settings, "checkpoint_dir": "killed", "resume": str(latest[0])})
    assert resumed.wait(300) == 0, resumed.stderr.read()
    assert json.loads((cyclic / "killed.out").read_text()) == json.loads((cyclic / "whole.out").read_text())
    weights = [
        read_checkpoint(next(p for p in cyclic.glob(f"{name}/*.pth") if "latest" not in p.name))["state_dict"]
        for name in ("whole", "killed")
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    curves = [json.loads(next(cyclic.glob(f"{name}/*.json")).read_text())["curve"] for name in ("whole", "killed")]
    for point in (*curves[0], *curves[1]):
        del point["seconds"]
    assert curves[0] == curves[1] and len(curves[0]) == 30
    assert not list(cyclic.glob("killed/HAIL*.latest.pth")), "the latest checkpoint goes when the run has ended"


def test_resuming_from_the_best_checkpoint_gives_the_same_numbers_too(cyclic, small):
    settings = {**small, "epochs": 6, "eval_step": 1}
    whole = run(small, **{**settings, "learning_rate": 1e-3})
    (best,) = cyclic.glob("saved/*.pth")
    again = run(small, **{**settings, "learning_rate": 1e-3, "resume": str(best)})
    assert again["test_result"] == whole["test_result"]
    assert again["best_valid_result"] == whole["best_valid_result"]


def test_resuming_without_the_best_checkpoint_beside_it_is_refused_before_training(cyclic, small):
    """It trained to the end, failed at the test for want of the best, and had removed the latest checkpoint by then."""
    run(small, epochs=2)
    (best,) = cyclic.glob("saved/*.pth")
    elsewhere = best.rename(cyclic / "moved.pth")
    before = elsewhere.read_bytes()
    with pytest.raises(CheckpointError, match=rf"not beside it under its name; put it there: .*{best.name}"):
        run(small, epochs=2, resume=str(elsewhere))
    assert elsewhere.read_bytes() == before


def test_a_resumed_run_says_that_it_goes_on_where_its_checkpoint_is(cyclic, small, caplog):
    run(small, epochs=1)
    (best,) = cyclic.glob("saved/*.pth")
    with caplog.at_level("INFO"):
        run(small, epochs=1, resume=str(best))
        assert "is passed over" not in caplog.text
        run(small, epochs=1, resume=str(best), checkpoint_dir="elsewhere")
    assert f"checkpoint_dir: elsewhere is passed over; the run goes on in {best.parent}" in caplog.text


def test_resuming_with_other_settings_names_them(cyclic, small):
    run(small, epochs=1)
    (checkpoint,) = cyclic.glob("saved/*.pth")
    before = checkpoint.read_bytes()
    with pytest.raises(CheckpointError, match=r"alpha: 0\.25 now, 0\.5 in the checkpoint"):
        run(small, epochs=1, alpha=0.25, resume=str(checkpoint))
    assert checkpoint.read_bytes() == before


def test_runs_that_start_in_the_same_second_do_not_share_a_file(cyclic, small, monkeypatch):
    monkeypatch.setattr("recbole.trainer.trainer.get_local_time", lambda: "now")
    run(small, epochs=1)
    run(small, epochs=1)
    assert sorted(path.name for path in cyclic.glob("saved/*.pth")) == [
        f"HAIL-now-{os.getpid()}-2.pth",
        f"HAIL-now-{os.getpid()}.pth",
    ]


def test_unsaved_runs_leave_nothing_in_saved(cyclic, small):
    run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, "epochs": 2}, saved=False)
    assert [path.name for path in cyclic.glob("saved/*")] == ["candidates"]


def test_spoilt_weights_are_not_saved_as_the_latest_state(cyclic, small, monkeypatch):
    """A step may blow up the weights with a finite loss; the next epoch's start would have saved them as good."""
    from recbole_hail.training.trainer import HAILTrainer

    step = HAILTrainer._step

    def spoiling(self, batch):
        step(self, batch)
        if self.steps == 5:  # the sixth, the last of the second epoch: a step counts once it is done
            next(self.model.parameters()).data[1, 0] = float("inf")

    monkeypatch.setattr(HAILTrainer, "_step", spoiling)
    with pytest.raises(TrainingDiverged, match="weights are not finite after step 6"):
        run(small, epochs=5)
    for file in cyclic.glob("saved/*.pth"):
        assert all(value.isfinite().all() for value in read_checkpoint(file)["state_dict"].values())


def test_the_checkpoint_of_a_resumed_run_opens_without_the_one_it_came_from(cyclic, small):
    settings = {"epochs": 4, "learning_rate": 1e-3}
    run(small, **settings)
    (best,) = cyclic.glob("saved/*.pth")
    run(small, **settings, resume=str(best))
    assert read_checkpoint(best)["config"]["resume"] is None


def test_labeled_evaluation_is_recorded_as_the_test(workplace, small):
    rows = ["user_id:token\titem_id:token\ttimestamp:float\tlabel:float"]
    rows += [f"g{g}\te{(g + i) % 9}\t{i}\t{(g + i) % 2}" for g in range(20) for i in range(8)]
    folder = workplace / "dataset" / "labeled"
    folder.mkdir(parents=True)
    (folder / "labeled.inter").write_text("\n".join(rows) + "\n")
    split = {"split": {"RS": [0.6, 0.2, 0.2]}, "order": "TO", "group_by": "user", "mode": "labeled"}
    settings = {**small, "epochs": 1, "eval_args": split, "metrics": ["AUC"], "valid_metric": "AUC", "topk": [1]}
    columns = {"load_col": {"inter": ["user_id", "item_id", "timestamp", "label"]}}
    run_recbole(model="HAIL", dataset="labeled", config_dict={**settings, **columns})
    written = json.loads(next(workplace.glob("saved/*.json")).read_text())
    assert written["results"].keys() == {"valid", "test"}


@pytest.mark.parametrize("setting", [{"predict_with": 1}, {"stopping_step": 0}, {"layer_norm_eps": 0.1}])
def test_resuming_refuses_any_setting_that_could_change_the_outcome(cyclic, small, setting):
    run(small, epochs=1)
    with pytest.raises(CheckpointError, match=next(iter(setting))):
        run(small, epochs=1, resume=str(next(cyclic.glob("saved/*.pth"))), **setting)


def test_a_run_that_never_validates_ends_with_a_test(cyclic, small):
    """What validation would have left behind is not there when the model is saved."""
    run(small, epochs=2, eval_step=0)
    written = json.loads(next(cyclic.glob("saved/*.json")).read_text())
    assert written["results"].keys() == {"test"} and written["steps"] == 6


def test_the_scale_of_losses_is_one_for_all_epochs_and_goes_on_with_a_resumed_run(build, tmp_path, monkeypatch):
    """Each epoch began at 65,536 again, whose first steps half precision may skip. RecBole scales on GPUs alone."""
    scaler = torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", lambda device, enabled: scaler(device, init_scale=8.0))
    first = build("HAIL", epochs=2, max_steps=4, checkpoint_dir=str(tmp_path))
    first.trainer.scaler.load_state_dict({**first.trainer.scaler.state_dict(), "scale": 1024.0})
    first.trainer.fit(first.train, first.valid, verbose=False)
    assert first.trainer.scaler.get_scale() == 1024.0
    (kept,) = tmp_path.glob("*.pth")
    again = build("HAIL", epochs=2, max_steps=4, checkpoint_dir=str(tmp_path), resume=str(kept))
    assert again.trainer.scaler.get_scale() == 1024.0
