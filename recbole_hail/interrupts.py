"""Ctrl-C while a command imports what it needs, which takes seconds, and while it starts other processes."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path

COMMANDS = ("run_recbole", "run_recbole_group", "run_hyper", "recbole-hail")  # of pyproject.toml


def end_a_command_that_starts() -> None:
    """Until `listen`, Ctrl-C ends one of our commands with a message in place of a traceback out of an import."""
    unclaimed = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if _in_command(sys.orig_argv) and unclaimed and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _end)


def _in_command(line: list[str]) -> bool:
    """Of the interpreter's own arguments: what a command starts has others."""
    module = line[line.index("-m") + 1 :][:1] if "-m" in line else []
    return Path(line[1] if len(line) > 1 else "").name in COMMANDS or any(
        name.startswith("recbole_hail.cli.") for name in module
    )


def listen() -> None:
    """Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_) -> None:
    os.write(2, b"interrupted\n")
    os._exit(130)  # half-imported modules need not be left in order


@contextmanager
def interrupts_held() -> Iterator[None]:
    """What is started within never sees Ctrl-C, which this process sees once the context ends, and ends it."""
    resource_tracker.ensure_running()  # Python's, which lets Ctrl-C in again where it is started in between
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # is handed down
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
