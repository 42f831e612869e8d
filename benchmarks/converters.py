"""Rows per second, MB per second and peak memory of the crime converters on generated exports.

    python benchmarks/converters.py --events 1000000 9000000

Each size is generated once per city in a temporary folder (about 335 bytes a row for nyc, 240 for chicago), converted
in a child process of its own, and deleted. Prints a table and writes it as JSON to --output.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import measuring

# Runs in the child: its peak memory is that of the conversion alone, imports included.
CHILD = """
import json, sys
import dataset_converters, measuring
city, source, output, year = sys.argv[1:]
found = []
convert = lambda: found.append(getattr(dataset_converters, city)(source, output, year=int(year) if year else None))
wall, processor = measuring.timed(convert)
peak = measuring.peak_memory()
print(json.dumps({"seconds": wall, "processor": processor, "peak": peak, "kept": found[0]["rows"]["kept"]}))
"""
COLUMNS = ("city", "year", "rows", "MB", "seconds", "rows/s", "MB/s", "rows/CPU s", "peak MB", "events kept")


def measure(city: str, source: Path, rows: int, year: str) -> dict:
    """Converts `source` in a child process; the figures under the names of COLUMNS."""
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        child = measuring.in_child(CHILD, city, str(source), str(Path(folder, "made")), year)
    size = source.stat().st_size / 1e6
    values = (city, year or "all", rows, size, child["seconds"], rows / child["seconds"], size / child["seconds"])
    return dict(zip(COLUMNS, (*values, rows / child["processor"], child["peak"] / 1e6, child["kept"]), strict=True))


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
    measuring.show_header(COLUMNS)
    for city in options.cities:
        for events in options.events:
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                source = sample(city, Path(folder, f"{city}.csv"), events=events, year=2006, years=18)
                for year in ("2016", ""):
                    rows.append(measure(city, source, events, year))
                    measuring.show(rows[-1])
    measuring.write(options.output, rows)


if __name__ == "__main__":
    main()
