"""Trials side by side on Ray Tune: on the cores and GPUs of this machine, or of a cluster, ended early by ASHA."""

import json
import logging
import os
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import torch

from recbole_hail.clusters import gpus_of_a_worker, has_gpus, joined
from recbole_hail.errors import UserError
from recbole_hail.training.records import latest_file
from recbole_hail.tuning.objective import train
from recbole_hail.tuning.search import Search, in_words
from recbole_hail.tuning.trials import STOPPED, Trial
from recbole_hail.users_models import find_in

SCHEDULERS = ("asha", "none")
_SCORE = "valid_score"  # the one figure that the scheduler is told
_KEPT = 3  # of the trials that have had 1, 3, 9, … validations the better third goes on
_OUTCOME = "outcome"


def _trial(config: dict, fixed: dict, folder: str) -> None:
    """One trial in a worker; after each validation it reports the score, and at the end all of the outcome.

    The outcome goes as text under a name of its own, so that no search or scheduler can go by test results.
    """
    from ray import tune

    find_in(folder)  # of the command: classes of the user's may be there
    torch.set_num_threads(1)
    sys.argv = sys.argv[:1]  # a worker's own arguments are no settings
    settings = config["settings"]
    # RecBole makes the GPUs visible that gpu_id names, and so all trials would meet on the first.
    gpus = {"gpu_id": gpus_of_a_worker()}

    def on_validation(trainer, score: float, taken: dict) -> None:
        trial = Trial(
            settings,
            STOPPED,  # is what it will have been if this report is the last
            score=float(trainer.best_valid_score),
            valid=dict(trainer.best_valid_result),
            checkpoint=trainer.saved_model_file,
            **taken,
        )
        tune.report(**{_SCORE: float(score), _OUTCOME: json.dumps(asdict(trial))})

    trial = train({**fixed, **gpus}, settings, on_validation)
    score = float("nan") if trial.score is None else trial.score
    tune.report(**{_SCORE: score, _OUTCOME: json.dumps(asdict(trial))})


def _keeper(search: Search):
    """What Ray Tune calls in this process as trials end."""
    from ray.tune import Callback

    class Keeper(Callback):
        def __init__(self):
            super().__init__()
            self.left: dict[str, str] = {}  # by trial, the files of models that have not been trained to their end

        def on_trial_start(self, iteration, trials, trial, **info):
            search.say(f"{in_words(trial.config['settings'])}: training")

        def on_trial_result(self, iteration, trials, trial, result, **info):
            outcome = json.loads(result[_OUTCOME])
            if outcome["status"] == STOPPED:  # or it has ended, which `keep` says
                self.left[trial.trial_id] = outcome["checkpoint"]
                search.under_way(outcome["settings"], outcome["steps"], result[_SCORE])

        def on_trial_complete(self, iteration, trials, trial, **info):
            ended = Trial(**json.loads(trial.last_result[_OUTCOME]))
            if ended.status != STOPPED:
                self.left.pop(trial.trial_id, None)
            search.keep(replace(ended, checkpoint=None) if ended.status == STOPPED else ended)

        def on_trial_error(self, iteration, trials, trial, **info):
            # Why is not known to Ray's trial before its end.
            search.say(f"{in_words(trial.config['settings'])}: failed")

        def remove_left(self) -> None:
            for file in self.left.values():  # nobody knows what they are of
                for path in (file, latest_file(file)):
                    Path(path).unlink(missing_ok=True)

    return Keeper()


def _why(trial) -> str:
    """The message of a trial that failed, or Ray's text with the traceback, or on how worker or machine were lost."""
    from ray import cloudpickle

    if trial.pickled_error_file:
        with open(trial.pickled_error_file, "rb") as file:
            error = cloudpickle.load(file)
        if isinstance(error.cause, UserError):
            return str(error.cause)
    with open(trial.error_file, encoding="utf-8") as file:
        return "".join(file.readlines()[1:]).strip()  # after a line that counts failures


def make_scheduler(name: str):
    """`asha` is asynchronous successive halving (Li et al., MLSys 2020) by validations; `none` ends no trial early."""
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

    if name == "none":
        return FIFOScheduler()
    return ASHAScheduler(max_t=sys.maxsize, grace_period=1, reduction_factor=_KEPT)


def search_with_ray(search: Search, address: str | None, scheduler: str) -> None:
    """Trains what is missing of a search.

    Args:
        search: by `exhaustive` or `random`, whose settings are known beforehand.
        address: of a running Ray cluster, "auto" for the one of this machine; None starts Ray here for the search.
        scheduler: one of SCHEDULERS.

    Raises:
        UserError: trials failed for another reason than divergence, or Ray was lost; a search that goes on tries them
            again.
    """
    missing = search.missing()
    if not missing:
        return
    os.environ |= {"RAY_AIR_NEW_OUTPUT": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C ends the search here as it does everywhere
    from ray import tune

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what fails is told below, once
    gpu_id = search.config["gpu_id"]
    keeper = _keeper(search)
    try:
        # The folder is for Ray's own files; what is wanted of them is in the trials.
        with joined(address, gpu_id), tempfile.TemporaryDirectory() as files:
            trials = tune.run(
                tune.with_parameters(_trial, fixed=search.fixed, folder=os.getcwd()),
                config={"settings": tune.grid_search(missing)},
                metric=_SCORE,
                mode="max" if search.bigger else "min",
                scheduler=make_scheduler(scheduler),
                resources_per_trial={"cpu": 1, "gpu": int(has_gpus(gpu_id))},
                storage_path=files,
                callbacks=[keeper],
                raise_on_failed_trial=False,
                verbose=0,
            ).trials
            failures = [(trial.config["settings"], _why(trial)) for trial in trials if trial.status == trial.ERROR]
    finally:
        keeper.remove_left()
    if failures:
        settings, why = failures[0]
        count = "1 trial" if len(failures) == 1 else f"{len(failures)} trials"
        raise UserError(f"{count} failed, to be tried again by the same command; that of {in_words(settings)}: {why}")
