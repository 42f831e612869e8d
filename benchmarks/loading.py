"""Seconds and peak memory from the .inter file to the first training batch: HAIL against RecBole's SequentialDataset.

    python benchmarks/loading.py --data_path=dataset --datasets nyc16 ml-1m

Every run is a child process of its own. The clock starts after the imports and stops when the first batch is there;
the peak is that of the whole process, imports included, and the growth is what came on top of them. RecBole's side is
SASRec, whose rows are those of every RecBole model on sequences, without what the plugin adds or mends; both cut
histories at 200. HAIL's draws the candidates of evaluation in the first round and finds them kept in the others.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import measuring

from recbole_hail.cli.common import guarded

CHILD = """
import json, logging, sys
model, dataset, folder, threads = sys.argv[1:]
sys.argv = sys.argv[:1]  # RecBole reads settings from it
import recbole_hail
import measuring, pandas, torch
import recbole.data.dataset.dataset, recbole.data.utils
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import init_seed
torch.set_num_threads(int(threads))
imported = measuring.peak_memory()
if model == "SASRec":
    # The plugin has RecBole read by pandas' faster parser, skip a count, look at times, and draw candidates: not
    # RecBole's own time.
    recbole.data.dataset.dataset.pd = pandas
    for name in ("_filter_by_inter_num", "_fill_nan", "_change_feat_format"):
        setattr(recbole.data.dataset.Dataset, name, getattr(recbole.data.dataset.Dataset, name).__wrapped__)
    recbole.data.utils.create_samplers = recbole.data.utils.create_samplers.__wrapped__
settings = {"data_path": folder, "MAX_ITEM_LIST_LENGTH": 200, "show_progress": False, "use_gpu": False}
def load():
    global train
    config = Config(model=model, dataset=dataset, config_dict=settings)
    init_seed(config["seed"], config["reproducibility"])
    train, *_ = data_preparation(config, create_dataset(config))
    next(iter(train))
wall, processor = measuring.timed(load)
peak = measuring.peak_memory()
found = {"wall": wall, "processor": processor, "peak": peak, "growth": peak - imported, "rows": len(train.dataset)}
print(json.dumps(found))
"""
COLUMNS = ("dataset", "loader", "seconds", "CPU seconds", "peak MB", "growth MB", "rows")


def measure(dataset: str, options) -> list[dict]:
    """A row for RecBole, one for HAIL, one for how many times less HAIL needs."""
    found = {"SASRec": [], "HAIL": []}
    for _ in range(options.rounds):
        for model, runs in found.items():
            runs.append(measuring.in_child(CHILD, model, dataset, str(options.data_path), str(options.threads)))
    rows = []
    for model, runs in found.items():
        wall, processor, peak, growth = (
            statistics.median(run[key] for run in runs) for key in ("wall", "processor", "peak", "growth")
        )
        loader = {"SASRec": "RecBole", "HAIL": "HAIL"}[model]
        values = (dataset, loader, wall, processor, peak / 1e6, growth / 1e6, runs[0]["rows"])
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    times_less = [rows[0][name] / rows[1][name] for name in COLUMNS[2:6]]
    rows.append(dict(zip(COLUMNS, (dataset, "times less", *times_less, ""), strict=True)))
    return rows


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data_path", type=Path, default=Path("dataset"), help="folder of the RecBole datasets")
    parser.add_argument("--datasets", nargs="+", default=["nyc16", "ml-1m"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    measuring.require_datasets(options.data_path, *options.datasets)
    rows = []
    measuring.show_header(COLUMNS)
    for dataset in options.datasets:
        for row in measure(dataset, options):
            measuring.show(row)
            rows.append(row)
    measuring.write(options.output, rows)


if __name__ == "__main__":
    sys.exit(guarded(main))
