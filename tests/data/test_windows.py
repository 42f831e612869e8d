from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.data.windows import Spans, cut_windows, gather


def spans_of(lengths, gap=0):
    """Sequences of these lengths one after another, `gap` foreign events before each."""
    start, spans = 0, []
    for length in lengths:
        start += gap
        spans.append((start, start + length))
        start += length
    starts, ends = zip(*spans, strict=True)
    return Spans(torch.tensor(starts), torch.tensor(ends))


def slow_windows(start, end, length):
    """Windows from the right end, each half a window older, until the oldest element is in one."""
    windows, right = [], end
    while True:
        left = max(right - length, start)
        windows.append((left, min(left + length, end)))
        if left == start:
            return windows
        right -= max(length // 2, 1)


def test_known_windows():
    windows = cut_windows(spans_of([3, 10, 4], gap=1), 4)
    assert list(zip(windows.start.tolist(), windows.end.tolist(), strict=True)) == [
        (1, 4),  # shorter than a window
        (11, 15),  # the newest elements of the second sequence, which lies at 5 to 15
        (9, 13),
        (7, 11),
        (5, 9),
        (16, 20),  # as long as a window
    ]


def test_the_oldest_window_is_moved_right_until_it_is_full():
    windows = cut_windows(spans_of([7]), 4)
    assert list(zip(windows.start.tolist(), windows.end.tolist(), strict=True)) == [(3, 7), (1, 5), (0, 4)]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(1, 12), st.integers(0, 2))
def test_equals_a_slow_cut_and_keeps_its_promises(lengths, length, gap):
    sequences = spans_of(lengths, gap)
    found = cut_windows(sequences, length)
    windows = list(zip(found.start.tolist(), found.end.tolist(), strict=True))
    stretches = list(zip(sequences.start.tolist(), sequences.end.tolist(), strict=True))
    assert windows == [window for start, end in stretches for window in slow_windows(start, end, length)]
    for start, end in stretches:
        own = [(left, right) for left, right in windows if start <= left < end]
        assert own[0][1] == end  # the newest element ends a window
        assert {i for left, right in own for i in range(left, right)} == set(range(start, end))  # covers every element
        assert all(right - left == min(length, end - start) for left, right in own)  # none longer, none short
        strides = [newer[0] - older[0] for newer, older in pairwise(own)]
        assert all(stride == max(length // 2, 1) for stride in strides[:-1])
        assert all(0 < stride <= max(length // 2, 1) for stride in strides[-1:])
        assert len(set(own)) == len(own)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_shortest_windows(length):
    windows = cut_windows(spans_of([5]), length)
    assert windows.length.eq(length).all()
    assert sorted(windows.start.tolist()) == list(range(0, 6 - length))


def test_gather_aligns_left_and_pads_with_0():
    flat = torch.tensor([11, 12, 13, 14, 15])
    spans = Spans(torch.tensor([0, 3, 4]), torch.tensor([3, 5, 5]))
    assert spans.length.tolist() == [3, 2, 1]
    assert gather(flat, spans).tolist() == [[11, 12, 13], [14, 15, 0], [15, 0, 0]]
    assert gather(flat, spans, 4).tolist() == [[11, 12, 13, 0], [14, 15, 0, 0], [15, 0, 0, 0]]


def test_gather_of_nothing_has_the_width_that_was_asked_for():
    nothing = Spans(torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long))
    assert gather(torch.tensor([1, 2]), nothing, 3).shape == (0, 3)
