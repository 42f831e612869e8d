"""Memory that glibc's allocator holds; other C libraries have no such calls, and nothing is done with them."""

import ctypes
import os
from contextlib import suppress

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's names of what mallopt sets
LARGEST_MMAP_THRESHOLD = 2**25  # bytes; glibc takes no more


def hold_free_memory() -> None:
    """Keeps freed blocks for the next step, from now on.

    A step of two causal peers on CHI-18 frees 60 MB, which glibc gives back and asks for again: 9,000 pages that the
    system clears, a tenth of the step.
    """
    if any(name in os.environ for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")):
        return  # the user has chosen
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(TRIM_THRESHOLD, 2**31 - 1)
        library.mallopt(MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)


def release_free_memory() -> None:
    """Gives freed blocks back to the system.

    Batches of many shapes leave holes that glibc's allocator keeps: on CHI-18 the process held 5.6 GB after 45 epochs,
    and 1.7 GB at its peak in as many epochs with the blocks given back after each.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
