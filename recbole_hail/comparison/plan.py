"""What a comparison will run: models, rules and seeds, under settings that are the same for all of them."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from recbole.config import Config
from recbole.utils import ModelType

from recbole_hail.comparison.notation import UNTRAINED, ModelSpec
from recbole_hail.comparison.runs import Run, Shared
from recbole_hail.configuration import WITH_LABELS
from recbole_hail.data.hashes import data_hash
from recbole_hail.errors import SettingsError
from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.models.rules import RULES
from recbole_hail.settings import MAY_DIFFER, did_you_mean, given, known_settings, leaves_one_out
from recbole_hail.training.records import settings_in_force
from recbole_hail.users_models import code_hash, full_name, is_users

MEMBER_SEEDS = 1000  # between the seeds of the models that one mean is taken of

# Taken from HAIL's settings for this dataset, so that RecBole's own models have the same and not its defaults.
SHARED = ("eval_args", "repeatable", "load_col", "metrics", "topk", "valid_metric", "max_steps", "max_minutes")
SHARED += ("candidates", "candidates_seed", "ties")
_OF_THE_COMPARISON = ("model", "dataset", "seed", "resume", "checkpoint_dir", "nproc")
_OUT_OF_PLACE = dict.fromkeys(WITH_LABELS, "learns from labels and has no ranking to compare")
_OUT_OF_PLACE[ModelType.KNOWLEDGE] = "reads a knowledge graph, which numbers elements otherwise and so has other lists"
_OF_THE_MACHINE = MAY_DIFFER.difference(_OF_THE_COMPARISON)


@dataclass(frozen=True)
class Plan:
    """`rows` are the runs of each row of the table, `runs` all there are, in order; `known`, the models' settings, and
    `settings` what each model has them at, by the shipped files too.
    """

    shared: Shared
    config: Config
    rows: dict[str, list[Run]]
    seeds: list[int]
    known: set[str] = field(default_factory=set)
    settings: dict[ModelSpec, dict] = field(default_factory=dict)

    @property
    def runs(self) -> list[Run]:
        """Each once, in the order of their `turn`, after its members."""
        runs = sorted((run for row in self.rows.values() for run in row), key=lambda run: turn(run, self.seeds))
        return list(dict.fromkeys(one for run in runs for one in (*run.members, run)))

    @property
    def in_force(self) -> dict[Run, dict]:
        """The settings that each run has or would have."""
        return {run: self.settings[run.spec] for run in self.runs}


def turn(run: Run, seeds: list[int]) -> tuple[bool, int]:
    """What runs are sorted by: rules first, which say within seconds whether the data are sound; then seed by seed."""
    return run.spec.model not in UNTRAINED, seeds.index(run.seed)


def make_plan(
    specs: list[ModelSpec],
    seeds: list[int],
    dataset: str,
    files: list[str] | None,
    settings: dict,
    config_of: Callable[..., Config],
    known: Iterable[str] = (),
) -> Plan:
    """Checks all settings of all models; nothing is written.

    Args:
        specs: models to compare; the rules that are not among them are added.
        seeds: of the trainings.
        dataset: its name.
        files: yaml files of settings for all models.
        settings: for all models, over those of the files.
        config_of: makes a Config of model, dataset, files and settings, or raises SettingsError.
        known: settings of models that are compared in other plans.

    Raises:
        SettingsError: with all problems found.
    """
    base = config_of("HAIL", dataset, files, dict(settings))
    specs = list(dict.fromkeys([*specs, *map(ModelSpec, untrained_under(base))]))
    shared = _shared(base, dataset)
    found = _problems_of(base) + _problems_of_seeds(specs, seeds) + _problems_of_names(specs)
    known, in_force, code = set(known), {}, {}
    for spec in specs:
        try:
            config = config_of(spec.model, dataset, None, shared.settings_of(spec))
        except SettingsError as error:
            found += [f"{spec.label}: {problem.removeprefix(f'{spec.model}: ')}" for problem in error.problems]
            continue
        in_force[spec] = in_force[spec.member] = settings_in_force(config)
        code[spec] = code_hash(config.model_class)
        known |= known_settings(config)
        found += _problems_of_model(spec, config, base)
    if not found:
        in_files = [name for name in base.file_config_dict if name not in known_settings(base)]  # HAIL's may be in all
        unknown = [name for name in dict.fromkeys([*in_files, *settings]) if name not in known]
        found = [f"{name}: no model here has such a setting{did_you_mean(name, known)}" for name in unknown]
    if found:
        raise SettingsError(list(dict.fromkeys(found)))
    rows = {spec.label: _runs(spec, seeds, code[spec]) for spec in specs}
    return Plan(shared, base, rows, seeds, known, in_force)


def untrained_under(config) -> tuple[str, ...]:
    """The rules of every table: without Pop, which is not sequential, where a split holds out more than one target."""
    return UNTRAINED if leaves_one_out(config) else tuple(RULES)


def _runs(spec: ModelSpec, seeds: list[int], code: str | None) -> list[Run]:
    if spec.model in UNTRAINED and spec.members == 1:  # they draw nothing, so one seed is as good as many
        return [Run(spec, seeds[0])]
    members = range(spec.members if spec.members > 1 else 0)

    def members_of(seed: int) -> tuple[Run, ...]:
        return tuple(Run(spec.member, seed + MEMBER_SEEDS * number, code=code) for number in members)

    return [Run(spec, seed, members_of(seed), code) for seed in seeds]


def _problems_of_names(specs: list[ModelSpec]) -> list[str]:
    by_label = defaultdict(list)
    for spec in specs:
        by_label[spec.label].append(spec.written)
    return [
        f"models: {' and '.join(written)} would both be {label} in the table; name one, as in 'another={written[-1]}'"
        for label, written in by_label.items()
        if len(written) > 1
    ]


def _problems_of_seeds(specs: list[ModelSpec], seeds: list[int]) -> list[str]:
    members = max((spec.members for spec in specs), default=1)
    near = {(low, high) for low in seeds for high in seeds if 0 < high - low < MEMBER_SEEDS * members}
    return [
        f"seeds: {low} and {high} would share networks, for those of a mean have the seeds s, s + {MEMBER_SEEDS:,}, …; "
        "take others"
        for low, high in sorted(near)
        if (high - low) % MEMBER_SEEDS == 0
    ]


def _shared(base: Config, dataset: str) -> Shared:
    asked = given(base)
    same = {name: value for name, value in asked.items() if name not in (*_OF_THE_MACHINE, *_OF_THE_COMPARISON)}
    same |= {name: base[name] for name in SHARED}
    modes = base["eval_args"]["mode"]  # RecBole's Config makes a dict of the phases of it
    if isinstance(modes, dict) and len(set(modes.values())) == 1:
        same["eval_args"] = {**base["eval_args"], "mode": next(iter(modes.values()))}
    machine = {"show_progress": False, **{name: asked[name] for name in _OF_THE_MACHINE if name in asked}}
    machine["data_path"] = str(Path(base["data_path"]).absolute().parent)
    if machine.get("candidates_dir"):
        machine["candidates_dir"] = str(Path(machine["candidates_dir"]).absolute())
    return Shared(dataset, data_hash(Path(base["data_path"]), dataset), same, machine)


def _problems_of(base: Config) -> list[str]:
    asked = given(base)
    found = [f"{name}: the command sets it itself; leave it out" for name in _OF_THE_COMPARISON if name in asked]
    if base["train_on_valid"]:
        found.append(
            "train_on_valid: True is unknown to RecBole's own models, which would train on less than the others; give "
            "it to single models, as in HAIL[train_on_valid=True], so that the table says so"
        )
    if base["benchmark_filename"] is not None:
        found.append(
            f"benchmark_filename: {base['benchmark_filename']} brings rows of its own, but a comparison needs whole "
            "sequences; leave it out and give one .inter file"
        )
    elif protocol_of(base, "test") is None:
        found.append(
            f"candidates: under eval_args {base['eval_args']} and metrics {base['metrics']} RecBole evaluates by "
            "itself and draws other candidates for every model; name a protocol with --candidates"
        )
    return found


def _problems_of_model(spec: ModelSpec, config: Config, base: Config) -> list[str]:
    """Of one that is compared, by its own settings in force and by those that all have."""
    found, known = [], known_settings(config)
    if ":" not in spec.model and is_users(config.model_class):  # known because another of these models brought it
        found.append(f"models: {spec.model} is a class of your own; write {full_name(config.model_class)}")
    if why := _OUT_OF_PLACE.get(config["MODEL_TYPE"]):
        found.append(f"{spec.label}: {spec.model} {why}; leave it out")
    elif protocol_of(base, "test") and not protocol_of(config, "test"):
        found.append(
            f"{spec.label}: {spec.model} is not sequential, and where eval_args hold out more than one target of a "
            "generator RecBole asks it about all of them at once; leave it out, or give the split LS"
        )
    for name, _ in spec.settings:
        if name in (*SHARED, *_OF_THE_MACHINE, *_OF_THE_COMPARISON):
            found.append(f"{spec.label}: {name} must be the same for all models; give it once, outside the brackets")
        elif name not in known:
            found.append(f"{spec.label}: {name} is not a setting of {spec.model}{did_you_mean(name, known)}")
    return found
