"""The command that a page prints: it asks what the page asked."""

import json
import shlex
import sys
from pathlib import Path

import pytest
from recbole.quick_start import run_recbole

from recbole_hail.page.command import written
from recbole_hail.page.gather import gather
from recbole_hail.training.loading import open_run

BY_SHARE = {"split": {"RS": [0.7, 0.1, 0.2]}, "order": "TO", "group_by": "user", "mode": "full"}
SEVEN = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni7"}


def report_of(checkpoint: Path, **how):
    with open_run(checkpoint, **how) as it:
        return gather(it, say=lambda text: None)


@pytest.mark.parametrize(
    ("model", "settings", "expected"),
    [
        ("Pop", {"candidates": "full"}, "--candidates=full"),
        ("SASRec", {"eval_args": BY_SHARE, "candidates": None}, "'RS': [0.7, 0.1, 0.2]"),
        ("Pop", {"eval_args": SEVEN, "candidates": "strict", "topk": [5]}, "'mode': 'uni7'"),
    ],
)
def test_what_is_printed_can_be_typed_and_asks_the_same(
    build, tmp_path, run_here, monkeypatch, model, settings, expected
):
    built = build("Pop")
    quick = {"epochs": 1, "train_batch_size": 64, "checkpoint_dir": str(tmp_path)}
    run_recbole(model=model, dataset="world", config_dict={**built.ranked, **quick, **settings})
    report = report_of(next(tmp_path.glob("*.pth")))
    assert report.command and expected in report.command, report.command
    command, *arguments = shlex.split(report.command)
    done = run_here(command, *arguments, f"--checkpoint_dir={tmp_path / 'rule'}", "--use_gpu=False")
    assert done.returncode == 0, done.stderr[-3000:]
    record = json.loads(next((tmp_path / "rule").glob("*.json")).read_text())
    assert record["model"] in ("GeneratorFrequency", "GeneratorKNN") and record["settings"]["topk"]
    assert record["candidates"]["test"] == report.own.described, "the same questions and lists"
    marks = report.own.marks["all"][report.to_take]
    assert record["results"]["test"]["model"]["mrr"] == pytest.approx(marks[report.lead].mean)


def test_other_columns_and_folders_are_named(build, tmp_path, run_command, monkeypatch):
    """Files whose columns RecBole would not find by itself, in a folder that is not `dataset`; in another process."""
    folder = tmp_path / "my data"
    lines = Path("dataset/world/world.inter").read_text().splitlines()
    (folder / "places").mkdir(parents=True)
    header = "place:token\tkind:token\twhen:float"
    (folder / "places" / "places.inter").write_text("\n".join([header, *lines[1:]]) + "\n")
    fields = {"USER_ID_FIELD": "place", "ITEM_ID_FIELD": "kind", "TIME_FIELD": "when", "data_path": str(folder)}
    ranked = {name: value for name, value in build("Pop").ranked.items() if name != "load_col"}
    saved = {**ranked, **fields, "candidates": "strict", "checkpoint_dir": str(tmp_path / "saved")}
    run_recbole(model="Pop", dataset="places", config_dict=saved)
    report = report_of(next((tmp_path / "saved").glob("*.pth")))
    command, *arguments = shlex.split(report.command)
    assert "--USER_ID_FIELD=place" in arguments and f"--data_path={folder}" in [a.replace("'", "") for a in arguments]
    done = run_command(command, *arguments, f"--checkpoint_dir={tmp_path / 'rule'}", "--use_gpu=False")
    assert done.returncode == 0, done.stderr[-3000:]
    record = json.loads(next((tmp_path / "rule").glob("*.json")).read_text())
    assert record["candidates"]["test"] == report.own.described


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("full", "--s=full"),
        (2, "--s=2"),
        (None, "--s=None"),
        ("2024", "--s=\"'2024'\""),
        ([1, 5], '--s="[1, 5]"'),
        ({"a": "b"}, "--s=\"{'a': 'b'}\""),
    ],
)
def test_a_setting_is_written_as_shells_and_recbole_read_it(value, expected, monkeypatch):
    assert written("s", value) == expected
    (argument,) = shlex.split(expected)
    monkeypatch.setattr(sys, "argv", ["x", argument])
    from recbole.config import Config

    assert Config._load_cmd_line(Config.__new__(Config))["s"] == value


def test_nothing_of_a_value_is_read_by_the_shell():
    for value in ('a"b', "$HOME", "`ls`", ["$(ls)"], "a\\b"):
        assert len(shlex.split(written("s", value))) == 1
        assert "$" not in written("s", value) or written("s", value).startswith("'")
