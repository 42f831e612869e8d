"""The settings in force: RecBole's defaults, the shipped yaml files and the user's over one another, and checked."""

import warnings
from functools import cache, wraps
from pathlib import Path

import yaml
from recbole.utils import ModelType

from recbole_hail import distributed, model_needs, recbole_settings
from recbole_hail.data import caches
from recbole_hail.errors import SettingsError
from recbole_hail.evaluation import eval_args, protocol
from recbole_hail.registry import MODELS, base_of, bind_parts
from recbole_hail.settings import known_settings, unknown
from recbole_hail.training import budget
from recbole_hail.users_models import defaults_of_bases, own_defaults

# They learn from labels that the data has; yaml/<dataset>.yaml says how to rank what comes next.
WITH_LABELS = (ModelType.CONTEXT, ModelType.DECISIONTREE)

# HAIL's settings in yaml/<dataset>.yaml that RecBole's NAIS, FISM, NCL and others have too, and mean something else by.
_OF_HAIL_ALONE = ("alpha", "beta")
_FIELDS = ("USER_ID_FIELD", "ITEM_ID_FIELD", "TIME_FIELD")


def yaml_folder() -> Path:
    """The shipped settings: inside the package where it was installed, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "yaml"
    return installed if installed.is_dir() else package.parent / "yaml"


@cache
def settings_of_ours() -> frozenset[str]:
    """What any of our models takes by itself: HAIL's alone, and DML's, in a dictionary for SASRec too, are no slips."""
    files = (yaml_folder() / f"{model}.yaml" for model in MODELS)
    return frozenset(name for file in files if file.is_file() for name in yaml.safe_load(file.read_text("utf-8")))


def with_our_yaml(original):
    """Lays yaml/<dataset>.yaml and yaml/<Model>.yaml over RecBole's own defaults, below the user's settings.

    What models have in common stands in the yaml of one of them, below the dataset's: HAIL's base network is chosen by
    dataset, and CSa still is CSa.
    """

    @wraps(original)
    def load(self, model, model_class, dataset):
        original(self, model, model_class, dataset)
        bind_parts(model_class)
        _lay_over(self.internal_config_dict, self._update_internal_config_dict, model, model_class, dataset)
        recbole_settings.check_forms({**self.internal_config_dict, **self.external_config_dict})
        _fit_together(self.internal_config_dict, self.external_config_dict, model_class)

    return load


def _lay_over(defaults: dict, read, model: str, model_class, dataset: str) -> None:
    """Adds our yaml files to RecBole's `defaults`, which `read` does with the path of one."""
    base = base_of(model_class)
    theirs = {name: defaults[name] for name in _OF_HAIL_ALONE if name in defaults}
    columns = defaults["load_col"]
    of_dataset = [] if model_class.type in WITH_LABELS else [dataset]
    # Not that of our model where a user's has its name.
    own = [] if base is None and model in MODELS else [base or model, model]
    of_model = [*getattr(model_class, "settings_of", ()), *of_dataset, *own]
    ours = (yaml_folder() / f"{name}.yaml" for name in dict.fromkeys(["evaluation", *of_model]))
    for file in [*defaults_of_bases(model_class), *filter(Path.is_file, ours)]:
        read(str(file))
    if base is None:
        for name in _OF_HAIL_ALONE:
            defaults.pop(name, None)
        defaults |= theirs
        defaults["load_col"] = _together(columns, defaults["load_col"])
    for file in own_defaults(model_class):
        read(str(file))


def _fit_together(defaults: dict, given: dict, model_class) -> None:
    """Settings that depend on one another, where RecBole leaves them at odds."""
    merged = {**defaults, **given}
    sequential = model_class.type == ModelType.SEQUENTIAL
    if sequential:
        _negatives_by_loss(defaults, merged, model_class)
        if defaults["eval_args"]["order"] == "RO":  # for GRU4RecKG and KSR alone RecBole forgets what all others have
            defaults["eval_args"] |= {"split": {"LS": "valid_and_test"}, "order": "TO"}
    if "load_col" not in given and isinstance(defaults["load_col"], dict):
        _columns_by_name(defaults, merged)
        _all_but_unloaded(defaults, merged)
    _complete_eval_args(defaults, given, merged)
    _add_needed_columns(defaults, given, merged, sequential)


def _negatives_by_loss(defaults: dict, merged: dict, model_class) -> None:
    """RecBole's default of one negative per positive contradicts the cross-entropy its own yaml asks for."""
    samples_negatives = hasattr(model_class, "input_type") or merged.get("loss_type") != "CE"
    if not samples_negatives:
        defaults["train_neg_sample_args"] = None


