"""RecBole's Trainer with what HAIL's training needs beside it."""

import os
from pathlib import Path

import torch
from recbole.trainer import Trainer
from recbole.utils import set_color
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from recbole_hail.errors import Interrupted, TrainingDiverged
from recbole_hail.evaluation.tables import result_table
from recbole_hail.losses import LossParts
from recbole_hail.training import records, resume
from recbole_hail.training.budget import NOT_VALIDATED, validate_last
from recbole_hail.training.checkpoints import write_checkpoint
from recbole_hail.training.curve import Curve
from recbole_hail.training.evaluations import evaluations_of
from recbole_hail.training.memory import hold_free_memory, release_free_memory
from recbole_hail.training.optimizer import build_optimizer, threads_of_step
from recbole_hail.training.progress import LossLog
from recbole_hail.training.schedules import learning_rate_factor


class HAILTrainer(Trainer):
    """Adds to RecBole's Trainer: a schedule by steps, loss parts, results of every view, exact resumption.

    Two checkpoints are kept while a run is under way: `saved_model_file`, the best by `valid_metric`, and
    `latest_file`, the state after the newest finished epoch, which a killed run continues from. The latter goes when
    the run has ended.
    """

    keeps_curve = True  # with the parts of every peer's loss, which `with_budget` knows nothing of

    def __init__(self, config, model):
        super().__init__(config, model)
        self.loss_log = LossLog(model.peers)
        # RecBole makes one anew for each epoch, and so loses the first steps of each to finding the scale again.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.enable_scaler)
        self.taken = (0, 0.0)  # steps and seconds of training before this process
        self.budget = None
        self.schedule_start = 0  # the step at which the learning-rate schedule began
        self.saving = False
        self.best_epoch = None
        self._epoch = 0  # under way; RecBole tells it to training and not to validation
        self.valid_result = None
        self.curve = Curve()
        if config["resume"]:
            self.resume_checkpoint(config["resume"])

    @property
    def latest_file(self) -> str:
        return records.latest_file(self.saved_model_file)

    def _build_optimizer(self, **kwargs):
        return build_optimizer(self.model, self.config) or super()._build_optimizer(**kwargs)

    def fit(self, train_data, valid_data=None, verbose=True, saved=True, show_progress=False, callback_fn=None):
        """RecBole's `fit`, with the schedule laid over all steps to come."""
        self.saving = saved and self.config["local_rank"] == 0
        self.steps_per_epoch = max(len(train_data), 1)
        self.planned_steps = self.epochs * self.steps_per_epoch
        self.data_counts = records.data_counts(train_data, valid_data)
        if self.config["train_on_valid"]:
            self.logger.info(NOT_VALIDATED)
        hold_free_memory()
        try:
            outcome = super().fit(train_data, valid_data, verbose, saved, show_progress, callback_fn)
        except KeyboardInterrupt:
            if self.saving and os.path.exists(self.latest_file):
                raise Interrupted(f"--resume={self.latest_file} goes on from there") from None
            raise
        if self.saving:
            records.write_record(self)
            # None may have been written, or another machine that shares the folder may have removed it.
            Path(self.latest_file).unlink(missing_ok=True)
        return outcome

    @property
    def steps(self) -> int:
        """Optimiser steps taken, those before a resumption included."""
        return self.taken[0] if self.budget is None else self.budget.steps

    def _train_epoch(self, train_data, epoch_idx, loss_func=None, show_progress=False):
        """One pass over the windows; returns the sum of the steps' losses, as RecBole does."""
        if self.saving and epoch_idx > 0:
            # Here everything of the epoch before is done: its validation, early stopping and best checkpoint too.
            self._write_checkpoint(self.latest_file, epoch_idx - 1, self.best_valid_result)
        validate_last(self, epoch_idx)
        self.model.train()
        train_data.set_epoch(epoch_idx)
        self.loss_log.start(self.steps)
        batches = tqdm(
            train_data, ncols=100, desc=set_color(f"Train {epoch_idx:>5}", "pink"), disable=not show_progress
        )
        try:
            for batch in batches:
                self._step(batch.to(self.device))
            self.loss_log.read()
            self._check_weights()
        except TrainingDiverged as error:
            raise TrainingDiverged(
                f"{error}. {self._kept()}Try a lower learning_rate (now {self.learning_rate})"
            ) from None
        release_free_memory()
        self._log_losses(epoch_idx)
        return self.loss_log.total

    def _step(self, batch) -> None:
        step, total = self._schedule_steps()
        factor = learning_rate_factor(
            self.config["schedule"], step, warmup_steps=self.config["warmup_steps"], total_steps=total
        )
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * factor
        self.model.step, self.model.total_steps = self.steps, self.schedule_start + total
        self.optimizer.zero_grad()
        distributed = 0
        if not self.config["single_spec"]:
            self.set_reduce_hook()
            distributed = self.sync_grad_loss()
        with torch.autocast(device_type=self.device.type, enabled=self.enable_amp):
            loss = self.model.calculate_loss(batch)
        self.loss_log.add(self._parts()._replace(total=loss))
        self.scaler.scale(loss + distributed).backward()
        if self.clip_grad_norm:
            self.scaler.unscale_(self.optimizer)  # RecBole clips scaled gradients
            clip_grad_norm_(self.model.parameters(), **self.clip_grad_norm)
        with threads_of_step(self.optimizer):
            self.scaler.step(self.optimizer)
        self.scaler.update()

    def _parts(self) -> LossParts:
        """Of the loss that has just been calculated."""
        parts, self.model.parts = self.model.parts, None
        if parts is None:
            raise TypeError(
                f"calculate_loss of {type(self.model).__name__} does not come by that of its base: add to what "
                "super().calculate_loss returns, or override loss_parts"
            )
        return parts

    def _schedule_steps(self) -> tuple[int, int]:
        """Steps taken and steps in all since the schedule began."""
        total = self.budget.total_steps(self.planned_steps)
        return self.steps - self.schedule_start, total - self.schedule_start

    def _check_weights(self) -> None:
        """A step that spoils the weights shows in the loss of the step after it, which the next epoch would take."""
        spoilt = [name for name, weight in self.model.named_parameters() if not weight.isfinite().all()]
        if spoilt:
            raise TrainingDiverged(f"weights are not finite after step {self.steps}: {spoilt[0]}")

    def _kept(self) -> str:
        # The best model was evaluated, so it is good; the latest may already hold what blew up the next step.
        files = [file for file in (self.saved_model_file, self.latest_file) if os.path.exists(file)]
        return f"The last good checkpoint is kept: {files[0]}. " if files else ""

    def _log_losses(self, epoch_idx: int) -> None:
        means = self.loss_log.means()
        self.logger.info(
            set_color("loss parts", "blue") + ": " + ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        )
        for name, value in means.items():
            self.tensorboard.add_scalar(f"Loss/{name}", value, epoch_idx)
        self.curve.trained(epoch_idx, self.budget, means)
        self._epoch = epoch_idx

    def _valid_epoch(self, valid_data, show_progress=False):
        score, self.valid_result = super()._valid_epoch(valid_data, show_progress)
        found = evaluations_of(self)
        self.curve.validated(found.newest, found.agreement)
        self.logger.info(set_color("valid result by view", "blue") + ":\n" + result_table(found.newest))
        for view, result in found.newest.items():
            for metric, value in result.items():
                self.tensorboard.add_scalar(f"Valid/{view}/{metric}", value, self._epoch)
        return score, self.valid_result

    def _save_checkpoint(self, epoch, verbose=True, **kwargs):
        """The best model so far. A resumed run with no epochs left keeps the checkpoint it came from."""
        if not self.saving or (epoch < 0 and self.start_epoch > 0):
            return
        self.best_epoch = epoch if epoch >= 0 else None  # -1: saved before any training
        found = evaluations_of(self)
        if found.newest:
            found.results["valid"] = found.newest
        file = kwargs.get("saved_model_file", self.saved_model_file)
        self._write_checkpoint(file, epoch, self.valid_result)
        if verbose:
            self.logger.info(set_color("Saving current", "blue") + f": {file}")

    def _write_checkpoint(self, file: str, epoch: int, best_valid_result) -> None:
        write_checkpoint(resume.state_of(self, epoch, best_valid_result), file)

    def resume_checkpoint(self, resume_file):
        """Continues the run that wrote `resume_file`, the best or the latest checkpoint, with the same settings."""
        resume.restore(self, str(resume_file))
        self.logger.info(f"Checkpoint loaded. Resume training from epoch {self.start_epoch}, step {self.steps}")
