"""A trained model and its data, opened to be looked at: nothing of the run is changed, and nothing is added to it.

`open_run` has the data as RecBole's evaluation does, for any model; `forecast.loading.load_forecast_model` has them as
whole histories, which sequential models alone can go on from. What both need is here: `find_data` and `restored`.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from recbole.config import Config
from recbole.data import create_dataset, data_preparation

from recbole_hail.building import build_model
from recbole_hail.data.hashes import elements_hash, numbers_as
from recbole_hail.data.requirements import check_files
from recbole_hail.errors import CheckpointError, DataError
from recbole_hail.files import read_json
from recbole_hail.training.checkpoints import from_plain, read_checkpoint

_NAMED = "--data_path (in Python: Forecaster.load(…, data_path=…))"


@dataclass(frozen=True)
class LoadedRun:
    """A model in evaluation mode, the three parts of its data, and the record of its run."""

    path: Path
    config: Config
    model: object
    train: object
    valid: object
    test: object
    record: dict | None  # None where there is none, as of a model cut down to one peer; see `_record_of`


@contextmanager
def open_run(path: str | os.PathLike, *, data_path: str | None = None) -> Iterator[LoadedRun]:
    """Opens a checkpoint of any model that was trained through the plugin.

    Args:
        path: of the checkpoint.
        data_path: folder that holds the dataset's folder now; None: where it was in training.

    Raises:
        CheckpointError: no such file, not a checkpoint of ours, or a record of another model beside it; or the data
            are not those that the model was trained on.
        DataError: the dataset is not there.
    """
    path = Path(path)
    state = read_checkpoint(path)
    config = state["config"]
    record = _record_of(path, state)
    find_data(config, data_path)
    with TemporaryDirectory() as folder:
        train, valid, test = (loader._dataset for loader in data_of(config, folder, candidates_dir=None))
        model = restored(path, state, train)
        yield LoadedRun(path, config, model, train, valid, test, record)


def data_of(config, folder: str | os.PathLike, *, candidates_dir: str | None):
    """RecBole's three loaders for the settings of a checkpoint.

    Caches that are read or written are those of `folder`, whatever the run had; candidates are in `candidates_dir`, or,
    where that is None, in `folder` too.
    """
    config["checkpoint_dir"], config["candidates_dir"] = str(folder), candidates_dir
    config["dataset_save_path"], config["dataloaders_save_path"] = os.path.join(folder, "dataset.pth"), None
    config["save_dataset"] = config["save_dataloaders"] = False
    return data_preparation(config, create_dataset(config))


def find_data(config, data_path: str | None) -> None:
    """Takes the dataset from the folder in `data_path`, if there is one; DataError where it is not."""
    if data_path is not None:
        config["data_path"] = os.path.join(data_path, config["dataset"])
    try:
        check_files(config)
    except DataError as error:
        raise DataError(f"{error}\nor name the folder that holds it with {_NAMED}") from None


def _record_of(path: Path, state: dict) -> dict | None:
    """The record beside the checkpoint; where there is none, as of a run that was killed, what the checkpoint tells."""
    run = state.get("run")
    if (record := _record_beside(path, state["config"])) or not run:
        return record
    told = {"curve": run.get("curve"), "steps": run["steps"], "training seconds": round(run["seconds"], 3)}
    return {**told, "best epoch": state["epoch"], "ends with the checkpoint": True}


def _record_beside(path: Path, config) -> dict | None:
    """The record that a run leaves beside its checkpoint, or a run of a comparison beside its model.pth."""
    file = path.with_name("record.json") if path.name == "model.pth" else path.with_suffix(".json")
    if not file.is_file():
        return None
    try:
        record = read_json(file)
        found = (record["model"], record["dataset"])
        {**record["settings"], **record["results"]}  # which no other file has beside these names
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"record: {file} cannot be read ({error!r}); mend it, or move it away") from None
    if found != (config["model"], config["dataset"]):
        raise CheckpointError(
            f"record: {file} is of {found[0]} on {found[1]}, but {path} holds {config['model']} on "
            f"{config['dataset']}; move it away, or put the model's own there"
        )
    return record


def restored(path: str | os.PathLike, state: dict, train):
    """The model of a checkpoint, in evaluation mode; `train` is the training part of its data.

    Raises:
        CheckpointError: the data are not those that the model was trained on.
    """
    config = state["config"]
    model = build_model(config, train)
    try:
        model.load_state_dict(state["state_dict"])
        model.load_other_parameter(from_plain(state.get("other_parameter")))
    except RuntimeError as error:
        raise CheckpointError(_other_data(path, config, train, _first_mismatch(error))) from None
    check_numbers(path, config, model, train)
    return model.eval()


def check_numbers(path: str | os.PathLike, config, model, train) -> None:
    """CheckpointError where `train` numbers what a checkpoint's model knows by number otherwise than its own data."""
    # Checkpoints of older versions do not say what their elements are called.
    if config["elements_hash"] not in (None, elements_hash(train)):
        raise CheckpointError(_other_data(path, config, train, "other elements, or in another order"))
    if _knows_generators(model, train) and not numbers_as(train, config["generators_hash"]):
        raise CheckpointError(
            f"checkpoint: {path} knows the generators of its training by their numbers, which the data in "
            f"{config['data_path']} give to others; train {config['model']} on these, or name the folder that "
            f"holds its dataset with {_NAMED}"
        )


_MISMATCH = re.compile(r"size mismatch for (\S+): .*?torch\.Size\((\[.*?\])\).*?torch\.Size\((\[.*?\])\)", re.DOTALL)


def _first_mismatch(error: RuntimeError) -> str:
    """Of weights and a model, out of what torch says of all."""
    if found := _MISMATCH.search(str(error)):
        return "{} is {}, and would be {}".format(*found.groups())
    return next((line.strip() for line in str(error).splitlines()[1:]), str(error))


def _knows_generators(model, train) -> bool:
    """By what it says; else whether it has a row of weights for each of them."""
    if hasattr(model, "knows_generators"):
        return model.knows_generators
    return any(weight.shape[:1] == (train.user_num,) for weight in model.state_dict().values())


def _other_data(path, config, train, why: str) -> str:
    return (
        f"checkpoint: {path} was not trained on the data in {config['data_path']} ({why}; there it has "
        f"{train.item_num - 1} elements); name the folder that holds its dataset with {_NAMED}, or train again on these"
    )
