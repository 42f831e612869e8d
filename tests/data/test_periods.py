"""Periods of events and hyperedges against slow loops."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.data.periods import cut_periods
from recbole_hail.data.windows import Spans
from recbole_hail.errors import DataError


def dataset(sequences, *, held_out=1, times=None):
    """The training part of a split that holds out the last `held_out` events of each sequence."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    start = lengths.cumsum(0) - lengths
    trained = lengths > held_out  # RecBole has no row for a generator whose training part is one event or none
    generators = torch.arange(1, len(sequences) + 1).repeat_interleave(lengths)
    return SimpleNamespace(
        elements=torch.tensor([element for sequence in sequences for element in sequence]),
        generators=generators,
        times=torch.arange(len(generators)) - start[generators - 1] if times is None else torch.tensor(times),
        sequences=Spans(start[trained], (start + lengths - held_out)[trained]),
        user_num=len(sequences) + 1,
        item_num=10,
        time_field="timestamp",
        dataset_name="world",
    )


sequences_strategy = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=9), min_size=1, max_size=5)


@settings(deadline=None)
@given(sequences_strategy, st.integers(1, 8))
def test_periods_by_position_are_shares_of_each_training_sequence(sequences, periods):
    sequences = [*sequences, [1] * 9]
    world = dataset(sequences)
    found = cut_periods(world, periods=periods, by="position")
    edges, expected, before = {}, [], []
    for generator, sequence in enumerate(sequences, 1):
        trained = len(sequence) - 1
        own = [rank * periods // trained for rank in range(trained)] + [periods]
        expected += own
        for period, element in zip(own[:-1], sequence[:-1], strict=True):
            edges.setdefault((period, generator), set()).add(element)
    numbers = {key: number for number, key in enumerate(sorted(edges))}
    for event, period in enumerate(expected):
        generator = int(world.generators[event])
        earlier = [numbers[key] for key in numbers if key[1] == generator and key[0] < period]
        before.append(1 + earlier[-1] if earlier else 0)
    assert found.period.tolist() == expected
    assert found.hyperedge_before.tolist() == before
    assert found.period_of_hyperedge.tolist() == [period for period, _ in sorted(edges)]
    pairs = list(zip(found.hyperedge.tolist(), found.element.tolist(), strict=True))
    assert pairs == [(numbers[key], element) for key in sorted(edges) for element in sorted(edges[key])]


def test_periods_by_time_are_shares_of_the_time_of_training():
    """Training runs from 0 to 100; what is held out lies after the last period, whenever it was."""
    world = dataset([[1, 2, 3, 4], [5, 6, 7]], times=[0.0, 49.0, 100.0, 20.0, 50.0, 60.0, 400.0])
    found = cut_periods(world, periods=2, by="time")
    assert found.period.tolist() == [0, 0, 1, 2, 1, 1, 2]
    assert found.hyperedge_before.tolist() == [0, 0, 1, 2, 0, 0, 3]
    assert found.element.tolist() == [1, 2, 3, 5, 6]
    assert found.hyperedge.tolist() == [0, 0, 1, 2, 2]


def test_a_single_period_needs_no_two_times():
    """It was 0 / 0, and HyperRec ended in an IndexError."""
    found = cut_periods(dataset([[1, 2, 3], [4, 5]], times=[7.0] * 5), periods=1, by="time")
    assert found.period.tolist() == [0, 0, 1, 0, 1]


def test_no_generator_takes_over_anothers_hyperedge():
    """The second generator has no training event: nothing stands before its events."""
    found = cut_periods(dataset([[1, 2, 3], [4], [5, 6]]), periods=2, by="position")
    assert found.hyperedge_before.tolist() == [0, 1, 3, 0, 0, 2]


@pytest.mark.parametrize(
    "by, times, periods, message",
    [
        ("position", None, 4, "periods: 4 is more than the 3 events of the longest training sequence"),
        ("time", None, 2, "timestamp of world only counts the events of each generator"),
        ("time", [5.0, 7.0, 7.0, 9.0, 5.0, 6.0], 3, "periods: 3 is more than the 2 different times"),
    ],
)
def test_periods_that_the_data_cannot_fill(by, times, periods, message):
    with pytest.raises(DataError, match=message):
        cut_periods(dataset([[1, 2, 3, 4], [5, 6]], times=times), periods=periods, by=by)
