"""Worker threads that share torch's threads, for work that torch itself splits over a CPU's cores badly."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch


def workers(most: int) -> ThreadPoolExecutor:
    """At most `most` threads, no more than torch has, each with an even share of torch's."""
    return _pool(min(most, torch.get_num_threads()), torch.get_num_threads())


@cache
def _pool(count: int, threads: int) -> ThreadPoolExecutor:
    """Kept, for a thread has caches of its own to fill."""
    pool = ThreadPoolExecutor(count, "worker", torch.set_num_threads, (max(threads // count, 1),))
    torch.set_num_threads(threads)
    return pool


os.register_at_fork(after_in_child=_pool.cache_clear)  # a child process has no threads but its own
