"""Commands of `python -m dataset_converters`: they parse and call, nothing more."""

from __future__ import annotations

import os
import signal
import sys

import dataset_converters
from dataset_converters.arguments import Parser
from dataset_converters.download import DOWNLOADABLE, PAGE_ROWS
from dataset_converters.errors import ConversionError
from dataset_converters.layouts import CHICAGO, NYC, Layout
from dataset_converters.next_steps import next_steps
from dataset_converters.report import summary
from dataset_converters.sequences import LAYOUTS


def _converter(commands, name: str, description: str, what: str, several: bool = True) -> Parser:
    parser = commands.add_parser(name, help=description, description=description, allow_abbrev=False)
    number = {"nargs": "+"} if several else {}
    parser.add_argument("inputs", metavar="FILE", help=f"{what}; plain, .gz or .zip", **number)
    parser.add_argument("--output", required=True, metavar="FOLDER", help="dataset folder, named like the dataset")
    parser.add_argument("--overwrite", action="store_true", help="replace the dataset if the folder holds it already")
    parser.add_argument("--min-events", type=int, help="drop generators with fewer events (default: %(default)s)")
    return parser


def _sequences(commands) -> None:
    parser = _converter(
        commands, "sequences", "sequence files without times", "`generator element` or `user item …` per line"
    )
    parser.add_argument("--layout", choices=LAYOUTS, default="auto", help="what a line holds (default: %(default)s)")
    parser.set_defaults(run=_convert, min_events=1)


def _crime(commands, layout: Layout, description: str) -> None:
    parser = _table_of_events(commands, layout.city, description)
    parser.add_argument("--element", choices=list(layout.classes), default="offense", help="default: %(default)s")
    _generator(parser, f"default: {','.join(layout.generator)}")


def _generator(parser: Parser, what: str, required: bool = False) -> None:
    several = "columns that make up one place stand in one, with commas between: --generator {!r}"
    parser.add_argument("--generator", metavar="COLUMNS", help=what, required=required, several=several)


def _table_of_events(commands, name: str, description: str) -> Parser:
    parser = _converter(commands, name, description, "the city's CSV")
    parser.add_argument("--year", type=int, help="only events that start in this year (default: all)")
    parser.add_argument("--slot-hours", type=int, default=3, help="length of a slot in hours (default: %(default)s)")
    parser.add_argument("--date-format", metavar="mdy|dmy", help="order of day and month, for files that mix both")
    parser.add_argument("--tolerate", metavar="N|P%", help="unusable rows to accept (default: 5%% of the rows)")
    parser.add_argument("--like", metavar="FOLDER", help="for newer rows: name offences as this dataset does")
    parser.set_defaults(run=_convert, min_events=5)
    return parser


def _nyc(commands) -> None:
    _crime(commands, NYC, "NYPD Complaint Data (New York City)")


def _chicago(commands) -> None:
    _crime(commands, CHICAGO, "Crimes - 2001 to Present (Chicago)")


def _city(commands) -> None:
    parser = _table_of_events(commands, "city", "any other city's offences, by columns that you name")
    for option, what in (("number", "the record's number"), ("date", "the event's start"), ("element", "the offence")):
        parser.add_argument(f"--{option}", metavar="COLUMN", required=True, help=f"column of {what}")
    _generator(parser, "column of the place, or several separated by commas: 'AREA NAME,Premis Desc'", required=True)
    parser.add_argument("--time", metavar="COLUMN", help="column of the time of day, if that is not after the date")
    for option in ("latitude", "longitude"):
        parser.add_argument(f"--{option}", metavar="COLUMN", help=f"in degrees (default: {option}, or short for it)")


def _ratings(commands, name: str, description: str, what: str) -> None:
    parser = _converter(commands, name, description, what, several=False)
    parser.add_argument("--min-item-events", type=int, default=5, help="likewise for elements (default: %(default)s)")
    parser.add_argument("--tolerate", metavar="N|P%", help="unusable rows to accept (default: 5%% of the rows)")
    parser.set_defaults(run=_convert, min_events=5)


