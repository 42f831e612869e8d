"""Kinds of settings: of processes, of the machine, of the question; and those that nothing knows."""

import difflib
from collections.abc import Iterable, Iterator

from recbole.config import Config

from recbole_hail.users_models import settings_read

# What RecBole tells a process about itself and those that it trains with.
OF_PROCESSES = frozenset({"single_spec", "local_rank", "nproc", "world_size", "ip", "port", "offset"})
# Where things lie on a machine, and what it shows: nothing that makes a run what it is.
OF_THE_MACHINE = OF_PROCESSES | {
    *("data_path", "checkpoint_dir", "candidates_dir", "dataset_save_path", "dataloaders_save_path"),
    *("save_dataset", "save_dataloaders", "config_file", "config_files", "device", "gpu_id", "use_gpu", "worker"),
    *("resume", "show_progress", "state", "log_wandb", "wandb_project"),
}
# Settings that change neither the remaining steps of a run nor what is made of them; RecBole makes ranks silent.
MAY_DIFFER = OF_THE_MACHINE | {
    *("eval_batch_size", "loss_decimal_place", "distributed_timeout", "MODEL_TYPE", "verbose"),
}
_ARGUMENTS = {"model", "dataset", "config_files"}  # which stand among settings too
_MEANT = {"device": "use_gpu"}  # names that other programs have for a setting of RecBole's


def given(config) -> dict:
    """The settings that the user gave, in files, in the call and on the command line, the last of which wins."""
    return {**config.file_config_dict, **config.variable_config_dict, **config.cmd_config_dict}


def converted(settings: dict) -> dict:
    """As RecBole takes what a dictionary or the command line gives: "False" is False, "[16,8]" a list. In a file text
    in quotes stays text.
    """
    return Config._convert_config_dict(None, dict(settings))


def known_settings(config) -> set[str]:
    """The settings that a model knows."""
    of_recbole = (name for names in config.parameters.values() for name in names)
    return {*config.internal_config_dict, *of_recbole, *settings_read(config.model_class)}


def closest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that an unknown one is most like, in letters of either case, where it is like one."""
    if _MEANT.get(name) in known:
        return _MEANT[name]
    by_lower = {other.lower(): other for other in known}
    return next((by_lower[found] for found in difflib.get_close_matches(name.lower(), by_lower, n=1)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: which is meant, where it is like one."""
    close = closest_name(name, known)
    return f"; did you mean {close}?" if close else ""


def unknown(given: Iterable[str], known: set[str]) -> Iterator[tuple[str, str | None]]:
    """Names that are none of the known ones, each with that which it is like, if any."""
    return ((name, closest_name(name, known)) for name in sorted(set(given) - known - OF_PROCESSES - _ARGUMENTS))


def differing(names: Iterable[str], found: dict, wanted: dict) -> dict[str, str]:
    """Those of the settings that are not what they were, each with what is to say of it."""
    differ = [name for name in names if found.get(name) != wanted.get(name)]
    return {name: f"{name} was {found.get(name)}, is {wanted.get(name)}" for name in differ}


def leaves_one_out(config) -> bool:
    """Whether each generator's last events are held out, RecBole's split LS."""
    split = config["eval_args"]["split"]
    return isinstance(split, dict) and "LS" in split


def of_data_and_evaluation(config) -> set[str]:
    """RecBole's settings of these kinds, and ours."""
    of_recbole = {name for kind in ("Dataset", "Evaluation") for name in config.parameters[kind]}
    return of_recbole | {"candidates", "candidates_seed", "ties", "train_on_valid", "encoding"}


def of_the_question(config) -> set[str]:
    """Those that say which events there are and what is asked: scores under different ones do not compare."""
    return of_data_and_evaluation(config) - _OF_THE_INPUT - {"eval_batch_size", "metric_decimal_place"}


# What a model is shown of the data, or how; the events and what is asked stay the same.
_OF_THE_INPUT = {
    *("MAX_ITEM_LIST_LENGTH", "seq_len", "load_col", "unload_col", "unused_col", "additional_feat_suffix"),
    *("preload_weight", "normalize_field", "normalize_all", "kg_reverse_r"),
    *("entity_kg_num_interval", "relation_kg_num_interval"),
}
