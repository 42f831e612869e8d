"""The one place that knows how RecBole finds models, datasets, trainers and default settings; registers ours.

RecBole has no registration of its own. Everything below is done to modules and classes that every RecBole call goes
through, so that `recbole.quick_start.run_recbole(model="HAIL", …)` and the rest work after `import recbole_hail`.
"""

import importlib
import sys
from functools import wraps

import recbole.config
import recbole.config.configurator
import recbole.data.utils
import recbole.quick_start
import recbole.quick_start.quick_start
import recbole.trainer
from recbole.config import Config

from recbole_hail import compat, distributed
from recbole_hail.building import build_model, settings_blamed
from recbole_hail.configuration import with_checks, with_our_yaml
from recbole_hail.data import caches, negatives, reading
from recbole_hail.data.hashes import elements_hash, events_hash, generators_hash
from recbole_hail.data.history import attach_history
from recbole_hail.errors import DataError
from recbole_hail.evaluation.phase import phase_of
from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.evaluation.split import check_split
from recbole_hail.model_names import model_named
from recbole_hail.registry import MODELS, base_of, bind_parts
from recbole_hail.training.budget import with_budget, with_last_epoch_validated
from recbole_hail.training.checkpoints import read_checkpoint
from recbole_hail.training.evaluate import with_protocols
from recbole_hail.training.loading import check_numbers
from recbole_hail.tuning.objective import objective_function
from recbole_hail.users_models import class_name


def register() -> None:
    """Makes RecBole know our models and settings; a second call does nothing."""
    if hasattr(Config, "known_to_recbole_hail"):
        return
    Config.known_to_recbole_hail = True
    compat.patch()
    reading.patch()
    negatives.patch()
    recbole.trainer.Trainer.fit = with_budget(recbole.trainer.Trainer.fit)
    recbole.trainer.Trainer._train_epoch = with_last_epoch_validated(recbole.trainer.Trainer._train_epoch)
    recbole.trainer.Trainer.evaluate = with_protocols(recbole.trainer.Trainer.evaluate)
    for name, parts in MODELS.items():
        # RecBole looks for a module of this name by find_spec and imports it; both answer from sys.modules.
        sys.modules[f"recbole.model.sequential_recommender.{name.lower()}"] = importlib.import_module(parts.module)
        bind_parts(getattr(sys.modules[parts.module], name))
    recbole.config.configurator.get_model = model_named
    Config._get_model_and_dataset = _with_names_of_classes(Config._get_model_and_dataset)
    Config._load_internal_config_dict = with_our_yaml(Config._load_internal_config_dict)
    Config.__init__ = with_checks(Config.__init__)
    data = recbole.data.utils
    data.get_dataloader = _with_our_loaders(data.get_dataloader)
    data.create_samplers = _with_prepared_parts(data.create_samplers)
    data.save_split_dataloaders = recbole.data.save_split_dataloaders = caches.save_split_dataloaders
    data.load_split_dataloaders = recbole.data.load_split_dataloaders = _load_split_dataloaders
    load = _with_checkpoint_check(recbole.quick_start.load_data_and_model)
    # Child processes unpickle these by module and name, and so import the plugin before they look for a model.
    for module in (recbole.quick_start, recbole.quick_start.quick_start):
        module.run_recboles = distributed.run_recboles
        module.objective_function = objective_function
        module.load_data_and_model = load
    recbole.quick_start.quick_start.get_model = lambda _: build_model
    # It is a model's first use, between what builds it and what trains it.
    recbole.quick_start.quick_start.get_flops = _with_settings_blamed(recbole.quick_start.quick_start.get_flops)


def _with_names_of_classes(original):
    """A model that was named MODULE:CLASS is CLASS from there on, as where the class itself is given."""

    @wraps(original)
    def find(self, model, dataset):
        name, model_class, dataset = original(self, model, dataset)
        return class_name(name), model_class, dataset

    return find


def _with_checkpoint_check(original):
    """What is no checkpoint, and raises whatever it may, becomes a message, and so do other data than the model's."""

    @wraps(original)
    def load(model_file):
        try:
            config, model, dataset, *loaders = original(model_file)
        except Exception:
            read_checkpoint(model_file)  # says what is wrong with the file, where that is it
            raise
        check_numbers(model_file, config, model, loaders[0]._dataset)
        return config, model, dataset, *loaders

    return load


def _with_settings_blamed(original):
    @wraps(original)
    def count(model, dataset, *args, **kwargs):
        with settings_blamed(type(model), dataset.config, "cannot take its first step with"):
            return original(model, dataset, *args, **kwargs)

    return count


def _with_our_loaders(original):
    @wraps(original)
    def get(config, phase):
        base = base_of(config.model_class)
        if phase == "train" and base is not None:
            return MODELS[base].loader
        return original(config, phase)

    return get


def _with_prepared_parts(original):
    @wraps(original)
    def create(config, dataset, built_datasets):
        _prepare(config, dataset, built_datasets)
        try:
            return original(config, dataset, built_datasets)
        except ValueError as error:  # a generator has had every element
            trains = config["train_neg_sample_args"]["distribution"] != "none"
            if trains or not all(protocol_of(config, name) for name in ("valid", "test")):
                otherwise = "" if trains else " Or give --repeatable=True, under which they may be what a user has had."
                raise DataError(f"dataset: {config['model']} cannot draw negatives: {error}{otherwise}") from error
        return _samplers_of_targets(original, config, dataset, built_datasets)

    return create


def _prepare(config, dataset, built_datasets) -> None:
    """Checks the split and gives its parts what they are asked for later: phase, history, candidates."""
    check_split(config, dataset, built_datasets)
    for name, part in zip(("train", "valid", "test"), built_datasets, strict=True):
        part.phase = name
    if config["benchmark_filename"] is None and config["eval_args"]["order"] == "TO":
        attach_history(built_datasets)
    _settle(config, built_datasets)


def _load_split_dataloaders(config):
    loaders = caches.load_split_dataloaders(config)
    if loaders is not None:
        _settle(config, [loader._dataset for loader in loaders])
    return loaders


def _settle(config, built_datasets) -> None:
    """What a run keeps of its data, whether they were read anew or are those of an earlier one."""
    # For whoever opens the checkpoint; one that is opened keeps its own.
    for name, hash_of in (("elements_hash", elements_hash), ("generators_hash", generators_hash)):
        config[name] = config[name] or hash_of(built_datasets[0])
    config["events_hash"] = config["events_hash"] or events_hash(config)
    for part in filter(len, built_datasets):
        phase_of(config, part)  # draws, so that a file that cannot be used is known before hours of training


def _samplers_of_targets(original, config, *data):
    """RecBole's samplers that leave out the target alone; under our protocols nothing is drawn from them."""
    asked = config["repeatable"]
    config["repeatable"] = True
    try:
        return original(config, *data)
    finally:
        config["repeatable"] = asked
