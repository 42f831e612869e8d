"""What is tried next: each setting once, the same with and without a break, and, under TPE, better than chance."""

import json
from dataclasses import asdict

import pytest

from recbole_hail.tuning.proposals import points, propose
from recbole_hail.tuning.space import Dimension
from recbole_hail.tuning.trials import DIVERGED, FINISHED, Trial

GRID = {"alpha": Dimension("choice", [0.1, 0.5, 0.9]), "beta": Dimension("choice", [0.0, 0.01])}
LINE = {"x": Dimension("uniform", [0, 1]), "net": Dimension("choice", ["a", ["a", "b"]])}


def test_exhaustive_is_the_whole_grid_and_max_evals_a_part_of_the_same_order():
    everything = points(GRID, "exhaustive", None, 7)
    assert len(everything) == 6
    assert points(GRID, "exhaustive", 4, 7) == everything[:4]


def test_random_draws_each_point_of_a_grid_at_most_once_and_then_ends():
    drawn = points(GRID, "random", 20, 7)
    assert len(drawn) == 6 and all(drawn.count(point) == 1 for point in drawn)


def test_random_draws_the_same_from_the_seed_however_many():
    assert points(LINE, "random", 3, 7) == points(LINE, "random", 8, 7)[:3] != points(LINE, "random", 3, 8)


@pytest.mark.parametrize("space", [LINE, dict(reversed(LINE.items()))], ids=str)
def test_settings_are_in_the_order_of_the_space(space):
    """Hyperopt has them in alphabetical order, and tables had values under others' names."""
    drawn = [*points(space, "random", 2, 7), propose(space, [], True, 7)]
    assert all(list(point) == list(space) for point in drawn)


def test_random_draws_a_hundred_where_nothing_else_is_said():
    assert len(points(LINE, "random", None, 7)) == 100


def search(space, score_of, most, bigger=True, trials=()):
    """A search by TPE that goes on from `trials`, which have been through a file."""
    trials = [Trial(**json.loads(json.dumps(asdict(trial)))) for trial in trials]
    while len(trials) < most and (settings := propose(space, trials, bigger, 7)):
        score = score_of(settings)
        trials.append(Trial(settings, DIVERGED if score is None else FINISHED, score=score))
    return trials


@pytest.mark.parametrize("bigger", [True, False])
def test_tpe_looks_where_the_score_is_better(bigger):
    found = search(LINE, lambda point: -abs(point["x"] - 0.8) * (1 if bigger else -1), 45, bigger)
    late = [trial.settings["x"] for trial in found[25:]]
    assert sum(0.65 < x < 0.95 for x in late) > len(late) * 0.5, "by chance it were three tenths"


def test_tpe_goes_on_after_a_break_as_if_there_had_been_none():
    def score_of(point):
        return None if point["x"] < 0.2 else point["x"]  # the lowest diverge

    whole = search(LINE, score_of, 26)
    assert any(trial.status == DIVERGED for trial in whole)
    assert search(LINE, score_of, 26, trials=whole[:22]) == whole


def test_tpe_tries_no_setting_twice_and_ends_with_the_grid():
    found = search(GRID, lambda point: point["alpha"], 20)
    assert len(found) == 6
