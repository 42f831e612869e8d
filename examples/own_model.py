"""A model of your own, HAIL with one more term in its loss, beside HAIL itself, and what a run leaves to look at.

    python examples/own_model.py [--dataset=ml-100k] [--max_steps=300]

From this folder `recbole-hail compare --models="own_model:LightTable,HAIL" --dataset=ml-100k` compares the two over
seeds, in tables with intervals, and every other command takes own_model:LightTable too.
"""

import argparse
import sys
from pathlib import Path

import recbole_hail  # noqa: F401  first: it registers the plugin

# isort: split
import numpy as np
from recbole.quick_start import load_data_and_model, run_recbole

from recbole_hail.evaluation.metrics import Ranks, by_question
from recbole_hail.models.hail import HAIL

METRICS = {"metrics": ["MRR"], "topk": [10], "metric_decimal_place": 4}  # the last is RecBole's to read


class LightTable(HAIL):
    """HAIL that keeps the table of elements small; `--table_penalty=0.01` would keep it smaller."""

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.penalty = config["table_penalty"] or 0.001

    def calculate_loss(self, interaction):
        return super().calculate_loss(interaction) + self.penalty * self.item_embedding.weight.square().sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--max_steps", type=int, default=300)
    options = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole takes arguments for settings
    settings = {"candidates": "strict", "max_steps": options.max_steps, "show_progress": False}
    for model in ("HAIL", LightTable):
        run_recbole(model=model, dataset=options.dataset, config_dict=settings)

    files = sorted(Path("saved").glob("*.ranks.npz"), key=lambda file: file.stat().st_mtime)
    for file in files[-2:]:
        with np.load(file) as kept:
            ranks, generators = kept["ranks"][:, -1], kept["generators"]  # of the last view, the mean of the peers
        reciprocal = by_question(Ranks(*ranks.T), METRICS)["mrr"]  # mean over orders of the tied
        name, worst = file.name.split("-")[0], generators[reciprocal.argmin()]
        print(f"{name}: MRR {reciprocal.mean():.3f}, hardest to foresee: {worst}, 1 / rank {reciprocal.min():.3f}")

    checkpoint = str(files[-1]).replace(".ranks.npz", ".pth")
    _, model, dataset, *_ = load_data_and_model(checkpoint)
    table = model.item_embedding.weight[1 : dataset.item_num].norm(dim=1)  # row 0 is padding, what follows the mask
    print(f"largest in the table: {dataset.id2token(dataset.iid_field, 1 + int(table.argmax()))}")


if __name__ == "__main__":
    main()
