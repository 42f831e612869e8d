"""Which trial is chosen and when a search gives up, of trials of the test's choosing."""

from types import SimpleNamespace

import pytest

from recbole_hail.tuning.search import Search
from recbole_hail.tuning.trials import DIVERGED, FINISHED, STOPPED, Trial

TRIALS = [
    Trial({"rate": 0.1}, STOPPED, score=0.9),
    Trial({"rate": 0.2}, FINISHED, score=0.3),
    Trial({"rate": 0.3}, FINISHED, score=0.2),
    Trial({"rate": 0.4}, FINISHED, score=0.3),
    Trial({"rate": 0.5}, DIVERGED),
    Trial({"rate": 0.6}, STOPPED, score=0.1),
]


def search(trials, *, bigger=True, early_stop=None):
    config = {"valid_metric": "MRR", "valid_metric_bigger": bigger, "seed": 1}
    return Search(config, {}, "tpe", 10, early_stop, SimpleNamespace(trials=trials), print)


@pytest.mark.parametrize(("bigger", "chosen"), [(True, 1), (False, 2)])
def test_the_best_was_trained_to_its_end_and_is_the_first_of_equals(bigger, chosen):
    assert search(TRIALS, bigger=bigger).best() is TRIALS[chosen]


@pytest.mark.parametrize(
    ("early_stop", "ended"),
    [(None, []), (3, [5, 6]), (4, [6]), (5, [])],
)
def test_a_search_ends_after_so_many_trials_without_a_better_one(early_stop, ended):
    """The best is the second: with three of patience the fifth is the last."""
    lengths = range(len(TRIALS) + 1)
    assert [n for n in lengths if search(TRIALS[:n], early_stop=early_stop).out_of_patience()] == ended
