"""What the benchmarks share: alternating timings, peak memory of child processes, tables and their JSON."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the checkout goes before an installed copy

import recbole_hail  # noqa: E402, F401  before torch, as users import it: it says how OpenMP's threads wait


class Seconds(NamedTuple):
    """Of one run. `processor` is that of this process, which other programs on the machine hardly change."""

    wall: float
    processor: float


def require_datasets(folder: Path, *names: str) -> None:
    """DataError where one is missing, before children that measure end in a traceback without it."""
    from recbole_hail.data.missing_dataset import require_inter_file  # needs pandas, which that of the GPU does not

    for name in names:
        require_inter_file({"dataset": name, "data_path": str(folder / name)})


def timed(run: Callable[[], object]) -> Seconds:
    wall, processor = perf_counter(), process_time()
    run()
    return Seconds(perf_counter() - wall, process_time() - processor)


def alternate(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, Seconds]:
    """Medians of each run; all take turns in every round, so that a slow moment meets them all."""
    found = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(timed(run))
    return {name: median(seconds) for name, seconds in found.items()}


def median(seconds: list[Seconds]) -> Seconds:
    return Seconds(*(statistics.median(values) for values in zip(*seconds, strict=True)))


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """The slope of log seconds over log size: 1 is linear, 2 quadratic."""
    return statistics.linear_regression([math.log(s) for s in sizes], [math.log(s) for s in seconds]).slope


def peak_memory() -> int:
    """Bytes this process has held at most."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux ru_maxrss goes on from the parent's; VmHWM starts afresh
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_child(code: str, *arguments: str) -> dict:
    """Runs Python code in a process of its own; returns the JSON object on the last line that it prints."""
    here = str(Path(__file__).parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([here, str(ROOT), *sys.path])}
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the measured process failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def show_header(columns) -> None:
    print("  ".join(f"{name:>12}" for name in columns), flush=True)


def show(row: dict) -> None:
    """One line of a table; whole numbers from 100 on, one or more decimals below."""
    cells = []
    for value in row.values():
        if isinstance(value, float):
            cells.append(f"{value:>12,.0f}" if value >= 100 else f"{value:>12.3g}")
        else:
            cells.append(f"{value:>12,}" if isinstance(value, int) else f"{value:>12}")
    print("  ".join(cells), flush=True)


def machine() -> dict:
    """What figures depend on beside the code."""
    found = {"processors": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        found |= {"torch": torch.__version__, "threads": torch.get_num_threads()}
    return found


def write(path: Path, results) -> None:
    """The figures beside the machine that they were measured on."""
    text = json.dumps({"machine": machine(), "results": results}, indent=2) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
