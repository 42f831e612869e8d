"""A killed run goes on as if it had not been killed, or says why it cannot."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from recbole.quick_start import run_recbole

from recbole_hail.errors import CheckpointError
from recbole_hail.training.checkpoints import read_checkpoint


def run(small, **settings):
    return run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, **settings})


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
    with pytest.raises(KeyboardInterrupt) as ended:
        run(small, epochs=40, stopping_step=3)
    (latest,) = cyclic.glob("saved/*.latest.pth")
    assert str(ended.value).endswith(f"{latest.name} goes on from there")
    run(small, epochs=40, stopping_step=3, resume=str(latest))
    written = json.loads(next(cyclic.glob("saved/*.json")).read_text())
    assert written["steps"] == 5 * 3  # the best epoch, two worse ones before it was killed and two after


_RUN = """
import sys; sys.argv = ["x"]
import torch; torch.set_num_threads(1)
import json, recbole_hail
from recbole.quick_start import run_recbole
run_recbole(model="HAIL", dataset="cyclic", config_dict=json.load(open("settings.json")))
"""


def _start(folder: Path, settings: dict) -> subprocess.Popen:
    (folder / "settings.json").write_text(json.dumps(settings))
    return subprocess.Popen([sys.executable, "-c", _RUN], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_a_run_killed_by_sigkill_and_resumed_ends_with_the_same_numbers(cyclic, small):
    settings = {**small, "epochs": 20, "eval_step": 2, "hidden_dropout_prob": 0.2, "schedule": "linear"}
    whole = run(settings, checkpoint_dir="whole")
    killed = _start(cyclic, {**settings, "checkpoint_dir": "killed"})
    deadline = time.monotonic() + 120
    while not (latest := list(cyclic.glob("killed/HAIL*.latest.pth"))):
        assert time.monotonic() < deadline and killed.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    resumed = run(settings, checkpoint_dir="killed", resume=str(latest[0]))
    assert all(resumed[name] == whole[name] for name in ("best_valid_result", "test_result"))
    weights = [
        read_checkpoint(next(p for p in cyclic.glob(f"{name}/*.pth") if "latest" not in p.name))["state_dict"]
        for name in ("whole", "killed")
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    curves = [json.loads(next(cyclic.glob(f"{name}/*.json")).read_text())["curve"] for name in ("whole", "killed")]
    for point in (*curves[0], *curves[1]):
        del point["seconds"]
    assert curves[0] == curves[1] and len(curves[0]) == 20
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


def test_resuming_with_other_data_is_refused(cyclic, small):
    """It went on with what the file held now, while best score and curve were of other questions."""
    run(small, epochs=1)
    (checkpoint,) = cyclic.glob("saved/*.pth")
    before, file = checkpoint.read_bytes(), cyclic / "dataset/cyclic/cyclic.inter"
    rows = file.read_text().splitlines()
    one, other = (row.split("\t") for row in rows[-2:])
    one[1], other[1] = other[1], one[1]  # the same elements in the same numbers
    file.write_text("\n".join([*rows[:-2], "\t".join(one), "\t".join(other)]) + "\n")
    with pytest.raises(CheckpointError, match=r"made from other data than .*cyclic holds now; bring back those"):
        run(small, epochs=1, resume=str(checkpoint))
    assert checkpoint.read_bytes() == before


def test_the_checkpoint_of_a_resumed_run_opens_without_the_one_it_came_from(cyclic, small):
    settings = {"epochs": 4, "learning_rate": 1e-3}
    run(small, **settings)
    (best,) = cyclic.glob("saved/*.pth")
    run(small, **settings, resume=str(best))
    assert read_checkpoint(best)["config"]["resume"] is None


@pytest.mark.parametrize("setting", [{"predict_with": 1}, {"stopping_step": 0}, {"layer_norm_eps": 0.1}])
def test_resuming_refuses_any_setting_that_could_change_the_outcome(cyclic, small, setting):
    run(small, epochs=1)
    with pytest.raises(CheckpointError, match=next(iter(setting))):
        run(small, epochs=1, resume=str(next(cyclic.glob("saved/*.pth"))), **setting)


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
