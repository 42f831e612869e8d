"""Saved datasets and dataloaders that are reused only under the very same settings.

RecBole reuses `saved/<dataset>-….pth` whenever it lies there, compares a few settings at most, and goes on with the
settings of the day it was written. Here the file's name carries a fingerprint of the data files and of all settings
but those that cannot change the data, so that another setting, or another version of a package, means another file.
"""

import hashlib
import json
import os
import pickle
from logging import getLogger
from pathlib import Path

import torch

from recbole_hail.data.hashes import HASHES, data_hash
from recbole_hail.files import atomic_write
from recbole_hail.settings import OF_PROCESSES, OF_THE_MACHINE
from recbole_hail.versions import versions

# Settings that change neither rows nor batches. Everything else counts, also what this list has never heard of.
_NOT_OF_THE_DATA = (
    (OF_THE_MACHINE - OF_PROCESSES - {"data_path", "worker"})
    | HASHES
    | {
        *("epochs", "learner", "learning_rate", "eval_step", "stopping_step", "clip_grad_norm", "weight_decay"),
        *("enable_amp", "enable_scaler", "loss_decimal_place", "verbose"),
        *("nproc", "ip", "port", "distributed_timeout"),  # a loader does go by its rank
    }
)


def fingerprint(config) -> str:
    """Twelve hex digits; the same for the same settings, versions and data files."""
    settings = {name: str(value) for name, value in config.final_config_dict.items() if name not in _NOT_OF_THE_DATA}
    data = data_hash(Path(config["data_path"]), config["dataset"])
    described = json.dumps([settings, data, versions()], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:12]


def cache_path(config, kind: str, asked: str | None) -> str:
    """Where a `kind` ("dataset" or "dataloaders") is kept; a path the user asked for gets the fingerprint added."""
    name = f"{config['dataset']}-{config['model']}-{kind}.pth"
    stem, suffix = os.path.splitext(asked or os.path.join(config["checkpoint_dir"], name))
    mark = fingerprint(config)
    return f"{stem}{suffix}" if stem.endswith(mark) else f"{stem}-{mark}{suffix}"


def save_dataset(dataset) -> None:
    """Takes the place of RecBole's `Dataset.save`: where `create_dataset` looks for it."""
    path = dataset.config["dataset_save_path"]
    _dump(dataset, path)
    getLogger().info(f"Saving filtered dataset into [{path}]")


def save_split_dataloaders(config, dataloaders) -> None:
    """Takes the place of RecBole's function of this name, which leaves the live loaders without their generators."""
    generators = [getattr(loader, "generator", None) for loader in dataloaders]
    states = [generator and generator.get_state() for generator in generators]
    path = cache_path(config, "dataloaders", config["dataloaders_save_path"])
    try:
        for loader in dataloaders:  # a generator cannot be pickled
            _set_generator(loader, None)
        _dump(list(zip(dataloaders, states, strict=True)), path)
    finally:
        for loader, generator in zip(dataloaders, generators, strict=True):
            _set_generator(loader, generator)
    getLogger().info(f"Saving split dataloaders into [{path}]")


def _set_generator(loader, generator: torch.Generator | None) -> None:
    if hasattr(loader, "generator"):
        loader.generator = loader.sampler.generator = generator


def load_split_dataloaders(config):
    """Takes the place of RecBole's function of this name: None unless saved under the same settings."""
    path = cache_path(config, "dataloaders", config["dataloaders_save_path"])
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        kept = pickle.load(file)
    for loader, state in kept:
        if state is not None:
            _set_generator(loader, torch.Generator().set_state(state))
        loader.config = loader._dataset.config = config
    getLogger().info(f"Load split dataloaders from: [{path}]")
    return tuple(loader for loader, _ in kept)


def _dump(value, path: str) -> None:
    with atomic_write(Path(path)) as temporary, open(temporary, "wb") as file:
        pickle.dump(value, file)
