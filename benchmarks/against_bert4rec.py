"""How much sooner HAIL reaches on CHI-18 what RecBole's BERT4Rec reaches in a given time.

    python benchmarks/against_bert4rec.py --data_path=dataset --minutes 15

BERT4Rec, with RecBole's defaults and histories of 200, trains for --minutes and is validated then. HAIL, with its
settings for CHI-18, or with smaller steps and twice the learning rate, trains after it, on as many threads, and is
validated after every epoch until it is as good.
Every run is a process of its own. All rank the same candidates, by NDCG@10 of the validation elements. Training
seconds are wall time inside the training loop; those of loading and validation stand apart. `CPU s` are the seconds
of the processor that training took, which other programs on the machine hardly change.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import measuring

from recbole_hail.cli.common import guarded

CHILD = """
import json, sys
from time import perf_counter, process_time
settings = json.loads(sys.argv[1])
sys.argv = sys.argv[:1]  # RecBole reads settings from it
import recbole_hail, torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_logger, init_seed
from recbole_hail.training.budget import BudgetSpent

torch.set_num_threads(settings.pop("threads"))
goal, model = settings.pop("goal"), settings.pop("model")
started = perf_counter()
config = Config(model=model, dataset="chi18", config_dict=settings)
init_seed(config["seed"], config["reproducibility"])
init_logger(config)
train, valid, test = data_preparation(config, create_dataset(config))
loading = perf_counter() - started
trainer = get_trainer(config["MODEL_TYPE"], model)(config, get_model(model)(config, train._dataset))
curve = []
validate, validations = trainer._valid_epoch, []

def timed(*args, **kwargs):
    started = process_time()
    try:
        return validate(*args, **kwargs)
    finally:
        validations.append(process_time() - started)

def note(epoch, score):
    trained = process_time() - processor - sum(validations)
    curve.append((trainer.budget.steps, trainer.budget.seconds, trained, score))
    if goal is not None and score >= goal:
        raise BudgetSpent

trainer._valid_epoch = timed
started, processor = perf_counter(), process_time()
trainer.fit(train, valid, saved=False, verbose=True, show_progress=False, callback_fn=note)
evaluation = perf_counter() - started - trainer.budget.seconds
print(json.dumps({"loading": loading, "evaluation": evaluation, "curve": curve}))
"""
# As it comes with RecBole, without the budget that yaml/chi18.yaml has for HAIL.
BERT4REC = {"model": "BERT4Rec", "max_steps": None, "eval_step": 1}
LARGE_STEPS = {"train_batch_tokens": 12800, "learning_rate": 0.001}  # nearer the paper's 256 windows
SMALL_STEPS = {"train_batch_tokens": 2560, "learning_rate": 0.002}
RUNS = {
    "HAIL, causal, T = 2": {"base_network": "causal", **LARGE_STEPS},
    "HAIL, causal, T = 1": {"base_network": "causal", "peers": 1, **LARGE_STEPS},
    "HAIL, bidirectional, T = 2": {"base_network": "bidirectional", **LARGE_STEPS},
    "HAIL, bidirectional, T = 1": {"base_network": "bidirectional", "peers": 1, **LARGE_STEPS},
    "small steps, causal, T = 1": {"base_network": "causal", "peers": 1, **SMALL_STEPS},
    "small steps, causal, T = 2": {"base_network": "causal", **SMALL_STEPS},
    "small steps, gru, T = 1": {"base_network": "gru", "peers": 1, **SMALL_STEPS},
    "small steps, gru, T = 2": {"base_network": "gru", **SMALL_STEPS},
}
COLUMNS = ("run", "steps", "training s", "CPU s", "NDCG@10", "times less", "less CPU", "evaluation s", "loading s")


def train(settings: dict, options, goal: float | None) -> dict:
    """What a child process found."""
    common = {
        "data_path": str(options.data_path.resolve()),
        "valid_metric": "NDCG@10",
        "show_progress": False,
        "use_gpu": False,
        "threads": options.threads,
        "goal": goal,
    }
    with tempfile.TemporaryDirectory() as folder:
        common["checkpoint_dir"] = folder
        return measuring.in_child(CHILD, json.dumps({**common, **settings}))


def row(name: str, found: dict, of_bert4rec: dict | None = None) -> dict:
    """The first validation as good as BERT4Rec's, or the best where none is."""
    goal = of_bert4rec["NDCG@10"] if of_bert4rec else 0.0
    reached = [entry for entry in found["curve"] if entry[-1] >= goal]
    steps, seconds, processor, score = reached[0] if reached else max(found["curve"], key=lambda entry: entry[-1])
    times, less = ("", "") if of_bert4rec is None else ("not reached", "not reached")
    if of_bert4rec and reached:
        times, less = of_bert4rec["training s"] / seconds, of_bert4rec["CPU s"] / processor
    values = (name, steps, seconds, processor, score, times, less, found["evaluation"], found["loading"])
    return dict(zip(COLUMNS, values, strict=True))


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data_path", type=Path, default=Path("dataset"), help="folder of chi18")
    parser.add_argument("--minutes", type=float, default=15.0, help="training of BERT4Rec, and HAIL's at most")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--go-on", action="store_true", help="add to OUTPUT, BERT4Rec's run in it included")
    options = parser.parse_args()
    measuring.require_datasets(options.data_path, "chi18")
    measuring.show_header(COLUMNS)
    if options.go_on:
        rows = json.loads(options.output.read_text(encoding="utf-8"))["results"]
    else:
        rows = [row("BERT4Rec", train({**BERT4REC, "max_minutes": options.minutes}, options, None))]
    for kept in rows:
        measuring.show(kept)
    for name in options.runs:
        often = {"max_minutes": options.minutes, "eval_step": 1, "stopping_step": 1000}
        found = train({"model": "HAIL", **often, **RUNS[name]}, options, rows[0]["NDCG@10"])
        rows.append(row(name, found, rows[0]))
        measuring.show(rows[-1])
    measuring.write(options.output, rows)


if __name__ == "__main__":
    sys.exit(guarded(main))
