"""Metrics from ranks: by hand, against every order of the tied, and against RecBole's Evaluator."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole.evaluator import Evaluator
from recbole.evaluator.collector import DataStruct

from recbole_hail.evaluation.metrics import TIES, RankEvaluator, Ranks, by_question, from_rank, names, titles

METRICS = ["Hit", "NDCG", "MRR", "Recall", "Precision", "MAP"]
CONFIG = {"metrics": METRICS, "topk": [1, 3, 5], "metric_decimal_place": 4, "ties": "half"}


def ranks(*rows) -> Ranks:
    return Ranks(*np.array(rows).T)


def at_rank(rank: int) -> dict[str, float]:
    """Every metric of one target at `rank`, from the definitions."""
    values = {"mrr": 1 / rank}
    for k in CONFIG["topk"]:
        inside = rank <= k
        values[f"hit@{k}"] = values[f"recall@{k}"] = float(inside)
        values[f"precision@{k}"] = inside / k
        values[f"ndcg@{k}"] = inside / math.log2(rank + 1)
        values[f"mrr@{k}"] = values[f"map@{k}"] = inside / rank
    return values


def mean(rows: list[dict]) -> dict[str, float]:
    return {name: np.mean([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5, 6, 100])
def test_without_ties_each_metric_is_its_definition_whatever_the_rule(rank, ties):
    found = by_question(ranks((rank - 1, 0, 99)), CONFIG, ties)
    assert {name: value.item() for name, value in found.items()} == pytest.approx(at_rank(rank), rel=1e-6)


def test_ties_by_hand():
    """One candidate above, two tied: ranks 2, 3 and 4 are open."""
    tied = ranks((1, 2, 9))
    assert by_question(tied, CONFIG, "optimistic")["mrr"].item() == 1 / 2
    assert by_question(tied, CONFIG, "pessimistic")["mrr"].item() == 1 / 4
    assert by_question(tied, CONFIG, "half")["mrr"].item() == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 3)
    assert [by_question(tied, CONFIG, ties)["hit@3"].item() for ties in TIES] == pytest.approx([2 / 3, 1, 0])
    assert by_question(tied, CONFIG)["ndcg@3"].item() == pytest.approx((1 / math.log2(3) + 1 / 2) / 3)


@pytest.mark.parametrize("higher, ties", [(0, 1), (0, 3), (2, 2), (4, 3), (0, 4), (7, 1)])
def test_half_is_the_mean_over_every_order_of_the_tied(higher, ties):
    places = []
    for order in itertools.permutations(["target", *range(ties)]):
        places.append(at_rank(higher + order.index("target") + 1))
    found = by_question(ranks((higher, ties, 10)), CONFIG)
    assert {name: value.item() for name, value in found.items()} == pytest.approx(mean(places), rel=1e-6)


def test_a_constant_scorer_gets_chance_level():
    """With RecBole's topk of equal scores it may well hit always."""
    found = by_question(ranks((0, 99, 99)), CONFIG)
    assert [found[f"hit@{k}"].item() for k in CONFIG["topk"]] == pytest.approx([0.01, 0.03, 0.05])
    assert found["mrr"].item() == pytest.approx(sum(1 / rank for rank in range(1, 101)) / 100)


def collected(rows, repeat, views: int = 1) -> DataStruct:
    data = DataStruct()
    data.set("rec.ranks", torch.tensor(rows).reshape(len(repeat), views, 3))
    data.set("rec.repeat", torch.tensor(repeat))
    return data


