"""What a run leaves beside its checkpoint: a JSON of settings, data counts, results, curve, cost and versions."""

import os
import sys
from pathlib import Path

import torch

from recbole_hail.evaluation.kept_ranks import KeptRanks
from recbole_hail.files import write_json
from recbole_hail.training.checkpoints import plain
from recbole_hail.training.evaluations import evaluations_of
from recbole_hail.versions import versions

AS_RECORD = {"ensure_ascii": False, "default": str}  # how `write_json` writes one
_given: set[str] = set()


def latest_file(saved_model_file: str) -> str:
    """Where a run keeps the state after its newest finished epoch, beside its best model."""
    return os.path.splitext(saved_model_file)[0] + ".latest.pth"


def path_of_this_run(path: str) -> str:
    """`path` with the process and, from the second time on, a number before its suffix.

    RecBole names files by the second; several runs may start in the same, also side by side.
    """
    stem, suffix = os.path.splitext(path)
    stem = f"{stem}-{os.getpid()}"
    number, path = 1, stem + suffix
    while path in _given or os.path.exists(path):
        number += 1
        path = f"{stem}-{number}{suffix}"
    _given.add(path)
    return path


def write_record(trainer) -> None:
    """Settings, results and cost of a run of any model, beside its checkpoint; nothing for a run that saves none."""
    if not _leaves_files(trainer):
        return
    config, budget, curve = trainer.config, getattr(trainer, "budget", None), getattr(trainer, "curve", None)
    valid, found = getattr(trainer, "best_valid_result", None), evaluations_of(trainer)
    record = {
        "model": config["model"],
        "dataset": config["dataset"],
        "checkpoint": os.path.basename(trainer.saved_model_file),
        "settings": settings_in_force(config),
        "data": getattr(trainer, "data_counts", None),
        "parameters": sum(weight.numel() for weight in trainer.model.parameters()),
        "best epoch": getattr(trainer, "best_epoch", None),
        "steps": budget and budget.steps,
        "results": {**({"valid": {"model": dict(valid)}} if valid else {}), **found.results},
        "intervals": found.intervals,
        "candidates": found.candidates or None,
        "curve": curve and curve.points,
        "training seconds": budget and round(budget.seconds, 3),
        "peak memory MiB": peak_memory_mib(trainer.device),
        "versions": versions(),
    }
    write_json(Path(f"{_stem(trainer)}.json"), record, **AS_RECORD)


def write_ranks(trainer, kept: KeptRanks) -> None:
    """Beside the checkpoint; nothing for a run that saves none."""
    if _leaves_files(trainer):
        kept.write(Path(f"{_stem(trainer)}.ranks.npz"))


def _stem(trainer) -> str:
    return os.path.splitext(trainer.saved_model_file)[0]


def _leaves_files(trainer) -> bool:
    return trainer.config["local_rank"] in (0, None) and os.path.exists(trainer.saved_model_file)


def settings_in_force(config) -> dict:
    """All settings as plain values."""
    return {name: plain(value) for name, value in sorted(config.final_config_dict.items())}


def data_counts(train_data, valid_data) -> dict:
    """How many generators, elements, events, training windows and validation targets there are."""
    dataset = train_data._dataset
    return {
        "generators": dataset.user_num - 1,
        "elements": dataset.item_num - 1,
        "events": len(dataset.elements),
        "training windows": len(train_data.windows.length),
        "training positions": int(train_data.windows.length.sum()),
        "validation targets": len(valid_data._dataset) if valid_data else 0,
    }


def peak_memory_mib(device: torch.device) -> dict[str, float]:
    """Largest memory this process has held so far, on the host and, where there is one, on the GPU."""
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    peak = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20}
    if device.type == "cuda":
        peak["gpu"] = torch.cuda.max_memory_allocated(device) / 2**20
    return peak
