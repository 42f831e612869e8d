"""One peer of a checkpoint as an ONNX file, checked against the checkpoint by onnxruntime."""

import contextlib
import io
import json
import logging
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from recbole_hail.errors import CheckpointError, SettingsError
from recbole_hail.files import atomic_write
from recbole_hail.forecast.loading import ForecastModel, load_forecast_model
from recbole_hail.models.hyperrec import HyperRec
from recbole_hail.models.windowed import WindowedRecommender
from recbole_hail.training.checkpoints import read_checkpoint

CHECKED = 64  # histories of the dataset that both sides score before the file takes its name
ALLOWED = 1e-4  # of a score, which is a logit


class OnePeer(nn.Module):
    """A model of one peer as a function of tensors alone, for histories of any batch and one width."""

    def __init__(self, model: WindowedRecommender):
        super().__init__()
        self.model = model

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """[B, MAX_ITEM_LIST_LENGTH] element numbers, 0 to the right, and [B] -> [B, n_items], see `score_encoded`."""
        model = self.model
        sequences, lengths, asked = model.ask(sequences, lengths)
        positions = torch.arange(sequences.shape[0]) * sequences.shape[1] + asked
        hidden = model.networks(sequences, positions, visible=model.visible(sequences, lengths))  # [1, B, d]
        return model.score_encoded(hidden[0])


def export_onnx(
    checkpoint: str | os.PathLike, out: str | os.PathLike, *, peer: int | None = None, data_path: str | None = None
) -> float:
    """Writes `out` with the inputs `sequences` and `lengths` and the output `scores` (see `OnePeer`).

    The file's metadata hold `elements`, a JSON list of the tokens by number, and `longest`, the width of `sequences`;
    of a longer history the newest part is to be given.

    Args:
        peer: which to write; None where the checkpoint has one.

    Returns:
        the largest difference between a score of onnxruntime's and the model's own.

    Raises:
        SettingsError: onnx is not installed, or the peer is not named or does not exist.
        CheckpointError: the model has no such network, or onnxruntime scores otherwise.
    """
    _packages()
    config = read_checkpoint(checkpoint)["config"]
    if not issubclass(config.model_class, WindowedRecommender) or issubclass(config.model_class, HyperRec):
        raise CheckpointError(
            f"checkpoint: {checkpoint} holds {config['model']}; export writes HAIL and other networks of this plugin "
            "whose input is a history of elements alone"
        )
    if peer is None and config["peers"] > 1:
        raise SettingsError([f"peer: {checkpoint} has {config['peers']} peers; choose one, as in --peer=1"])
    trained = load_forecast_model(checkpoint, data_path=data_path, peer=peer or 1)
    trained.model.cpu()
    with atomic_write(Path(out)) as temporary:
        _write(trained, temporary)
        _with_metadata(trained, temporary)
        difference = _difference(trained, temporary)
        if not difference <= ALLOWED:
            raise CheckpointError(
                f"export: onnxruntime scores {checkpoint} otherwise, by {difference:.2g}; not written"
            )
    return difference


def _packages():
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401  torch's exporter needs it
    except ImportError as error:
        raise SettingsError(
            [f"export: {error.name} is not installed; install it with pip install 'recbole-hail[onnx]'"]
        ) from None
    return onnx, onnxruntime


def _write(trained: ForecastModel, path: Path) -> None:
    longest = trained.config["MAX_ITEM_LIST_LENGTH"]
    example = torch.ones(2, longest, dtype=torch.long), torch.tensor([longest, 1])
    batch = {0: "batch"}
    noise = logging.getLogger("torch.onnx")
    level = noise.level
    noise.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the exporter tells of its steps
            torch.onnx.export(
                OnePeer(trained.model).eval(),
                example,
                path,
                input_names=["sequences", "lengths"],
                output_names=["scores"],
                dynamic_shapes=(batch, batch),
                external_data=False,
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(
            f"export: ONNX cannot say what the network of {trained.config['model']} does ({first})"
        ) from error
    finally:
        noise.setLevel(level)


def _with_metadata(trained: ForecastModel, path: Path) -> None:
    onnx, _ = _packages()
    proto = onnx.load(path)
    tokens = [str(token) for token in trained.train.field2id_token[trained.train.iid_field]]
    told = {"elements": json.dumps(tokens), "longest": str(trained.config["MAX_ITEM_LIST_LENGTH"])}
    onnx.helper.set_model_props(proto, told)
    onnx.save(proto, path)


def _difference(trained: ForecastModel, path: Path) -> float:
    """Largest difference of a finite score over rows of the training part, evenly chosen."""
    _, onnxruntime = _packages()
    rows = trained.train.inter_feat
    some = np.linspace(0, len(rows) - 1, min(len(rows), CHECKED)).astype(int)
    interaction = trained.train[some]
    sequences = interaction[trained.train.item_id_list_field]
    lengths = interaction[trained.train.item_list_length_field]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"sequences": sequences.numpy(), "lengths": lengths.numpy()})
    with torch.no_grad():
        expected = trained.model.full_sort_predict(interaction).numpy()
    return float(np.abs(found[:, 1:] - expected[:, 1:]).max())
