"""Rows per second, MB per second and peak memory of the crime converters on generated exports.

    python benchmarks/converters.py --events 1000000 9000000

Each size is generated once per city in a temporary folder (about 335 bytes a row for nyc, 240 for chicago), converted
in a child process of its own, and deleted. Prints a table and writes it as JSON to --output.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

# Runs in the child: its peak memory is that of the conversion alone, imports included.
CHILD = """
import json, pathlib, re, resource, sys, time
import dataset_converters
city, source, output, year = sys.argv[1:]
started = time.perf_counter()
report = getattr(dataset_converters, city)(source, output, year=int(year) if year else None)
seconds = time.perf_counter() - started
usage = resource.getrusage(resource.RUSAGE_SELF)
peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
status = pathlib.Path("/proc/self/status")
if status.exists():  # on Linux ru_maxrss goes on from the parent's; VmHWM starts afresh
    peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
processor = usage.ru_utime + usage.ru_stime
print(json.dumps({"seconds": seconds, "processor": processor, "peak": peak, "kept": report["rows"]["kept"]}))
"""
COLUMNS = ("city", "year", "rows", "MB", "seconds", "rows/s", "MB/s", "rows/CPU s", "peak MB", "events kept")


def measure(city: str, source: Path, rows: int, year: str) -> dict:
    """Converts `source` in a child process; the figures under the names of COLUMNS."""
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        command = [sys.executable, "-c", CHILD, city, str(source), str(Path(folder, "made")), year]
        root = str(Path(__file__).resolve().parents[1])
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *sys.path])}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    child = json.loads(done.stdout)
    size = source.stat().st_size / 1e6
    values = (city, year or "all", rows, size, child["seconds"], rows / child["seconds"], size / child["seconds"])
    return dict(zip(COLUMNS, (*values, rows / child["processor"], child["peak"] / 1e6, child["kept"]), strict=True))


def show(row: dict) -> str:
    """One line of the table."""
    cells = [f"{value:,.1f}" if isinstance(value, float) and value < 100 else value for value in row.values()]
    return "  ".join(f"{cell:>12,.0f}" if isinstance(cell, int | float) else f"{cell:>12}" for cell in cells)


def main() -> None:
    """Generates, converts, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000], help="rows of the exports")
    parser.add_argument("--cities", nargs="+", choices=("nyc", "chicago"), default=["nyc", "chicago"])
    parser.add_argument("--folder", help="where the exports are put while they are used (default: the system's)")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    from dataset_converters import sample

    rows = []
    print("  ".join(f"{name:>12}" for name in COLUMNS))
    for city in options.cities:
        for events in options.events:
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                source = sample(city, Path(folder, f"{city}.csv"), events=events, year=2006, years=18)
                for year in ("2016", ""):
                    rows.append(measure(city, source, events, year))
                    print(show(rows[-1]), flush=True)
    machine = {"processors": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    text = json.dumps({"machine": machine, "results": rows}, indent=2) + "\n"
    options.output.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
