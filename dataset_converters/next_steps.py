"""What to run after a conversion: the commands for this very dataset."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from dataset_converters.download import DOWNLOADABLE
from dataset_converters.events import SHORTEST
from dataset_converters.report import CANDIDATES
from dataset_converters.writer import dataset_files

FEW = 1000  # elements that are few enough to rank all of them (docs/protocols.md)
FEW_GENERATORS = 100  # whose last events are too few questions to tell how often a model is right
LONG = 20  # events of a sequence, of whose tenth there is more than the last one
FORECAST = 3  # elements for each generator
PRINTED = 20  # generators whose forecasts are read in a terminal
OF_RECBOLE = "ml-100k"  # of which RecBole reads its own copy, wherever another one lies
# RecBole's split that asks about a tenth of each generator's events, the newest.
TENTHS = "{'split':{'RS':[0.8,0.1,0.1]},'order':'TO','group_by':'user','mode':'full'}"


def next_steps(report: dict, output: str | os.PathLike | None) -> list[str]:
    """Lines that end a conversion's summary; none where nothing can be run.

    Nothing here asks RecBole or torch, whose import takes longer than most conversions.

    Args:
        report: as the conversion returns it.
        output: the dataset's folder; None for `dataset/<name>`.
    """
    files = dataset_files(output or f"dataset/{report['name']}")
    if like := report["options"].get("like"):
        trained, made = dataset_files(like)[".inter"].stem, _shown(files[".inter"].parent)
        which = f"--dataset {shlex.quote(trained)} --history {shlex.quote(made)}"
        return [
            *(f"  {line}" for line in report["compared"]),
            f"  next, what the model trained on {trained} expects after these, and whether it expected them:",
            f"    recbole-hail forecast {which}",
            f"    recbole-hail verify {which}",
        ]
    name, counts = report["name"], report["statistics"]["all"]
    if counts["max"] < SHORTEST or counts["elements"] < 2 or name == OF_RECBOLE:
        return []
    few_and_long = counts["generators"] < FEW_GENERATORS and counts["mean"] >= LONG
    tenths = few_and_long and name not in DOWNLOADABLE
    asked = _asked(name, files[".inter"].parent.parent, counts["elements"], tenths)
    return [
        *(_why_tenths(counts) if tenths else ()),
        "  next, a rule that counts, and what it expects after the newest events:",
        f"    run_recbole --model=GeneratorKNN {asked}",
        f"    recbole-hail forecast --dataset {shlex.quote(name)} {every_generator(counts, name)}",
        "  or a network, which takes longer, asked the same:",
        f"    run_recbole --model=HAIL --peers=1 {asked}",
    ]


def every_generator(counts: Mapping[str, int], name: str) -> str:
    """The arguments of `forecast` for all generators: a few elements each in the terminal, or else a CSV.

    Args:
        counts: how many `generators` and `elements` there are.
        name: what the CSV is called for.
    """
    if counts["generators"] > PRINTED:
        return f"--all --output {shlex.quote(f'{name}-forecasts.csv')}"
    return f"--all --topk {min(FORECAST, counts['elements'])}"


def _why_tenths(counts: dict) -> list[str]:
    return [
        f"  {counts['generators']:,} generators would be asked {counts['generators']:,} questions, too few to tell how "
        "often a model is right:",
        "  so the commands below ask about the last tenth of each sequence.",
    ]


def _asked(name: str, parent: Path, elements: int, tenths: bool) -> str:
    """The options of both trainings, for numbers of different questions cannot be compared.

    The datasets that have settings of their own keep their protocol.
    """
    words = [f"--dataset={shlex.quote(name)}"]
    if parent != Path.cwd() / "dataset":
        shown = _shown(parent)  # `./2024`, as RecBole takes `2024` for a number
        shown = shown if os.path.isabs(shown) or shown == "." else f"./{shown}"
        words.append(f"--data_path={shlex.quote(shown)}")
    if tenths:
        words.append(f'--eval_args="{TENTHS}"')
    elif elements < (CANDIDATES if name in DOWNLOADABLE else FEW):
        words.append("--candidates=full")
    return " ".join(words)


def _shown(path: Path) -> str:
    """From the working directory where it lies in it."""
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)
