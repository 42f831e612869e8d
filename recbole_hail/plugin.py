"""The one place that knows how RecBole finds models, datasets, trainers and default settings; registers ours.

RecBole has no registration of its own. Everything below is done to modules and classes that every RecBole call goes
through, so that `recbole.quick_start.run_recbole(model="HAIL", …)` and the rest work after `import recbole_hail`.
"""

import importlib
import sys
from functools import wraps
from pathlib import Path

import recbole.config
import recbole.data.dataset
import recbole.data.utils
import recbole.quick_start
import recbole.quick_start.quick_start
import recbole.trainer
from recbole.config import Config
from recbole.data.dataloader import TrainDataLoader
from recbole.data.dataset import Dataset
from recbole.utils import ModelType

from recbole_hail import compat, ranks, recbole_settings
from recbole_hail.data import caches
from recbole_hail.data.cuts import CutLoader
from recbole_hail.data.dataset import HAILDataset
from recbole_hail.data.history import attach_history
from recbole_hail.data.loader import WindowLoader
from recbole_hail.data.periods import PlacedWindowLoader
from recbole_hail.data.requirements import check_files, check_split
from recbole_hail.data.segments import SegmentLoader
from recbole_hail.data.times import check_times, in_order_of_time
from recbole_hail.data.tokens import elements_hash
from recbole_hail.errors import DataError, SettingsError, UserError
from recbole_hail.evaluation.phase import phase_of
from recbole_hail.evaluation.protocol import problems as evaluation_problems
from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.models.rules import RULES
from recbole_hail.training.budget import problems as budget_problems
from recbole_hail.training.budget import with_budget
from recbole_hail.training.evaluate import with_protocols
from recbole_hail.training.rules import RuleTrainer
from recbole_hail.training.trainer import HAILTrainer
from recbole_hail.training.two_stages import TwoStageTrainer
from recbole_hail.tuning.objective import objective_function

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

# They learn from labels that the data has; yaml/<dataset>.yaml says how to rank what comes next.
_WITH_LABELS = (ModelType.CONTEXT, ModelType.DECISIONTREE)

# HAIL's settings in yaml/<dataset>.yaml that RecBole's NAIS, FISM, NCL and others have too, and mean something else by.
_OF_HAIL_ALONE = ("alpha", "beta")


def yaml_folder() -> Path:
    """The shipped settings: inside the package where it was installed, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "yaml"
    return installed if installed.is_dir() else package.parent / "yaml"


def register() -> None:
    """Makes RecBole know our models and settings; a second call does nothing."""
    if hasattr(Config, "known_to_recbole_hail"):
        return
    Config.known_to_recbole_hail = True
    compat.after_recbole()
    recbole.trainer.Trainer.fit = with_budget(recbole.trainer.Trainer.fit)
    recbole.trainer.Trainer.evaluate = with_protocols(recbole.trainer.Trainer.evaluate)
    for name, (module, dataset, _, trainer) in MODELS.items():
        # RecBole looks for a module of this name by find_spec and imports it; both answer from sys.modules.
        sys.modules[f"recbole.model.sequential_recommender.{name.lower()}"] = importlib.import_module(module)
        _name_parts(name, dataset, trainer)
    Config._load_internal_config_dict = _with_our_yaml(Config._load_internal_config_dict)
    Config.__init__ = _with_checks(Config.__init__)
    Dataset._from_scratch = _with_file_check(Dataset._from_scratch)
    Dataset._fill_nan = check_times(Dataset._fill_nan)
    Dataset._change_feat_format = in_order_of_time(Dataset._change_feat_format)
    Dataset.save = caches.save_dataset
    data = recbole.data.utils
    data.get_dataloader = _with_our_loaders(data.get_dataloader)
    data.create_samplers = _with_split_check(data.create_samplers)
    data.save_split_dataloaders = recbole.data.save_split_dataloaders = caches.save_split_dataloaders
    data.load_split_dataloaders = recbole.data.load_split_dataloaders = caches.load_split_dataloaders
    # Child processes unpickle these by module and name, and so import the plugin before they look for a model.
    for module in (recbole.quick_start, recbole.quick_start.quick_start):
        module.run_recboles = ranks.run_recboles
        module.objective_function = objective_function


def _name_parts(name: str, dataset: type | None, trainer: type | None) -> None:
    """RecBole finds the dataset and the trainer of a model by its name, and takes its own where there is none."""
    for module, place, part in ((recbole.data.dataset, "Dataset", dataset), (recbole.trainer, "Trainer", trainer)):
        if part is not None:
            setattr(module, name + place, part)
        elif hasattr(module, name + place):
            delattr(module, name + place)


def _name_parts_of_users(name: str, base: str | None) -> None:
    """A user's class has its base's; one of the same name that is not made from ours has what stood there before."""
    if base is not None:
        found = getattr(recbole.data.dataset, f"{name}Dataset", None), getattr(recbole.trainer, f"{name}Trainer", None)
        _stood.setdefault(name, found)
        _name_parts(name, MODELS[base][1], MODELS[base][3])
    elif name in _stood:
        _name_parts(name, *_stood.pop(name))


_stood: dict[str, tuple] = {}  # dataset and trainer that RecBole had under the names of users' classes


def _base_of(model_class) -> str | None:
    """The model of ours that a class is, or that a user's class is made from."""
    return next((of.__name__ for of in model_class.__mro__ if of.__name__ in MODELS), None)


