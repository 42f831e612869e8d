"""From a city's export to a trained model: the converters' folders are what the commands take."""

import subprocess
import sys

import pytest

import dataset_converters
from recbole_hail.cli import run_recbole
from recbole_hail.configuration import yaml_folder

SMALLER = ["--MAX_ITEM_LIST_LENGTH=20", "--train_batch_tokens=4000", "--max_steps=5", "--hidden_size=16"]


def test_a_made_up_export_becomes_a_dataset_that_hail_trains_on(workplace, run_here, caplog):
    for command in (
        ["sample", "nyc", "--events", "6000", "--seed", "1", "--output", "nyc.csv"],
        ["nyc", "nyc.csv", "--output", "dataset/nyc16"],
    ):
        done = subprocess.run([sys.executable, "-m", "dataset_converters", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    caplog.set_level("INFO")
    done = run_here("run_recbole", "--model=HAIL", "--dataset=nyc16", *SMALLER)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "test result by view" in caplog.text


def test_download_fetches_a_missing_dataset_and_goes_on(workplace, write_dataset, monkeypatch):
    asked = []

    def download(name, output):
        asked.append((name, str(output)))
        write_dataset(
            workplace / "dataset", name, {f"g{g}": [f"e{(g + i) % 120}" for i in range(9)] for g in range(150)}
        )

    monkeypatch.setattr(dataset_converters, "download", download)
    monkeypatch.setattr("sys.argv", ["run_recbole", "--model=Pop", "--dataset=nyc16", "--download", "--epochs=1"])
    assert run_recbole.main() == 0
    assert asked == [("nyc16", "dataset/nyc16")]
    assert list(workplace.glob("saved/Pop-*.pth"))


def test_a_failed_download_is_one_message_and_status_2(workplace, monkeypatch, capsys):
    def download(name, output):
        raise dataset_converters.ConversionError(f"{name}: the server answered 503 five times")

    monkeypatch.setattr(dataset_converters, "download", download)
    monkeypatch.setattr("sys.argv", ["run_recbole", "--model=Pop", "--dataset=nyc16", "--download"])
    assert run_recbole.main() == 2
    assert "error: nyc16: the server answered 503" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nyc16", "chi18", "ml-1m", "toys", "ml-100k", "HAIL"])
def test_settings_are_shipped(name):
    assert (yaml_folder() / f"{name}.yaml").is_file()
    assert (yaml_folder() / "hyper" / "HAIL.hyper").is_file()
