"""What a run leaves beside its checkpoint: a JSON of settings, data counts, results, cost and versions."""

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from recbole_hail.training.checkpoints import plain

_given: set[str] = set()
_PACKAGES = ("recbole-hail", "recbole", "torch", "numpy", "pandas")


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


def write_json(path: str, record: dict) -> None:
    """Writes whole or not at all."""
    temporary = Path(f"{path}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    os.replace(temporary, path)


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


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # used from a checkout that was not installed
            found[package] = "not installed"
    return found
