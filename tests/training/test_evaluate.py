"""The evaluation of whole runs: records, early stopping, tuning, and what RecBole keeps for itself."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from recbole import quick_start
from recbole.quick_start import load_data_and_model, run_recbole
from recbole.utils import get_trainer

from recbole_hail.cli import run_hyper
from recbole_hail.evaluation.metrics import Ranks, by_question
from recbole_hail.evaluation.phase import phase_of
from recbole_hail.evaluation.ranking import rank_targets
from recbole_hail.evaluation.significance import mean_interval

# Fewer epochs and smaller batches than the defaults of either kind of model.
SHORT = {"epochs": 2, "eval_step": 1, "train_batch_size": 64, "train_batch_tokens": 200, "peers": 2}


SEQUENTIAL = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user"}


class Run:
    """One run of RecBole's `run_recbole` in a folder of its own."""

    def __init__(self, build, folder: Path, model: str, **settings):
        built = build("Pop")
        given = {**built.ranked, **SHORT, "checkpoint_dir": str(folder), **settings}
        self.folder, self.model = folder, model
        self.result = run_recbole(model=model, dataset="world", config_dict=given)

    @property
    def record(self) -> dict:
        (file,) = self.folder.glob("*.json")
        return json.loads(file.read_text())

    @property
    def checkpoint(self) -> str:
        (file,) = self.folder.glob(f"{self.model}-*[0-9].pth")
        return str(file)


@pytest.fixture
def run(build, tmp_path):
    return lambda model, **settings: Run(build, tmp_path / "saved", model, **settings)


@pytest.fixture(scope="module", params=["HAIL", "SASRec"])
def done(request, build, tmp_path_factory):
    """A finished run of each kind, which the tests below share."""
    return Run(build, tmp_path_factory.mktemp(request.param), request.param, candidates="strict", save_dataloaders=True)


def views_of(done) -> list[str]:
    return ["peer 1", "peer 2", "mean"] if done.model == "HAIL" else ["model"]


def test_the_record_says_what_was_measured_against_what(done, build):
    record = done.record
    results = record["results"]["test"]
    assert list(results) == views_of(done)
    assert results[views_of(done)[-1]] == done.result["test_result"]
    phases = {
        name: phase_of(build("Pop", candidates="strict").config, loader._dataset)
        for name, loader in zip(("valid", "test"), load_data_and_model(done.checkpoint)[4:], strict=True)
    }
    for name, phase in phases.items():
        assert record["candidates"][name] == {
            "protocol": "strict",
            "drawn": 99,
            "seed": 2020,
            "hash": phase.hash,
            "targets": 41,
            "repeat targets": int(phase.repeat.sum()),
        }
    assert record["parameters"] > 1000 and record["training seconds"] > 0
    assert record["checkpoint"] == Path(done.checkpoint).name
    assert record["settings"]["ties"] == "half"


def test_validation_results_are_recorded_too(done):
    assert list(done.record["results"]["valid"]) == views_of(done)
    assert done.record["results"]["valid"][views_of(done)[-1]] == done.result["best_valid_result"]


def test_intervals_hold_the_means(done):
    record = done.record
    assert list(record["intervals"]) == views_of(done)
    for view, intervals in record["intervals"].items():
        assert {"mrr", "hit@1", "hit@5", "hit@10", "ndcg@10"} <= intervals.keys()
        for name, (low, high) in intervals.items():
            assert low <= record["results"]["test"][view][name] <= high
        assert intervals["mrr"][0] < intervals["mrr"][1]


def test_intervals_are_those_of_generators_drawn_with_all_their_questions(run):
    """Of a split with several questions of each: those of one generator are alike."""
    split = {"split": {"RS": [0.5, 0.2, 0.3]}, "group_by": "user", "order": "TO", "mode": "full"}
    record = (finished := run("GeneratorFrequency", eval_args=split, candidates="full")).record
    (file,) = finished.folder.glob("*.ranks.npz")
    with np.load(file) as kept:
        ranks, generators = kept["ranks"][:, 0], kept["generators"]
    assert len(generators) > 2 * len(set(generators))
    values = 1 / (1 + ranks[:, 0] + ranks[:, 1] / 2)
    low, high = mean_interval(values[:, None], groups=generators)[0]
    found = record["intervals"]["model"]["mrr"]
    assert found == pytest.approx([low, high], abs=0.01)
    assert found[1] - found[0] > 1.1 * np.diff(mean_interval(values[:, None])[0])


