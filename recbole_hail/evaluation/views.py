"""Evaluation of every view of a model (each peer, their mean) in one pass of RecBole's Trainer."""

import torch
from recbole.evaluator import Collector
from recbole.utils import EvaluatorType
from texttable import Texttable


class ViewEvaluation:
    """Mixed into a RecBole Trainer whose model has `views`, `view`, `encode`, `score_rows`.

    RecBole's loop sees the scores of the view that `predict_with` names; the same batches, with the same candidates,
    go to one Collector for each view, and RecBole's Evaluator makes metrics of each.
    """

    def prepare_views(self, config, model) -> None:
        self.view_collectors = [Collector(config) for _ in model.views]
        self.view_results = {}

    def _neg_sample_batch_eval(self, batched_data):
        interaction, row, positive_u, positive_i = batched_data
        interaction = interaction.to(self.device)
        by_view = self.model.score_rows(interaction)  # [views, N]; each distinct sequence is encoded once
        if self.config["eval_type"] == EvaluatorType.RANKING:
            candidates = interaction[self.config["ITEM_ID_FIELD"]]
            users = int(positive_u[-1]) + 1
            by_view = (_spread(scores, row, candidates, (users, self.tot_item_num)) for scores in by_view)
        return interaction, self._collect(by_view, interaction, positive_u, positive_i), positive_u, positive_i

    def _full_sort_batch_eval(self, batched_data):
        interaction, _, positive_u, positive_i = batched_data
        interaction = interaction.to(self.device)
        hidden = self.model.encode(interaction[self.model.ITEM_SEQ], interaction[self.model.ITEM_SEQ_LEN])
        by_view = (self.model.score_encoded(one) for one in hidden)  # one view's scores in memory at a time
        return interaction, self._collect(by_view, interaction, positive_u, positive_i), positive_u, positive_i

    def _collect(self, by_view, interaction, positive_u, positive_i):
        """Hands each view's scores to its Collector and returns those of the view to predict with."""
        chosen = None
        for index, (scores, collector) in enumerate(zip(by_view, self.view_collectors, strict=True)):
            collector.eval_batch_collect(scores, interaction, positive_u, positive_i)
            if index == self.model.view:
                chosen = scores
        return chosen

    def evaluate_views(self) -> dict[str, dict[str, float]]:
        """Metrics of each view from what was collected since the last call, over the generators of all ranks."""
        results = {}
        for view, collector in zip(self.model.views, self.view_collectors, strict=True):
            collected = collector.get_data_struct()
            result = dict(self.evaluator.evaluate(collected))
            results[view] = result if self.config["single_spec"] else self._over_ranks(result, collected)
        return results

    def _over_ranks(self, result: dict[str, float], collected) -> dict[str, float]:
        """Means over generators, each rank weighted by how many it has ranked."""
        generators = len(collected.get("rec.topk"))
        sums = torch.tensor([*(value * generators for value in result.values()), generators], dtype=torch.float64)
        sums = sums.to(self.device)
        torch.distributed.all_reduce(sums)
        means = (sums[:-1] / sums[-1]).tolist()
        places = self.config["metric_decimal_place"]
        return {metric: round(value, places) for metric, value in zip(result, means, strict=True)}


def _spread(scores, row, candidates, shape) -> torch.Tensor:
    """Scores of candidates as RecBole's Collector wants them: a row per user, -inf where nothing was scored."""
    dense = scores.new_full(shape, -torch.inf)
    dense[row, candidates] = scores
    return dense


def result_table(results: dict[str, dict[str, float]]) -> str:
    """Text table with a row for each view and a column for each metric."""
    metrics = list(next(iter(results.values())))
    table = Texttable(max_width=0)
    table.set_cols_dtype(["t"] * (len(metrics) + 1))
    table.set_cols_align(["l"] + ["r"] * len(metrics))
    table.header(["view", *metrics])
    for view, result in results.items():
        table.add_row([view, *(f"{result[metric]:.4f}" for metric in metrics)])
    return table.draw()
