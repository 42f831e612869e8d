"""A budget of steps or minutes for the training of any model, RecBole's own included."""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from time import perf_counter

import torch
from recbole.trainer import PretrainTrainer, TraditionalTrainer, Trainer
from recbole.utils import get_trainer

from recbole_hail import checks, distributed
from recbole_hail.building import settings_blamed
from recbole_hail.training.curve import Curve

NOT_VALIDATED = "train_on_valid: nothing is validated, for the answers are learnt; the last model is kept"
_CHECKS = [
    ("max_steps", checks.optional(checks.whole(1)), f"{checks.at_least(1)[1]}, or ~ to go by epochs"),
    ("max_minutes", checks.optional(checks.positive[0]), f"{checks.positive[1]}, or ~ to go by epochs"),
]


def problems(config) -> list[str]:
    """What is wrong with the settings of the budget."""
    steps, minutes = config["max_steps"], config["max_minutes"]
    found = checks.check(config, _CHECKS)
    if (steps, minutes) != (None, None) and not _can_be_bounded(config):
        given = {name: value for name, value in (("max_steps", steps), ("max_minutes", minutes)) if value is not None}
        model, leave_out = config["model"], " ".join(f"--{name}=None" for name in given)
        found += [
            f"{name}: {value} does not reach {model}, which trains in a loop of its own; go by epochs with {leave_out}"
            for name, value in given.items()
        ]
    return found


def _can_be_bounded(config) -> bool:
    """Whether it trains by RecBole's `Trainer.fit`; ours all do, those that train first once they come to fine-tune."""
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])
    owner = next(kind for kind in trainer.__mro__ if "fit" in vars(kind))
    fits = owner is Trainer or owner.__module__.startswith("recbole_hail")
    return fits or (issubclass(owner, PretrainTrainer) and config["train_stage"] == "finetune")


class Budget:
    """What training may take, and what it has taken; validation does not count.

    Args:
        max_steps: optimiser steps, None for no bound.
        max_minutes: wall time inside the training loop, None for no bound.
        steps, seconds: taken before.
    """

    on_step: Callable[["Budget"], None] | None = None  # of this process: called after every step of any training

    def __init__(self, max_steps: int | None, max_minutes: float | None, steps: int = 0, seconds: float = 0.0):
        self.max_steps = max_steps
        self.max_seconds = None if max_minutes is None else max_minutes * 60
        self.steps = steps
        self.seconds = seconds
        self._first = 0.0  # seconds of the first step, which compiles and allocates

    @property
    def spent(self) -> bool:
        return (self.max_steps is not None and self.steps >= self.max_steps) or (
            self.max_seconds is not None and self.seconds >= self.max_seconds
        )

    def watch(self, batches: Iterable) -> Iterator:
        """The batches of an epoch, up to the one that spends the budget; each counts as one step."""
        last = perf_counter()
        for batch in batches:
            if self.spent:
                return
            yield batch
            now = perf_counter()
            self.steps += 1
            self._count(now - last)
            last = now
            if self.steps == 1:
                self._first = self.seconds
            if Budget.on_step:
                Budget.on_step(self)

    def wait(self, device: torch.device) -> None:
        """Until a GPU has done what it was asked for, which is training too."""
        if device.type == "cuda":
            started = perf_counter()
            torch.cuda.synchronize(device)
            self._count(perf_counter() - started)

    def _count(self, seconds: float) -> None:
        """Seconds are rank 0's where they are bounded: a rank that stopped alone would leave the others waiting."""
        self.seconds += seconds if self.max_seconds is None else distributed.from_rank_0(seconds)

    @property
    def in_words(self) -> str:
        """How far training has come and, where that is bounded, how much is left of it; validation comes on top."""
        done = f"step {self.steps:,}"
        left = []
        if self.max_steps is not None:
            done += f" of {self.max_steps:,}"
            left.append(self.seconds / max(self.steps, 1) * (self.max_steps - self.steps))
        if self.max_seconds is not None:
            left.append(self.max_seconds - self.seconds)
        return f"{done}, {max(min(left), 0) / 60:.1f} min of training left" if left else done

    def total_steps(self, planned: int) -> int:
        """How many steps training will take in all, of those planned; under a bound of time by the pace so far, once
        there is one beside the first step.
        """
        total = planned if self.max_steps is None else min(planned, self.max_steps)
        at_pace, seconds = self.steps - bool(self._first), self.seconds - self._first
        if self.max_seconds is not None and at_pace > 0 and seconds > 0:
            left = max(self.max_seconds - self.seconds, 0) * at_pace / seconds
            total = min(total, self.steps + round(left))
        return total


