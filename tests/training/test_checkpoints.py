"""Checkpoints: plain values, whole or not at all, opened without running code."""

import os
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from recbole.config import Config
from recbole.quick_start import load_data_and_model, run_recbole
from recbole.trainer import Trainer
from scipy import sparse

from recbole_hail.cli import prune
from recbole_hail.errors import CheckpointError, SettingsError
from recbole_hail.training.checkpoints import from_plain, plain, prune_to_peer, read_checkpoint, write_checkpoint

FULL = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}


@pytest.fixture
def checkpoint(cyclic, small):
    run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, "epochs": 2, "base_network": "causal,gru"})
    return next(cyclic.glob("saved/*.pth"))


class _RunsCode:
    def __reduce__(self):
        return os.system, ("touch was-run",)


def test_holds_the_settings_as_a_recbole_config_of_one_process(checkpoint):
    state = torch.load(checkpoint, weights_only=True)
    config = state["config"]
    assert isinstance(config, Config)
    assert config["alpha"] == 0.5 and config["single_spec"] and config["local_rank"] == 0
    assert config["device"].type == "cpu"  # as in training, whatever GPUs there are
    assert all(value.device.type == "cpu" for value in state["state_dict"].values())


def test_a_pickle_that_would_run_code_is_refused(workplace):
    torch.save({"config": {}, "state_dict": {}, "evil": _RunsCode()}, "evil.pth")
    with pytest.raises(CheckpointError, match=r"evil\.pth.*could run code"):
        read_checkpoint("evil.pth")
    with pytest.raises(CheckpointError, match="could run code"):
        load_data_and_model("evil.pth")
    assert not Path("was-run").exists()


