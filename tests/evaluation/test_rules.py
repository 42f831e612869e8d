"""The rules on counts small enough to do by hand, and on the authors' data under candidates drawn here."""

import gzip
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_hail.evaluation import rules
from recbole_hail.evaluation.rules import Neighbours, Sequences

SEQUENCES = st.lists(st.lists(st.integers(1, 6), max_size=8), min_size=1, max_size=6)


def sequences(*rows) -> Sequences:
    flat = np.array([element for row in rows for element in row], dtype=np.int64)
    return Sequences(flat, np.array([len(row) for row in rows]))


# Counting


def test_stretches_are_cut_where_they_start_and_end():
    cut = rules.gather_sequences(np.arange(10, 20), np.array([0, 2, 7, 2]), np.array([2, 6, 7, 3]))
    assert cut.elements.tolist() == [10, 11, 12, 13, 14, 15, 12]
    assert cut.lengths.tolist() == [2, 4, 0, 1]


@given(SEQUENCES)
def test_counts_are_those_of_counting_one_by_one(rows):
    found = rules.element_counts(sequences(*rows), 7).toarray()
    assert found.tolist() == [[row.count(element) for element in range(7)] for row in rows]


def test_an_event_counts_half_after_each_half_life():
    decayed = rules.element_counts(sequences([1, 2, 1], [3]), 4, half_life=1).toarray()
    assert decayed.tolist() == [[0, 1 + 0.25, 0.5, 0], [0, 0, 0, 1]]
    slower = rules.element_counts(sequences([1, 2, 1]), 4, half_life=2).toarray()
    np.testing.assert_allclose(slower, [[0, 1.5, 0.5**0.5, 0]])


@given(SEQUENCES)
def test_transitions_are_those_of_counting_pairs_within_each_sequence(rows):
    expected = np.zeros((7, 7))
    for row in rows:
        for before, after in pairwise(row):
            expected[before, after] += 1
    assert np.array_equal(rules.transition_counts(sequences(*rows), 7).toarray(), expected)


def test_popularity_is_a_share_that_never_makes_up_for_an_event():
    np.testing.assert_allclose(rules.popularity_share(sequences([1, 2], [2]), 4), [0, 1 / 4, 2 / 4, 0])
    assert rules.popularity_share(sequences([1]), 2).max() < 1


# Scoring


def test_popularity_breaks_ties_of_the_counts_and_nothing_else():
    popularity = rules.popularity_share(sequences([3] * 5, [1, 2, 2]), 5)
    history = rules.element_counts(sequences([1, 2, 4, 4]), 5)
    scores = rules.smoothed_frequency(history, popularity, 1)[0]
    assert np.argsort(-scores).tolist() == [4, 2, 1, 3, 0]


def test_ties_between_counts_in_the_thousands_are_broken():
    """float32 has no room for a share of 1e-6 beside a count of 5,000."""
    popularity = rules.popularity_share(sequences([1] * 500_001 + [2] * 500_000), 3)
    history = rules.element_counts(sequences([1, 2] * 5000), 3)
    scores = rules.smoothed_frequency(history, popularity, 1)[0]
    assert scores[1] > scores[2]


def test_a_heavier_prior_moves_popular_elements_up():
    history = rules.element_counts(sequences([1, 1, 2]), 4)
    popularity = np.array([0, 0.1, 0.2, 0.7])
    np.testing.assert_allclose(rules.smoothed_frequency(history, popularity, 10), [[0, 3, 3, 7]])


def test_neighbours_speak_by_the_power_of_their_cosine():
    """History (1, 1, 0): its cosine with (1, 0, 0) is 1/√2, with (0, 1, 1) 1/2, with (0, 0, 2) 0."""
    training = rules.element_counts(sequences([], [1], [2, 3], [3, 3]), 4)
    history = rules.element_counts(sequences([1, 2]), 4)
    no_popularity = np.zeros(4)
    scores = rules.generator_knn(history, np.array([0]), Neighbours.of(training), no_popularity, power=4, weight=20)
    first, second = 0.5**2, 0.25**2  # cosines to the 4th power
    neighbours = np.array([0, first, second / 2, second / 2]) / (first + second)
    np.testing.assert_allclose(scores, [[0, 1, 1, 0] + 20 * neighbours])
    linear = rules.generator_knn(history, np.array([0]), Neighbours.of(training), no_popularity, power=1, weight=1)
    np.testing.assert_allclose(linear[0, 3], 0.5 * 0.5 / (0.5**0.5 + 0.5))


def test_a_generator_is_no_neighbour_of_its_own():
    training = rules.element_counts(sequences([], [1, 1], [1, 2]), 4)
    history = rules.element_counts(sequences([1, 1], [1, 2]), 4)
    scores = rules.generator_knn(history, np.array([1, 2]), Neighbours.of(training), np.zeros(4), power=4, weight=2)
    np.testing.assert_allclose(scores, [[0, 2 + 1, 1, 0], [0, 1 + 2, 1, 0]])


