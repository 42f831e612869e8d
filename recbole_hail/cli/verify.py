"""Check whether forecasts came true: a checkpoint, and two rules that count, are asked about newer events."""

import sys
from pathlib import Path

from recbole_hail.cli.checkpoints import add_checkpoint, chosen
from recbole_hail.cli.common import warn
from recbole_hail.cli.forecast_checks import format_of, problems_of_files
from recbole_hail.errors import SettingsError
from recbole_hail.files import write_text
from recbole_hail.forecast import Forecaster
from recbole_hail.forecast.history_file import read_events
from recbole_hail.forecast.output import counted
from recbole_hail.forecast.overlap import not_newer
from recbole_hail.forecast.verification import verify
from recbole_hail.forecast.verification_output import FORMATS, caption, conclusions
from recbole_hail.forecast.verification_tables import tables

EPILOG = (
    "Each newer event is forecast from its generator's whole history before it: what the dataset has, then the newer "
    "events before this one. The model is compared with two rules: GeneratorFrequency names what the generator had "
    "most often, Pop what all had most often."
)
OPENS_CHECKPOINT = True


def add_arguments(parser) -> None:
    parser.epilog = EPILOG
    parser.set_defaults(map=None)  # which `forecast` writes too
    add_checkpoint(parser, "a checkpoint of any sequential model, as run_recbole saves it")
    parser.add_argument(
        "--history",
        required=True,
        help="events newer than the dataset: a CSV (generator, element, optional timestamp) or a dataset's folder",
    )
    parser.add_argument("--format", choices=FORMATS, help="default: by the suffix of --output, else text")
    parser.add_argument("--output", type=Path, help="a file to write to instead of the terminal")
    parser.add_argument("--overwrite", action="store_true", help="replace --output if it exists")


def run(arguments) -> None:
    arguments.checkpoint = chosen(arguments, rather="SEQUENTIAL")
    if problems := problems_of_files(arguments):
        raise SettingsError(problems)
    forecaster = Forecaster.load(arguments.checkpoint, data_path=arguments.data_path, progress=sys.stderr.isatty())
    events = read_events(arguments.history, forecaster.trained.config)
    warning = not_newer(events, forecaster.trained.config, forecaster.generators.token)
    if warning and (arguments.output or format_of(arguments) == "csv"):  # else the text says so itself
        warn(warning)
    found = verify(forecaster, events)
    of = tables(found)
    text = FORMATS[format_of(arguments)](forecaster, found, of, warning)
    if arguments.output:
        write_text(arguments.output, text)
        print(f"{arguments.output}: {counted(len(found.place), 'event')} verified", file=sys.stderr)
    else:
        print(text, end="")
    if format_of(arguments) == "csv":  # which has no place for it
        said = [f"{name}: {line}" for name, table in of.items() for line in conclusions(found, table)]
        print(*caption(forecaster, found), *said, sep="\n", file=sys.stderr)
