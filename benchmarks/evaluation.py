"""Ranking among 99 candidates: each sequence encoded once, against RecBole's own path over the very same lists.

    python benchmarks/evaluation.py --data_path=dataset --dataset nyc16

Both sides score with one model of RecBole's with fresh weights, on the test part, on one thread, one after the other in
one process. RecBole draws its negatives while it evaluates; here its sampler hands out ours, so that both rank the same
lists and the metrics must agree. Prints a table and writes it as JSON to --output.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import measuring
import torch

import recbole_hail  # noqa: F401  before RecBole

# isort: split
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.trainer import Trainer
from recbole.utils import get_model, init_seed

from recbole_hail.cli.common import guarded
from recbole_hail.evaluation.phase import phase_of

COLUMNS = ("model", "path", "generators", "seconds", "CPU seconds", "ndcg@10", "mrr@10")
METRICS = ("hit@1", "hit@5", "hit@10", "ndcg@5", "ndcg@10", "mrr@10")


class OurLists:
    """Stands in for RecBole's sampler of negatives: the candidates of each generator, as they were drawn."""

    def __init__(self, part, phase):
        generators = part.inter_feat[part.uid_field][phase.rows].tolist()
        self.lists = dict(zip(generators, torch.from_numpy(phase.candidates.elements).long(), strict=True))

    def sample_by_user_ids(self, generators, targets, wanted):
        drawn = self.lists[int(generators[0])]
        # Lists without duplicates are shorter; a repeated element does not change RecBole's ranks.
        return torch.where(drawn > 0, drawn, drawn[0])


def prepare(model: str, options):
    """Trainer and test loader of a model with fresh weights, histories of the length asked for."""
    settings = {
        "data_path": options.data_path,
        "checkpoint_dir": options.folder,
        "MAX_ITEM_LIST_LENGTH": options.length,
        "train_neg_sample_args": None,
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni99"},
        "metrics": ["Hit", "NDCG", "MRR"],
        "topk": [1, 5, 10],
        "valid_metric": "MRR@10",
        "candidates": options.candidates,
        "use_gpu": False,
        "show_progress": False,
        "metric_decimal_place": 12,
        "state": "WARNING",
    }
    config = Config(model=model, dataset=options.dataset, config_dict=settings)
    init_seed(config["seed"], config["reproducibility"])
    train, _, test = data_preparation(config, create_dataset(config))
    return Trainer(config, get_model(model)(config, train.dataset)), test


def compare(model: str, options) -> list[dict]:
    """A row for each way to evaluate one model, then how many times less time ours takes."""
    trainer, test = prepare(model, options)
    results, rows = {}, []

    def measure(path: str, evaluate) -> measuring.Seconds:
        seconds = measuring.timed(lambda: results.update({path: evaluate(trainer, test, load_best_model=False)}))
        shown = [results[path][name] for name in COLUMNS[-2:]]
        cells = (model, path, len(test.dataset), seconds.wall, seconds.processor, *map(float, shown))
        rows.append(dict(zip(COLUMNS, cells, strict=True)))
        measuring.show(rows[-1])
        return seconds

    first = measure("ours, drawing", Trainer.evaluate)
    later = measure("ours, again", Trainer.evaluate)
    test._sampler = OurLists(test.dataset, phase_of(trainer.config, test.dataset))
    recbole = measure("RecBole's", Trainer.evaluate.__wrapped__)
    differ = {name: results["RecBole's"][name] - results["ours, again"][name] for name in METRICS}
    worst = max(map(abs, differ.values()))
    if worst > options.tolerance:
        sys.exit(f"error: the two paths disagree by {worst:.2g}: {differ}")
    for path, ours in (("drawing", first), ("again", later)):
        times = (recbole.wall / ours.wall, recbole.processor / ours.processor)
        rows.append(dict(zip(COLUMNS, (model, f"times, {path}", "", *times, "", worst), strict=True)))
        measuring.show(rows[-1])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data_path", default="dataset", help="folder with the dataset's folder")
    parser.add_argument("--dataset", default="nyc16")
    parser.add_argument("--models", nargs="+", default=["SASRec", "BERT4Rec"])
    parser.add_argument("--length", type=int, default=200, help="longest history")
    parser.add_argument("--candidates", default="strict", choices=["recbole", "strict", "paper", "popular"])
    parser.add_argument("--tolerance", type=float, default=1e-3, help="largest difference of a metric allowed")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole reads settings from it
    torch.set_num_threads(1)
    measuring.show_header(COLUMNS)
    rows = []
    for model in options.models:
        with tempfile.TemporaryDirectory() as options.folder:
            rows += compare(model, options)
    measuring.write(options.output, rows)


if __name__ == "__main__":
    sys.exit(guarded(main))
