"""What a checkpoint of HAIL's trainer holds, so that a killed run continues as if it had not been."""

import os
import random

import numpy as np
import torch

from recbole_hail import distributed
from recbole_hail.data.hashes import HASHES
from recbole_hail.errors import CheckpointError
from recbole_hail.settings import MAY_DIFFER
from recbole_hail.training.checkpoints import entries_of, from_plain, plain, read_checkpoint
from recbole_hail.training.curve import Curve
from recbole_hail.training.evaluations import evaluations_of


def state_of(trainer, epoch: int, best_valid_result) -> dict:
    """RecBole's entries, and under `run` what it does not keep."""
    return {
        **entries_of(trainer, epoch),
        "optimizer": trainer.optimizer.state_dict(),
        "run": {
            "saved_model_file": os.path.basename(trainer.saved_model_file),
            "steps": trainer.steps,
            "schedule_start": trainer.schedule_start,
            "seconds": trainer.budget.seconds,
            "best_epoch": trainer.best_epoch,
            "best_valid_result": dict(best_valid_result or {}),
            "results": evaluations_of(trainer).results,
            "curve": trainer.curve.points,
            "random_states": random_states(),
            "scaler": trainer.scaler.state_dict(),
        },
    }


def restore(trainer, file: str) -> None:
    """Brings the trainer to the state that the run had when it wrote `file`.

    Raises:
        CheckpointError: `file` is none of such a run, or of one with other settings or data, or its best is missing.
    """
    state = read_checkpoint(file)
    if "run" not in state:
        raise CheckpointError(f"resume: {file} does not hold the state of a HAIL run")
    check_continues(file, state["config"], trainer.config)
    run = state["run"]
    best = os.path.join(os.path.dirname(file), run["saved_model_file"])
    if run["best_epoch"] is not None and not os.path.exists(best):
        raise CheckpointError(
            f"resume: {file} goes on from the best checkpoint of its run, which is not beside it under its name; "
            f"put it there: {best}"
        )
    trainer.saved_model_file = best
    folder = os.path.dirname(file) or "."
    if not os.path.samefile(folder, trainer.checkpoint_dir):
        trainer.logger.info(f"checkpoint_dir: {trainer.checkpoint_dir} is passed over; the run goes on in {folder}")
    trainer.start_epoch = state["epoch"] + 1
    trainer.cur_step = state["cur_step"]
    trainer.best_valid_score = state["best_valid_score"]
    trainer.best_valid_result = run["best_valid_result"] or None
    trainer.taken, trainer.best_epoch = (run["steps"], run["seconds"]), run["best_epoch"]
    evaluations_of(trainer).results, trainer.schedule_start = run["results"], run["schedule_start"]
    trainer.curve = Curve(run.get("curve"))  # what was saved before there were curves goes on without its beginning
    try:
        trainer.model.load_state_dict(state["state_dict"])
    except RuntimeError:
        raise CheckpointError(f"resume: {file} was made from other data: its embedding differs") from None
    trainer.model.load_other_parameter(from_plain(state["other_parameter"]))
    trainer.optimizer.load_state_dict(state["optimizer"])
    if run.get("scaler"):
        trainer.scaler.load_state_dict(run["scaler"])
    restore_random_states(run["random_states"])
    if not trainer.config["single_spec"] and (rank := distributed.global_rank(trainer.config)):
        torch.manual_seed(torch.initial_seed() + rank + trainer.steps)  # rank 0's states would have all drop the same


def random_states() -> dict:
    """States of all global generators a run draws from: dropout from torch's, RecBole's candidates from numpy's."""
    kind, keys, position, has_gauss, cached = np.random.get_state()
    states = {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def restore_random_states(states: dict) -> None:
    """Undoes draws since `random_states`; those of GPUs where there are as many as then."""
    random.setstate(states["python"])
    kind, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.device_count() == len(states["cuda"]):
        torch.cuda.set_rng_state_all(states["cuda"])


def check_continues(path: str, saved, config) -> None:
    """CheckpointError where the run to continue has other data, or settings, which are named, than the saved one."""
    now, then = plain(config.final_config_dict), plain(saved.final_config_dict)
    if any(then.get(name) not in (None, now.get(name)) for name in HASHES):  # older versions kept not all of them
        raise CheckpointError(
            f"resume: {path} was made from other data than {config['data_path']} holds now; bring back those that it "
            "was made from, or begin anew without --resume"
        )
    differ = [
        f"{name}: {now.get(name)!r} now, {then.get(name)!r} in the checkpoint"
        for name in sorted((now.keys() | then.keys()) - MAY_DIFFER - HASHES)
        if now.get(name) != then.get(name)
    ]
    if differ:
        raise CheckpointError(
            f"resume: {path} was made with other settings ({'; '.join(differ)}); give the same ones to continue it"
        )
