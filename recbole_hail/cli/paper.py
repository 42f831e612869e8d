"""Run what the paper shows and claims, and the controls it leaves out, with its numbers beside ours."""

import shlex
import sys
from pathlib import Path

from recbole_hail.cli.common import check_folder, say, seeds, settings_of, warn
from recbole_hail.cli.config import ALSO, checked_config, config_files, protocols_beside
from recbole_hail.cli.machines import add_jobs, machine_of
from recbole_hail.comparison.results import several_versions
from recbole_hail.data.requirements import check_files
from recbole_hail.errors import SettingsError, UserError
from recbole_hail.evaluation.significance import TESTS
from recbole_hail.evaluation.split import check_data, fewer
from recbole_hail.experiments.budgets import PRESETS, read_budget
from recbole_hail.experiments.controls import FACTORS, controls
from recbole_hail.experiments.figures import EXPERIMENTS
from recbole_hail.experiments.outputs import write_outputs
from recbole_hail.experiments.sections import sections_of
from recbole_hail.experiments.sweep import RANKED_UNDER, TRAINED_UNDER, Sweep
from recbole_hail.settings import given
from recbole_hail.tables.forms import to_text
from recbole_hail.threads import on_threads

TAKES_SETTINGS = True
EPILOG = (
    "Runs are trained as by `recbole-hail compare`, kept in OUTPUT/DATASET/steps-N and reused: repeat the command "
    "after Ctrl-C or a crash. RESULTS gets DATASET-EXPERIMENT-N.md, .csv, .tex and .png. Any RecBole setting can be "
    "given as --name=value and then holds for all systems."
)


def add_arguments(parser) -> None:
    parser.epilog = EPILOG
    subparsers = parser.add_subparsers(dest="experiment", required=True, metavar="experiment")
    for name, experiment in (*EXPERIMENTS.items(), ("controls", controls)):
        title = experiment.__doc__.splitlines()[0]
        own = subparsers.add_parser(name, help=title, description=title, epilog=EPILOG, allow_abbrev=False)
        own.add_argument("--dataset", "-d", default="chi18", help="name of a dataset (default: chi18)")
        presets = ", ".join(PRESETS)
        own.add_argument("--budget", default="minimal", help=f"{presets} or a number of steps (default: minimal)")
        own.add_argument("--seeds", help="whole numbers separated by commas (default: those of the budget)")
        if name == "controls":
            own.add_argument("--factors", default="main", help=f"{', '.join(FACTORS)} or all (default: main)")
        own.add_argument("--also", default="", help=ALSO)
        own.add_argument("--test", choices=TESTS, default="t", help="significance test of differences (default: t)")
        own.add_argument(
            "--config_files", default="", help="yaml files of settings for all systems, separated by spaces"
        )
        own.add_argument(
            "--output", type=Path, default=Path("experiments"), help="folder of runs (default: experiments)"
        )
        own.add_argument(
            "--results", type=Path, default=Path("docs/results"), help="folder of tables (default: docs/results)"
        )
        add_jobs(own)
        own.add_argument("--dry-run", action="store_true", help="print what would be trained and how long, and stop")


def run(arguments) -> None:
    command = _without_paths(arguments.command_line)
    settings = settings_of(arguments.settings, "paper")
    budget = read_budget(arguments.budget, arguments.dataset, seeds(arguments.seeds) if arguments.seeds else None)
    if arguments.experiment == "controls":
        names = list(FACTORS) if arguments.factors == "all" else arguments.factors.split(",")
        experiments = controls([name.strip() for name in names if name.strip()], budget)
    else:
        experiments = [EXPERIMENTS[arguments.experiment](arguments.dataset, budget)]
    check_folder("output", arguments.output)
    check_folder("results", arguments.results)
    files = config_files(arguments)
    config = checked_config("HAIL", arguments.dataset, files, settings)
    asked = given(config)
    if own := [f"{name}: paper sets it itself{advice}" for name, advice in _OWN.items() if name in asked]:
        raise SettingsError(own)
    check_files(config)

    def under(protocol: str):
        return checked_config("HAIL", arguments.dataset, files, {**settings, "candidates": protocol})

    also = protocols_beside(arguments.also, RANKED_UNDER, under)
    check_data(under(TRAINED_UNDER), fewer)
    sweep = Sweep(arguments.dataset, budget, files, settings, arguments.output, checked_config, also)
    with machine_of(arguments, config["gpu_id"]) as machine:
        with on_threads(machine.share(0).threads):  # as many as a run will have
            sweep.place(experiments, say)
        if arguments.dry_run:
            _show_plan(sweep)
            return
        failures = sweep.run(say, machine)
    for experiment in experiments:
        _write(sweep, experiment, arguments, command)
    for warning in several_versions(folder.path(planned) for folder, planned in sweep.jobs()):
        warn(warning)
    if failures:
        raise UserError("\nerror: ".join(["not every system is in the tables", *failures]))


# What tables are about, or compare by.
_OWN = {"max_steps": "; see --budget", "max_minutes": "; see --budget", "candidates": ", strict and paper"}
_OWN |= {"peers": "; leave it out", "distillation": "; leave it out"}


def _show_plan(sweep: Sweep) -> None:
    for folder, planned in sweep.jobs():
        print(f"{folder.output.name} {planned}: {'reused' if folder.has(planned) else 'to be trained'}")
    missing = sum(not folder.has(planned) for folder, planned in sweep.jobs())
    time = f": about {_in_words(sweep.seconds_left())} of steps here" * bool(missing)
    print(f"{missing} of {len(sweep.jobs())} runs to be trained{time}")


def _in_words(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:,.0f} {unit}"
    return "a minute"


def _write(sweep: Sweep, experiment, arguments, command: str) -> None:
    sections = sections_of(sweep, experiment, arguments.test)
    if not sections:
        print(f"{experiment.name}: no system has all of its runs, so there are no tables")
        return
    stem = arguments.results / f"{sweep.dataset}-{experiment.name}-{sweep.budget.steps}"
    written = write_outputs(sweep, experiment, sections, stem, command)
    for section in sections:
        shown = [table for table in section.tables if table.constants.get("targets") in (None, "all")]
        print("", section.title, *(to_text(table, terminal=sys.stdout.isatty()) for table in shown), sep="\n")
    print("written to", ", ".join(map(str, written)))


def _without_paths(arguments: list[str]) -> str:
    """The command as another machine would call it."""
    kept, skip = [], False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if name in ("--data_path", "--candidates_dir", "--output", "--results", "--jobs", "--ray_address"):
            skip = not equals
        elif skip:
            skip = False
        else:
            kept.append(argument)
    return shlex.join(["recbole-hail", *kept])
