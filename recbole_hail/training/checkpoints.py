"""Checkpoints of tensors and plain values, written whole or not at all, opened without running code.

RecBole pickles its Config into every checkpoint with a protocol that torch's weights-only check rejects, keeps tensors
on the device they were trained on, and names classes by reference. Here a checkpoint holds CPU tensors and plain
values; the settings become a RecBole Config again through `rebuild_config`, the one function that reading may call.
"""

import copy
import os
import pickle
from enum import Enum
from pathlib import Path

import numpy as np
import torch
from recbole.config import Config
from recbole.utils import EvaluatorType, InputType
from scipy import sparse

from recbole_hail.devices import visible
from recbole_hail.errors import CheckpointError, SettingsError
from recbole_hail.files import atomic_write
from recbole_hail.settings import OF_PROCESSES
from recbole_hail.users_models import class_of_checkpoint, full_name

_ENUMS = {"MODEL_INPUT_TYPE": InputType, "eval_type": EvaluatorType}
_BEGINNINGS = (b"P", b"\x80")  # of torch's archives, and of pickles such as its older files
_CLASS = "model class"  # under which a Config's plain settings say where its model is from
# Known anew wherever a checkpoint is opened: the machine's devices, and that one process opens it.
_OF_THE_PROCESS = OF_PROCESSES | {"device", "MODEL_TYPE", "resume"}


def write_checkpoint(state: dict, path: str | os.PathLike) -> None:
    """Writes `state` as plain values to a temporary file beside `path`, then renames it."""
    path = Path(path)
    state = {name: _Stored(value) if isinstance(value, Config) else plain(value) for name, value in state.items()}
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # of torch's archive, about bytes that are not there
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None
        file.flush()
        os.fsync(file.fileno())


def entries_of(trainer, epoch: int) -> dict:
    """What RecBole's own trainers write after an epoch, but for the optimiser, which a rule has none of."""
    return {
        "config": trainer.config,
        "epoch": epoch,
        "cur_step": trainer.cur_step,
        "best_valid_score": trainer.best_valid_score,
        "state_dict": trainer.model.state_dict(),
        "other_parameter": trainer.model.other_parameter(),
    }


def read_checkpoint(path: str | os.PathLike) -> dict:
    """The state with all tensors on the CPU; CheckpointError says what is wrong with the file."""
    if not os.fspath(path):
        raise CheckpointError("checkpoint: the name is empty; give that of a file, as in saved/HAIL-….pth")
    if os.path.isdir(path):
        raise CheckpointError(f"checkpoint: {path} is a folder; name a file in it")
    try:
        with open(path, "rb") as file:
            if file.read(1) not in _BEGINNINGS:
                raise CheckpointError(f"checkpoint: {path} is not a checkpoint")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except FileNotFoundError:
        raise CheckpointError(f"checkpoint: {path} does not exist") from None
    except SettingsError as error:
        raise CheckpointError(f"checkpoint: {path} cannot be opened: {error}") from None
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"checkpoint: {path} holds more than tensors and plain values and was not opened, for it could run code; "
            f"train the model again with this run_recbole, which writes plain checkpoints ({_first_cause(error)})"
        ) from None
    except Exception as error:  # what is no checkpoint fails in torch, pickle or zipfile, each in its own way
        raise CheckpointError(f"checkpoint: {path} cannot be read: {_first_line(error)}") from None
    if not isinstance(state, dict) or not {"config", "state_dict"} <= state.keys():
        raise CheckpointError(f"checkpoint: {path} is not a checkpoint of a RecBole model")
    return state


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _first_cause(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if "Unsupported" in line), lines[0])[:200]


def plain(value):
    """`value` as tensors on the CPU and plain Python values; what is neither becomes its text."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, np.generic):  # before float and str, which numpy's scalars also are
        return value.item()
    if isinstance(value, bool | int | float | str | bytes | None):
        return value
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        items = [plain(item) for item in value]
        return type(value)(items) if type(value) in (tuple, set) else items
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {"numpy array": torch.from_numpy(np.ascontiguousarray(value))}
    if sparse.issparse(value):
        matrix = value.tocsr()
        parts = [plain(part) for part in (matrix.data, matrix.indices, matrix.indptr)]
        return {"sparse matrix": parts, "shape": tuple(int(n) for n in matrix.shape)}
    if isinstance(value, Enum):
        return value.name
    return str(value)


def from_plain(value):
    """Undoes what `plain` does to arrays and sparse matrices, as RecBole's ItemKNN, EASE and others keep them."""
    if isinstance(value, dict):
        if value.keys() == {"numpy array"}:
            return value["numpy array"].cpu().numpy()
        if value.keys() == {"sparse matrix", "shape"}:
            return sparse.csr_matrix(tuple(from_plain(part) for part in value["sparse matrix"]), shape=value["shape"])
        return {key: from_plain(item) for key, item in value.items()}
    return value


class _Stored:
    """Stands for a Config in a checkpoint: reading calls `rebuild_config` with its plain settings."""

    def __init__(self, config: Config):
        self.settings = {
            name: plain(value) for name, value in config.final_config_dict.items() if name not in _OF_THE_PROCESS
        }
        self.settings[_CLASS] = full_name(config.model_class)

    def __reduce__(self):
        return rebuild_config, (self.settings,)


def rebuild_config(settings: dict) -> Config:
    """A RecBole Config for this machine and one process, from the settings a checkpoint holds."""
    from recbole_hail.registry import bind_parts  # whose trainers write checkpoints

    config = Config.__new__(Config)
    config.compatibility_settings()
    config._init_parameters_category()
    config.yaml_loader = config._build_yaml_loader()
    config.final_config_dict = {name: value for name, value in settings.items() if name != _CLASS}
    for name, kind in _ENUMS.items():
        config[name] = kind[settings[name]]
    config.model, config.dataset = settings["model"], settings["dataset"]
    config.model_class = class_of_checkpoint(settings.get(_CLASS, config.model))  # older ones have the name alone
    bind_parts(config.model_class)
    config["MODEL_TYPE"] = config.model_class.type
    if config.dataset == "ml-100k":  # the copy inside the recbole package of this machine
        import recbole

        config["data_path"] = str(Path(recbole.__file__).parent / "dataset_example" / "ml-100k")
    config["single_spec"], config["local_rank"], config["device"] = True, 0, visible(settings["gpu_id"])
    return config


def prune_to_peer(state: dict, peer: int) -> dict:
    """A checkpoint of HAIL cut down to one peer (paper section 3.6); it can be used, but not trained on.

    Raises:
        CheckpointError: the model has no peers.
        SettingsError: it has no such peer.
    """
    config = copy.deepcopy(state["config"])
    # Whatever file of settings may have given other models a number of peers, only ours have them.
    if not getattr(config.model_class, "has_peers", False):
        raise CheckpointError(f"checkpoint: it holds {config['model']}, which has no peers")
    if not 1 <= peer <= config["peers"]:
        raise SettingsError([f"peer: {peer} must lie between 1 and the checkpoint's {config['peers']} peers"])
    config["base_network"] = [config["base_network"][peer - 1]]
    config["peers"], config["predict_with"] = 1, "mean"
    kept, all_peers = f"networks.peers.{peer - 1}.", "networks.peers."
    weights = {
        name.replace(kept, f"{all_peers}0."): value
        for name, value in state["state_dict"].items()
        if name.startswith(kept) or not name.startswith(all_peers)
    }
    entries = ("epoch", "cur_step", "best_valid_score", "other_parameter")
    return {"config": config, "state_dict": weights, **{name: state[name] for name in entries}}


torch.serialization.add_safe_globals([rebuild_config])
