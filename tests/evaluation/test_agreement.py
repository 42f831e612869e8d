"""Shares of questions that peers answer alike, by hand and against counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_hail.evaluation.agreement import SHARES, agreement, pairs, right


def ranks(*rows):
    """[N, views, 3] from how many candidates stand above each target; -1 is a tie for the first place."""
    return np.array([[[max(place, 0), int(place < 0), 9] for place in row] for row in rows])


def test_by_hand_and_the_mean_of_the_peers_has_no_say():
    found = agreement(ranks([0, 0, 5], [0, 3, 0], [2, 0, 0], [1, 1, 0]), ["peer 1", "peer 2", "mean"])
    assert found == {"all right": 0.25, "some right": 0.5, "none right": 0.25}


def test_a_tie_is_no_right_answer():
    assert right(ranks([0, -1, 1])).tolist() == [[True, False, False]]
    assert agreement(ranks([0, -1]), ["peer 1", "peer 2"])["some right"] == 1


@pytest.mark.parametrize("views", [["model"], ["peer 1"], ["mean"]])
def test_one_view_agrees_with_nobody(views):
    assert agreement(ranks([0]), views) is None


def test_no_questions_have_no_shares():
    assert agreement(np.zeros((0, 3, 3), dtype=int), ["peer 1", "peer 2", "mean"]) is None


@given(st.integers(2, 4).flatmap(lambda t: st.lists(st.lists(st.integers(-1, 2), min_size=t, max_size=t), min_size=1)))
def test_every_question_is_counted_once(rows):
    peers = len(rows[0])
    found = agreement(ranks(*rows), [f"peer {peer + 1}" for peer in range(peers)])
    counted = [sum(place == 0 for place in row) for row in rows]
    shares = [sum(n == peers for n in counted), sum(0 < n < peers for n in counted), counted.count(0)]
    assert list(found) == list(SHARES)
    np.testing.assert_allclose(list(found.values()), np.array(shares) / len(rows))


def test_pairs_by_hand():
    places = ranks([0, 0, 5], [0, 3, 0], [2, 0, 0], [1, 1, 0], [2, 1, 0])
    firsts = np.array([[7, 7, 1], [7, 8, 1], [9, 7, 1], [4, 4, 1], [4, 5, 1]])
    (pair,) = pairs(places, firsts, ["peer 1", "peer 2", "mean"])
    assert pair == ("peer 1", "peer 2", 0.2, 0.2, 0.2, 0.4, 0.6)
    assert pairs(places, firsts, ["mean", "model", "rule"]) == []
    three = pairs(places, firsts, ["peer 1", "peer 2", "peer 3"])
    assert [(pair.first, pair.second) for pair in three] == [
        ("peer 1", "peer 2"),
        ("peer 1", "peer 3"),
        ("peer 2", "peer 3"),
    ]
