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
    """By the interpreter's own arguments, what it runs being the first that is no option of its."""
    arguments = iter(line[1:])
    for argument in arguments:
        if argument in ("-W", "-X"):
            next(arguments, None)
        elif argument == "-m":
            return next(arguments, "").startswith("recbole_hail.cli.")
        elif argument == "-c" or not argument.startswith("-"):
            return Path(argument).name in COMMANDS
    return False


def listen() -> None:
    """Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_) -> None:
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(130)  # half-imported modules need not be left in order


@contextmanager
def interrupts_held() -> Iterator[None]:
    """What is started within never sees Ctrl-C; this process, on its main thread, sees it once the context ends."""
    resource_tracker.ensure_running()  # Python's, which lets Ctrl-C in again where it is started in between
    handler, came = signal.getsignal(signal.SIGINT), []
    # The mask is handed down. It is this thread's alone: the system gives the signal to another, and Python comes here.
    holds = callable(handler) and threading.current_thread() is threading.main_thread()
    if holds:
        signal.signal(signal.SIGINT, lambda *_: came.append(True))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if holds:
            signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)
