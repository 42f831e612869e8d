"""Sorting numbers that count something: generators, elements, pairs of both."""

import numpy as np


def stable_order(numbers: np.ndarray) -> np.ndarray:
    """The places of `numbers` [N], none below 0, in ascending order; equal ones stay as they stand.

    Sixteen bits at a time, lowest first: numpy sorts these by counting, wider numbers several times slower.
    """
    order = numbers.astype(np.uint16).argsort(kind="stable")  # the cast keeps the lowest bits
    if numbers.max(initial=0) <= 0xFFFF:
        return order
    return order[stable_order(numbers[order] >> 16)]


def run_starts(ascending: np.ndarray) -> np.ndarray:
    """Where the first of each run of equal numbers stands."""
    return np.append(0, np.flatnonzero(ascending[1:] != ascending[:-1]) + 1)[: len(ascending)]