def test_rows_at_a_time_are_those_of_eval_batch_size(run, monkeypatch):
    asked = []

    def ranked(*given, most_rows, **named):
        asked.append(most_rows)
        return rank_targets(*given, most_rows=most_rows, **named)

    monkeypatch.setattr("recbole_hail.training.evaluate.rank_targets", ranked)
    run("GeneratorFrequency", candidates="strict", eval_batch_size=321)
    assert set(asked) == {321}


def test_results_follow_from_the_ranks_kept_beside_the_checkpoint(done):
    (file,) = done.folder.glob("*.ranks.npz")
    with np.load(file) as kept:
        ranks, views, generators, repeat = (kept[name] for name in ("ranks", "views", "generators", "repeat"))
    assert ranks.shape == (41, len(views_of(done)), 3) and views.tolist() == views_of(done)
    assert sorted(generators) == sorted({*(f"g{g}" for g in range(40)), "all"})
    assert (ranks[:, :, 2] == 99).all() and (ranks[:, :, :2].sum(axis=2) <= 99).all()
    config = {"metrics": ["Hit", "MRR"], "topk": [1, 10], "metric_decimal_place": 4}
    for index, view in enumerate(views_of(done)):
        values = by_question(Ranks(*ranks[:, index].T), config)
        result = done.record["results"]["test"][view]
        assert values["mrr"].mean() == pytest.approx(result["mrr"])
        assert values["hit@10"][repeat].mean() == pytest.approx(result["repeat_hit@10"])
        assert repeat.sum() == result["repeat_targets"] and (~repeat).sum() == result["new_targets"]


def test_nothing_that_early_stopping_sees_is_rounded(done):
    """RecBole rounds to four decimals, where small differences between epochs are lost."""
    best = done.result["best_valid_score"]
    assert best == done.result["best_valid_result"]["mrr"] != round(best, 4)


def test_a_loaded_model_with_saved_loaders_gives_the_same_numbers(done, tmp_path):
    config, model, _, train, valid, test = load_data_and_model(done.checkpoint)
    for loader in (train, valid, test):
        assert len(loader._dataset.history.elements) == len(test._dataset.history.elements)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    assert trainer.evaluate(test, load_best_model=False) == done.result["test_result"]
    assert trainer.evaluate(valid, load_best_model=False) == done.result["best_valid_result"]
    assert trainer.evaluate(test, model_file=done.checkpoint) == done.result["test_result"]
    trainer.config["ties"] = "pessimistic"
    assert trainer.evaluate(test, load_best_model=False) == pytest.approx(done.result["test_result"])  # none are tied


def test_both_phases_and_both_models_ranked_kept_lists(build, tmp_path):
    hashes = []
    for model in ("HAIL", "SASRec", "Pop", "GRU4Rec"):
        folder = tmp_path / model
        candidates = Run(build, folder, model, candidates="popular", candidates_dir=str(tmp_path / "lists")).record
        hashes.append([candidates["candidates"][phase]["hash"] for phase in ("valid", "test")])
        assert not (folder / "candidates").exists()
    assert hashes[0] == hashes[1] == hashes[2] == hashes[3]
    assert len(list((tmp_path / "lists").iterdir())) == 2


@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
@pytest.mark.parametrize("metric", ["repeat_MRR", "new_hit@5", "MRR", "NDCG@10"])
def test_early_stopping_goes_by_any_metric(run, model, metric):
    done = run(model, valid_metric=metric, epochs=1)
    assert done.result["best_valid_score"] == done.result["best_valid_result"][metric.lower()]


