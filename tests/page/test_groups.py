"""Groups of generators by hand, and estimates for several scorers at once."""

import numpy as np
import pytest

from recbole_hail.evaluation.significance import mean_interval
from recbole_hail.page.estimates import difference, estimate, shown_metrics, values_of
from recbole_hail.page.groups import SUPPORT, group


def questions(*groups):
    """Labels, values [N, 2], generators and repeats of (label, how many, value of the model, of the rule)."""
    labels = [label for label, many, *_ in groups for _ in range(many)]
    values = np.array([pair for _, many, *pair in groups for _ in range(many)])
    generators = np.array([f"g{row // 2}" for row in range(len(labels))])
    return labels, values, generators, np.arange(len(labels)) % 4 == 0


def test_groups_by_hand():
    labels, values, generators, repeat = questions(("bar", 20, 0.25, 0.5), ("street", 24, 0.5, 0.1), ("few", 19, 1, 1))
    found = group("premises", labels, values, generators, repeat)
    assert [each.name for each in found.groups] == ["street", "bar"] and found.small == 1
    street, bar = found.groups
    assert (street.questions, street.generators, street.model.mean, street.rule.mean) == (
        24,
        12,
        0.5,
        pytest.approx(0.1),
    )
    assert (bar.questions, bar.generators, bar.repeats) == (20, 10, 0.25)
    assert bar.model.low == bar.model.mean == bar.model.high == 0.25, "all of its questions are alike"


def test_the_interval_of_a_single_generator_is_over_its_questions():
    """Its questions were drawn together, and so all draws were alike and the interval had no width."""
    labels = ["one"] * 20 + ["other"] * 20
    values = np.tile([[1.0, 0.5], [0.0, 0.5]], (20, 1))
    found = group("user_id", labels, values, np.array(labels), np.zeros(40, dtype=bool))
    for each in found.groups:
        assert each.generators == 1 and 0.2 < each.model.low < 0.5 < each.model.high < 0.8
        assert each.rule.low == each.rule.high == 0.5


def test_questions_without_a_label_are_in_no_group():
    labels, values, generators, repeat = questions(("", 30, 1, 1), ("a", 20, 0.1, 0.1), ("b", 20, 0.2, 0.2))
    found = group("kind", labels, values, generators, repeat)
    assert [each.name for each in found.groups] == ["b", "a"] and found.small == 0


def test_one_group_with_support_compares_nothing():
    assert group("kind", *questions(("a", SUPPORT, 1, 1), ("b", SUPPORT - 1, 0, 0))) is None


@pytest.mark.parametrize("many, best, worst", [(10, 10, 0), (11, 5, 5)])
def test_the_ends_show_no_group_twice(many, best, worst):
    found = group("kind", *questions(*((f"k{n:02}", SUPPORT, 1 / (n + 1), 0) for n in range(many))))
    first, last = found.ends
    assert (len(first), len(last)) == (best, worst)
    assert [each.name for each in first][:3] == ["k00", "k01", "k02"] and not {*map(id, first)} & {*map(id, last)}


def test_values_by_hand():
    ranks = np.array([[[0, 0, 9], [1, 0, 9]], [[3, 0, 9], [0, 1, 9]]])  # [2 questions, 2 scorers, 3]
    names = list(shown_metrics([1, 5]))
    assert names == ["hit@1", "hit@5", "ndcg@5", "mrr"]
    values = values_of(ranks, [1, 5], "half")
    assert values[:, :, names.index("hit@1")].tolist() == [[1, 0], [0, 0.5]]
    assert values[:, :, names.index("mrr")].tolist() == [[1, 0.5], [0.25, 0.75]]


def test_all_at_once_is_each_by_itself():
    values = np.random.default_rng(0).random((30, 3, 2))
    generators = np.array([f"g{row % 7}" for row in range(30)])
    found = estimate(values, generators)
    for scorer in range(3):
        for metric in range(2):
            ends = mean_interval(values[:, scorer, metric], groups=generators, draws=1000)[0]
            mark = found[scorer][metric]
            assert (mark.mean, mark.low, mark.high) == pytest.approx((values[:, scorer, metric].mean(), *ends))


def test_a_difference_is_paired():
    """Scorers that differ by the same everywhere differ for sure, however much both vary."""
    rule = np.random.default_rng(0).random(40)
    mark = difference(np.stack([rule + 0.1, rule], axis=1), 0, 1, np.arange(40))
    assert (mark.low, mark.mean, mark.high) == pytest.approx((0.1, 0.1, 0.1))
