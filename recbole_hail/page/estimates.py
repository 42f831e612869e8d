"""Means with bootstrap intervals over generators, for several scorers of the same questions."""

import numpy as np

from recbole_hail.evaluation.estimates import Estimate, estimates_of
from recbole_hail.evaluation.metrics import Ranks, by_question, titles
from recbole_hail.evaluation.significance import INTERVAL_DRAWS, share_interval

METRICS = ("Hit", "NDCG", "MRR")  # paper section 5.1.2
FIRST = 10  # answers of a forecast, as its command gives them
LEAD = "mrr"  # the one that charts and groups go by


def shown_metrics(topk: list[int]) -> dict[str, str]:
    """The page's metrics, whatever the run was validated by: their names in results and their titles."""
    return titles(list(METRICS), topk)


def values_of(ranks: np.ndarray, topk: list[int], ties: str) -> np.ndarray:
    """[N, S, 3] ranks of N questions by S scorers -> float [N, S, M], the metrics of `shown_metrics`."""
    settings = {"metrics": METRICS, "topk": topk, "metric_decimal_place": 4}
    each = [by_question(Ranks(*ranks[:, scorer].T), settings, ties) for scorer in range(ranks.shape[1])]
    return np.stack([np.stack([found[name] for name in shown_metrics(topk)], axis=1) for found in each], axis=1)


def estimate(values: np.ndarray, generators: np.ndarray, *, lowest: float = 0.0) -> list[list[Estimate]]:
    """Means over the questions of `values` [N, S, M], for each of S scorers and M metrics.

    The intervals are those of records: 95 % percentile bootstrap, the questions of a generator drawn together;
    `lowest` as for `mean_interval`.
    """
    questions, scorers, metrics = values.shape
    flat = values.reshape(questions, scorers * metrics)
    found = estimates_of(flat, generators, lowest=lowest, draws=INTERVAL_DRAWS)
    return [found[start : start + metrics] for start in range(0, len(found), metrics)]


def difference(values: np.ndarray, first: int, second: int, generators: np.ndarray) -> Estimate:
    """How much a scorer is above another, [N, S] of one metric, paired by question."""
    return estimate((values[:, first] - values[:, second])[:, None, None], generators, lowest=-1.0)[0][0]


def right_answers(ranks: np.ndarray, ties: str) -> np.ndarray:
    """[N, S, 3] ranks -> float [N, S, 2]: whether the target comes first, and whether among the first `FIRST`."""
    return values_of(ranks, [1, FIRST], ties)[:, :, :2]


def shares(right: np.ndarray, generators: np.ndarray) -> list[Estimate]:
    """How often each of M columns of `right` [N, M] is so, with the ends of its `share_interval`."""
    return [Estimate(float(column.mean()), *share_interval(column, generators)) for column in right.T]


def guessed(ranks: np.ndarray) -> tuple[float, float]:
    """How often guessing is right, first and among the first `FIRST`, of [N, 3] ranks: it knows no element."""
    among = ranks[:, 2] + 1  # the target and its candidates
    return float((1 / among).mean()), float((np.minimum(FIRST, among) / among).mean())
