from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.data.buckets import draw_batches

some_lengths = st.lists(st.integers(1, 30), min_size=1, max_size=40)


def drawn(lengths, seed=0, **size):
    rng = None if seed is None else torch.Generator().manual_seed(seed)
    return draw_batches(torch.tensor(lengths), rng=rng, **size)


def as_lists(batches):
    return [batch.tolist() for batch in batches]


def assert_similar_lengths(lengths, batches):
    """Sorted by their shortest sequence, no batch reaches into the lengths of the next."""
    reach = sorted((min(lengths[i] for i in batch), max(lengths[i] for i in batch)) for batch in batches)
    assert all(longest <= shortest for (_, longest), (shortest, _) in pairwise(reach))


@settings(max_examples=100, deadline=None)
@given(some_lengths, st.integers(1, 80), st.integers(0, 1000))
def test_by_tokens(lengths, tokens, seed):
    batches = as_lists(drawn(lengths, seed, tokens=tokens))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= tokens
    assert_similar_lengths(lengths, batches)


@settings(max_examples=100, deadline=None)
@given(some_lengths, st.integers(1, 12), st.integers(0, 1000))
def test_by_sequences(lengths, sequences, seed):
    batches = as_lists(drawn(lengths, seed, sequences=sequences))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    sizes = sorted(len(batch) for batch in batches)
    assert all(size == sequences for size in sizes[1:])
    assert 0 < sizes[0] <= sequences
    assert_similar_lengths(lengths, batches)


def test_by_tokens_batches_are_as_full_as_their_longest_sequence_allows():
    lengths = [5] * 4 + [10] * 3
    assert as_lists(drawn(lengths, None, tokens=20)) == [[0, 1, 2], [3, 4], [5, 6]]
    assert as_lists(drawn(lengths, None, tokens=7)) == [[i] for i in range(7)]  # a longer one stands alone


def test_without_a_generator_the_order_is_that_of_lengths_then_places():
    assert as_lists(drawn([3, 1, 2, 1, 3], None, sequences=2)) == [[1, 3], [2, 0], [4]]


@pytest.mark.parametrize("size", [{"tokens": 40}, {"sequences": 4}])
def test_a_seed_repeats_the_draw_and_another_gives_other_batches(size):
    lengths = [1 + i % 7 for i in range(60)]
    assert as_lists(drawn(lengths, 1, **size)) == as_lists(drawn(lengths, 1, **size))
    assert as_lists(drawn(lengths, 1, **size)) != as_lists(drawn(lengths, 2, **size))


def test_sequences_of_equal_length_change_batches_and_batches_change_places():
    lengths = [4] * 12
    batches = as_lists(drawn(lengths, 0, sequences=3))
    assert {frozenset(batch) for batch in batches} != {frozenset(range(i, i + 3)) for i in range(0, 12, 3)}
    widths = [lengths_of[0] for lengths_of in drawn(list(range(1, 21)), 0, sequences=2)]
    assert widths != sorted(widths)


@pytest.mark.parametrize("size", [{}, {"tokens": 10, "sequences": 2}])
def test_a_batch_has_one_size(size):
    with pytest.raises(ValueError, match="either by tokens or by sequences"):
        drawn([1, 2], **size)


@pytest.mark.parametrize("size", [{"tokens": 9}, {"sequences": 2}])
def test_no_sequences_make_no_batch(size):
    assert drawn([], **size) == []
