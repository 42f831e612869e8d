"""Forecast the next events of generators from a checkpoint, with calibrated probabilities."""

import os
import sys
from pathlib import Path

from recbole_hail.cli.checkpoints import add_checkpoint, chosen
from recbole_hail.errors import SettingsError, UserError
from recbole_hail.files import write_text
from recbole_hail.forecast import Forecaster
from recbole_hail.forecast.history_file import by_generator, file_of_events, read_events
from recbole_hail.forecast.output import FORMATS, skipped_elements
from recbole_hail.forecast.overlap import not_newer
from recbole_hail.page.map import elements_of_group, map_page

EPILOG = (
    "A history is all events of the dataset, validation and test elements too. Probabilities are calibrated once for a "
    "checkpoint, which is kept in CHECKPOINT.calibration.json. Give --generator, --all or --history."
)
OPENS_CHECKPOINT = True


def add_arguments(parser) -> None:
    parser.epilog = EPILOG
    add_checkpoint(parser, "of any sequential model, as run_recbole saves it")
    parser.add_argument("--generator", action="append", help="a generator's token; may be given several times")
    parser.add_argument("--all", action="store_true", help="every generator")
    parser.add_argument(
        "--history",
        help="events not in the dataset: a CSV of generator, element and perhaps timestamp, or the folder of a dataset",
    )
    parser.add_argument("--topk", type=int, default=10, help="elements for each generator (default: 10)")
    parser.add_argument("--format", choices=FORMATS, help="default: text")
    parser.add_argument("--output", type=Path, help="a file to write to in place of the terminal")
    parser.add_argument("--map", type=Path, metavar="HTML", help="a page to draw generators on that have coordinates")
    parser.add_argument("--group", help="the map's elements: those whose name has these words")
    parser.add_argument("--overwrite", action="store_true", help="replace --output and --map where they exist")
    parser.add_argument("--data_path", help="folder with the dataset's folder (default: as in training)")


def _check(arguments) -> None:
    problems = []
    if not (arguments.generator or arguments.all or arguments.history):
        problems.append("generator: name one, or ask for --all, or give events in a file with --history")
    if arguments.generator and arguments.all:
        problems.append("all: has every generator; leave out --generator")
    if bool(arguments.map) != bool(arguments.group):
        problems.append("map: needs --map=FILE.html and --group=WORDS, such as --group=ASSAULT")
    if arguments.topk < 1:
        problems.append(f"topk: {arguments.topk} must be at least 1")
    problems += problems_of_files(arguments)
    if problems:
        raise SettingsError(problems)


def problems_of_files(arguments) -> list[str]:
    """What is wrong with --output and --map, a sentence each, before any work; `arguments` has the files read too."""
    problems = []
    for name in ("output", "map"):
        file = getattr(arguments, name)
        if file and file.is_dir():
            problems.append(f"{name}: {file} is a folder; name a file")
        elif file and not file.parent.is_dir():
            problems.append(f"{name}: the folder of {file} does not exist")
        elif file and file.suffix == ".pth":
            problems.append(f"{name}: {file} is a name of models; give another name")
    problems += _same_files(arguments) + _files_of_the_run(arguments)
    return problems or _there_already(arguments)  # --overwrite would mend none of the others


def _same_files(arguments) -> list[str]:
    """What is written must be neither read nor written twice."""
    given = {name: getattr(arguments, name) for name in ("checkpoint", "map", "output")}
    given["history"] = arguments.history and file_of_events(arguments.history)
    files = {name: Path(file).resolve() for name, file in given.items() if file}
    return [
        f"{name}: {given[name]} is that of --{other} too; give another name"
        for name, others in (("map", ("checkpoint", "history")), ("output", ("checkpoint", "history", "map")))
        for other in others
        if name in files and files[name] == files.get(other)
    ]


def _files_of_the_run(arguments) -> list[str]:
    """What `run_recbole` and `report` left beside the checkpoint must not go: reports and tables read it."""
    stem = os.path.splitext(os.path.abspath(arguments.checkpoint))[0]
    of_run = {Path(stem + suffix).resolve() for suffix in (".json", ".ranks.npz", ".calibration.json", ".html")}
    given = {name: getattr(arguments, name) for name in ("output", "map")}
    return [
        f"{name}: {file} belongs to the run that left the checkpoint; give another name"
        for name, file in given.items()
        if file and file.resolve() in of_run and file.exists()
    ]


def _there_already(arguments) -> list[str]:
    """A pipe or a device is written into, and nothing of it is lost."""
    given = {name: getattr(arguments, name) for name in ("output", "map")}
    return [
        f"{name}: {file} exists; give another name, or --overwrite"
        for name, file in given.items()
        if file and file.is_file() and not arguments.overwrite
    ]


def _map_alone(arguments) -> bool:
    """Beside a map the tables of all generators are hundreds of lines that nobody asked for."""
    return bool(arguments.map) and not (arguments.output or arguments.format or arguments.generator)


def run(arguments) -> None:
    arguments.checkpoint = chosen(arguments)
    _check(arguments)
    events = read_events(arguments.history) if arguments.history else []
    forecaster = Forecaster.load(arguments.checkpoint, data_path=arguments.data_path, progress=sys.stderr.isatty())
    group = elements_of_group(forecaster, arguments.group) if arguments.map else []
    if warning := not_newer(events, forecaster.trained.config, forecaster.generators.token):
        print(f"warning: {warning}", file=sys.stderr)
    newer = by_generator(events, forecaster.generators.token)
    named = [forecaster.generators.token(name) for name in arguments.generator or []]
    generators = None if arguments.all else list(dict.fromkeys(named or newer))
    forecasts = forecaster.forecast(generators, newer=newer, k=arguments.topk)
    for line in skipped_elements(forecasts):
        print(f"warning: {line}", file=sys.stderr)
    if not any(forecast.predictions for forecast in forecasts):
        raise UserError(
            "no generator asked for has an event that the model knows, so there is nothing to forecast from"
        )
    text = FORMATS[arguments.format or "text"](forecaster, forecasts)
    page = None  # is made before anything is written, for it may find no coordinates
    if arguments.map:
        chances = forecaster.chances(group, generators, newer=newer)
        page = map_page(forecaster, forecasts, chances, arguments.group)
    if arguments.output:
        write_text(arguments.output, text)
    elif not _map_alone(arguments):
        print(text, end="")
    if arguments.format == "csv" or _map_alone(arguments):  # which have no place for it
        print(forecaster.calibration, file=sys.stderr)
    if page:
        write_text(arguments.map, page)
        print(f"{arguments.map}: a map of the chance of {len(group)} elements", file=sys.stderr)
