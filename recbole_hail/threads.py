"""Calls side by side on threads that share torch's, for work that torch itself splits over a CPU's cores badly."""

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

import torch

Result = TypeVar("Result")


def side_by_side(function: Callable[..., Result], *arguments: Iterable) -> list[Result]:
    """`list(map(function, *arguments))`, its calls on this thread and as many others as torch has threads for.

    Each thread has an even share of torch's threads meanwhile. What a call raises is raised once all threads are done.
    """
    calls = deque(enumerate(zip(*arguments, strict=True)))
    results: list = [None] * len(calls)
    all_threads = torch.get_num_threads()
    count = min(len(calls), all_threads)
    if count < 2:
        return [function(*call) for _, call in calls]

    def take_turns() -> None:
        while calls:
            try:
                place, call = calls.popleft()
            except IndexError:  # another thread took the last one
                return
            results[place] = function(*call)

    # This thread works too: one that only waits has torch's idle threads, which wait actively, in the others' way.
    share = all_threads // count
    others = [_others(count - 1, share).submit(take_turns) for _ in range(count - 1)]
    torch.set_num_threads(share)
    try:
        take_turns()
    finally:
        calls.clear()
        wait(others)
        torch.set_num_threads(all_threads)
    for other in others:
        other.result()
    return results


@cache
def _others(count: int, share: int) -> ThreadPoolExecutor:
    """Kept, for a thread has caches of its own to fill."""
    return ThreadPoolExecutor(count, "recbole-hail", _take, (share,))


def _take(share: int) -> None:
    torch.get_num_threads()  # a thread's first look at its number takes over what another thread has set last
    torch.set_num_threads(share)


os.register_at_fork(after_in_child=_others.cache_clear)  # a child process has no threads but its own
