"""One run of a comparison, in a process of its own: does what request.json in its folder asks for.

Leaves there record.json, ranks.npz and, but for means of models, model.pth; of a finished run that is ranked under
another protocol, those ranks alone.
"""

import multiprocessing
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import torch
from recbole.quick_start import run_recbole
from recbole.utils import init_seed

import recbole_hail  # noqa: F401  registers the plugin
from recbole_hail.comparison.results import ranks_file, read_record, record_file
from recbole_hail.errors import UserError
from recbole_hail.evaluation.kept_ranks import KeptRanks
from recbole_hail.evaluation.phase import Phase
from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.evaluation.ranking import rank_targets, view_names
from recbole_hail.files import read_json, write_json, write_text
from recbole_hail.model_names import model_named
from recbole_hail.training.budget import Budget
from recbole_hail.training.checkpoints import read_checkpoint
from recbole_hail.training.loading import data_of, restored
from recbole_hail.training.records import AS_RECORD
from recbole_hail.users_models import code_hash, find_in

PROGRESS = "progress.txt"  # how far training has come, as long as it goes on
_TOLD_EVERY = 10  # seconds


class MeanOfModels(torch.nn.Module):
    """Scores by the mean of its members' scores, that is, for networks, of their logits."""

    def __init__(self, members):
        super().__init__()
        self.members = torch.nn.ModuleList(members)
        first = members[0]
        self.device, self.n_items, self.ITEM_ID = first.device, first.n_items, first.ITEM_ID

    def full_sort_predict(self, interaction):
        return torch.stack([member.full_sort_predict(interaction) for member in self.members]).mean(0)

    def predict(self, interaction):
        return torch.stack([member.predict(interaction) for member in self.members]).mean(0)


def train(request: dict) -> None:
    """Trains and tests a model, and gives what it leaves behind the names of a run."""
    Budget.on_step = _teller()
    run_recbole(request["model"], request["dataset"], config_dict={**request["settings"], "checkpoint_dir": "."})
    here = Path()
    (ranks,) = here.glob("*.ranks.npz")
    stem = ranks.name.removesuffix(".ranks.npz")
    os.replace(ranks, ranks_file(here))
    os.replace(f"{stem}.pth", "model.pth")
    os.replace(f"{stem}.json", record_file(here))
    Path(PROGRESS).unlink(missing_ok=True)
    shutil.rmtree("log")  # RecBole's; log.txt has the same and what went to the terminal


def _teller() -> Callable[[Budget], None]:
    """Writes now and then how far a training has come."""
    last = perf_counter()

    def tell(budget: Budget) -> None:
        nonlocal last
        if perf_counter() - last >= _TOLD_EVERY:
            last = perf_counter()
            write_text(Path(PROGRESS), budget.in_words)

    return tell


def average(request: dict) -> None:
    """Tests the mean of trained models; it costs what they cost together."""
    files = request["members"]
    kept = _ranked(request)
    kept.write(ranks_file(Path()))
    records = [read_record(Path(file).parent) for file in files]
    steps, seconds = ([record[cost] for record in records] for cost in ("steps", "training seconds"))
    record = {
        "mean of": [Path(file).parent.name for file in files],
        "settings": {},
        "parameters": sum(record["parameters"] for record in records),
        "steps": None if None in steps else max(steps),
        "training seconds": None if None in seconds else sum(seconds),
        "candidates": {"test": kept.candidates},
    }
    write_json(record_file(Path()), record, **AS_RECORD)


def rank(request: dict) -> None:
    """Ranks the test questions of a finished run, `members`, under another protocol."""
    protocol = request["rank"]
    request["settings"]["candidates"] = protocol
    _ranked(request).write(ranks_file(Path(), protocol))


def _ranked(request: dict) -> KeptRanks:
    """The test of the model that `members` names, or of the mean of several."""
    states = [read_checkpoint(file) for file in request["members"]]
    config, settings = states[0]["config"], request["settings"]
    # Data and lists are where this command has them, wherever the model was trained.
    config["data_path"] = str(Path(settings["data_path"], request["dataset"]))
    config["candidates"] = settings["candidates"]
    init_seed(config["seed"], config["reproducibility"])
    train_data, _, test_data = data_of(config, ".", candidates_dir=settings["candidates_dir"])
    models = [
        restored(file, state, train_data._dataset) for file, state in zip(request["members"], states, strict=True)
    ]
    model = models[0] if len(models) == 1 else MeanOfModels(models)
    part = test_data._dataset
    phase = Phase(config, part, "test", *protocol_of(config, "test"))
    ranks = rank_targets(model, part, phase.rows, phase.candidates, most_rows=config["eval_batch_size"])
    views = ["mean"] if len(models) > 1 else view_names(model)
    return KeptRanks.of(phase, views, ranks)


def main(folder: str) -> None:
    """Entry of the process: output goes to log.txt; exit status 2 for what the user can mend."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.chdir(folder)
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    request = read_json(Path("request.json"))
    try:
        torch.set_num_threads(request["threads"])
        if "gpu_id" in request["settings"]:  # before anything asks for a GPU, for then it is too late
            os.environ["CUDA_VISIBLE_DEVICES"] = request["settings"]["gpu_id"]
        if code := request.get("code"):
            find_in(request["found in"])
            if code != code_hash(model_named(request["model"])):
                raise UserError(f"the code of {request['model']} was changed meanwhile; call the same command again")
        job = rank if request.get("rank") else average if request["members"] else train
        job(request)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _end_with_parent() -> None:
    """A command that is killed takes its run with it."""
    multiprocessing.parent_process().join()
    os._exit(1)
