"""What `run_recbole` ends with: the result in words, the checkpoint, and the commands that go on from it."""

import json
import math
import os
import shlex
from pathlib import Path

import numpy as np

from dataset_converters.next_steps import every_generator
from recbole_hail.cli.checkpoints import SAVED
from recbole_hail.errors import CheckpointError
from recbole_hail.evaluation.kept_ranks import KeptRanks
from recbole_hail.evaluation.metrics import titles
from recbole_hail.files import read_json
from recbole_hail.forecast.loading import check_model
from recbole_hail.page import wording

_MEASURED = {"test": "test_result", "valid": "best_valid_result"}  # of what `recbole.quick_start.run` returns
_TARGETS = {"test": "test", "valid": "validation"}


def closing_lines(config, result: dict | None, since: float, model: str) -> list[str]:
    """Three lines; none for a model that `forecast` cannot use, or that was not saved.

    Args:
        config: the settings of the run.
        result: what `recbole.quick_start.run` returned.
        since: when the run began, in seconds since 1970; its record is younger.
        model: as the command was given it, perhaps MODULE:CLASS.
    """
    phase = "test" if result and result["test_result"] else "valid"  # of a split that has no test
    measured = result and result[_MEASURED[phase]]
    record = _record(Path(config["checkpoint_dir"]), phase, dict(measured), since) if measured else None
    if record is None or config["benchmark_filename"] is not None:
        return []
    checkpoint = Path(config["checkpoint_dir"], record["checkpoint"])
    try:
        check_model(checkpoint, config)
    except CheckpointError:
        return []
    return [
        f"result: {_in_words(phase, measured, record)}",
        f"checkpoint: {os.path.normpath(checkpoint)}",
        f"next: {'; '.join(_commands(checkpoint, record, model))}",
    ]


def _record(folder: Path, phase: str, measured: dict, since: float) -> dict | None:
    """That of the run with this result: a spawned rank has written it, and others may run beside it."""
    files = [file for file in folder.glob("*.json") if file.stat().st_mtime >= since]
    for file in sorted(files, key=os.path.getmtime, reverse=True):
        try:
            record = read_json(file)
            same = _as_text(measured) in map(_as_text, record["results"][phase].values())
            if same and (folder / record["checkpoint"]).is_file():
                return record
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no record of a run with a test
            continue
    return None


def _as_text(measured: dict) -> str:
    """Equal where all values are, NaN too."""
    return json.dumps(measured, default=str)


def _in_words(phase: str, measured: dict, record: dict) -> str:
    """`the right element came first for 5.1 % of 79 test targets; …`; of other metrics their names and values."""
    asked, settings = (record["candidates"] or {}).get(phase), record["settings"]
    of_phase = f"{_TARGETS[phase]} targets"
    names = titles(settings["metrics"], settings["topk"])
    if asked:
        targets, digits = f" of {asked['targets']:,} {of_phase}", 3
        among = f"ranked against {wording.candidates(asked)}"
        measured = {name: value for name, value in measured.items() if name in names}
    else:  # RecBole has rounded, and its other metrics need not be means over targets
        mode = settings["eval_args"]["mode"][phase].replace("full", "all other elements")
        targets, digits = "", min(4, settings["metric_decimal_place"])
        among = f"among {mode}, by RecBole's own evaluation"
    lengths = [k for k in sorted(settings["topk"]) if f"hit@{k}" in measured]
    shares = [_share(k, measured[f"hit@{k}"], digits) for k in dict.fromkeys([*lengths[:1], *lengths[-1:]])]
    if shares:
        first = f"{shares[0]}{targets or f' of the {of_phase}'}"
        return f"the right element came {', '.join([first, *shares[1:]])}; {among}"
    values = [f"{names.get(name, name.upper())} {value:.{digits}f}" for name, value in measured.items()]
    return f"{', '.join(values)}{targets}; {among}"


def _share(k: int, value: float, digits: int) -> str:
    """In percent, of a value of which so many digits after the point are to be shown."""
    return f"{'first' if k == 1 else f'among the first {k}'} for {100 * value:.{max(0, digits - 2)}f} %"


def _commands(checkpoint: Path, record: dict, model: str) -> list[str]:
    """The newest of the dataset is the one that was just saved, where `--dataset` looks for it."""
    there = checkpoint.parent.resolve() == SAVED.resolve()
    which = f"--dataset {shlex.quote(record['dataset'])}" if there else f"--checkpoint {shlex.quote(str(checkpoint))}"
    own = f" --model {shlex.quote(model)}" if ":" in model else ""
    counts = record["data"] or {"generators": _generators(checkpoint), "elements": max(record["settings"]["topk"])}
    every = every_generator(counts, f"{record['dataset']}-{record['model']}")  # another model's file may be there
    commands = [f"recbole-hail forecast {which}{own} {every}"]
    if (record["candidates"] or {}).get("test"):  # the page is about ranks of single targets
        commands.append(f"recbole-hail report {which}{own}")
    return commands


def _generators(checkpoint: Path) -> float:
    """How many of them the test asked; infinity where their ranks were not kept, as by RecBole's own evaluation."""
    file = checkpoint.with_suffix(".ranks.npz")
    if not file.is_file():
        return math.inf
    return len(np.unique(KeptRanks.read(file).generators))
