"""Train several models with several seeds on the same split and candidates, and tabulate how they differ."""

import sys
from collections.abc import Sequence
from pathlib import Path

from recbole_hail.cli.common import check_folder, say, seeds, settings_of, warn
from recbole_hail.cli.config import ALSO, checked_config, config_files, protocols_beside
from recbole_hail.cli.machines import add_jobs, machine_of
from recbole_hail.comparison import notation
from recbole_hail.comparison.notation import UNTRAINED
from recbole_hail.comparison.outputs import hardly_begun, make_tables, short_lists, write_files
from recbole_hail.comparison.plan import SHARED, Plan, make_plan
from recbole_hail.comparison.results import several_versions
from recbole_hail.comparison.runs import OtherSettings, RunFolder
from recbole_hail.comparison.training import rank_missing, train_missing
from recbole_hail.data.requirements import check_files
from recbole_hail.errors import SettingsError, UserError
from recbole_hail.evaluation.candidates import PROTOCOLS
from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.evaluation.significance import TESTS
from recbole_hail.evaluation.split import check_data
from recbole_hail.tables.forms import to_text

TAKES_SETTINGS = True
EPILOG = (
    "Any RecBole setting can be given as --name=value and then holds for all models. "
    "Finished runs are reused: repeat the command after Ctrl-C or a crash, or call it with more models or "
    "seeds. OUTPUT gets table.txt, .csv, .md and .tex, chart.png, and runs/ with each run's checkpoint, ranks, record "
    f"and log. The training-free rules are in every table: {', '.join(UNTRAINED)}."
)


def add_arguments(parser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--models", default="HAIL,BERT4Rec,SASRec,Pop", help=notation.HELP)
    parser.add_argument("--controls", action="store_true", help=f"add {notation.CONTROLS}")
    parser.add_argument("--dataset", "-d", default="ml-100k", help="name of a dataset (default: ml-100k)")
    parser.add_argument("--seeds", default="1,2,3", help="whole numbers separated by commas (default: 1,2,3)")
    parser.add_argument("--candidates", help=f"protocol: {', '.join(PROTOCOLS)} (default: by eval_args)")
    parser.add_argument("--also", default="", help=ALSO)
    parser.add_argument("--minutes-per-model", help="most minutes of training per run, instead of max_steps")
    parser.add_argument("--max_steps", help="most optimiser steps per run")
    parser.add_argument("--test", choices=TESTS, default="t", help="significance test of differences (default: t)")
    parser.add_argument("--config_files", default="", help="yaml files of settings for all models, separated by spaces")
    parser.add_argument("--output", type=Path, help="folder for runs and tables (default: comparisons/DATASET)")
    parser.add_argument("--intervals", action="store_true", help="show 95 %% intervals in all forms of the tables")
    add_jobs(parser)
    parser.add_argument("--dry-run", action="store_true", help="print what would be trained and reused, and stop")


def _settings(arguments) -> dict:
    """All settings of the command line, as text."""
    found = settings_of(arguments.settings, "compare")
    if arguments.minutes_per_model is not None:
        # Time takes the place of the dataset's number of steps.
        found |= {"max_minutes": arguments.minutes_per_model, "max_steps": "None"}
    named = {"candidates": arguments.candidates, "max_steps": arguments.max_steps}
    return found | {name: value for name, value in named.items() if value is not None}


def _way_to_keep_runs(names: Sequence[str]) -> str:
    """What to do about settings that are not those of the folder, where its runs need not be given up for them."""
    if not {*names} - {"candidates", "eval_args"}:
        return ", or ask as before and add --also=PROTOCOL, which ranks the runs that are there under another"
    if not {*names} & {*SHARED, "dataset", "data"}:
        return f", or keep the runs of other models by giving {names[0]} to some alone, as in SASRec[{names[0]}=…]"
    return ""


def run(arguments) -> None:
    specs = notation.parse_models(arguments.models)
    specs += notation.parse_models(notation.CONTROLS) * arguments.controls
    files = config_files(arguments)
    plan = make_plan(
        specs, seeds(arguments.seeds), arguments.dataset, files, _settings(arguments), config_of=checked_config
    )
    others = protocols_beside(
        arguments.also,
        [protocol_of(plan.config, "test")[0]],
        lambda name: checked_config("HAIL", arguments.dataset, files, {**_settings(arguments), "candidates": name}),
    )
    check_files(plan.config)
    output = arguments.output or Path("comparisons", arguments.dataset)
    check_folder("output", output)
    folder = RunFolder(output, plan.shared)
    try:
        folder.check(plan.in_force)
    except OtherSettings as error:
        raise SettingsError([f"{error}{_way_to_keep_runs(error.names)}"]) from None
    check_data(plan.config, also=others)
    if arguments.dry_run:
        for planned in plan.runs:
            print(f"{planned}: {'reused' if folder.has(planned) else 'to be trained'} ({folder.path(planned).name})")
        return
    _compare(arguments, plan, folder, others)


def _compare(arguments, plan: Plan, folder: RunFolder, others: list[str]) -> None:
    """Trains and ranks what is missing, and tabulates what is there."""
    with machine_of(arguments, plan.config["gpu_id"]) as machine, folder.held():
        runs = [(folder, planned) for planned in plan.runs]
        failures = train_missing(runs, say, machine) + rank_missing(runs, others, say, machine)
        for protocol in (None, *others):
            if tables := make_tables(plan, folder, arguments.test, protocol, intervals=arguments.intervals):
                written = write_files(plan, tables, folder.output, protocol)
                print("", *(to_text(table, terminal=sys.stdout.isatty()) for table in tables), sep="\n")
                print("written to", ", ".join(map(str, written)))
    found = [*short_lists(plan, folder, (None, *others)), *hardly_begun(plan, folder)]
    for warning in [*found, *several_versions(map(folder.path, plan.runs))]:
        warn(warning)
    if failures:
        raise UserError("\nerror: ".join(["not every model is in the tables", *failures]))
