"""Memory that glibc keeps from batches of many shapes."""

import ctypes
import ctypes.util
from contextlib import suppress


def release_free_memory() -> None:
    """Gives freed blocks back to the system.

    Batches of many shapes leave holes that glibc's allocator keeps: on CHI-18 the process held 5.6 GB after 45 epochs,
    and 1.7 GB at its peak in as many epochs with the blocks given back after each. Other C libraries have no such call
    and nothing is done.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(ctypes.util.find_library("c")).malloc_trim(0)
