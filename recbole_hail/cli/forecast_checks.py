"""What of `recbole-hail forecast`'s arguments goes together, and which files it and `verify` may write."""

import os
from pathlib import Path

from recbole_hail.errors import SettingsError
from recbole_hail.forecast.history_file import file_of_events

_OF_SUFFIX = {".csv": "csv", ".json": "json", ".txt": "text"}
_OF_TABLES = (".xlsx", ".xls", ".ods")


def check(arguments) -> None:
    """SettingsError for what cannot be done or would write over something; before any work."""
    problems = []
    if not (arguments.generator or arguments.all or arguments.history):
        problems.append("generator: name one, or ask for --all, or give events in a file with --history")
    if arguments.generator and arguments.all:
        problems.append("all: has every generator; leave out --generator")
    if arguments.map and not arguments.group:
        problems.append("map: needs --map=FILE.html and --group=WORDS, such as --group=ASSAULT")
    if "" in (arguments.group or []):
        problems.append("group: has no words; give some, such as --group=ASSAULT")
    if arguments.topk is not None and arguments.topk < 1:
        problems.append(f"topk: {arguments.topk} must be at least 1")
    if arguments.topk is not None and group_alone(arguments):
        problems.append("topk: with --group and without --map there is one row for each generator; leave it out")
    problems += problems_of_files(arguments)
    if problems:
        raise SettingsError(problems)


def problems_of_files(arguments) -> list[str]:
    """What is wrong with --output and --map, a sentence each, before any work; `arguments` has the files read too."""
    problems = _suffixes(arguments)
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


def _suffixes(arguments) -> list[str]:
    """Text in a .csv or .xlsx and a page in a .png are found out when somebody opens them."""
    problems = []
    if arguments.map and arguments.map.suffix.lower() not in (".html", ".htm"):
        problems.append(f"map: {arguments.map} must end in .html")
    if arguments.output and arguments.output.suffix.lower() in _OF_TABLES:
        problems.append(f"output: {arguments.output} cannot be written; name a .csv, which opens there too")
    by_suffix = _OF_SUFFIX.get(arguments.output.suffix.lower()) if arguments.output else None
    if by_suffix and arguments.format not in (None, by_suffix):
        problems.append(
            f"format: {arguments.format} does not go with --output={arguments.output}, which is {by_suffix}; leave out "
            "--format, or give another name"
        )
    return problems


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


def format_of(arguments) -> str:
    """The format that is given, or else that of the suffix of --output."""
    suffix = arguments.output.suffix.lower() if arguments.output else ""
    return arguments.format or _OF_SUFFIX.get(suffix, "text")


def map_alone(arguments) -> bool:
    """Beside a map the tables of all generators are hundreds of lines that nobody asked for."""
    return bool(arguments.map) and not (arguments.output or arguments.format or arguments.generator)


def group_alone(arguments) -> bool:
    """Whether generators are to have a row each, in place of their elements."""
    return bool(arguments.group) and not arguments.map