class BudgetSpent(Exception):
    """Leaves RecBole's loop over epochs, which has no other way out."""


class _BudgetedLoader:
    """A training dataloader that ends with the budget, and tells the trainer when it does."""

    def __init__(self, loader, trainer):
        self._loader, self._trainer = loader, trainer

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def __len__(self):
        return len(self._loader)

    def __iter__(self):
        budget = self._trainer.budget
        if budget.spent:
            if getattr(self._trainer, "goes_on_in_epoch", False):
                return
            raise BudgetSpent
        yield from budget.watch(self._loader)
        budget.wait(self._trainer.device)  # before it is asked whether this was the last epoch
        if budget.spent:
            self._trainer.eval_step = min(self._trainer.eval_step, 1)  # validate now, unless never


def with_last_epoch_validated(original):
    """RecBole's `Trainer._train_epoch`: its `fit` would train what `eval_step` leaves over and throw it away.

    RecVAE, MKR and KGAT call it several times for an epoch, which a budget that ends within it must not cut off
    unvalidated: the passes that are left have no batches, and their loss is 0.
    """

    @wraps(original)
    def train_epoch(self, train_data, epoch_idx, *args, **kwargs):
        validate_last(self, epoch_idx)
        self.goes_on_in_epoch = epoch_idx == getattr(self, "begun_epoch", None)
        self.begun_epoch = epoch_idx
        loss = original(self, train_data, epoch_idx, *args, **kwargs)
        return 0.0 if loss is None and self.goes_on_in_epoch else loss

    return train_epoch


def validate_last(trainer, epoch: int) -> None:
    """Has the last epoch validated, unless nothing is."""
    if epoch == trainer.epochs - 1:
        trainer.eval_step = min(trainer.eval_step, 1)


def with_budget(original):
    """RecBole's `Trainer.fit` within `max_steps` and `max_minutes`; the last epoch is validated wherever it is cut."""

    @wraps(original)
    def fit(self, train_data, valid_data=None, verbose=True, saved=True, show_progress=False, callback_fn=None):
        bounds = self.config["max_steps"], self.config["max_minutes"]
        if isinstance(self, TraditionalTrainer):  # Pop and its like count all events once, and half of them is no model
            bounds = None, None
        self.budget = Budget(*bounds, *getattr(self, "taken", ()))  # a resumed run has taken part of it already
        self.begun_epoch = None
        follows = not getattr(self, "keeps_curve", False)
        if follows:
            self.curve = Curve()

        def after_validation(epoch, score):
            if follows:
                self.curve.follow(self, epoch)
            if callback_fn:
                callback_fn(epoch, score)
            if self.budget.spent:
                raise BudgetSpent

        loader, before = _BudgetedLoader(train_data, self), self.budget.steps
        try:
            return original(self, loader, valid_data, verbose, saved, show_progress, after_validation)
        except BudgetSpent:
            self._add_hparam_to_tensorboard(self.best_valid_score)  # as RecBole's own end of training does
            return self.best_valid_score, self.best_valid_result
        except OSError:
            raise  # a file's, which the command tells of
        except Exception:
            if self.budget.steps > before or not self.config["single_spec"]:  # of several ranks one may be lost
                raise
            with settings_blamed(type(self.model), self.config, "cannot take its first step with"):
                raise

    return fit
