"""The shipped presets: the variants of the paper's Fig. 3 and quick settings, given by their name."""

import json
from argparse import Namespace

import pytest
from recbole.config import Config

from recbole_hail.cli import run_recbole as command
from recbole_hail.cli.config import config_files
from recbole_hail.errors import SettingsError


def files(text):
    return config_files(Namespace(config_files=text))


@pytest.mark.parametrize(
    ("preset", "dataset", "switches"),
    [
        ("HAIL-I", "nyc16", {"positive_term": False}),
        ("HAIL-II", "nyc16", {"negative_term": False}),
        ("HAIL-III", "nyc16", {"positive_term": False, "negative_term": False}),
        ("HAIL-IV", "nyc16", {"beta": 0.0}),
        ("HAIL-quick", "mine", {"max_steps": 2000, "eval_step": 2}),
    ],
)
def test_a_preset_changes_exactly_what_it_says(workplace, preset, dataset, switches):
    hail, variant = (
        Config(model="HAIL", dataset=dataset, config_file_list=files(names)).final_config_dict for names in ("", preset)
    )
    assert hail["positive_term"] and hail["negative_term"] and hail["beta"] == {"nyc16": 0.02, "mine": 0.0}[dataset]
    changed = {name: variant[name] for name in hail if hail[name] != variant[name]}
    changed.pop("dataset_save_path")  # carries a fingerprint of the settings
    assert changed == switches


def test_names_and_paths_mix_and_a_file_of_that_name_wins(workplace):
    (workplace / "mine.yaml").write_text("alpha: 0.7\n")
    (workplace / "HAIL-II").write_text("alpha: 0.6\n")
    found = files(" mine.yaml HAIL-I  HAIL-II ")
    assert found[0] == "mine.yaml" and found[2] == "HAIL-II"
    assert found[1].endswith("presets/HAIL-I.yaml")
    assert files("") is None


def test_unknown_names_are_listed_with_the_presets(workplace):
    with pytest.raises(SettingsError) as caught:
        files("HAIL-V mine.yaml")
    presets = "HAIL-I, HAIL-II, HAIL-III, HAIL-IV, HAIL-quick"
    assert caught.value.problems == [
        f"config_files: {name} is neither a file nor one of {presets}" for name in ("HAIL-V", "mine.yaml")
    ]


def test_run_recbole_takes_a_preset_after_a_file(cyclic, monkeypatch, capsys):
    arguments = ["run_recbole", "--dataset=cyclic", "--epochs=1"]
    monkeypatch.setattr("sys.argv", [*arguments, "--config_files=small.yaml HAIL-II"])
    assert command.main() == 0
    (record,) = (json.loads(file.read_text()) for file in cyclic.glob("saved/*.json"))
    assert record["settings"]["negative_term"] is False and record["settings"]["hidden_size"] == 32
    monkeypatch.setattr("sys.argv", [*arguments, "--config_files=HAIL-V"])
    assert command.main() == 2
    assert "error: config_files: HAIL-V is neither a file nor one of HAIL-I," in capsys.readouterr().err