def _with_our_yaml(original):
    """Lays yaml/<dataset>.yaml and yaml/<Model>.yaml over RecBole's own defaults, below the user's settings.

    What models have in common stands in the yaml of one of them, below the dataset's: HAIL's base network is chosen by
    dataset, and CSa still is CSa.
    """

    @wraps(original)
    def load(self, model, model_class, dataset):
        original(self, model, model_class, dataset)
        base = _base_of(model_class)
        if model not in MODELS:
            _name_parts_of_users(model, base)
        theirs = {name: self.internal_config_dict[name] for name in _OF_HAIL_ALONE if name in self.internal_config_dict}
        columns = self.internal_config_dict["load_col"]
        of_dataset = [] if model_class.type in _WITH_LABELS else [dataset]
        for name in dict.fromkeys(
            ("evaluation", *getattr(model_class, "settings_of", ()), *of_dataset, base or model, model)
        ):
            file = yaml_folder() / f"{name}.yaml"
            if file.is_file():
                self._update_internal_config_dict(str(file))
        if base is None:
            for name in _OF_HAIL_ALONE:
                self.internal_config_dict.pop(name, None)
            self.internal_config_dict.update(theirs)
            self.internal_config_dict["load_col"] = _together(columns, self.internal_config_dict["load_col"])
        merged = {**self.internal_config_dict, **self.external_config_dict}
        recbole_settings.check_forms(merged)
        samples_negatives = hasattr(model_class, "input_type") or merged.get("loss_type") != "CE"
        sequential = model_class.type == ModelType.SEQUENTIAL
        if sequential and not samples_negatives:
            # RecBole's default of one negative per positive contradicts the cross-entropy its own yaml asks for.
            self.internal_config_dict["train_neg_sample_args"] = None
        asked = self.external_config_dict.get("eval_args")
        if isinstance(asked, dict):
            # RecBole fills what is left out with a random split in random order, not with the defaults.
            asked = self.external_config_dict["eval_args"] = {**self.internal_config_dict["eval_args"], **asked}
        if merged["candidates"] and isinstance(merged["eval_args"], dict):
            # The protocol is the finer word, and RecBole's loaders must fit it.
            arguments = asked or self.internal_config_dict["eval_args"]
            asked = self.external_config_dict["eval_args"] = _in_mode_of(merged["candidates"], arguments)
        ordered = (asked or self.internal_config_dict["eval_args"])["order"] == "TO"
        columns = (self.internal_config_dict["load_col"] or {}).get("inter")
        if (sequential or ordered) and isinstance(columns, list) and merged["TIME_FIELD"] not in columns:
            # RecBole's defaults for a dataset it does not know leave out the time that events are ordered by.
            self.internal_config_dict["load_col"] = {"inter": [*columns, merged["TIME_FIELD"]]}

    return load


