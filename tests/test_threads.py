"""Calls side by side against the same calls one after the other."""

import os
import threading
import time

import pytest
import torch

from recbole_hail.threads import side_by_side


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_results_come_in_the_order_of_the_arguments(threads, count):
    threads(count)

    def slow_first(place, name):
        time.sleep(0.02 if place == 0 else 0)
        return f"{name}{place}"

    assert side_by_side(slow_first, range(5), "abcde") == ["a0", "b1", "c2", "d3", "e4"]
    assert side_by_side(slow_first, [], []) == []


@pytest.mark.parametrize(
    ("count", "calls", "share"), [(4, 2, 2), (4, 3, 1), (2, 5, 1), (5, 2, 2), (3, 1, 3), (1, 4, 1)]
)
def test_torchs_threads_are_shared_out_and_given_back(threads, count, calls, share):
    threads(count)
    together = threading.Barrier(min(count, calls), timeout=30)  # all threads are at work at once

    def of_this_thread(call):
        if call < together.parties:
            together.wait()
        return threading.get_ident(), torch.get_num_threads()

    found = side_by_side(of_this_thread, range(calls))
    assert {number for _, number in found} == {share}
    assert len({thread for thread, _ in found}) == min(count, calls)
    assert threading.get_ident() in {thread for thread, _ in found}  # the caller does not merely wait
    assert torch.get_num_threads() == count


@pytest.mark.parametrize("on_caller", [True, False])
def test_what_a_call_raises_is_raised_when_all_are_done(threads, on_caller):
    threads(2)
    caller, together, done = threading.get_ident(), threading.Barrier(2, timeout=30), []

    def one_breaks(_):
        together.wait()
        if (threading.get_ident() == caller) == on_caller:
            raise ValueError("broken")
        time.sleep(0.05)
        done.append(True)

    with pytest.raises(ValueError, match="broken"):
        side_by_side(one_breaks, range(2))
    assert done == [True]
    assert torch.get_num_threads() == 2


def test_calls_may_call_side_by_side_themselves(threads):
    threads(4)
    found = side_by_side(lambda place: side_by_side(lambda other: (place, other), range(2)), range(2))
    assert found == [[(0, 0), (0, 1)], [(1, 0), (1, 1)]]


def test_arguments_of_unequal_number_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        side_by_side(max, [1, 2], [3])


def test_a_forked_process_has_threads_of_its_own(threads):
    threads(2)
    side_by_side(abs, [-1, -2])
    child = os.fork()
    if child == 0:  # without the pool forgotten it would wait for threads that only the parent has
        os._exit(0 if side_by_side(abs, [-3, -4]) == [3, 4] else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_threads_of_openmp_wait_briefly_where_the_user_says_nothing(run_python, monkeypatch, given, expected):
    """By default they wait actively for milliseconds: two peers side by side took twice as long as one."""
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    code = "import sys, os\nimport recbole_hail\nprint(os.environ.get('GOMP_SPINCOUNT'))\n"
    assert run_python(code).stdout.split() == [str(expected)]
