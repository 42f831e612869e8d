"""Our models, and what RecBole trains each of them with: dataset, dataloader and trainer."""

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

# Model class -> (module, dataset class, training dataloader, trainer class).
MODELS = {
    "HAIL": ("recbole_hail.models.hail", HAILDataset, WindowLoader, HAILTrainer),
    "DML": ("recbole_hail.models.dml", HAILDataset, WindowLoader, HAILTrainer),
    "RCE": ("recbole_hail.models.adaptive_denoising", HAILDataset, WindowLoader, HAILTrainer),
    "TCE": ("recbole_hail.models.adaptive_denoising", HAILDataset, WindowLoader, HAILTrainer),
    "S3RecID": ("recbole_hail.models.s3rec", HAILDataset, SegmentLoader, TwoStageTrainer),
    "CSa": ("recbole_hail.models.csa", HAILDataset, WindowLoader, HAILTrainer),
    "Informer": ("recbole_hail.models.informer", HAILDataset, CutLoader, HAILTrainer),
    **{rule: ("recbole_hail.models.rules", HAILDataset, TrainDataLoader, RuleTrainer) for rule in RULES},
    "DuroNetS": ("recbole_hail.models.duronet", HAILDataset, WindowLoader, HAILTrainer),
    "HyperRec": ("recbole_hail.models.hyperrec", HAILDataset, PlacedWindowLoader, HAILTrainer),
}


def base_of(model_class) -> str | None:
    """The model of ours that a class is, or that a user's class is made from."""
    return next((of.__name__ for of in model_class.__mro__ if of.__name__ in MODELS), None)


def name_parts(name: str, dataset: type | None, trainer: type | None) -> None:
    """RecBole finds the dataset and the trainer of a model by its name, and takes its own where there is none."""
    for module, place, part in ((recbole.data.dataset, "Dataset", dataset), (recbole.trainer, "Trainer", trainer)):
        if part is not None:
            setattr(module, name + place, part)
        elif hasattr(module, name + place):
            delattr(module, name + place)


def name_parts_of_users(name: str, base: str | None) -> None:
    """A user's class has its base's; one of the same name that is not made from ours has what stood there before."""
    if base is not None:
        found = getattr(recbole.data.dataset, f"{name}Dataset", None), getattr(recbole.trainer, f"{name}Trainer", None)
        _stood.setdefault(name, found)
        name_parts(name, MODELS[base][1], MODELS[base][3])
    elif name in _stood:
        name_parts(name, *_stood.pop(name))


_stood: dict[str, tuple] = {}  # dataset and trainer that RecBole had under the names of users' classes
