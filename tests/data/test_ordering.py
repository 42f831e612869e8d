"""Sorting numbers sixteen bits at a time, against numpy's own sorting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_hail.data.ordering import run_starts, stable_order

# Few values, so that equal ones meet; narrow, wide, and such as differ in their highest bits alone.
NUMBERS = st.sampled_from([1, 300, 70_000, 2**40]).flatmap(
    lambda step: arrays(np.int64, st.integers(0, 200), elements=st.integers(0, 50).map(lambda n: n * step))
)


@given(NUMBERS)
def test_the_order_is_that_of_a_stable_sort(numbers):
    assert (stable_order(numbers) == numbers.argsort(kind="stable")).all()


@given(NUMBERS)
def test_runs_start_where_a_number_is_met_first(numbers):
    ascending = np.sort(numbers)
    assert (run_starts(ascending) == np.unique(ascending, return_index=True)[1]).all()


def test_the_largest_numbers_are_told_apart():
    assert stable_order(np.array([2**63 - 1, 2**62, 2**63 - 2, 0])).tolist() == [3, 1, 2, 0]
