"""The last lines of a training."""

import json
import os
import re

import pytest

from recbole_hail.cli import run_summary

FULL = "--eval_args={'mode':'full'}"
SHORT = ["--config_files=small.yaml", "--epochs=1", "--dataset=cyclic"]


def last_lines(done) -> list[str]:
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_a_training_ended_in_a_log_with_no_way_on(cyclic, run_here):
    result, checkpoint, onwards = last_lines(run_here("run_recbole", "--model=GeneratorKNN", *SHORT, FULL))
    percent = r"\d+\.\d %"
    assert re.fullmatch(
        f"result: the right element came first for {percent} of 120 test targets, among the first 10 for {percent}; "
        "ranked against all other elements",
        result,
    )
    (file,) = cyclic.glob("saved/*.pth")
    assert checkpoint == f"checkpoint: saved/{file.name}"
    assert onwards == (
        "next: recbole-hail forecast --dataset cyclic --all --output cyclic-GeneratorKNN-forecasts.csv; "
        "recbole-hail report --dataset cyclic"
    )


def test_no_more_elements_are_proposed_than_there_are(workplace, write_dataset, run_here):
    """A rule of two elements was followed by `--topk 3`, which `forecast` refuses."""
    write_dataset(workplace / "dataset", "two", {f"g{g}": [f"e{(g + i) % 2}" for i in range(6)] for g in range(5)})
    given = ["--model=GeneratorKNN", "--dataset=two", FULL, "--show_progress=False"]
    *_, onwards = last_lines(run_here("run_recbole", *given))
    assert onwards.startswith("next: recbole-hail forecast --dataset two --all --topk 1; "), "topk is cut to [1]"


def test_another_folder_of_checkpoints_is_named(cyclic, run_here):
    given = ["--model=GeneratorKNN", *SHORT, "--checkpoint_dir=my models"]
    _, checkpoint, onwards = last_lines(run_here("run_recbole", *given))
    file = checkpoint.removeprefix("checkpoint: ")
    assert file.startswith("my models/")
    forecast = f"recbole-hail forecast --checkpoint '{file}' --all --output cyclic-GeneratorKNN-forecasts.csv"
    assert onwards == f"next: {forecast}; recbole-hail report --checkpoint '{file}'"


def test_other_metrics_are_told_by_their_names(cyclic, run_here):
    metrics = ["--metrics=['MRR','NDCG']", "--topk=[5,10]", FULL]
    result, *_ = last_lines(run_here("run_recbole", "--model=GeneratorKNN", *SHORT, *metrics))
    number = r"\d\.\d{3}"
    assert re.fullmatch(
        rf"result: NDCG@5 {number}, NDCG@10 {number}, MRR {number} of 120 test targets; "
        "ranked against all other elements",
        result,
    )


def test_what_recbole_evaluates_itself_has_no_page(cyclic, run_here):
    itself = ["--eval_args={'mode':'pop100'}", "--valid_metric=MRR@10", "--metrics=['Hit','MRR']", "--topk=[1,10]"]
    result, _, onwards = last_lines(run_here("run_recbole", "--model=SASRec", *SHORT, *itself))
    assert re.search(r"first for .* of the test targets, .*; among pop100, by RecBole's own evaluation$", result)
    assert onwards == "next: recbole-hail forecast --dataset cyclic --all --output cyclic-SASRec-forecasts.csv"


def test_nothing_is_said_where_there_is_no_forecast(cyclic, run_here):
    assert last_lines(run_here("run_recbole", "--model=Pop", *SHORT)) == []


@pytest.mark.parametrize("model", ["HAIL", "SASRec", "GeneratorKNN"])
def test_a_run_without_a_test_names_its_checkpoint_and_what_validation_gave(cyclic, run_here, model):
    """It ended without a word, and RecBole's models left no record."""
    given = [f"--model={model}", "--eval_args={'split':{'LS':'valid_only'}}", "--candidates=strict", *SHORT]
    result, checkpoint, onwards = last_lines(run_here("run_recbole", *given))
    assert re.match(r"result: the right element came .* for \d+\.\d % of 120 validation targets", result)
    assert result.endswith("; ranked against 99 distinct elements other than the target")
    (file,) = cyclic.glob(f"saved/{model}-*.pth")
    assert checkpoint == f"checkpoint: saved/{file.name}" and file.with_suffix(".json").is_file()
    assert onwards == f"next: recbole-hail forecast --dataset cyclic --all --output cyclic-{model}-forecasts.csv"


def test_a_class_of_ones_own_is_named_in_the_commands(cyclic, run_here, monkeypatch):
    (cyclic / "of_mine.py").write_text(
        "from recbole.model.sequential_recommender import SASRec\n\n\nclass MySASRec(SASRec):\n    pass\n"
    )
    monkeypatch.syspath_prepend(cyclic)
    *_, onwards = last_lines(run_here("run_recbole", "--model=of_mine:MySASRec", *SHORT))
    assert "forecast --dataset cyclic --model of_mine:MySASRec --all" in onwards
    assert onwards.endswith("report --dataset cyclic --model of_mine:MySASRec")


def test_records_of_other_runs_are_passed_over(cyclic, run_here):
    """Another run may end in the same folder while this one does."""
    (cyclic / "saved").mkdir()
    other = {"results": {"test": {"model": {"hit@1": 0.5}}}, "checkpoint": "other.pth", "model": "HAIL"}
    (cyclic / "saved" / "other.json").write_text(json.dumps(other))
    (cyclic / "saved" / "list.json").write_text("[]")
    (cyclic / "saved" / "broken.json").write_text("{")
    for file in cyclic.glob("saved/*.json"):
        os.utime(file, (4e9, 4e9))
    _, checkpoint, _ = last_lines(run_here("run_recbole", "--model=GeneratorKNN", *SHORT))
    assert checkpoint.startswith("checkpoint: saved/GeneratorKNN-")


BY_RECBOLE = {"eval_args": {"mode": {"test": "full"}}, "topk": [1, 5], "metric_decimal_place": 4}
HOW = "; among all other elements, by RecBole's own evaluation"


@pytest.mark.parametrize(
    ("measured", "settings", "expected"),
    [
        # 1 of 54 was 1.8 %, and 1.9 % under protocols of ours
        (
            {"hit@1": 0.0185, "hit@5": 0.5},
            {"metrics": ["Hit"]},
            "the right element came first for 1.85 % of the test targets, among the first 5 for 50.00 %" + HOW,
        ),
        (
            {"hit@1": 0.02, "hit@5": 0.5},
            {"metrics": ["Hit"], "metric_decimal_place": 2},
            "the right element came first for 2 % of the test targets, among the first 5 for 50 %" + HOW,
        ),
        ({"gauc": 0.6144}, {"metrics": ["GAUC"]}, "GAUC 0.6144" + HOW),  # it was said to be of the test targets
        (
            {"averagepopularity@5": 23.1, "mrr@5": 0.1},
            {"metrics": ["AveragePopularity", "MRR"], "topk": [5], "metric_decimal_place": 1},
            "AVERAGEPOPULARITY@5 23.1, MRR@5 0.1" + HOW,
        ),
    ],
)
def test_no_more_is_said_of_recboles_own_values_than_is_known(measured, settings, expected):
    record = {"candidates": None, "settings": {**BY_RECBOLE, **settings}}
    assert run_summary._in_words("test", measured, record) == expected