def test_repeat_and_new_targets_apart():
    rows, repeat = [(0, 0, 9), (1, 0, 9), (3, 0, 9)], [True, False, False]
    result = RankEvaluator(CONFIG).evaluate(collected(rows, repeat))
    assert result["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 4) / 3)
    assert result["repeat_mrr"] == 1 and result["new_mrr"] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert (result["hit@1"], result["repeat_hit@1"], result["new_hit@1"]) == pytest.approx((1 / 3, 1, 0))
    assert result["new_hit@3"] == pytest.approx(1 / 2)
    assert (result["repeat_targets"], result["new_targets"]) == (1, 2)
    assert [name for name in result if not name.endswith("_targets")] == sorted(
        names(METRICS, CONFIG["topk"]), key=list(result).index
    )


@pytest.mark.parametrize("repeat, missing, present", [([True] * 2, "new", "repeat"), ([False] * 2, "repeat", "new")])
def test_targets_of_one_kind_alone(repeat, missing, present):
    result = RankEvaluator(CONFIG).evaluate(collected([(0, 0, 9), (1, 0, 9)], repeat))
    assert result[f"{missing}_targets"] == 0 and result[f"{present}_targets"] == 2
    assert f"{missing}_mrr" not in result
    assert result[f"{present}_mrr"] == result["mrr"] == 0.75


def test_nothing_is_rounded():
    """RecBole rounds to metric_decimal_place before early stopping sees a metric."""
    result = RankEvaluator({**CONFIG, "metric_decimal_place": 1}).evaluate(collected([(2, 0, 9)], [True]))
    assert result["mrr"] == 1 / 3 and result["mrr@5"] == pytest.approx(1 / 3, abs=1e-9)


@pytest.mark.parametrize("ties, mrr", [("half", 3 / 4), ("optimistic", 1), ("pessimistic", 1 / 2)])
def test_the_setting_chooses_the_rule(ties, mrr):
    assert RankEvaluator({**CONFIG, "ties": ties}).evaluate(collected([(0, 1, 9)], [True]))["mrr"] == mrr


def test_each_view_has_its_own_ranks():
    data = collected([[(0, 0, 9), (1, 0, 9)], [(0, 0, 9), (3, 0, 9)]], [True, False], views=2)
    evaluator = RankEvaluator(CONFIG)
    assert evaluator.evaluate(data, 0)["mrr"] == 1
    assert evaluator.evaluate(data, 1)["mrr"] == (1 / 2 + 1 / 4) / 2


def test_lists_shorter_than_k_are_hit_at_k():
    """RecBole's own lists hold fewer than 99 candidates, and may hold fewer than k."""
    assert by_question(ranks((2, 0, 2)), CONFIG, "pessimistic")["hit@5"].item() == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=30))
def test_agrees_with_recboles_evaluator_where_nothing_is_tied(places):
    longest = max(CONFIG["topk"])
    lists = torch.zeros(len(places), longest + 1, dtype=torch.int)
    lists[:, -1] = 1
    for row, rank in enumerate(places):
        if rank <= longest:
            lists[row, rank - 1] = 1
    data = DataStruct()
    data.set("rec.topk", lists)
    by_recbole = Evaluator({**CONFIG, "metric_decimal_place": 12}).evaluate(data)
    ours = RankEvaluator(CONFIG).evaluate(collected([(rank - 1, 0, 11) for rank in places], [True] * len(places)))
    assert {name: ours[name] for name in by_recbole} == pytest.approx(dict(by_recbole), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=8))
def test_half_lies_between_the_other_rules(rows):
    open_ranks = ranks(*[(higher, ties, 12) for higher, ties in rows])
    best, half, worst = (by_question(open_ranks, CONFIG, ties) for ties in ("optimistic", "half", "pessimistic"))
    for name in half:
        assert (worst[name] - 1e-9 <= half[name]).all() and (half[name] <= best[name] + 1e-9).all()


def test_which_metrics_are_functions_of_ranks():
    assert all(map(from_rank, METRICS)) and from_rank("hit")
    assert not any(
        map(from_rank, ["AUC", "GAUC", "ItemCoverage", "GiniIndex", "TailPercentage", "LogLoss", "nonsense"])
    )


def test_the_columns_leave_out_what_says_nothing_more():
    assert titles(["Hit", "NDCG", "MRR"], [1, 5, 10]) == {
        **{"hit@1": "HR@1", "hit@5": "HR@5", "hit@10": "HR@10"},
        **{"ndcg@5": "NDCG@5", "ndcg@10": "NDCG@10", "mrr": "MRR"},
    }
    assert titles(["recall", "map"], [3]) == {"recall@3": "Recall@3", "map@3": "MAP@3"}
    assert titles(["NDCG"], [1, 3]) == {"ndcg@1": "NDCG@1", "ndcg@3": "NDCG@3"}, "or a table may have no column"
