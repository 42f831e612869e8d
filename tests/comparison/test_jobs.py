"""Real child processes: how they end, side by side, and that none outlasts who began it."""

import os
from pathlib import Path

import pytest
import torch

from recbole_hail import threads
from recbole_hail.comparison import jobs
from recbole_hail.comparison.jobs import Job, JobPool, Machine, Share
from recbole_hail.comparison.worker import PROGRESS
from recbole_hail.errors import RunFailed

NOTHING = {"threads": 1, "members": [], "model": "HAIL", "dataset": "nowhere", "settings": {}}


def job(folder: Path, name: str = "one") -> Job:
    """One that fails, for there is no such dataset."""
    return Job(name, folder / name, NOTHING, lambda made: None)


def test_a_job_that_fails_says_why_and_leaves_its_log(tmp_path):
    home = os.getcwd()
    with pytest.raises(RunFailed, match=r"one failed with status 2: .*nowhere.*; its log is .*one.failed.txt"):
        job(tmp_path).end()
    assert [path.name for path in tmp_path.iterdir()] == ["one.failed.txt"] and os.getcwd() == home


def test_jobs_side_by_side_have_shares_of_their_own_and_are_abandoned_together(tmp_path):
    shares = []

    def start(share):
        shares.append(share)
        return job(tmp_path, f"job {len(shares)}")

    with JobPool(Machine(2)) as pool:
        pool.begin("a", start)
        pool.begin("b", start)
        assert pool.full and "a" in pool and len(pool) == 2
        what, ended = pool.next_to_end()
        assert what not in pool and not pool.full
        with pytest.raises(RunFailed):
            ended.end()
        pool.begin("c", start)
        assert shares == [Share(0, 2), Share(1, 2), Share("ab".index(what), 2)]
        children = [left.child for _, left in pool._jobs.values()]
    assert not any(child.is_alive() for child in children)
    assert [path.name for path in tmp_path.iterdir()] == [f"job {'ab'.index(what) + 1}.failed.txt"]


@pytest.mark.parametrize("cores, of, expected", [(8, 1, 4), (8, 3, 2), (8, 2, 4), (8, 20, 1)])
def test_threads_are_an_even_share_of_the_cores_and_no_more_than_torch_has(monkeypatch, cores, of, expected):
    monkeypatch.setattr(jobs, "usable_cores", lambda: cores)
    with threads.on_threads(4):
        assert Share(of=of).threads == expected
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("given", ["0,1", (0, 1), [0, 1], "0, 1"])
def test_gpus_go_round(given):
    assert [Share(number, 3).gpu_id(given) for number in range(3)] == ["0", "1", "0"]
    assert Share().gpu_id(given) == "0,1"


@pytest.mark.parametrize("given, expected", [("", ""), (3, "3")])
def test_one_gpu_is_that_of_all_jobs_and_none_stays_none(given, expected):
    assert Share(1, 2).gpu_id(given) == expected


def test_jobs_under_way_tell_how_far_they_have_come(tmp_path, monkeypatch):
    """A training of minutes said nothing until it had ended."""
    monkeypatch.setattr(jobs, "_TELL_EVERY", 0.01)
    heard = []
    with JobPool(Machine(1)) as pool:
        pool.begin("a", lambda share: job(tmp_path))
        (tmp_path / ".one" / PROGRESS).write_text("step 5 of 9")
        what, ended = pool.next_to_end(lambda *told: heard.append(told))
        with pytest.raises(RunFailed):
            ended.end()
    assert what == "a" and set(heard) == {("a", "step 5 of 9")}
