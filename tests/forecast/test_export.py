"""A peer as an ONNX file, which onnxruntime scores as the model does."""

import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from recbole_hail.cli import export as command
from recbole_hail.errors import CheckpointError, SettingsError
from recbole_hail.forecast import export
from recbole_hail.forecast.export import export_onnx

onnxruntime = pytest.importorskip("onnxruntime")


def run(checkpoint, out, peer=None, overwrite=False):
    command.run(
        SimpleNamespace(checkpoint=str(checkpoint), out=str(out), peer=peer, overwrite=overwrite, data_path=None)
    )


@pytest.mark.parametrize("base_network, peer", [("bidirectional", 2), ("causal,gru", 1)])
def test_onnxruntime_scores_as_the_peer_does(saved, tmp_path, capsys, base_network, peer):
    made = saved("HAIL", peers=2, base_network=base_network)
    out = tmp_path / "peer.onnx"
    run(made.path, out, peer)
    assert "onnxruntime's scores differ from the checkpoint's by" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(out)
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["elements"]) == made.live.train._dataset.field2id_token["item_id"].tolist()
    longest = int(told["longest"])
    draw = np.random.default_rng(0)
    for rows in (1, 7):  # any batch, and histories of every length
        lengths = draw.integers(1, longest + 1, rows)
        sequences = np.where(np.arange(longest) < lengths[:, None], draw.integers(1, 121, (rows, longest)), 0)
        (found,) = session.run(["scores"], {"sequences": sequences, "lengths": lengths})
        with torch.no_grad():
            hidden = made.live.model.encode(torch.from_numpy(sequences), torch.from_numpy(lengths))
            expected = made.live.model.score_encoded(hidden[peer - 1]).numpy()
        assert (found[:, 0] == -np.inf).all()
        np.testing.assert_allclose(found[:, 1:], expected[:, 1:], atol=1e-5)
        assert (found.argmax(1) == expected.argmax(1)).all()


def test_what_cannot_be_exported_is_told_and_nothing_is_written(saved, tmp_path):
    out = tmp_path / "out.onnx"
    with pytest.raises(SettingsError, match=r"has 2 peers; choose one, as in --peer=1"):
        run(saved("HAIL", peers=2).path, out)
    with pytest.raises(SettingsError, match="peer: 3 must lie between 1 and the checkpoint's 2"):
        run(saved("HAIL", peers=2).path, out, peer=3)
    with pytest.raises(CheckpointError, match="holds SASRec; export writes HAIL"):
        run(saved("SASRec").path, out)
    with pytest.raises(SettingsError, match=r"the folder of .* does not exist"):
        run(saved("HAIL", peers=2).path, tmp_path / "no" / "out.onnx", peer=1)
    out.write_text("kept")
    with pytest.raises(SettingsError, match="exists; give another name, or --overwrite"):
        run(saved("HAIL", peers=2).path, out, peer=1)
    assert out.read_text() == "kept" and os.listdir(tmp_path) == ["out.onnx"]


def test_a_file_that_scores_otherwise_is_not_written(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_write", lambda trained, path: None)
    monkeypatch.setattr(export, "_with_metadata", lambda trained, path: None)
    monkeypatch.setattr(export, "_difference", lambda trained, path: float("nan"))
    with pytest.raises(CheckpointError, match=r"onnxruntime scores .* otherwise"):
        export_onnx(saved("HAIL", peers=2).path, tmp_path / "out.onnx", peer=1)
    assert os.listdir(tmp_path) == []


def test_a_missing_package_is_named(saved, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(SettingsError, match=r"onnxscript is not installed; .* 'recbole-hail\[onnx\]'"):
        export_onnx(saved("HAIL", peers=2).path, tmp_path / "out.onnx", peer=1)
