"""Models of users: named MODULE:CLASS, with defaults beside their module, in every command and from a checkpoint."""

import csv
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from recbole.config import Config
from recbole.model.sequential_recommender import SASRec
from recbole.quick_start import run_recbole

from recbole_hail import users_models
from recbole_hail.cli import main, run_hyper
from recbole_hail.comparison import plan, worker
from recbole_hail.errors import CheckpointError, SettingsError
from recbole_hail.forecast import Forecaster
from recbole_hail.model_names import model_named
from recbole_hail.settings import known_settings
from recbole_hail.users_models import code_hash, full_name, settings_read

SOURCE = '''
import torch
from recbole.model.abstract_recommender import SequentialRecommender
from recbole.model.sequential_recommender import SASRec
from recbole_hail.models.hail import HAIL


class Last(SequentialRecommender):
    """What follows the last element, by a table of its own."""

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.width = config["width_of_mine"]
        self.before = torch.nn.Embedding(self.n_items, self.width)
        self.after = torch.nn.Embedding(self.n_items, self.width)

    def forward(self, sequence, length):
        return self.before(sequence.gather(1, length.unsqueeze(1) - 1).squeeze(1))

    def full_sort_predict(self, interaction):
        return self(interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN]) @ self.after.weight.T

    def predict(self, interaction):
        return self.full_sort_predict(interaction).gather(1, interaction[self.ITEM_ID].unsqueeze(1)).squeeze(1)

    def calculate_loss(self, interaction):
        return torch.nn.functional.cross_entropy(self.full_sort_predict(interaction), interaction[self.POS_ITEM_ID])


class Twice(Last):
    """With half of the defaults of its own."""


class MySAS(SASRec):
    """As it is."""


class MyHAIL(HAIL):
    """As it is."""
'''
FITTING = ["--dataset=cyclic", "--config_files=small.yaml", "--candidates=strict", "--epochs=1"]


@pytest.fixture
def mine(cyclic):
    """The module `mine` in the working directory, and, as for every command, none of it imported."""
    (cyclic / "mine.py").write_text(SOURCE)
    (cyclic / "Last.yaml").write_text("width_of_mine: 24\nloss_type: CE\ntrain_batch_size: 64\n")
    importlib.invalidate_caches()
    return cyclic


def small(**settings) -> dict:
    return {"width_of_mine": 4, "loss_type": "CE", "candidates": "strict", **settings}


def test_a_class_in_the_working_folder_is_found_with_its_defaults(mine):
    config = Config("mine:Last", "cyclic")
    assert config["model"] == "Last" and config["width_of_mine"] == 24 and config["train_batch_size"] == 64
    assert full_name(config.model_class) == "mine:Last" and full_name(SASRec) == "SASRec"
    assert Config("mine:Last", "cyclic", config_dict={"width_of_mine": 3})["width_of_mine"] == 3


def test_defaults_are_those_of_the_bases_and_its_own_over_them(mine):
    (mine / "Twice.yaml").write_text("train_batch_size: 32\n")
    config = Config("mine:Twice", "cyclic")
    assert (config["width_of_mine"], config["train_batch_size"]) == (24, 32)
    assert Config("mine:MySAS", "cyclic")["n_layers"] == Config("SASRec", "cyclic")["n_layers"]


def test_what_a_class_reads_is_one_of_its_settings(mine):
    (mine / "Last.yaml").unlink()
    config = Config("mine:Last", "cyclic", config_dict=small())
    assert "width_of_mine" in known_settings(config) and "width_of_other" not in known_settings(config)
    assert settings_read(SASRec) == set()


@pytest.mark.parametrize(
    "name, told",
    [
        ("mime:Last", "the module 'mime' is neither in .* nor installed"),
        ("mine.sub:Last", "the module 'mine.sub' is neither"),
        (":Last", "the module '' is neither"),
        ("..mine:Last", "is neither in"),
        ("mine:Lats", "mine has no model of RecBole's kind of this name; it has Last, Twice, MySAS"),
        ("mine:torch", "no model of RecBole's kind"),
        ("json:Last", "json has no model of RecBole's kind of this name; it has none"),
    ],
)
def test_what_is_no_users_model_is_said(mine, name, told):
    with pytest.raises(SettingsError, match=f"model: {name}: .*{told}"):
        model_named(name)


