"""Elements that a sequence does not have."""

import random
from itertools import chain, repeat
from types import SimpleNamespace

import pytest
from recbole.data.transform import MaskItemSequence

from recbole_hail.errors import DataError


@pytest.fixture
def draw(monkeypatch):
    """One for a sequence, from 3 elements under a loss; draws 1, 2, 3, and gives up where RecBole would go on."""

    def for_sequence(sequence, loss_type):
        draws = chain([1, 2, 3], repeat(None))
        monkeypatch.setattr(random, "randint", lambda low, high: next(draws) or pytest.fail("it would never end"))
        transform = SimpleNamespace(config={"loss_type": loss_type, "model": "BERT4Rec"})
        return MaskItemSequence._neg_sample(transform, sequence, 4)

    return for_sequence


@pytest.mark.parametrize("loss_type", ["CE", "BPR"])
def test_one_that_the_sequence_does_not_have_is_drawn_as_ever(draw, loss_type):
    assert draw([1, 3, 1, 0], loss_type) == 2
    assert draw([1, 2, 1, 2, 0, 0], loss_type) == 3


def test_training_did_not_begin_where_a_sequence_had_every_element(draw):
    """RecBole's BERT4Rec stood at its first batch for ever, and so did the calibration of `paper`."""
    assert draw([3, 2, 1, 1, 0], "CE") in (1, 2, 3)
    with pytest.raises(DataError, match=r"all 3 elements, so BERT4Rec cannot draw one .*; give --loss_type=CE"):
        draw([3, 2, 1, 1, 0], "BPR")