@pytest.mark.parametrize(
    "content, message",
    [
        *((content, "is not a checkpoint") for content in (b"", b"<html>", b"text", b"]", b"n_layers: 1\n")),
        *((content, "cannot be read|not opened") for content in (b"PK\x03\x04", b"\x80\x02", b"\x80junk")),
    ],
)
def test_files_that_are_no_checkpoints_are_named(workplace, content, message):
    Path("x.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"x\.pth.*({message})"):
        read_checkpoint("x.pth")


def test_a_missing_checkpoint_and_a_foreign_one_are_named(workplace):
    with pytest.raises(CheckpointError, match=r"no\.pth does not exist"):
        read_checkpoint("no.pth")
    with pytest.raises(CheckpointError, match="checkpoint: the name is empty; give that of a file"):
        read_checkpoint("")
    with pytest.raises(CheckpointError, match=r"checkpoint: \. is a folder; name a file in it"):
        read_checkpoint(".")
    torch.save({"weights": torch.ones(2)}, "foreign.pth")
    with pytest.raises(CheckpointError, match="not a checkpoint of a RecBole model"):
        read_checkpoint("foreign.pth")


def test_a_truncated_checkpoint_is_named(checkpoint):
    checkpoint.write_bytes(checkpoint.read_bytes()[:3000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(checkpoint)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(workplace, monkeypatch):
    write_checkpoint({"epoch": 1}, "x.pth")
    before = Path("x.pth").read_bytes()

    def full_disk(state, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint({"epoch": 2}, "x.pth")
    assert Path("x.pth").read_bytes() == before
    assert os.listdir(".") == ["x.pth"]


def test_a_checkpoint_of_a_distributed_run_opens_in_one_process(checkpoint):
    """RecBole issue 2063: the pickled settings of a rank keep single_spec False and its rank."""
    state = read_checkpoint(checkpoint)
    state["config"]["single_spec"], state["config"]["local_rank"] = False, 1
    state["config"].final_config_dict.update(world_size=2, offset=0, nproc=2, ip="localhost", port="1")
    write_checkpoint(state, checkpoint)
    config, model, *_ = load_data_and_model(str(checkpoint))
    assert config["single_spec"] and next(model.parameters()).device.type == config["device"].type


class Pair(NamedTuple):
    weight: torch.Tensor
    score: float


def test_what_a_named_tuple_holds_becomes_plain(workplace):
    """It was kept as it was, and the checkpoint could not be read back."""
    torch.save(plain({"pair": Pair(torch.ones(2, requires_grad=True), np.float64(1.5))}), "plain.pth")
    weight, score = torch.load("plain.pth", weights_only=True)["pair"]
    assert (weight.tolist(), score) == ([1.0, 1.0], 1.5) and not weight.requires_grad


def test_plain_values_survive_and_others_become_text(workplace):
    matrix = sparse.csr_matrix(np.array([[0.0, 2.0], [3.0, 0.0]]))
    values = {"a": np.float64(0.5), "b": (1, [2, {"c": None}]), "w": np.arange(3), "m": matrix, "p": Path("x")}
    torch.save(plain(values), "plain.pth")
    read = from_plain(torch.load("plain.pth", weights_only=True))
    assert read["a"] == 0.5 and type(read["a"]) is float
    assert read["b"] == (1, [2, {"c": None}]) and read["p"] == "x"
    assert np.array_equal(read["w"], np.arange(3))
    assert np.array_equal(read["m"].toarray(), matrix.toarray())


@pytest.mark.parametrize("model", ["Pop", "ItemKNN", "SASRec"])
def test_recboles_own_models_write_and_open_plain_checkpoints(cyclic, small, model):
    settings = {k: v for k, v in small.items() if k != "train_batch_tokens"}
    fixed = {"epochs": 1, "eval_args": FULL, "load_col": {"inter": ["user_id", "item_id", "timestamp"]}}
    result = run_recbole(model=model, dataset="cyclic", config_dict={**settings, **fixed, "repeatable": True})
    (path,) = cyclic.glob("saved/*.pth")
    read_checkpoint(path)
    config, opened, _, _, _, test = load_data_and_model(str(path))
    trainer = Trainer(config, opened) if model == "SASRec" else None
    if trainer:
        assert trainer.evaluate(test, load_best_model=False) == result["test_result"]


def test_peers_of_deep_mutual_learning_can_be_pruned_too(cyclic, small, capsys, predict_by_view):
    """The command said of every other model than HAIL that it has no peers."""
    run_recbole(model="DML", dataset="cyclic", config_dict={**small, "epochs": 1})
    (path,) = cyclic.glob("saved/*.pth")
    prune.run(Namespace(checkpoint=str(path), out="one.pth", peer=2, overwrite=False))
    assert "peer 2 of 2" in capsys.readouterr().out
    _, whole, _, _, _, test = load_data_and_model(str(path))
    _, one, *_ = load_data_and_model("one.pth")
    interaction = next(iter(test))[0]
    assert torch.equal(one.eval().predict(interaction), predict_by_view(whole.eval(), interaction)[1])


def test_a_model_without_peers_cannot_be_pruned(cyclic):
    settings = {"epochs": 1, "eval_args": FULL, "show_progress": False}
    run_recbole(model="Pop", dataset="cyclic", config_dict=settings)
    (path,) = cyclic.glob("saved/*.pth")
    with pytest.raises(CheckpointError, match="holds Pop, which has no peers"):
        prune.run(Namespace(checkpoint=str(path), out="one.pth", peer=1, overwrite=False))


def test_a_model_of_recboles_has_no_peers_whatever_its_settings_say(cyclic, small):
    """SASRec with `peers` in a file that it shared with HAIL was pruned, into a base network called "c"."""
    run_recbole(model="SASRec", dataset="cyclic", config_dict={**small, "epochs": 1, "train_neg_sample_args": None})
    (path,) = cyclic.glob("saved/*.pth")
    with pytest.raises(CheckpointError, match="holds SASRec, which has no peers"):
        prune_to_peer(read_checkpoint(path), 1)


def test_a_pruned_peer_scores_identically(checkpoint, workplace, predict_by_view):
    _, whole, _, _, _, test = load_data_and_model(str(checkpoint))
    interaction = next(iter(test))[0]
    expected = predict_by_view(whole.eval(), interaction)
    for peer in (1, 2):
        write_checkpoint(prune_to_peer(read_checkpoint(checkpoint), peer), "one.pth")
        config, one, *_ = load_data_and_model("one.pth")
        assert config["base_network"] == [["causal", "gru"][peer - 1]]
        assert torch.equal(one.eval().predict(interaction), expected[peer - 1])
    with pytest.raises(SettingsError, match="peer: 3 must lie between 1 and the checkpoint's 2"):
        prune_to_peer(read_checkpoint(checkpoint), 3)


def test_renumbered_data_are_refused_by_recboles_loader_too(checkpoint, cyclic):
    """It opened them, and the same rows in another order had other metrics."""
    load_data_and_model(str(checkpoint))
    file = cyclic / "dataset" / "cyclic" / "cyclic.inter"
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *reversed(rows)]) + "\n")
    with pytest.raises(CheckpointError, match=r"was not trained on the data in .*; there it has 110 elements"):
        load_data_and_model(str(checkpoint))


def test_a_run_on_saved_dataloaders_knows_its_data_as_the_first_did(cyclic, small):
    """Its checkpoint said nothing of its elements, took other data, and could not be resumed."""
    known = []
    for _ in range(2):
        run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, "epochs": 1, "save_dataloaders": True})
        (path,) = cyclic.glob("saved/HAIL-*.pth")
        config = read_checkpoint(path)["config"]
        known.append([config[name] for name in ("elements_hash", "generators_hash")])
        path.unlink()
    assert known[0] == known[1] and all(known[0])


@pytest.mark.parametrize("content, told", [(None, "does not exist"), ("export A=1", "is not a checkpoint")])
def test_what_is_no_checkpoint_is_told_by_recboles_loader_too(workplace, content, told):
    """It ended in `IndexError: pop from empty list`."""
    if content:
        Path("env.sh").write_text(content)
    with pytest.raises(CheckpointError, match=f"checkpoint: env.sh {told}"):
        load_data_and_model("env.sh")
