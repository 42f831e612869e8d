"""Which runs are trained, in what order, and what a failure or an interruption costs."""

from functools import partial
from types import SimpleNamespace

import pytest

from recbole_hail.comparison import jobs
from recbole_hail.comparison.jobs import Machine
from recbole_hail.comparison.training import rank_missing, train_missing
from recbole_hail.errors import Interrupted, RunFailed


class Trainer:
    """Stands in for a folder of runs."""

    def __init__(self, fails=()):
        self.there, self.fails, self.tried, self.most, self.abandoned = set(), fails, [], 0, []
        self._under_way = set()

    def path(self, run):
        return run

    def has(self, run):
        return run in self.there

    def training(self, run, share):
        self.tried.append(run)
        self._under_way.add(run)
        self.most = max(self.most, len(self._under_way))
        abandon = partial(self.abandoned.append, run)
        return SimpleNamespace(child=SimpleNamespace(sentinel=run), end=partial(self._end, run), abandon=abandon)

    def _end(self, run):
        self._under_way.remove(run)
        if run in self.fails:
            raise RunFailed(f"{run} failed")
        self.there.add(run)


@pytest.fixture(autouse=True)
def ends(monkeypatch):
    """Whichever of the runs under way began first ends first, but for those in this list, which end last."""
    late = []
    monkeypatch.setattr(jobs, "wait", lambda pool, timeout: sorted(pool, key=late.__contains__))
    return late


def placed(plan, folder):
    return [(folder, run) for run in plan.runs]


def test_what_is_there_is_not_trained_again(plan):
    trainer, said = Trainer(), []
    assert train_missing(placed(plan, trainer), said.append, Machine()) == []
    assert trainer.tried == plan.runs and len(plan.runs) == 7
    again = []
    assert train_missing(placed(plan, trainer), again.append, Machine()) == []
    assert trainer.tried == plan.runs and all("there already" in line for line in again)


def test_a_failure_costs_its_model_and_what_needs_it(plan):
    part = plan.rows["mean"][1].members[0]
    failures = train_missing(placed(plan, trainer := Trainer(fails=[part])), lambda text: None, Machine())
    assert failures == ["HAIL, seed 2 failed", "mean of 2 HAIL, seed 2 needs HAIL, seed 2"]
    assert set(plan.runs) - trainer.there == {part, plan.rows["mean"][1]}


def test_a_failure_of_the_first_run_ends_the_comparison(plan):
    with pytest.raises(RunFailed):
        train_missing(placed(plan, trainer := Trainer(fails=plan.runs[:1])), lambda text: None, Machine())
    assert trainer.tried == plan.runs[:1]


def test_several_runs_at_a_time_and_a_mean_after_its_members(plan, ends):
    """The part of the first mean ends last, so the second mean, whose part is done, goes before it."""
    ends.append(plan.rows["mean"][0].members[0])
    trainer = Trainer()
    assert train_missing(placed(plan, trainer), lambda text: None, Machine(2)) == []
    assert trainer.there == set(plan.runs) and trainer.most == 2 and not trainer.abandoned
    order = trainer.tried
    assert all(order.index(mean) > order.index(mean.members[0]) for mean in plan.rows["mean"])
    assert order[-2:] == [*plan.rows["mean"][::-1]]


def test_a_first_run_that_fails_ends_nothing_while_another_may_work(plan):
    first = plan.runs[0]
    trainer = Trainer(fails=[first])
    failures = train_missing(placed(plan, trainer), lambda text: None, Machine(2))
    assert failures == [f"{first} failed"] and trainer.there == set(plan.runs) - {first}


def test_where_all_fail_that_began_together_nothing_else_is_begun(plan):
    trainer = Trainer(fails=plan.runs)
    with pytest.raises(RunFailed, match=str(plan.runs[1])):
        train_missing(placed(plan, trainer), lambda text: None, Machine(2))
    assert trainer.tried == plan.runs[:2]


def test_runs_under_way_are_abandoned_where_the_command_is_interrupted(plan, monkeypatch):
    def interrupt(pool, timeout):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "wait", interrupt)
    trainer = Trainer()
    with pytest.raises(Interrupted, match=f"0 of {len(plan.runs)} runs are there, and the same command goes on"):
        train_missing(placed(plan, trainer), lambda text: None, Machine(2))
    assert trainer.abandoned == trainer.tried == plan.runs[:2]


class Ranker(Trainer):
    """Of whose runs all are trained, and the first is ranked."""

    def has(self, run):
        return True

    def is_ranked(self, run, protocol):
        return run in self.there

    def ranking(self, run, protocol, share):
        return self.training((run, protocol), share)


def test_rankings_under_way_are_abandoned_where_the_command_is_interrupted(plan, monkeypatch):
    """It said no more than that it was interrupted."""

    def interrupt(pool, timeout):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "wait", interrupt)
    ranker = Ranker()
    ranker.there.add(plan.runs[0])
    with pytest.raises(Interrupted, match=f"1 of {len(plan.runs)} rankings are there, and the same command goes on"):
        rank_missing(placed(plan, ranker), ["full"], lambda text: None, Machine(2))
    assert ranker.abandoned == ranker.tried == [(run, "full") for run in plan.runs[1:3]]
