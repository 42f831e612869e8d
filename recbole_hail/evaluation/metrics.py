"""RecBole's ranking metrics from ranks instead of lists: a stated rule for ties, repeat and new targets apart.

Each question has one target, so a metric is a function of the target's rank alone. RecBole's own metric classes give
that function's table; it is then looked up, or averaged over the ranks that a tie leaves open.
"""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import torch
from recbole.evaluator import Evaluator
from recbole.evaluator.base_metric import TopkMetric
from recbole.evaluator.collector import DataStruct
from recbole.evaluator.register import metrics_dict

TIES = ("half", "optimistic", "pessimistic")
# A target is a repeat where the generator has had it before. Repeats are easier: a count of the past finds them.
SUBSETS = ("repeat", "new")
TARGETS = ("all", *SUBSETS)
_PREFIXES = tuple(f"{subset}_" for subset in SUBSETS)


class Ranks(NamedTuple):
    """Where each target came among its candidates, [N] each."""

    higher: np.ndarray  # candidates scored higher than the target
    ties: np.ndarray  # candidates scored the same
    candidates: np.ndarray  # candidates beside the target


def from_rank(metric: str) -> bool:
    """Whether a metric of RecBole's is a function of the ranks of the targets alone."""
    known = metrics_dict.get(metric.lower())
    return known is not None and issubclass(known, TopkMetric) and known.metric_need == ["rec.topk"]


def names(metrics: list[str], topk: list[int]) -> list[str]:
    """The keys of a result, in order; `mrr` is not cut at any k."""
    whole = [f"{metric.lower()}@{k}" for metric in metrics for k in topk]
    whole += ["mrr"] * ("mrr" in [metric.lower() for metric in metrics])
    return whole + [f"{subset}_{name}" for subset in SUBSETS for name in whole]


def titles(metrics: list[str], topk: list[int]) -> dict[str, str]:
    """What tables show, by the keys of a result: NDCG@1, which is HR@1, only where there is none; MRR without a cut."""
    found, known = {}, "HIT" in map(str.upper, metrics)
    for metric in metrics:
        title = {"HIT": "HR", "RECALL": "Recall", "PRECISION": "Precision"}.get(metric.upper(), metric.upper())
        if title == "MRR":
            found["mrr"] = "MRR"
        else:
            found |= {
                f"{metric.lower()}@{k}": f"{title}@{k}" for k in topk if not (title == "NDCG" and k == 1 and known)
            }
    return found


def of_all_targets(name: str) -> bool:
    """Whether a key of a result is of all targets, and not of repeat or of new ones."""
    return not name.startswith(_PREFIXES)


def rows_by_target(repeat: np.ndarray) -> dict[str, np.ndarray]:
    """The questions of each of `TARGETS`, bool [N], from which of them are of repeats."""
    return dict(zip(TARGETS, (np.ones_like(repeat), repeat, ~repeat), strict=True))


def by_question(ranks: Ranks, config, ties: str = "half") -> dict[str, np.ndarray]:
    """Every metric of every question, keyed `hit@1`, …, `mrr`.

    Args:
        ranks: of N questions.
        config: with RecBole's `metrics` and `topk`.
        ties: "half" is the mean over all orders of the tied, in which each stands above the target half of the time:
            a scorer that cannot tell elements apart gets the level of chance. "optimistic" puts the target first,
            "pessimistic" last.

    Returns:
        float [N] for each.
    """
    best = ranks.higher
    worst = ranks.higher + ranks.ties
    values = {}
    for name, table in _tables(config, int(worst.max(initial=0)) + 1).items():
        if ties == "half":
            sums = np.concatenate([[0.0], np.cumsum(table)])
            means = (sums[worst + 1] - sums[best]) / (ranks.ties + 1)
            values[name] = np.where(ranks.ties == 0, table[best], means)  # free of the sums' rounding
        else:
            values[name] = table[best if ties == "optimistic" else worst]
    return values


def _tables(config, ranks: int) -> dict[str, np.ndarray]:
    """Each metric at rank 1, 2, …, `ranks`."""
    topk, longest = config["topk"], max(config["topk"])
    # One list for each rank up to the longest, its only relevant element at that rank, and one list without it.
    lists = torch.cat([torch.eye(longest), torch.zeros(1, longest)])
    one_list_per_rank = DataStruct()
    one_list_per_rank.set("rec.topk", torch.cat([lists, torch.ones(longest + 1, 1)], dim=1).int())
    tables = {}
    for metric in (name.lower() for name in config["metrics"]):
        calculator = metrics_dict[metric](config)
        calculator.topk_result = lambda name, values: values  # the values of each list and k, not their rounded means
        values = np.asarray(calculator.calculate_metric(one_list_per_rank), dtype=float)  # [longest + 1, longest]
        place = np.minimum(np.arange(ranks), longest)
        tables |= {f"{metric}@{k}": values[place, k - 1] for k in topk}
    if any(name.lower() == "mrr" for name in config["metrics"]):
        tables["mrr"] = 1 / np.arange(1, ranks + 1)
    return tables


class RankEvaluator(Evaluator):
    """RecBole's Evaluator over ranks that its Collector has collected.

    `rec.ranks` is [N, views, 3] (higher, ties, candidates), `rec.repeat` bool [N]. Nothing is rounded, so early
    stopping and tuning see every difference.
    """

    def ranks(self, collected: DataStruct, view: int) -> Ranks:
        return Ranks(*collected.get("rec.ranks")[:, view].numpy().T)

    def evaluate(self, collected: DataStruct, view: int = 0) -> OrderedDict[str, float]:
        """Means over all questions, then over those whose target is a repeat (`repeat_hit@1`, …) and new (`new_…`).

        Metrics of a subset without questions are left out; `repeat_targets` and `new_targets` say how many there are.
        """
        values = by_question(self.ranks(collected, view), self.config, self.config["ties"])
        repeat = collected.get("rec.repeat").numpy()
        result = OrderedDict((name, float(each.mean())) for name, each in values.items())
        for subset, rows in zip(SUBSETS, (repeat, ~repeat), strict=True):
            if rows.any():
                result.update({f"{subset}_{name}": float(each[rows].mean()) for name, each in values.items()})
            result[f"{subset}_targets"] = int(rows.sum())
        return result
