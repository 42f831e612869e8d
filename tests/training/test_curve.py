"""The course of a training: points by hand, and what runs of both kinds of trainer keep of theirs."""

import json
from types import SimpleNamespace

import pytest
from recbole.quick_start import run_recbole

from recbole_hail.training.checkpoints import read_checkpoint
from recbole_hail.training.curve import Curve
from recbole_hail.training.evaluations import Evaluations


def budget(steps, seconds):
    return SimpleNamespace(steps=steps, seconds=seconds)


def test_a_validation_belongs_to_the_newest_epoch_and_leaves_subsets_out():
    curve = Curve()
    curve.validated({"mean": {"mrr": 0.9}})  # before any training
    curve.trained(0, budget(3, 1.23456), {"peer 1/positive": 1 / 3})
    curve.trained(1, budget(6, 2.0), {"peer 1/positive": 0.25})
    curve.validated({"mean": {"mrr": 0.12345678, "repeat_mrr": 0.3, "new_targets": 7}})
    assert curve.points == [
        {"epoch": 0, "step": 3, "seconds": 1.235, "losses": {"peer 1/positive": 0.333333}},
        {
            "epoch": 1,
            "step": 6,
            "seconds": 2.0,
            "losses": {"peer 1/positive": 0.25},
            "valid": {"mean": {"mrr": 0.123457}},
        },
    ]


def test_agreement_belongs_to_the_newest_epoch():
    curve = Curve([{"epoch": 0}, {"epoch": 1}, {"epoch": 2}])
    curve.validated({}, {"all right": 1 / 3, "none right": 2 / 3})
    agreed = {"valid": {}, "agreement": {"all right": 0.333333, "none right": 0.666667}}
    assert curve.points == [{"epoch": 0}, {"epoch": 1}, {"epoch": 2, **agreed}]


def test_the_loss_of_recboles_trainers_is_the_mean_over_the_steps_since_the_point_before():
    trainer = SimpleNamespace(
        train_loss_dict={0: 8.0, 1: 6.0, 2: 4.0, 3: 1.0},
        budget=budget(4, 1.0),
        evaluations=Evaluations(newest={"model": {"mrr": 0.5}}),
    )
    curve = Curve()
    curve.follow(trainer, 0)
    trainer.budget = budget(13, 3.0)  # epochs 1 and 2 of four steps each, the last of five
    curve.follow(trainer, 2)
    assert [(point["step"], point["losses"]) for point in curve.points] == [
        (4, {"loss": 2.0}),
        (13, {"loss": 1.111111}),
    ]
    assert curve.points[-1]["valid"] == {"model": {"mrr": 0.5}}


def test_a_curve_goes_on_from_its_points_and_leaves_those_it_was_given():
    given = [{"epoch": 0}]
    Curve(given).trained(1, budget(2, 1.0), {})
    assert given == [{"epoch": 0}]


def test_hail_keeps_the_parts_of_every_peer_and_every_view(cyclic, small):
    run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, "epochs": 3, "eval_step": 2})
    (file,) = cyclic.glob("saved/*.json")
    record = json.loads(file.read_text())
    points = record["curve"]
    assert [point["epoch"] for point in points] == [0, 1, 2] and [point["step"] for point in points] == [3, 6, 9]
    parts = ("self-knowledge", "positive", "negative")
    assert list(points[0]["losses"]) == [*(f"peer {peer}/{part}" for peer in (1, 2) for part in parts), "dropped"]
    assert ["valid" in point for point in points] == [False, True, True], "the last epoch is validated whatever else"
    assert list(points[1]["valid"]) == ["peer 1", "peer 2", "mean"]
    hits = [points[1]["valid"][f"peer {peer}"]["hit@1"] for peer in (1, 2)]
    shares = points[1]["agreement"]
    assert shares["all right"] + shares["some right"] / 2 == pytest.approx(sum(hits) / 2, abs=1e-4)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    best = next(point for point in points if point["epoch"] == record["best epoch"])
    assert best["valid"]["mean"]["mrr"] == pytest.approx(record["results"]["valid"]["mean"]["mrr"], abs=1e-6)
    (checkpoint,) = cyclic.glob("saved/*.pth")
    assert read_checkpoint(checkpoint)["run"]["curve"] == points[: record["best epoch"] + 1]


def test_recboles_own_models_have_a_curve_too(build, tmp_path):
    settings = {**build("Pop").ranked, "train_batch_size": 64, "epochs": 2, "checkpoint_dir": str(tmp_path)}
    run_recbole(model="SASRec", dataset="world", config_dict=settings)
    (file,) = tmp_path.glob("*.json")
    points = json.loads(file.read_text())["curve"]
    assert [point["epoch"] for point in points] == [0, 1] and points[1]["step"] == 2 * points[0]["step"]
    assert 0 < points[1]["losses"]["loss"] < points[0]["losses"]["loss"] < 10, "means of a cross-entropy, not sums"
    assert points[1]["valid"]["model"].keys() >= {"mrr", "hit@1"}
