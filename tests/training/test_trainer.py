"""Training runs: what is logged and written, and when they stop."""

import json
import re

import pytest
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.quick_start import run_recbole
from recbole.utils import get_model, get_trainer, init_seed

from recbole_hail.errors import TrainingDiverged
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
        "training positions": 5040,
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
    files = [*cyclic.glob("saved/*.pth")]
    assert files
    for file in files:
        assert all(value.isfinite().all() for value in read_checkpoint(file)["state_dict"].values())


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


def test_a_run_that_never_validates_ends_with_a_test(cyclic, small):
    """What validation would have left behind is not there when the model is saved."""
    run(small, epochs=2, eval_step=0)
    written = json.loads(next(cyclic.glob("saved/*.json")).read_text())
    assert written["results"].keys() == {"test"} and written["steps"] == 6
