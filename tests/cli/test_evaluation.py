"""Settings of the evaluation that cannot be used, by command."""

import json
import sys

import numpy as np
import pytest
from recbole.trainer import Trainer

from recbole_hail.cli import run_recbole as command


def status(monkeypatch, *arguments, dataset: str = "world") -> int:
    monkeypatch.setattr(sys, "argv", ["run_recbole", f"--dataset={dataset}", *arguments])
    return command.main()


def refused(monkeypatch, capsys, *arguments, dataset: str = "world") -> str:
    """What run_recbole says before it leaves with status 2."""
    assert status(monkeypatch, *arguments, dataset=dataset) == 2
    return capsys.readouterr().err


@pytest.fixture
def settings_file(build, tmp_path):
    short = {"epochs": 1, "eval_step": 1, "train_batch_size": 64, "train_batch_tokens": 200}
    given = {**build("Pop").ranked, **short, "topk": [1, 5, 10], "checkpoint_dir": str(tmp_path / "saved")}
    file = tmp_path / "short.yaml"
    file.write_text("\n".join(f"{name}: {json.dumps(value)}" for name, value in given.items()))
    return f"--config_files={file}"


@pytest.mark.parametrize("model", ["HAIL", "SASRec", "Pop"])
@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--candidates=fair"], "candidates: 'fair' must be one of recbole, strict, paper, popular, full"),
        (["--candidates=strict", "--topk=[1,101]"], "topk: 101 is more than the target and the 99 candidates"),
        (["--candidates=full", "--topk=[1,121]"], "topk: 121 is more than the 120 elements of world"),
        (["--candidates=paper", "--metrics=['Hit','ItemCoverage']", "--valid_metric=Hit@1"], "candidates: paper ranks"),
        (["--ties=random"], "ties: 'random' must be one of half, optimistic, pessimistic"),
        (["--candidates_seed=-1"], "candidates_seed: -1 must be a whole number"),
        (["--candidates_seed=True"], "candidates_seed: True must be a whole number"),
        (["--valid_metric=new_AUC"], "valid_metric: 'new_AUC' must be one of Hit@1"),
        (["--metrics=['Nonsense']"], "There is no metric named 'Nonsense'"),
    ],
)
def test_bad_input_is_a_message_and_status_2(settings_file, tmp_path, monkeypatch, capsys, model, arguments, message):
    assert message in refused(monkeypatch, capsys, f"--model={model}", settings_file, *arguments)
    assert not list(tmp_path.glob("saved/*.pth"))


@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
def test_a_candidate_file_of_other_data_is_refused_before_training(settings_file, tmp_path, monkeypatch, capsys, model):
    arguments = [f"--model={model}", settings_file, "--candidates=strict", f"--candidates_dir={tmp_path / 'lists'}"]
    assert status(monkeypatch, *arguments, "--epochs=0") == 0
    (foreign,) = (tmp_path / "lists").glob("*test*.npz")
    (saved,) = (tmp_path / "saved").glob("*.pth")
    np.savez_compressed(foreign, elements=np.ones((41, 99), dtype=np.int32), fingerprint="of other data")
    before = foreign.read_bytes(), saved.read_bytes(), sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(Trainer, "_train_epoch", None)  # would fail if called
    said = refused(monkeypatch, capsys, *arguments)
    assert f"{foreign.name} was made for another dataset or split" in said
    assert (foreign.read_bytes(), saved.read_bytes(), sorted(tmp_path.rglob("*"))) == before


def test_too_few_elements_for_a_protocol_are_told_apart_from_too_few_for_a_mode(
    cyclic, write_dataset, monkeypatch, capsys
):
    """Where candidates is given, it is over the mode of eval_args, and advice to change that led nowhere."""
    write_dataset(cyclic / "dataset", "few", {f"g{g}": [f"e{(g + i) % 40}" for i in range(9)] for g in range(40)})
    said = refused(monkeypatch, capsys, "--config_files=small.yaml", "--candidates=strict", dataset="few")
    assert "has only 40; rank all of them with --candidates=full\n" in said
    assert "rank all of them with --candidates=full\n" in refused(
        monkeypatch, capsys, "--config_files=small.yaml", dataset="few"
    ), "it named a whole eval_args where no protocol was given"
    arguments = ["--config_files=small.yaml", "--candidates=full", "--epochs=1"]
    assert status(monkeypatch, *arguments, dataset="few") == 0
