"""The settings that a command goes by, checked before anything is written or read."""

import argparse
import os
import warnings
from collections.abc import Callable, Sequence

import yaml
from recbole.config import Config

from recbole_hail.cli.common import warn
from recbole_hail.configuration import settings_of_ours, yaml_folder
from recbole_hail.errors import SettingsError
from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.registry import base_of
from recbole_hail.settings import given, known_settings, unknown
from recbole_hail.users_models import is_users

ALSO = "further protocols to rank the trained models under, separated by commas"  # help of --also


def config_files(arguments: argparse.Namespace) -> list[str] | None:
    """The files of settings; a shipped preset may be given by its name alone.

    Raises:
        SettingsError: names the entries that are neither files nor presets.
    """
    presets = {file.stem: str(file) for file in sorted((yaml_folder() / "presets").glob("*.yaml"))}
    names = arguments.config_files.split()
    unknown = [name for name in names if name not in presets and not os.path.isfile(name)]
    if unknown:
        raise SettingsError(
            [f"config_files: {name} is neither a file nor one of {', '.join(presets)}" for name in unknown]
        )
    files = [name if os.path.isfile(name) else presets[name] for name in names]
    _check_yaml(files)
    return files or None


def _check_yaml(files: list[str]) -> None:
    """SettingsError names the files that hold no settings; RecBole says which of them it was of none."""
    found = []
    for file in files:
        try:
            with open(file, encoding="utf-8") as text:
                holds = yaml.load(text, Loader=yaml.FullLoader)
        except UnicodeDecodeError:
            found.append(f"config_files: {file} is not text in utf-8; convert it")
        except yaml.YAMLError as error:
            found.append(f"config_files: {file} is not valid yaml: {' '.join(str(error).split())}")
        else:
            if not isinstance(holds, dict):
                found.append(f"config_files: {file} holds no settings; write one a line, as in alpha: 0.5")
    if found:
        raise SettingsError(found)


def checked_config(model: str, dataset: str, files: list[str] | None, settings: dict | None = None) -> Config:
    """The settings in force, or a SettingsError; nothing is written and no data is read.

    What may be misspelt is not warned of, as where Config is called from Python: commands refuse it or say so.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* is not a setting of", UserWarning)
            config = Config(model=model, dataset=dataset, config_file_list=files, config_dict=settings)
    except SettingsError:
        raise
    except (KeyError, ValueError, TypeError, NotImplementedError, RuntimeError, SyntaxError, OSError) as error:
        raise SettingsError([f"settings: {error}"]) from None
    return config


def protocols_beside(also: str, taken: Sequence[str], config_under: Callable[[str], Config]) -> list[str]:
    """The protocols that `--also` names, each once, without those `taken` anyway.

    Args:
        config_under: the checked Config under a protocol; SettingsError for what the other settings do not allow.
    """
    asked = list(dict.fromkeys(name.strip() for name in also.split(",") if name.strip()))
    for name in asked:
        config_under(name)
    return [name for name in asked if name not in taken]


def warn_of_unknown(configs: list[Config]) -> None:
    """Names what does nothing: RecBole takes misspellings, and settings of other models, in silence.

    A file may hold settings of several models, whichever of them is run.
    """
    known = set().union(*map(known_settings, configs))
    models = " or ".join(config["model"] for config in configs)
    of_command, of_files = configs[0].cmd_config_dict, configs[0].file_config_dict
    for name in sorted(settings_of_ours() & of_command.keys() - known):
        warn(f"--{name} is a setting of other models and does nothing for {models}")
    if "train_batch_size" in of_command and all(map(_counts_positions, configs)):
        warn(
            f"--train_batch_size does nothing for {models}, whose steps hold train_batch_tokens positions; add "
            "--train_batch_tokens=None to count sequences"
        )
    if given(configs[0]).get("preload_weight") and all(map(_is_ours, configs)):
        warn(f"preload_weight does nothing for {models}; leave it out")
    if "metric_decimal_place" in given(configs[0]) and all(protocol_of(config, "test") for config in configs):
        warn(f"metric_decimal_place does nothing for {models}; metrics are kept whole")
    idle = [name for name in ("ties", "candidates_seed", "candidates_dir") if name in given(configs[0])]
    if idle and not any(protocol_of(config, phase) for config in configs for phase in ("valid", "test")):
        does = "does" if len(idle) == 1 else "do"
        warn(
            f"{' and '.join(idle)} {does} nothing for {models}, which RecBole evaluates by itself under these settings"
        )
    for settings, dashes in ((of_command, "--"), (of_files, "")):
        for name, likest in unknown(settings, known | settings_of_ours()):
            if likest:
                said = f"is not a setting of {models}; did you mean {dashes}{likest}?"
            elif dashes:
                said = f"is no setting of {models}; unless code of yours reads it, it does nothing"
            else:  # files may hold anything
                continue
            warn(f"{dashes}{name} {said}")


def _counts_positions(config: Config) -> bool:
    return base_of(config.model_class) is not None and config["train_batch_tokens"] is not None


def _is_ours(config: Config) -> bool:
    """A user's class made from one may take what `preload_weight` loads."""
    return base_of(config.model_class) is not None and not is_users(config.model_class)
