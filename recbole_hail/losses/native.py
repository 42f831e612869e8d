"""The loss of a block of positions in C (rows.c), compiled once on each kind of machine and called without the GIL."""

import ctypes
import hashlib
import logging
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from recbole_hail.files import written_whole

SWITCH = "RECBOLE_HAIL_NATIVE"  # 0 in the environment turns this off
SOURCE = Path(__file__).with_name("rows.c")  # which includes the headers beside it
FLAGS = (
    *("-std=c11", "-O3", "-march=native", "-fopenmp-simd", "-ffp-contract=fast"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fPIC", "-shared"),
)
SECONDS = 60  # a compiler takes one; more and something is wrong
INTEGER, BITS, POINTER = ctypes.c_int64, ctypes.c_int, ctypes.c_void_p
OF_LOGITS = INTEGER, INTEGER, INTEGER, POINTER, INTEGER, POINTER  # peers, positions, elements, logits, stride, bias
OF_POSITIONS = POINTER, POINTER, POINTER, BITS  # targets, own and distilled weights, what is distilled
OF_RESULTS = POINTER, POINTER  # terms, gradient of the bias
POSITIVE, NEGATIVE, MIMICRY = 1, 2, 4  # what is distilled; rows.c has the same numbers


class Unavailable(Exception):
    """Why the C code cannot be used, as a clause."""


@cache
def kernel() -> Callable[..., int] | None:
    """`hail_rows` of rows.c, or None where it is switched off or cannot be had; why is logged once, as a warning."""
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        return _load(_compiler())
    except (Unavailable, OSError) as error:  # OSError: no source, no room on the disk
        message = "The loss is computed by torch, which is slower, because %s. %s=0 in the environment ends the search."
        logging.getLogger(__name__).warning(message, error, SWITCH)
        return None


def _compiler() -> list[str]:
    for command in (os.environ.get("CC", "").split(), ["cc"], ["gcc"], ["clang"]):
        if command and shutil.which(command[0]):
            return command
    raise Unavailable("no C compiler was found ($CC, cc, gcc, clang)")


def _load(compiler: list[str]) -> Callable[..., int]:
    """From the user's cache, compiled into it first where it is missing or damaged."""
    name = f"rows-{_fingerprint(compiler)}.so"
    folder = _cache_folder()
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="recbole_hail-") as private:  # what is loaded outlives its file
            return _open(_compile(compiler, Path(private, name)))
    path = folder / name
    with suppress(Unavailable):  # damaged, or not there yet
        return _open(path)
    return _open(_compile(compiler, path))


def _fingerprint(compiler: list[str]) -> str:
    """Of all that the machine code depends on: one home folder may serve machines of several kinds."""
    about = [platform.machine(), platform.processor(), platform.system(), _run([*compiler, "--version"])]
    processor = Path("/proc/cpuinfo")
    text = processor.read_text(errors="replace") if processor.exists() else ""
    about += sorted(set(re.findall(r"^(?:model name|flags|Features|CPU part)\s*:.*$", text, re.MULTILINE)))
    about += [*compiler, *FLAGS, *(file.read_text("utf-8") for file in (SOURCE, *sorted(SOURCE.parent.glob("*.h"))))]
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:20]


def _cache_folder() -> Path | None:
    """Where code is kept; None where it cannot be written, or others could put code of theirs there."""
    try:
        root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        folder = Path(root).expanduser() / "recbole_hail"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        own = not hasattr(os, "getuid") or found.st_uid == os.getuid()
        return folder if own and not found.st_mode & 0o022 and os.access(folder, os.W_OK) else None
    except (OSError, RuntimeError):  # RuntimeError: the user has no home folder
        return None


def _compile(compiler: list[str], path: Path) -> Path:
    """Several processes may do so at once: each writes a file of its own, and the last to finish names it `path`."""
    with written_whole(path) as making:
        making.touch()  # empty where the compiler writes nothing, which loading then finds
        _run([*compiler, *FLAGS, str(SOURCE), "-lm", "-o", str(making)])
    return path


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=True)
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"{command[0]} failed with exit status {error.returncode}: {last}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]} could not be run: {error}") from error
    return done.stdout


def _open(path: Path) -> Callable[..., int]:
    try:
        found = ctypes.CDLL(str(path)).hail_rows
    except (OSError, AttributeError) as error:
        raise Unavailable(f"the compiled code could not be loaded: {error}") from error
    found.argtypes = OF_LOGITS + OF_POSITIONS + OF_RESULTS
    return found