def _movielens(commands) -> None:
    _ratings(commands, "movielens", "MovieLens ratings", "ratings.dat, ratings.csv, u.data or the zip")


def _amazon(commands) -> None:
    _ratings(commands, "amazon", "Amazon reviews", "reviews as JSON lines, or a CSV of user,item,rating,time")


def _download(commands) -> None:
    text = "download a dataset of the paper and convert it"
    parser = commands.add_parser("download", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument("name", choices=list(DOWNLOADABLE))
    parser.add_argument("--output", metavar="FOLDER", help="dataset folder (default: dataset/NAME)")
    parser.add_argument("--app-token", metavar="TOKEN", help="a Socrata application token, for the cities' portals")
    parser.add_argument("--base-url", metavar="URL", help="replaces scheme and host, for a mirror or a test server")
    parser.add_argument("--page-rows", type=int, default=PAGE_ROWS, help="rows per request (default: %(default)s)")
    parser.add_argument("--retries", type=int, default=6, help="further attempts (default: %(default)s)")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds before the first retry (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the downloaded files in FOLDER.download")
    parser.add_argument("--overwrite", action="store_true", help="replace the dataset if the folder holds it already")
    parser.set_defaults(run=_convert)


def _check(commands) -> None:
    parser = commands.add_parser(
        "check", help="validate a dataset folder", description="Validates a RecBole dataset folder."
    )
    parser.add_argument("folder", help="dataset folder, such as dataset/nyc16")
    for name, default in (("user", "user_id"), ("item", "item_id"), ("time", "timestamp")):
        parser.add_argument(f"--{name}-field", default=default, help="name of the field (default: %(default)s)")
    parser.add_argument("--min-events", type=int, default=5, help="fewest events of a generator (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=100, help="fewest elements (default: %(default)s)")
    parser.set_defaults(run=_run_check)


def _run_check(command: str, **options) -> tuple[int, str]:
    checked = dataset_converters.check(progress=True, **options)
    return (1 if checked.findings else 0), str(checked)


def _sample(commands) -> None:
    text = "write a made-up export of any size"
    parser = commands.add_parser("sample", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument("city", choices=("nyc", "chicago"))
    parser.add_argument("--output", required=True, metavar="FILE", help="the CSV file; gzip if it ends in .gz")
    parser.add_argument("--events", type=int, default=50_000, help="rows (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same file (default: %(default)s)")
    parser.add_argument("--year", type=int, default=2016, help="first year (default: %(default)s)")
    parser.add_argument("--years", type=int, default=1, help="how many years (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    parser.set_defaults(run=_run_sample)


def _run_sample(command: str, **options) -> tuple[int, str]:
    path = dataset_converters.sample(**options)
    return 0, f"wrote {path} ({path.stat().st_size:,} bytes)"


def _convert(command: str, **options) -> tuple[int, str]:
    report = getattr(dataset_converters, command)(progress=True, **options)
    return 0, "\n".join([summary(report), *next_steps(report, options["output"])])


def build_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="python -m dataset_converters", description=dataset_converters.__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_nyc, _chicago, _city, _sequences, _movielens, _amazon, _download, _check, _sample):
        add(commands)
    return parser


class Terminated(KeyboardInterrupt):
    """SIGTERM, such as a batch system's at the end of its time; it leaves nothing behind either."""


def _terminate(*_) -> None:
    raise Terminated


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit status: 0 done, 1 `check` has findings, 2 an error, told in one line.

    130 after Ctrl-C, 143 after SIGTERM.
    """
    options = vars(build_parser().parse_args(arguments))
    run, command = options.pop("run"), options["command"]
    try:
        status, text = run(**options)
    except ConversionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as end:
        said, status = ("ended by SIGTERM", 143) if isinstance(end, Terminated) else ("interrupted", 130)
        goes_on = "the same command goes on with what has been downloaded"
        print(f"error: {said}; {goes_on if command == 'download' else 'nothing was written'}", file=sys.stderr)
        return status
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader, such as head, has gone; what was asked for is done all the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())