def test_run_hyper_searches_by_a_metric_of_repeats(run, build, monkeypatch, tmp_path):
    build("Pop")
    (tmp_path / "one.hyper").write_text("learning_rate choice [0.01]\n")
    (tmp_path / "short.yaml").write_text(
        "\n".join(f"{name}: {json.dumps(value)}" for name, value in {**build("Pop").ranked, **SHORT}.items())
    )
    given = [f"--config_files={tmp_path}/short.yaml", f"--checkpoint_dir={tmp_path}/saved", "--valid_metric=repeat_MRR"]
    files = [f"--params_file={tmp_path}/one.hyper", f"--output={tmp_path}/search"]
    monkeypatch.setattr(sys, "argv", ["run_hyper", "--model=SASRec", "--dataset=world", "--epochs=1", *given, *files])
    assert run_hyper.main() == 0
    written = (tmp_path / "search" / "hyper.result").read_text()
    assert "repeat_mrr" in written and "new_targets" in written


@pytest.mark.parametrize(
    "settings, keys",
    [
        ({"eval_args": {**SEQUENTIAL, "mode": "pop50"}}, {"hit@1", "mrr@10"}),
        ({"metrics": ["Hit", "MRR", "ItemCoverage"]}, {"hit@1", "mrr@10", "itemcoverage@5"}),
    ],
    ids=["popN", "coverage"],
)
@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
def test_recbole_evaluates_by_itself_what_has_no_protocol(run, model, settings, keys):
    done = run(model, topk=[1, 5, 10], epochs=1, **settings)
    assert keys <= done.result["test_result"].keys() and "mrr" not in done.result["test_result"]
    assert done.record["results"]["test"][views_of(done)[-1]] == done.result["test_result"]
    assert done.record["candidates"] is None and done.record["intervals"] is None
    assert done.record["settings"]["valid_metric"] == "MRR@10", "MRR of all candidates is unknown to RecBole"
    assert done.result["best_valid_score"] == done.result["best_valid_result"]["mrr@10"]


def test_a_validation_without_a_history_is_not_taken_for_the_test(build, write_dataset, caplog):
    """Parts of a split that is not ordered in time had no name, and so were all logged and recorded as tests."""
    arguments = {"split": {"RS": [0.6, 0.2, 0.2]}, "order": "RO", "group_by": "user", "mode": "full"}
    world = {f"g{g}": [f"e{(g * 7 + i) % 60}" for i in range(20)] for g in range(20)}
    write_dataset(build("Pop").folder / "dataset", "unordered", world)
    built = build("ItemKNN", "unordered", eval_args=arguments, valid_metric="MRR@10", topk=[1, 10], epochs=1)
    with caplog.at_level("INFO"):
        built.trainer.fit(built.train, built.valid, saved=False)
    assert "test result by view" not in caplog.text and not hasattr(built.trainer, "results")
    built.trainer.evaluate(built.test, load_best_model=False)
    assert list(built.trainer.evaluations.results["test"]) == ["model"]


def test_wandb_is_told_the_results(build, monkeypatch):
    """RecBole's evaluate logs them; ours left that out."""
    built, told = build("SASRec"), []
    monkeypatch.setattr(built.trainer.wandblogger, "log_eval_metrics", lambda result, head: told.append((head, result)))
    result = built.trainer.evaluate(built.test, load_best_model=False)
    assert told == [("eval", result)]


def test_two_ranks_give_the_numbers_of_one(build, run, monkeypatch, unused_port, tmp_path):
    """Weights as they start, so that they are equal; 41 questions are 21 for one rank and 20 for the other."""
    alone = run("HAIL", epochs=0, candidates="strict")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    two = {"epochs": 0, "candidates": "strict", "checkpoint_dir": str(tmp_path / "two")}
    settings = {**build("Pop").ranked, **SHORT, **two}
    quick_start.run("HAIL", "world", config_dict=settings, nproc=2, port=unused_port)
    (record,) = (tmp_path / "two").glob("*.json")
    record = json.loads(record.read_text())
    for entry in ("intervals", "candidates"):
        assert record[entry] == alone.record[entry]
    assert record["results"]["test"] == alone.record["results"]["test"]
