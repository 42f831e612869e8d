"""Calls side by side on threads that share torch's, for work that torch itself splits over a CPU's cores badly."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import cache
from typing import TypeVar

import torch

Result = TypeVar("Result")


def side_by_side(function: Callable[..., Result], *arguments: Iterable, most: int | None = None) -> list[Result]:
    """`list(map(function, *arguments))`, its calls on this thread and as many others as torch has threads for.

    Each thread has an even share of torch's threads meanwhile, of `most` at most. What a call raises is raised once all
    threads are done.
    """
    calls = deque(enumerate(zip(*arguments, strict=True)))
    results: list = [None] * len(calls)
    all_threads = torch.get_num_threads()
    count = min(len(calls), all_threads)
    share = min(all_threads // max(count, 1), most or all_threads)
    if count < 2:
        with on_threads(share):
            return [function(*call) for _, call in calls]
    inference, grad = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def take_turns() -> None:
        torch.set_num_threads(share)
        with torch.inference_mode(inference), torch.set_grad_enabled(grad):  # each thread has modes of its own
            while calls:
                try:
                    place, call = calls.popleft()
                except IndexError:  # another thread took the last one
                    return
                results[place] = function(*call)

    # This thread works too: one that only waits has torch's idle threads, which wait actively, in the others' way.
    others: list[Future] = [Future() for _ in range(count - 1)]
    try:
        with suppress(RuntimeError):  # no thread is to be had, as at the interpreter's end: fewer do it all
            for other in others:
                _pool().submit(_run, other, take_turns)
        take_turns()
    finally:
        calls.clear()
        try:
            wait([other for other in others if not other.cancel()])  # one that has not begun need not
        finally:
            torch.set_num_threads(all_threads)
    for other in others:
        if not other.cancelled():
            other.result()
    return results


def over_range(function: Callable[[int, int], Result], count: int, *, least: int) -> list[Result]:
    """`function(first, end)` for ranges that make up [0, count), each of `least` or more, side by side."""
    parts = max(min(torch.get_num_threads(), count // max(least, 1)), 1)
    bounds = bounds_of(count, parts)
    return side_by_side(function, bounds[:-1], bounds[1:])


def bounds_of(count: int, parts: int) -> list[int]:
    """Where `parts` nearly equal ranges that make up [0, count) begin, and where the last ends."""
    return [count * part // parts for part in range(parts + 1)]


def usable_cores() -> int:
    """That this process may use: fewer than the machine's under taskset and in some containers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """torch uses so many threads for as long as the context lasts."""
    before = torch.get_num_threads()
    if count != before:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count != before:
            torch.set_num_threads(before)


def _run(turns: Future, take_turns: Callable[[], None]) -> None:
    if not turns.set_running_or_notify_cancel():
        return
    try:
        torch.get_num_threads()  # a thread's first look at its number takes over what another thread has set last
        turns.set_result(take_turns())
    except BaseException as error:
        turns.set_exception(error)


@cache
def _pool() -> ThreadPoolExecutor:
    """One for all, which starts a thread where none is idle. Kept, for a thread has caches of its own to fill."""
    return ThreadPoolExecutor(_MOST_THREADS, "recbole-hail")


_MOST_THREADS = 1024  # a bound that torch's number of threads does not reach

os.register_at_fork(after_in_child=_pool.cache_clear)  # a child process has no threads but its own