def _together(columns: dict | None, ours: dict | None) -> dict | None:
    """RecBole's own columns by file, which features and knowledge graphs need, and ours; None is all of them."""
    if columns is None or ours is None:
        return ours
    return {file: list(dict.fromkeys((*columns.get(file, ()), *ours.get(file, ())))) for file in {**columns, **ours}}


def _in_mode_of(candidates: str, arguments: dict) -> dict:
    """`eval_args` with RecBole's mode for a protocol: full, or the uniN that is there, or uni99."""

    def fitting(mode):
        if isinstance(mode, dict):  # one for each phase
            return {phase: fitting(of_phase) for phase, of_phase in mode.items()}
        if candidates == "full":
            return "full"
        return mode if isinstance(mode, str) and mode.startswith("uni") else "uni99"

    return {**arguments, "mode": fitting(arguments.get("mode"))}


def _with_checks(original):
    """Reports all problems of a model's settings at once, and keeps saved data apart by settings."""

    @wraps(original)
    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        complete = getattr(self.model_class, "complete_settings", None)
        found = (complete(self) if complete else []) + _common_problems(self)
        if found:
            raise SettingsError(found)
        self["dataset_save_path"] = caches.cache_path(self, "dataset", self["dataset_save_path"])

    return init


def _common_problems(config) -> list[str]:
    found = recbole_settings.problems(config)
    found += evaluation_problems(config) + budget_problems(config) + ranks.problems(config)
    if config["resume"] == "":  # of a shell whose pattern met no file
        found.append("resume: is empty; name the checkpoint to go on from, or leave it out")
    if config["resume"] and _base_of(config.model_class) is None:
        found.append(f"resume: {config['model']} is RecBole's, which cannot continue a run exactly; leave it out")
    return found


def _with_file_check(original):
    """Looks at the files before they are read; what RecBole cannot read or filter becomes a message."""

    @wraps(original)
    def load(self):
        check_files(self.config)
        try:
            original(self)
        except UserError:
            raise
        except ValueError as error:  # undecodable text too
            if "Calling read(nbytes) on source failed" in str(error):  # what pandas makes of a Ctrl-C while it reads
                raise KeyboardInterrupt from None
            raise DataError(f"dataset: {self.config['dataset']} cannot be loaded: {error}") from error
        except KeyError as error:  # of a setting that names columns
            raise DataError(f"dataset: {self.config['dataset']} cannot be loaded: it has no field {error}") from error

    return load


def _with_our_loaders(original):
    @wraps(original)
    def get(config, phase):
        base = _base_of(config.model_class)
        if phase == "train" and base is not None:
            return MODELS[base][2]
        return original(config, phase)

    return get


def _with_split_check(original):
    @wraps(original)
    def create(config, dataset, built_datasets):
        check_split(config, dataset, built_datasets)
        for name, part in zip(("train", "valid", "test"), built_datasets, strict=True):
            part.phase = name
        if config["benchmark_filename"] is None and config["eval_args"]["order"] == "TO":
            attach_history(built_datasets)
        # For whoever opens the checkpoint; one that is opened keeps its own.
        config["elements_hash"] = config["elements_hash"] or elements_hash(built_datasets[0])
        for part in filter(len, built_datasets):
            phase_of(config, part)  # draws, so that a file that cannot be used is known before hours of training
        try:
            return original(config, dataset, built_datasets)
        except ValueError as error:  # a generator has had every element
            ranked = all(protocol_of(config, name) for name in ("valid", "test"))
            if not ranked or config["train_neg_sample_args"]["distribution"] != "none":
                raise DataError(f"dataset: {config['model']} cannot draw negatives: {error}") from error
        return _samplers_of_targets(original, config, dataset, built_datasets)

    return create


def _samplers_of_targets(original, config, *data):
    """RecBole's samplers that leave out the target alone; under our protocols nothing is drawn from them."""
    asked = config["repeatable"]
    config["repeatable"] = True
    try:
        return original(config, *data)
    finally:
        config["repeatable"] = asked
