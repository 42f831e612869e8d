"""A checkpoint beside the whole histories that it was trained on: what forecasts are made from."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import recbole.data.dataset
from recbole.config import Config
from recbole.utils import ModelType

from recbole_hail.data.dataset import HAILDataset
from recbole_hail.errors import CheckpointError
from recbole_hail.models.rules import Rule
from recbole_hail.training.checkpoints import prune_to_peer, read_checkpoint
from recbole_hail.training.loading import find_data, restored


class ForecastModel(NamedTuple):
    """A model in evaluation mode with the parts of its dataset."""

    file: Path
    hash: str  # of the checkpoint's bytes
    config: Config
    model: object
    train: HAILDataset  # holds the events of all parts
    valid: HAILDataset
    progress: bool  # show a bar of the histories scored

    @property
    def is_rule(self) -> bool:
        """Whether scores are counts."""
        return isinstance(self.model, Rule)

    def histories(self) -> tuple[np.ndarray, np.ndarray]:
        """Elements of all events by generator, then time, [events]; where each generator begins, [user_num + 1]."""
        generators = self.train.generators.numpy()
        return self.train.elements.numpy(), np.searchsorted(generators, np.arange(self.train.user_num + 1))


def load_forecast_model(
    path: str | os.PathLike, *, data_path: str | None = None, peer: int | None = None, progress: bool = False
) -> ForecastModel:
    """The model of a checkpoint, whichever command of ours or call of RecBole's has written it.

    Args:
        data_path: the folder with the dataset's folder, where it is not the one that the checkpoint names.
        peer: keep this peer alone, from 1.
        progress: show a bar of the histories scored.

    Raises:
        CheckpointError: the file is no checkpoint, its model cannot predict from a history, or it was trained on other
            elements.
        DataError: the dataset is missing or cannot be read.
        SettingsError: there is no such peer.
    """
    state = read_checkpoint(path)
    if peer is not None:
        state = prune_to_peer(state, peer)
    config = state["config"]
    check_model(path, config)
    if config["benchmark_filename"] is not None:
        raise CheckpointError(
            f"checkpoint: {path} was trained on rows of its own (benchmark_filename: {config['benchmark_filename']}), "
            "and forecasts need whole histories; train it on one .inter file"
        )
    find_data(config, data_path)
    # Its validation rows are those that RecBole's own dataset gives, without a copy of the history in each.
    train, valid, _ = HAILDataset(config).build()
    model = restored(path, state, train)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return ForecastModel(Path(path), digest, config, model, train, valid, progress)


def check_model(path, config: Config) -> None:
    """CheckpointError where a model cannot say what comes after a history of elements."""
    name = config["model"]
    if config["MODEL_TYPE"] != ModelType.SEQUENTIAL:
        raise CheckpointError(
            f"checkpoint: {path} holds {name}, which does not predict from a history; forecasts need a sequential "
            "model such as HAIL, SASRec, BERT4Rec or the rule GeneratorFrequency"
        )
    dataset = getattr(recbole.data.dataset, f"{name}Dataset", HAILDataset)
    if not issubclass(dataset, HAILDataset):
        raise CheckpointError(
            f"checkpoint: {path} holds {name}, which reads more than histories of elements ({dataset.__name__}), so it "
            "cannot say what comes after one"
        )