def test_a_generator_like_no_other_falls_back_to_popularity():
    training = rules.element_counts(sequences([], [1], [2, 3, 3]), 4)
    history = rules.element_counts(sequences([1]), 4)
    popularity = np.array([0, 0.2, 0.2, 0.4])
    scores = rules.generator_knn(history, np.array([1]), Neighbours.of(training), popularity, power=4, weight=10)
    np.testing.assert_allclose(scores, [[0, 3, 2, 4]], atol=1e-5)


def test_what_no_neighbour_has_is_ordered_by_popularity():
    training = rules.element_counts(sequences([], [1], [2, 3, 3]), 4)
    history = rules.element_counts(sequences([1]), 4)
    scores = rules.generator_knn(
        history, np.array([0]), Neighbours.of(training), np.array([0, 0.2, 0.2, 0.4]), power=4, weight=10
    )
    assert scores[0, 1] > scores[0, 3] > scores[0, 2] > 0


def slow_generator_knn(history, generator, training, popularity, power, weight):
    scores = []
    for counts, own in zip(history, generator, strict=True):
        prior, total = np.zeros(len(popularity)), 0
        for other, theirs in enumerate(training):
            if other != own and counts @ theirs > 0:
                say = (counts @ theirs / np.linalg.norm(counts) / np.linalg.norm(theirs)) ** power
                prior, total = prior + say * theirs / theirs.sum(), total + say
        scores.append(counts + weight * (prior / total if total else popularity))
    return scores


@given(
    st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=8), min_size=1, max_size=6),
    st.floats(0.5, 8),
    st.sampled_from([0.0, 1.0]),
)
def test_neighbours_are_those_of_comparing_one_by_one(rows, power, many):
    """Whether many of them have a say, so that their shares are summed in one go, or few."""
    counts = rules.element_counts(sequences(*rows), 7)
    popularity = rules.popularity_share(sequences(*rows), 7)
    generator = np.arange(len(rows))
    with mock.patch.object(rules, "_MANY", many):
        found = rules.generator_knn(counts, generator, Neighbours.of(counts), popularity, power=power, weight=20)
    expected = slow_generator_knn(counts.toarray(), generator, counts.toarray(), popularity, power, 20)
    np.testing.assert_allclose(found, expected, atol=1e-5)  # but for the share that breaks ties


# On the authors' data: HR@1, HR@10 and MRR over the target and 99 others.

KNOWN = {
    ("chi18", "strict"): {"frequency": (0.167, 0.654, 0.318), "knn": (0.175, 0.679, 0.331)},
    ("nyc16", "strict"): {"frequency": (0.223, 0.726, 0.379), "knn": (0.230, 0.753, 0.391)},
    ("chi18", "paper"): {"frequency": (0.600, 0.800, 0.659), "knn": (0.619, 0.826, 0.682)},
    ("nyc16", "paper"): {"frequency": (0.578, 0.820, 0.650), "knn": (0.590, 0.849, 0.668)},
}


def draw_negatives(rows, protocol, elements):
    """99 for each generator: `strict` distinct and other than the target, `paper` outside all that it ever had."""
    draw = np.random.default_rng(0)
    found = []
    for row in rows:
        barred = [row[-1]] if protocol == "strict" else row
        allowed = np.setdiff1d(np.arange(1, elements + 1), barred)
        found.append(draw.choice(allowed, 99, replace=protocol == "paper"))
    return np.array(found)  # [generators, 99]


def metrics(scores, targets, negatives):
    """HR@1, HR@10, MRR; an equal score takes half a place."""
    others = np.take_along_axis(scores, negatives, axis=1)
    own = np.take_along_axis(scores, targets[:, None], axis=1)
    rank = 1 + (others > own).sum(1) + (others == own).sum(1) / 2
    return (rank <= 1).mean(), (rank <= 10).mean(), (1 / rank).mean()


@pytest.mark.parametrize("dataset", ["chi18", "nyc16"])
def test_known_values_on_the_authors_data(shared, dataset):
    with gzip.open(shared / "data" / f"{dataset}.txt.gz", "rt") as file:
        generators, events = np.loadtxt(file, dtype=np.int64, unpack=True)
    rows = np.split(events, np.flatnonzero(np.diff(generators)) + 1)
    columns = events.max() + 1
    training = sequences(*(row[:-2] for row in rows))
    popularity = rules.popularity_share(training, columns)
    history = rules.element_counts(sequences(*(row[:-1] for row in rows)), columns)
    knn = {"neighbours": Neighbours.of(rules.element_counts(training, columns)), "power": 4, "weight": 20}
    scores = {
        "frequency": rules.smoothed_frequency(history, popularity, 1),
        "knn": rules.generator_knn(history, np.arange(len(rows)), popularity=popularity, **knn),
    }
    targets = np.array([row[-1] for row in rows])
    for protocol in ("strict", "paper"):
        negatives = draw_negatives(rows, protocol, columns - 1)
        for rule, expected in KNOWN[dataset, protocol].items():
            assert metrics(scores[rule], targets, negatives) == pytest.approx(expected, abs=0.015), (protocol, rule)
