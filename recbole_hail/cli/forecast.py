"""Forecast the next events of generators from a checkpoint, with calibrated probabilities."""

import sys
from pathlib import Path

from recbole_hail.cli.checkpoints import add_checkpoint, chosen
from recbole_hail.cli.common import warn
from recbole_hail.cli.forecast_checks import check, format_of, group_alone, map_alone
from recbole_hail.errors import UserError
from recbole_hail.files import write_text
from recbole_hail.forecast import Forecaster
from recbole_hail.forecast.group_output import GROUP_FORMATS, ElementGroup
from recbole_hail.forecast.groups import elements_of_group, summed
from recbole_hail.forecast.history_file import by_generator, read_events
from recbole_hail.forecast.history_times import newest_day
from recbole_hail.forecast.output import FORMATS, Read, counted
from recbole_hail.forecast.overlap import not_newer
from recbole_hail.forecast.selection import generators_asked, skipped_elements, unknown_generators
from recbole_hail.maps.page import check_coordinates, map_page
from recbole_hail.maps.places import not_drawn

EPILOG = (
    "A generator's history is all of its events in the dataset, validation and test included. Probabilities are "
    "calibrated once per checkpoint; the result is kept in CHECKPOINT.calibration.json. Give --generator, --all or "
    "--history."
)
OPENS_CHECKPOINT = True


def add_arguments(parser) -> None:
    parser.epilog = EPILOG
    add_checkpoint(parser, "a checkpoint of any sequential model, as run_recbole saves it")
    parser.add_argument(
        "--generator", action="append", help="a generator's token, or a pattern such as '44|*'; repeatable"
    )
    parser.add_argument("--all", action="store_true", help="forecast every generator")
    parser.add_argument(
        "--history",
        help="events newer than the dataset: a CSV (generator, element, optional timestamp) or a dataset's folder",
    )
    parser.add_argument("--topk", type=int, help="number of elements for each generator (default: 10, or all)")
    parser.add_argument("--format", choices=FORMATS, help="default: by the suffix of --output, else text")
    parser.add_argument("--output", type=Path, help="a file to write to instead of the terminal")
    parser.add_argument(
        "--map", type=Path, metavar="HTML", help="a page to draw the generators on that have coordinates; needs --group"
    )
    parser.add_argument(
        "--group",
        action="append",
        help="chance of all elements with these words in slot or name; repeatable. Without --map: a row per generator",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace --output and --map if they exist")


def run(arguments) -> None:
    arguments.checkpoint = chosen(arguments, rather="SEQUENTIAL")
    check(arguments)
    forecaster = Forecaster.load(arguments.checkpoint, data_path=arguments.data_path, progress=sys.stderr.isatty())
    events = read_events(arguments.history, forecaster.trained.config) if arguments.history else []
    if arguments.map:
        check_coordinates(forecaster)
    group = elements_of_group(forecaster, *arguments.group) if arguments.group else []
    newer = by_generator(events, forecaster.generators.token)
    named = generators_asked(forecaster.generators, arguments.generator or [], newer)
    generators = None if arguments.all else named or list(newer)
    overlap = not_newer(events, forecaster.trained.config, forecaster.generators.token)
    for warning in [overlap] * bool(overlap) + unknown_generators(forecaster.generators, list(newer)):
        warn(warning)
    if group_alone(arguments):
        found = forecaster.of_group(group, generators, newer=newer)
        any_known = any(one.probability is not None for one in found)
    else:
        found = forecaster.forecast(generators, newer=newer, k=arguments.topk)
        any_known = any(one.predictions for one in found)
    for warning in skipped_elements(forecaster.elements, found):
        warn(warning)
    if not any_known:
        raise UserError(
            "no generator asked for has an event that the model knows, so there is nothing to forecast from"
        )
    page = None  # is made before anything is written, for it may find no coordinates
    if arguments.map:
        chances = forecaster.chances(group, generators, newer=newer)
        page = map_page(forecaster, found, chances, *arguments.group, newer=events)
        if left_out := not_drawn(forecaster, found):
            print(f"map: {left_out}", file=sys.stderr)
    _write(arguments, forecaster, _text(arguments, forecaster, found, group, events), len(found))
    if page:
        write_text(arguments.map, page)
        print(f"{arguments.map}: a map of the chance of {counted(len(group), 'element')}", file=sys.stderr)


def _text(arguments, forecaster: Forecaster, found: list, group: list[int], events: list) -> str:
    """All rows, in the format that is asked for."""
    asked, read = {one.generator for one in found}, None
    if arguments.history:
        of_asked = [event for event in events if forecaster.generators.token(event.generator) in asked]
        used = [event for event in of_asked if forecaster.elements.number(event.element) is not None]
        read = Read(arguments.history, len(used), newest_day(used))
    if group_alone(arguments):
        asked_of = ElementGroup(arguments.group, group, summed(forecaster, *arguments.group))
        return GROUP_FORMATS[format_of(arguments)](forecaster, found, asked_of, read)
    return FORMATS[format_of(arguments)](forecaster, found, read)


def _write(arguments, forecaster: Forecaster, text: str, count: int) -> None:
    """To --output or the terminal; what has no place for the calibration leaves it to standard error."""
    if arguments.output:
        is_csv = arguments.output.suffix.lower() == ".csv"
        mark = "\ufeff" * (is_csv and not text.isascii())  # else Excel takes UTF-8 for its own encoding
        write_text(arguments.output, mark + text)
        print(f"{arguments.output}: forecasts for {counted(count, 'generator')}", file=sys.stderr)
    elif not map_alone(arguments):
        print(text, end="")
    if format_of(arguments) == "csv" or map_alone(arguments):
        print(forecaster.calibration, file=sys.stderr)
