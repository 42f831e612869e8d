"""What pyarrow's threads hold of Python's, and waiting until they have given it back."""

from __future__ import annotations

import queue
import time
import weakref
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pyarrow as pa

PATIENCE = 10  # seconds; it takes less than a millisecond, and no command may hang for what it does not know
Thing = TypeVar("Thing")


class ReadingFailed(Exception):
    """What pyarrow is told of an error in the source; the error itself is `WatchedSource.error`."""


class WatchedSource:
    """A source that pyarrow's CSV reader reads.

    The reader reads ahead on threads of its own, with `use_threads=False` too, and these let go of what they held when
    they come to it: after the reader is gone, or after the command has said what it had to say. To let go of an object
    of Python's takes Python's lock. A thread that asks for it while the interpreter ends is ended by force within a
    destructor, upon which C++ aborts the process: status 134, whether the command went well or not.

    So everything that pyarrow is given is watched, each block of bytes too, and whoever ends the reader waits for it.
    """

    def __init__(self, read: Callable[[int], bytes]):
        self.error: BaseException | None = None
        self._source = read
        self._watched: list[weakref.ref] = []
        # `put` is C code: between its call and the release of Python's lock no other thread can have its turn.
        self._returned = queue.SimpleQueue()

    def watch(self, thing: Thing) -> Thing:
        """The same object, for pyarrow; `wait` will wait until nobody holds it."""
        self._watched.append(weakref.ref(thing, self._returned.put))
        return thing

    def stream(self) -> pa.NativeFile:
        """The source for `open_csv`. Keep no name for it."""
        return pa.PythonFile(self.watch(_File(self._read)), mode="r")

    def _read(self, size: int) -> np.ndarray:
        try:
            # an array, as bytes cannot be watched; bytearray() at the end, where b"" would be one object for all
            return self.watch(np.frombuffer(self._source(size) or bytearray(), np.uint8))
        except BaseException as error:
            self.error = error
        # The error goes to the caller in the end, who keeps it for as long as he likes; pyarrow gets one to throw away.
        raise self.watch(ReadingFailed())

    def wait(self) -> bool:
        """Waits until pyarrow holds nothing; whether it came to that in PATIENCE seconds. The reader must be gone."""
        end = time.monotonic() + PATIENCE
        while self._watched:
            try:
                self._watched.remove(self._returned.get(timeout=max(end - time.monotonic(), 0)))
            except queue.Empty:
                return False
        return True


class _File:
    """What `pyarrow.PythonFile` needs. A traceback through `read` does not hold it, for it is no method."""

    closed = False

    def __init__(self, read: Callable[[int], bytes]):
        self.read = read

    def close(self) -> None:
        """pyarrow closes what it gives up; the source is still asked how it ended."""
