"""What to run after a conversion: the commands for this very dataset."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from dataset_converters.download import DOWNLOADABLE
from dataset_converters.report import CANDIDATES
from dataset_converters.writer import dataset_files

FEW = 1000  # elements that are few enough to rank all of them (docs/protocols.md)
TOPK = (1, 5, 10)  # at which rankings are measured, unless they are told otherwise
SHORTEST = 4  # events of a sequence that takes part in training, validation and test
OF_RECBOLE = "ml-100k"  # of which RecBole reads its own copy, wherever another one lies


def next_steps(report: dict, output: str | os.PathLike | None) -> list[str]:
    """Lines that end a conversion's summary; none where nothing can be run.

    Nothing here asks RecBole or torch, whose import takes longer than most conversions.

    Args:
        report: as the conversion returns it.
        output: the dataset's folder; None for `dataset/<name>`.
    """
    files = dataset_files(output or f"dataset/{report['name']}")
    if report["options"].get("like"):
        made = _shown(files[".inter"].parent)
        return [
            f"  next, with the checkpoint of a model trained on {report['options']['like']}:",
            f"    recbole-hail forecast --checkpoint saved/….pth --history {shlex.quote(made)}",
        ]
    counts = report["statistics"]["all"]
    if counts["max"] < SHORTEST or counts["elements"] < 2 or report["name"] == OF_RECBOLE:
        return []
    return [
        "  next, a rule that counts, and what it expects after the newest events:",
        f"    {_run(report['name'], files['.inter'].parent.parent, counts['elements'])}",
        '    recbole-hail forecast --checkpoint "$(ls -t saved/GeneratorKNN-*.pth | head -1)" --all --topk 3',
    ]


def _run(name: str, parent: Path, elements: int) -> str:
    """The command that ranks with GeneratorKNN; the datasets that have settings of their own keep their protocol."""
    words = ["run_recbole", "--model=GeneratorKNN", f"--dataset={shlex.quote(name)}"]
    if parent != Path.cwd() / "dataset":
        shown = _shown(parent)  # `./2024`, as RecBole takes `2024` for a number
        shown = shown if os.path.isabs(shown) or shown == "." else f"./{shown}"
        words.append(f"--data_path={shlex.quote(shown)}")
    if elements < (CANDIDATES if name in DOWNLOADABLE else FEW):
        words.append("--candidates=full")
    if elements < max(TOPK):
        words.append(f'--topk="{[k for k in TOPK if k <= elements]}"')
    return " ".join(words)


def _shown(path: Path) -> str:
    """From the working directory where it lies in it."""
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)
