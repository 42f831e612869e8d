"""Our models, and what RecBole trains each of them with: dataset, dataloader and trainer."""

from typing import NamedTuple

import recbole.data.dataset
import recbole.trainer
from recbole.data.dataloader import TrainDataLoader

from recbole_hail.data.cuts import CutLoader
from recbole_hail.data.dataset import HAILDataset
from recbole_hail.data.loader import WindowLoader
from recbole_hail.data.periods import PlacedWindowLoader
from recbole_hail.data.segments import SegmentLoader
from recbole_hail.models.rules import RULES
from recbole_hail.training.rules import RuleTrainer
from recbole_hail.training.trainer import HAILTrainer
from recbole_hail.training.two_stages import TwoStageTrainer
from recbole_hail.users_models import is_users


class Parts(NamedTuple):
    """Where a model is, and what RecBole trains it with."""

    module: str
    dataset: type
    loader: type  # of the training part
    trainer: type


_WINDOWED = (HAILDataset, WindowLoader, HAILTrainer)
MODELS = {
    "HAIL": Parts("recbole_hail.models.hail", *_WINDOWED),
    "DML": Parts("recbole_hail.models.dml", *_WINDOWED),
    "RCE": Parts("recbole_hail.models.adaptive_denoising", *_WINDOWED),
    "TCE": Parts("recbole_hail.models.adaptive_denoising", *_WINDOWED),
    "S3RecID": Parts("recbole_hail.models.s3rec", HAILDataset, SegmentLoader, TwoStageTrainer),
    "CSa": Parts("recbole_hail.models.csa", *_WINDOWED),
    "Informer": Parts("recbole_hail.models.informer", HAILDataset, CutLoader, HAILTrainer),
    **{rule: Parts("recbole_hail.models.rules", HAILDataset, TrainDataLoader, RuleTrainer) for rule in RULES},
    "DuroNetS": Parts("recbole_hail.models.duronet", *_WINDOWED),
    "HyperRec": Parts("recbole_hail.models.hyperrec", HAILDataset, PlacedWindowLoader, HAILTrainer),
}


def base_of(model_class) -> str | None:
    """The model of ours that a class is, or that a user's class is made from."""
    return next((of.__name__ for of in model_class.__mro__ if _is_ours(of)), None)


def _is_ours(model_class) -> bool:
    """Not a user's of the same name."""
    parts = MODELS.get(model_class.__name__)
    return parts is not None and parts.module == model_class.__module__


def bind_parts(model_class: type) -> None:
    """RecBole finds the dataset and the trainer of a model by its name, and takes its own where there is none.

    Under the name of a class of ours, or of a user's, it finds those of what the class is made from; under that of a
    model of its own what stood there before.
    """
    name = model_class.__name__
    if base_of(model_class) or is_users(model_class):
        _replaced_parts.setdefault(name, _parts_named(name))
        _set_parts(name, *_inherited(model_class))
    elif name in _replaced_parts:
        _set_parts(name, *_replaced_parts.pop(name))


def _inherited(model_class: type) -> tuple[type | None, type | None]:
    """Dataset and trainer of the model that a class is, or is made from; None where RecBole goes by its kind."""
    if base := base_of(model_class):
        return MODELS[base].dataset, MODELS[base].trainer
    of_recbole = [base.__name__ for base in model_class.__mro__ if base.__module__.startswith("recbole.")]
    found = [_replaced_parts[name] if name in _replaced_parts else _parts_named(name) for name in of_recbole]
    return tuple(next(filter(None, parts), None) for parts in zip(*found, strict=True))


_replaced_parts: dict[str, tuple] = {}  # dataset and trainer that RecBole had under the names of ours and of users'


def _parts_named(name: str) -> tuple[type | None, type | None]:
    return getattr(recbole.data.dataset, f"{name}Dataset", None), getattr(recbole.trainer, f"{name}Trainer", None)


def _set_parts(name: str, dataset: type | None, trainer: type | None) -> None:
    for module, place, part in ((recbole.data.dataset, "Dataset", dataset), (recbole.trainer, "Trainer", trainer)):
        if part is not None:
            setattr(module, name + place, part)
        elif hasattr(module, name + place):
            delattr(module, name + place)
