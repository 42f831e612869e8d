"""The newest checkpoint of a dataset, by the records that runs leave."""

import json
import os
from types import SimpleNamespace

import pytest

from recbole_hail.cli.checkpoints import chosen
from recbole_hail.errors import SettingsError


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Makes a run of `model` on `dataset` that ended `when`, in seconds."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved").mkdir()

    def save(name, model, dataset, when, kind="SEQUENTIAL"):
        checkpoint, record = (tmp_path / "saved" / (name + suffix) for suffix in (".pth", ".json"))
        checkpoint.touch()
        os.utime(checkpoint, (when, when))
        settings = {"settings": {"MODEL_TYPE": kind}}
        record.write_text(json.dumps({"model": model, "dataset": dataset, "checkpoint": checkpoint.name, **settings}))

    return save


def _asked(checkpoint=None, dataset=None, model=None):
    return SimpleNamespace(checkpoint=checkpoint, dataset=dataset, model=model)


def test_the_newest_of_the_dataset_is_taken_and_said(saved, capsys):
    saved("a", "HAIL", "city", 1000)
    saved("b", "GeneratorKNN", "city", 2000)
    saved("c", "GeneratorKNN", "other", 3000)
    assert chosen(_asked(dataset="city")) == "saved/b.pth"
    assert "saved/b.pth: GeneratorKNN for city, made 1970-01-01" in capsys.readouterr().err
    assert chosen(_asked(dataset="city", model="HAIL")) == "saved/a.pth"
    assert chosen(_asked(dataset="city", model="mine.models:HAIL")) == "saved/a.pth"


def test_a_model_that_no_forecast_can_be_made_with_is_taken_only_where_there_is_no_other(saved):
    """After a comparison with Pop, `forecast --dataset` refused Pop, though others were there."""
    saved("a", "GeneratorKNN", "city", 1000)
    saved("b", "Pop", "city", 2000, kind="GENERAL")
    assert chosen(_asked(dataset="city"), rather="SEQUENTIAL") == "saved/a.pth"
    assert chosen(_asked(dataset="city")) == "saved/b.pth"
    assert chosen(_asked(dataset="city", model="Pop"), rather="SEQUENTIAL") == "saved/b.pth"


def test_what_is_no_run_or_has_lost_its_checkpoint_is_passed_over(saved, tmp_path):
    saved("a", "HAIL", "city", 1000)
    saved("b", "HAIL", "city", 2000)
    (tmp_path / "saved" / "b.pth").unlink()
    (tmp_path / "saved" / "a.calibration.json").write_text("{}")
    (tmp_path / "saved" / "broken.json").write_text("{")
    assert chosen(_asked(dataset="city")) == "saved/a.pth"


def test_a_checkpoint_that_is_named_is_taken_as_it_is(saved, capsys):
    assert chosen(_asked(checkpoint="anywhere.pth")) == "anywhere.pth"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            {"dataset": "new"},
            r"no checkpoint that was trained on new; it has GeneratorKNN on city, HAIL on other\. Train",
        ),
        ({"dataset": "new"}, r"run_recbole --model=GeneratorKNN --dataset=new"),
        ({"dataset": "dataset/city"}, r"trained on dataset/city; it has .*\. Give its name alone: --dataset=city$"),
        ({"dataset": "citty"}, r"Did you mean --dataset=city\? If not, train one \(run_recbole .*--dataset=citty\)"),
        ({"dataset": "city", "model": "mine:My"}, r"checkpoint of My .*run_recbole --model=mine:My --dataset=city"),
        ({"dataset": "city", "model": "HAIL"}, r"no checkpoint of HAIL .*run_recbole --model=HAIL --dataset=city"),
    ],
)
def test_none_of_the_dataset_is_an_error_with_what_there_is(saved, asked, expected):
    saved("a", "GeneratorKNN", "city", 1000)
    saved("b", "HAIL", "other", 2000)
    with pytest.raises(SettingsError, match=expected):
        chosen(_asked(**asked))


def test_no_folder_of_checkpoints_is_the_same_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"saved/ has no checkpoint that was trained on city\. Train one"):
        chosen(_asked(dataset="city"))