def test_what_the_module_lacks_is_its_authors(mine):
    """It was not to be taken for the module itself, and the author needs the traceback."""
    (mine / "mine.py").write_text("import not_there_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        model_named("mine:Last")


def test_code_and_defaults_make_the_hash(mine):
    model = model_named("mine:Last")
    before = code_hash(model)
    assert before == code_hash(model) and code_hash(SASRec) is None
    (mine / "Last.yaml").write_text("width_of_mine: 25\n")
    assert code_hash(model) != before


def test_a_class_typed_into_python_has_no_files(mine):
    typed = type("Typed", (model_named("mine:Last"),), {"__module__": "nowhere"})
    assert users_models.own_defaults(typed) == [mine / "Last.yaml"], "those of its base alone"


def test_every_command_takes_a_users_model(mine, run_command, monkeypatch, capsys):
    """And a checkpoint of it is refused where its class was not named, for a file could name any module."""
    ended = run_command("run_recbole", "--model=mine:Last", *FITTING, "--width_of_mine=16")
    assert ended.returncode == 0 and "warning" not in ended.stderr, ended.stderr
    (checkpoint,) = Path("saved").glob("Last-*.pth")
    refused = run_command("main", "report", f"--checkpoint={checkpoint}")
    assert refused.returncode == 2 and "--model=mine:Last" in refused.stderr, refused.stderr
    for name, arguments in {"report": [], "forecast": ["--all", "--topk=1"]}.items():
        given = [f"--checkpoint={checkpoint}", "--model=mine:Last", *arguments]
        monkeypatch.setattr(sys, "argv", ["recbole-hail", name, *given])
        assert main.main() == 0
    assert checkpoint.with_suffix(".html").is_file() and "g119" in capsys.readouterr().out
    Path("mine.hyper").write_text("width_of_mine choice [4,8]\n")
    monkeypatch.setattr(sys, "argv", ["run_hyper", "--model=mine:Last", "--params_file=mine.hyper", *FITTING])
    assert run_hyper.main() == 0 and Path("hyper/Last-cyclic/best.yaml").is_file()


def test_a_comparison_trains_a_users_model_again_when_its_code_has_changed(mine, monkeypatch, capsys):
    def compare(*arguments):
        monkeypatch.setattr(plan, "untrained_under", lambda base: ())  # of rules there is nothing to be seen here
        models = "--models=ensemble(mine:Last[width_of_mine=8],2)"
        monkeypatch.setattr(sys, "argv", ["recbole-hail", "compare", models, *FITTING, "--seeds=1", *arguments])
        assert main.main() == 0
        return capsys.readouterr().out

    compare("--max_steps=5")
    with open("comparisons/cyclic/table.csv") as file:
        labels = [row["model"] for row in csv.DictReader(file)]
    assert labels[:1] == ["mean of 2 Last (width_of_mine=8)"]
    assert "to be trained" not in compare("--max_steps=5", "--dry-run")
    (mine / "mine.py").write_text(SOURCE + "\n# another thought\n")
    anew = [line for line in compare("--max_steps=5", "--dry-run").splitlines() if "to be trained" in line]
    assert len(anew) == 3 and all("Last" in line for line in anew), anew


def test_code_that_changes_under_a_comparison_is_not_trained_under_the_old_name(mine, monkeypatch):
    """A run is named when it is planned, and its process reads the module when it begins."""
    monkeypatch.setattr(worker, "_end_with_parent", lambda: None)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    request = {"threads": 1, "settings": {}, "model": "mine:Last", "code": "of before", "found in": str(mine)}
    (mine / "run").mkdir()
    (mine / "run" / "request.json").write_text(json.dumps(request))
    with pytest.raises(SystemExit) as ended:
        worker.main(str(mine / "run"))
    assert ended.value.code == 2


def test_two_models_of_one_name_cannot_share_a_table(mine, run_here):
    (mine / "other.py").write_text(SOURCE)
    ended = run_here("main", "compare", "--models=mine:Last,other:Last", *FITTING)
    assert ended.returncode == 2 and "mine:Last and other:Last would both be Last in the table" in ended.stderr


def test_a_checkpoint_is_of_the_users_class_though_recbole_has_one_of_its_name(mine, run_command):
    """Another model was built for it, and its weights did not fit."""
    (mine / "mine.py").write_text(SOURCE.replace("Last(", "GRU4Rec(").replace("(Last)", "(GRU4Rec)"))
    (mine / "Last.yaml").rename(mine / "GRU4Rec.yaml")
    assert run_command("run_recbole", "--model=mine:GRU4Rec", *FITTING).returncode == 0
    (checkpoint,) = Path("saved").glob("GRU4Rec-*.pth")
    with pytest.raises(CheckpointError, match="GRU4Rec is a class of your own, of the module mine"):
        Forecaster.load(checkpoint)
    ours = model_named("mine:GRU4Rec")
    assert type(Forecaster.load(checkpoint).trained.model) is ours


def test_a_checkpoint_of_a_class_made_from_ours_opens_in_another_process(mine):
    """It got RecBole's dataset there: every mean, every further protocol and the report ended in an AttributeError."""
    run_recbole("mine:MyHAIL", "cyclic", ["small.yaml"], {"epochs": 1})
    (file,) = mine.glob("saved/MyHAIL-*.pth")
    program = "import recbole_hail, mine; from recbole.quick_start import load_data_and_model as load; "
    program += f"print(type(load({str(file)!r})[2]).__name__)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stdout.endswith("HAILDataset\n"), ended.stderr


def test_a_module_in_another_encoding_is_read_as_python_reads_it(mine):
    """Its first accent ended every Config in a UnicodeDecodeError."""
    source = SOURCE.replace("As it is", "\u00c9lan")
    (mine / "mine.py").write_bytes(f"# -*- coding: latin-1 -*-\n{source}".encode("latin-1"))
    assert "width_of_mine" in settings_read(model_named("mine:Last"))
