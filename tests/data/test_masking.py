import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.data.masking import mask_elements, shift_elements

MASK = 10**6


def padded(lengths, width=None):
    """Sequences whose elements are all different, from 1."""
    width = width or max(lengths)
    elements = torch.arange(1, len(lengths) * width + 1).view(len(lengths), width)
    lengths = torch.tensor(lengths)
    return elements.masked_fill(torch.arange(width) >= lengths[:, None], 0), lengths


def masked(sequences, lengths, seed=0, **changed):
    settings = {"mask_token": MASK, "mask_ratio": 0.2, "max_masked": 40, "last_only_share": 0.0, **changed}
    return mask_elements(sequences, lengths, rng=torch.Generator().manual_seed(seed), **settings)


@pytest.mark.parametrize(
    ("length", "mask_ratio", "count"),
    [(1, 0.2, 1), (2, 0.2, 1), (7, 0.2, 1), (8, 0.2, 2), (10, 0.2, 2), (100, 0.2, 20), (10, 0.01, 1), (10, 0.99, 10)],
)
def test_the_share_is_rounded_and_at_least_one_element(length, mask_ratio, count):
    sequences, lengths = padded([length] * 3)
    targets = masked(sequences, lengths, mask_ratio=mask_ratio)
    assert targets.sequences.eq(MASK).sum(1).tolist() == [count] * 3


def test_never_more_than_max_masked():
    sequences, lengths = padded([200, 50, 3])
    targets = masked(sequences, lengths, max_masked=7)
    assert targets.sequences.eq(MASK).sum(1).tolist() == [7, 7, 1]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 15), min_size=1, max_size=6),
    st.floats(0.01, 0.99),
    st.integers(1, 8),
    st.floats(0, 1),
    st.integers(0, 2**31),
)
def test_targets_are_the_originals_and_padding_is_never_masked(lengths, ratio, most, last_only, seed):
    sequences, lengths = padded(lengths, width=16)
    before = sequences.clone()
    targets = masked(sequences, lengths, seed, mask_ratio=ratio, max_masked=most, last_only_share=last_only)
    assert torch.equal(sequences, before)  # the input is not written into
    is_masked = targets.sequences.eq(MASK)
    assert torch.equal(is_masked.flatten().nonzero().squeeze(1), targets.positions)
    assert torch.equal(before.flatten()[targets.positions], targets.elements)
    assert torch.equal(targets.sequences[~is_masked], before[~is_masked])
    assert not (is_masked & before.eq(0)).any()
    assert is_masked.sum(1).ge(1).all()
    assert is_masked.sum(1).le(most).all()


def test_last_only_masks_just_the_last_element():
    sequences, lengths = padded([10, 3, 1])
    targets = masked(sequences, lengths, mask_ratio=0.9, last_only_share=1.0)
    assert targets.positions.tolist() == [9, 12, 20]


def test_last_only_takes_its_share_of_the_sequences():
    sequences, lengths = padded([20] * 4000)
    targets = masked(sequences, lengths, mask_ratio=0.5, last_only_share=0.25)
    alone = targets.sequences.eq(MASK).sum(1).eq(1)
    assert targets.sequences[alone, -1].eq(MASK).all()
    assert 0.22 < alone.float().mean() < 0.28
    assert masked(sequences, lengths, mask_ratio=0.5).sequences.eq(MASK).sum(1).eq(10).all()


def test_every_place_is_masked_equally_often():
    sequences, lengths = padded([10] * 5000)
    share = masked(sequences, lengths).sequences.eq(MASK).float().mean(0)
    assert share.sub(0.2).abs().max() < 0.03


def test_the_generator_makes_the_draw_repeatable():
    sequences, lengths = padded([12, 9, 4, 12])
    first, again, other = (masked(sequences, lengths, seed, last_only_share=0.3) for seed in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.sequences, other.sequences)
    rng = torch.Generator().manual_seed(5)
    settings = {"mask_token": MASK, "mask_ratio": 0.2, "max_masked": 40, "last_only_share": 0.3}
    one = mask_elements(sequences, lengths, rng=rng, **settings)
    two = mask_elements(sequences, lengths, rng=rng, **settings)
    assert torch.equal(one.sequences, first.sequences)
    assert not torch.equal(one.sequences, two.sequences)


def test_shifted_every_position_predicts_the_next_element():
    sequences, lengths = padded([4, 2, 3])
    targets = shift_elements(sequences, lengths)
    assert targets.sequences.tolist() == [[1, 2, 3], [5, 0, 0], [9, 10, 0]]
    assert targets.positions.tolist() == [0, 1, 2, 3, 6, 7]
    assert targets.elements.tolist() == [2, 3, 4, 6, 10, 11]


def test_shifted_a_single_element_has_nothing_to_predict():
    targets = shift_elements(*padded([1, 2], width=3))
    assert targets.sequences.tolist() == [[0, 0], [4, 0]]
    assert targets.positions.tolist() == [2]
    assert targets.elements.tolist() == [5]
