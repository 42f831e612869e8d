"""Pre-training and fine-tuning in one run."""

import math
import os
import sys

from recbole_hail.errors import UserError
from recbole_hail.training.trainer import HAILTrainer


class TwoStageTrainer(HAILTrainer):
    """Fine-tunes what it has pre-trained, each stage with an optimiser and a learning-rate schedule of its own.

    `pretrain_share` of the epochs to come, rounded to whole ones, go to pre-training, which is not validated. Its end
    is kept as `pretrained_file`, from which a run can be continued as from any other checkpoint.
    """

    pretraining = False  # chosen at the start of every epoch

    @property
    def pretrained_file(self) -> str:
        return os.path.splitext(self.saved_model_file)[0] + ".pretrained.pth"

    @property
    def pretraining_steps(self) -> int:
        """Steps of pre-training; at least one epoch, where there are two, and the last is always fine-tuning."""
        share = self.config["pretrain_share"]
        epochs = min(self.budget.total_steps(self.planned_steps), self.planned_steps) / self.steps_per_epoch
        wanted = max(round(share * epochs), 1) if share else 0
        return min(wanted, math.ceil(epochs) - 1) * self.steps_per_epoch

    def _train_epoch(self, train_data, epoch_idx, loss_func=None, show_progress=False):
        if self.schedule_start == 0 and 0 < self.pretraining_steps <= self.steps:
            self._start_fine_tuning(epoch_idx)
        self.pretraining = self.schedule_start == 0 and self.steps < self.pretraining_steps
        train_data.set_pretraining(self.pretraining)
        if self.config["eval_step"] > 0:
            # What predicts masked elements has no next element to be validated by.
            self.eval_step = sys.maxsize if self.pretraining else self.config["eval_step"]
        loss = super()._train_epoch(train_data, epoch_idx, loss_func, show_progress)
        if self.pretraining and self.budget.spent:
            raise UserError(
                f"max_minutes: {self.config['max_minutes']} ended in pre-training, within a pass over the data; give "
                "more, or pretrain_share=0, which leaves it out"
            )
        return loss

    def _start_fine_tuning(self, epoch_idx: int) -> None:
        if self.saving:
            self._write_checkpoint(self.pretrained_file, epoch_idx - 1, None)
        self.logger.info(f"Pre-training ends after {self.steps} steps; fine-tuning starts with a new optimiser.")
        self.optimizer = self._build_optimizer()
        self.schedule_start = self.steps

    def _schedule_steps(self) -> tuple[int, int]:
        return (self.steps, self.pretraining_steps) if self.pretraining else super()._schedule_steps()
