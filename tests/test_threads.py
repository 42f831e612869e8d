"""Calls side by side against the same calls one after the other."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from recbole_hail.threads import over_range, side_by_side


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


def test_inference_mode_reaches_all_threads(threads):
    """The loss could not be computed in it: other threads may not write to tensors that were made in it."""
    threads(2)
    together = threading.Barrier(2, timeout=30)

    def mode(_):
        together.wait()
        return torch.is_inference_mode_enabled()

    for inference in (True, False):
        with torch.inference_mode(inference):
            assert side_by_side(mode, range(2)) == [inference, inference]


@pytest.mark.parametrize("grad", [True, False])
def test_autograds_mode_reaches_all_threads(threads, grad):
    threads(2)
    together = threading.Barrier(2, timeout=30)
    with torch.set_grad_enabled(grad):
        assert side_by_side(lambda _: (together.wait(), torch.is_grad_enabled())[1], range(2)) == [grad, grad]


def test_threads_are_used_again_for_other_numbers_of_calls(threads):
    """Every number of calls had threads of its own: on 48 cores there were soon more than a thousand."""
    for count in (2, 9, 4, 7):
        threads(count)
        for calls in range(2, count + 1):
            together = threading.Barrier(calls, timeout=30)
            side_by_side(lambda _, together=together: together.wait(), range(calls))
    # 8 at once, of which some may not be known to be idle when the next are asked for. With pools each, they were 46.
    assert sum(thread.name.startswith("recbole-hail") for thread in threading.enumerate()) <= 24


def test_without_another_thread_to_be_had_fewer_do_it_all(threads, monkeypatch):
    """A first thread that was started went on behind the caller's back when the second could not be."""
    threads(3)
    pool, start = ThreadPoolExecutor(8), ThreadPoolExecutor._adjust_thread_count
    monkeypatch.setattr("recbole_hail.threads._pool", lambda: pool)

    def only_one(self):
        if self._threads:
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(ThreadPoolExecutor, "_adjust_thread_count", only_one)
    done = []
    assert side_by_side(lambda place: done.append(place) or place, range(6)) == [*range(6)]
    assert sorted(done) == [*range(6)]
    pool.shutdown()


def test_a_thread_that_outlives_the_main_one_works_alone(run_python):
    """It ended in "cannot schedule new futures after interpreter shutdown"."""
    code = "import threading, torch\nfrom recbole_hail.threads import side_by_side\ntorch.set_num_threads(2)\n"
    code += "def later():\n    threading.main_thread().join()\n    print(side_by_side(abs, [-1, -2]))\n"
    assert run_python(code + "threading.Thread(target=later).start()").stdout == "[1, 2]\n"


def test_ctrl_c_while_others_work_gives_torchs_threads_back(threads):
    """In a notebook all went on with one thread from then on."""
    threads(2)
    caller, together, ended = threading.get_ident(), threading.Barrier(2, timeout=30), threading.Event()

    def interrupts(_):
        together.wait()
        if threading.get_ident() != caller:
            time.sleep(0.1)  # by now the caller waits
            signal.pthread_kill(caller, signal.SIGINT)
            ended.wait(30)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            side_by_side(interrupts, range(2))
        assert torch.get_num_threads() == 2
    finally:
        ended.set()
        signal.signal(signal.SIGINT, before)


_FORKS = """
import os, threading
import torch
from recbole_hail.threads import side_by_side
torch.set_num_threads(2)
both = threading.Barrier(2, timeout=30)
def absolute(value):
    both.wait()  # for the other call, which must have a thread of its own
    return abs(value)
side_by_side(absolute, [-1, -2])
child = os.fork()
if child == 0:
    os._exit(0 if side_by_side(absolute, [-3, -4]) == [3, 4] else 1)
print(os.waitpid(child, 0)[1])
"""


def test_a_forked_process_has_threads_of_its_own(run_python):
    """In a process that has no others: what other tests have joined or started may not survive a fork."""
    done = run_python(_FORKS)
    assert done.stdout == "0\n", done.stderr


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
    code = "import importlib.util, os, sys\nimportlib.util.find_spec = lambda name: None\n"  # RecBole takes seconds
    code += "import recbole_hail\nprint(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)\n"
    assert run_python(code).stdout.split() == [str(expected), "False"]


@pytest.mark.parametrize(("count", "calls", "share"), [(4, 1, 1), (4, 2, 1), (1, 1, 1), (4, 0, 1)])
def test_a_call_has_no_more_of_torchs_threads_than_it_makes_use_of(threads, count, calls, share):
    threads(count)
    assert side_by_side(lambda _: torch.get_num_threads(), range(calls), most=1) == [share] * calls
    assert torch.get_num_threads() == count


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(("length", "least"), [(0, 1), (1, 1), (7, 1), (7, 3), (7, 4), (100, 1000)])
def test_ranges_make_up_the_whole(threads, count, length, least):
    threads(count)
    ranges = over_range(lambda first, end: range(first, end), length, least=least)
    assert [place for part in ranges for place in part] == list(range(length))
    assert len(ranges) == max(min(count, length // least), 1)
    assert len(ranges) == 1 or all(len(part) >= least for part in ranges)
