"""One search: what is fixed, what is tried, and what is said while it goes on."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from recbole.config import Config

from recbole_hail.data.hashes import data_hash
from recbole_hail.settings import MAY_DIFFER, given
from recbole_hail.training.records import settings_in_force
from recbole_hail.tuning import proposals
from recbole_hail.tuning.space import Space
from recbole_hail.tuning.trials import FINISHED, STOPPED, Trial, TrialsFolder
from recbole_hail.users_models import code_hash, full_name

_SAY_EVERY = 30  # seconds, at most, how trials go that are under way


@dataclass
class Search:
    """Args:
    config: the settings that all trials share, checked.
    space: what is searched.
    algorithm: one of `proposals.ALGORITHMS`.
    most: trials in all, those of an interrupted search included; None for all of a grid.
    early_stop: end after so many trials without a better one; None never.
    folder: of the trials.
    say: is told how the search goes.
    """

    config: Config
    space: Space
    algorithm: str
    most: int | None
    early_stop: int | None
    folder: TrialsFolder
    say: Callable[[str], None]

    def __post_init__(self):
        self.metric, self.bigger = self.config["valid_metric"].lower(), self.config["valid_metric_bigger"]
        sequential = self.algorithm in ("tpe", "bayes")
        self._points = None if sequential else proposals.points(self.space, self.algorithm, self.most, self.seed)
        self.total = (self.most or proposals.DRAWS) if self._points is None else len(self._points)
        self._last_said = time.monotonic()

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def trials(self) -> list[Trial]:
        return self.folder.trials

    @property
    def fixed(self) -> dict:
        """What every trial is given beside its own settings; a trial may run in another working directory."""
        fixed = {"state": "warning", **given(self.config), "show_progress": False}
        fixed |= {"model": full_name(self.config.model_class), "dataset": self.config["dataset"]}
        fixed["data_path"] = str(Path(self.config["data_path"]).absolute().parent)
        for folder in ("checkpoint_dir", "candidates_dir"):
            fixed[folder] = self.config[folder] and str(Path(self.config[folder]).absolute())
        return fixed

    def missing(self) -> list[dict]:
        """The settings that are still to be tried, where they are known beforehand."""
        tried = [trial.settings for trial in self.trials]
        return [point for point in self._points if point not in tried]

    def next(self) -> dict | None:
        """The settings to try after the trials there are; None where the search has ended."""
        if self._points is not None:
            return next(iter(self.missing()), None)
        if len(self.trials) >= self.total:
            return None
        return proposals.propose(self.space, self.trials, self.bigger, self.seed)

    def best(self) -> Trial | None:
        """The trial with the best validation score of those that were trained to their end; the first of equals."""
        finished = [trial for trial in self.trials if trial.status == FINISHED]
        return (max if self.bigger else min)(finished, key=lambda trial: trial.score, default=None)

    def out_of_patience(self) -> bool:
        best = self.best()
        return bool(self.early_stop and best) and len(self.trials) - 1 - self.trials.index(best) >= self.early_stop

    def under_way(self, settings: dict, steps: int | None, score: float) -> None:
        """Says what a trial's last validation gave, now and then: a trial may take an hour."""
        if time.monotonic() - self._last_said >= _SAY_EVERY:
            self._last_said = time.monotonic()
            after = "so far" if steps is None else f"after {steps:,} steps"
            self.say(f"{in_words(settings)}: {self.metric} {score:.5g} {after}")

    def keep(self, trial: Trial) -> None:
        """Adds a trial to those that are there, and says so."""
        self.folder.keep(trial)
        outcome = f"{trial.status}: {trial.reason}"
        if trial.score is not None:
            outcome = "stopped early at " * (trial.status == STOPPED) + f"{self.metric} {trial.score:.5g}"
        best = self.best()
        so_far = f"; best so far {best.score:.5g} (trial {self.trials.index(best) + 1})" if best else ""
        self.say(f"trial {len(self.trials)} of {self.total}: {in_words(trial.settings)}: {outcome}{so_far}")


def described(config: Config, space: Space) -> dict:
    """What must be the same for trials to belong to one search."""
    apart = MAY_DIFFER.union(space)
    settings = {name: value for name, value in settings_in_force(config).items() if name not in apart}
    if code := code_hash(config.model_class):
        settings["code of the model"] = code
    data = data_hash(Path(config["data_path"]), config["dataset"])
    return {**settings, "data": data, "space": {name: asdict(dimension) for name, dimension in space.items()}}


def in_words(settings: dict) -> str:
    return ", ".join(f"{name} {word(value)}" for name, value in settings.items())


def word(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)
