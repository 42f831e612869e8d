"""The C code's compiler, what it is asked for, and where what it makes is kept."""

import ctypes
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from recbole_hail.files import atomic_write

FOLDER = Path(__file__).parent  # of the sources
FLAGS = (
    *("-std=c11", "-O3", "-march=native", "-fopenmp-simd", "-ffp-contract=fast"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fPIC", "-shared"),
)
SECONDS = 60  # a compiler takes one; more and something is wrong


class Unavailable(Exception):
    """Why the C code cannot be used, as a clause."""


def load(functions: dict[str, tuple[list, type | None]]) -> ctypes.CDLL:
    """The library from the user's cache, compiled into it first where it is missing or damaged.

    Args:
        functions: what it has, by name: what each is given and what it returns.

    Raises:
        Unavailable: there is no compiler, or nothing that it makes can be loaded.
        OSError: there is no room for it on the disk.
    """
    compiler = find_compiler()
    name = f"hail-{fingerprint(compiler)}.so"
    folder = _cache_folder()
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="recbole_hail-") as private:  # what is loaded outlives its file
            return _open(_compile(compiler, Path(private, name)), functions)
    path = folder / name
    with suppress(Unavailable):  # damaged, or not there yet
        return _open(path, functions)
    return _open(_compile(compiler, path), functions)


def find_compiler() -> list[str]:
    for command in (os.environ.get("CC", "").split(), ["cc"], ["gcc"], ["clang"]):
        if command and shutil.which(command[0]):
            return command
    raise Unavailable("no C compiler was found ($CC, cc, gcc, clang)")


def fingerprint(compiler: list[str]) -> str:
    """Of all that the machine code depends on: one home folder may serve machines of several kinds."""
    about = [platform.machine(), platform.processor(), platform.system(), _run([*compiler, "--version"])]
    processor = Path("/proc/cpuinfo")
    text = processor.read_text(errors="replace") if processor.exists() else ""
    about += sorted(set(re.findall(r"^(?:model name|flags|Features|CPU part)\s*:.*$", text, re.MULTILINE)))
    about += [*compiler, *FLAGS, *(file.read_text("utf-8") for file in _sources("*.[ch]"))]
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:20]


def _sources(pattern: str) -> list[Path]:
    return sorted(FOLDER.glob(pattern))


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
    with atomic_write(path) as making:
        making.touch()  # empty where the compiler writes nothing, which loading then finds
        _run([*compiler, *FLAGS, *map(str, _sources("*.c")), "-lm", "-o", str(making)])
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


def _open(path: Path, functions: dict) -> ctypes.CDLL:
    try:
        opened = ctypes.CDLL(str(path))
        for name, (arguments, result) in functions.items():
            function = getattr(opened, name)
            function.argtypes, function.restype = arguments, result
    except (OSError, AttributeError) as error:
        raise Unavailable(f"the compiled code could not be loaded: {error}") from error
    return opened