def _columns_by_name(defaults: dict, merged: dict) -> None:
    """The shipped columns go by RecBole's names; those of a dataset may be called otherwise."""
    called = {defaults[name]: merged[name] for name in _FIELDS if merged[name]}
    defaults["load_col"] = {
        file: [called.get(column, column) for column in columns] if isinstance(columns, list) else columns
        for file, columns in defaults["load_col"].items()
    }


def _all_but_unloaded(defaults: dict, merged: dict) -> None:
    """Of the files that `unload_col` names all else is loaded; RecBole refuses both, and nobody has given load_col."""
    if isinstance(merged["unload_col"], dict):
        defaults["load_col"] |= dict.fromkeys(merged["unload_col"], "*")


def _complete_eval_args(defaults: dict, given: dict, merged: dict) -> None:
    """RecBole fills what is left out with a random split in random order, not with the defaults."""
    asked = given.get("eval_args")
    if isinstance(asked, dict):
        asked = given["eval_args"] = {**defaults["eval_args"], **asked}
    if merged["candidates"] and isinstance(merged["eval_args"], dict):
        # The protocol is the finer word, and RecBole's loaders must fit it.
        given["eval_args"] = _in_mode_of(merged["candidates"], asked or defaults["eval_args"])


def _add_needed_columns(defaults: dict, given: dict, merged: dict, sequential: bool) -> None:
    """RecBole's defaults for a dataset it does not know leave out the time that events are ordered by; ours load
    nothing that only filters go by.
    """
    ordered = (given.get("eval_args") or defaults["eval_args"])["order"] == "TO"
    columns = (defaults["load_col"] or {}).get("inter")
    if isinstance(columns, list):
        needed = [merged["TIME_FIELD"]] * (sequential or ordered)
        if sequential and merged["benchmark_filename"]:
            needed.append(merged["ITEM_ID_FIELD"] + merged["LIST_SUFFIX"])  # the histories of its rows
        needed += [*(merged["val_interval"] or ()), *(merged["threshold"] or ())]
        defaults["load_col"] = {**defaults["load_col"], "inter": list(dict.fromkeys([*columns, *needed]))}


def _together(columns: dict | None, ours: dict | None) -> dict | None:
    """RecBole's own columns by file, which features and knowledge graphs need, and ours; None is all of them."""
    if columns is None or ours is None:
        return ours
    return {file: list(dict.fromkeys((*columns.get(file, ()), *ours.get(file, ())))) for file in {**columns, **ours}}


def _in_mode_of(candidates: str, arguments: dict) -> dict:
    """`eval_args` with RecBole's mode for a protocol: full, or the N of the uniN or popN that is there, or uni99."""

    def fitting(mode):
        if isinstance(mode, dict):  # one for each phase
            return {phase: fitting(of_phase) for phase, of_phase in mode.items()}
        if candidates == "full":
            return "full"
        return f"uni{mode[3:]}" if isinstance(mode, str) and mode.startswith(("uni", "pop")) else "uni99"

    return {**arguments, "mode": fitting(arguments.get("mode"))}


def with_checks(original):
    """Reports all problems of a model's settings at once, warns of what may be misspelt in Python's `config_dict`, and
    keeps saved data apart by settings. Commands warn of their own, for a group of models has settings of each.
    """

    @wraps(original)
    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        complete = getattr(self.model_class, "complete_settings", None)
        eval_args.settle_valid_metric(self)
        found = (complete(self) if complete else []) + _common_problems(self)
        if found:
            raise SettingsError(found)
        _warn_of_misspelt(self)
        self["dataset_save_path"] = caches.cache_path(self, "dataset", self["dataset_save_path"])

    return init


def _common_problems(config) -> list[str]:
    found = eval_args.problems(config) + recbole_settings.problems(config) + model_needs.problems(config)
    found += protocol.problems(config) + budget.problems(config) + distributed.problems(config)
    if config["resume"] == "":  # of a shell whose pattern met no file
        found.append("resume: is empty; name the checkpoint to go on from, or leave it out")
    elif config["resume"] and not Path(str(config["resume"])).is_file():
        found.append(f"resume: {config['resume']} does not exist")
    if config["resume"] and base_of(config.model_class) is None:
        found.append(f"resume: {config['model']} is RecBole's, which cannot continue a run exactly; leave it out")
    return found


def _warn_of_misspelt(config) -> None:
    if not config.variable_config_dict.keys() - known_settings(config):
        return  # to read all our files takes nearly as long as a Config
    for name, likest in unknown(config.variable_config_dict, known_settings(config) | settings_of_ours()):
        if likest:  # 3: the line that calls Config.
            warnings.warn(f"{name} is not a setting of {config['model']}; did you mean {likest}?", stacklevel=3)
