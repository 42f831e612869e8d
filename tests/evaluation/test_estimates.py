"""Means with their intervals, and which side of 0 they are on."""

import numpy as np
import pytest

from recbole_hail.evaluation.estimates import Estimate, estimates_of
from recbole_hail.evaluation.significance import mean_interval


@pytest.mark.parametrize(
    ("low", "high", "side"), [(0.1, 0.3, 1), (-0.3, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0), (None, None, 0)]
)
def test_the_side_of_0_is_told_where_the_interval_leaves_it_out(low, high, side):
    assert Estimate(0.0, low, high).side == side


def test_words_have_three_digits():
    assert str(Estimate(0.3394, 0.335, 0.3446)) == "0.339 (0.335–0.345)"


def test_each_column_has_the_mean_and_the_interval_of_its_values():
    values = np.random.default_rng(0).random((30, 2))
    generators = np.arange(30) // 3
    ends = mean_interval(values, groups=generators, lowest=-1.0, draws=200)
    for found, column, (low, high) in zip(
        estimates_of(values, generators, lowest=-1.0, draws=200), values.T, ends, strict=True
    ):
        assert (found.mean, found.low, found.high) == pytest.approx((column.mean(), low, high))
    (missed,) = estimates_of(np.zeros((30, 1)), generators)
    assert missed.low == 0 < missed.high < 0.5, "others may well hit"
