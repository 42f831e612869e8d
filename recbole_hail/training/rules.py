"""RecBole's Trainer for training-free rules: one look at the training part, then validation and test as ever."""

from time import perf_counter

import torch
from recbole.trainer import Trainer
from recbole.utils import EvaluatorType, dict2str, set_color

from recbole_hail.evaluation.rules import gather_sequences
from recbole_hail.training.budget import NOT_VALIDATED, Budget
from recbole_hail.training.checkpoints import entries_of, write_checkpoint


class RuleTrainer(Trainer):
    """Counts instead of steps: no loss, no optimiser, no epochs."""

    def _build_optimizer(self, **kwargs):
        return None

    def fit(self, train_data, valid_data=None, verbose=True, saved=True, show_progress=False, callback_fn=None):
        """Counts the training part, validates and saves; returns score and result of the validation, as RecBole does.

        `callback_fn` is called once, as after a first epoch. Under `train_on_valid` nothing is validated, for the
        answers have been counted too.
        """
        self.eval_collector.data_collect(train_data)
        started = perf_counter()
        count(self.model, train_data._dataset)
        self.budget = Budget(None, None, seconds=perf_counter() - started)  # what training has taken, for the record
        if verbose:
            self.logger.info(set_color("counting", "green") + f" [time: {self.budget.seconds:.2f}s]")
        if self.config["train_on_valid"]:
            self.logger.info(NOT_VALIDATED)
        elif valid_data:
            self.best_valid_score, self.best_valid_result = self._valid_epoch(valid_data, show_progress)
            if verbose:
                self.logger.info(set_color("valid result", "blue") + ": \n" + dict2str(self.best_valid_result))
            if callback_fn:
                callback_fn(0, self.best_valid_score)
        if saved:
            self._save_checkpoint(0, verbose=verbose)
        return self.best_valid_score, self.best_valid_result

    def _save_checkpoint(self, epoch, verbose=True, **kwargs):
        file = kwargs.get("saved_model_file", self.saved_model_file)
        write_checkpoint(entries_of(self, epoch), file)
        if verbose:
            self.logger.info(set_color("Saving current", "blue") + f": {file}")

    def _neg_sample_batch_eval(self, batched_data):
        """RecBole's, in the precision of the scores: it would write them into float32, where ties are not broken."""
        interaction, row, positive_u, positive_i = batched_data
        scores = self.model.predict(interaction.to(self.device))
        if self.config["eval_type"] == EvaluatorType.RANKING:
            shape = (int(positive_u[-1]) + 1, self.tot_item_num)
            candidates = interaction[self.config["ITEM_ID_FIELD"]]
            dense = scores.new_full(shape, -torch.inf)
            dense[row, candidates] = scores
            scores = dense
        return interaction, scores, positive_u, positive_i


def count(rule, dataset) -> None:
    """Hands a rule the stretches that training may see and whose they are; `dataset` is a training part."""
    start, end = (place.numpy() for place in dataset.sequences)
    rule.count(gather_sequences(dataset.elements.numpy(), start, end), dataset.generators.numpy()[start])
