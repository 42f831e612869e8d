"""Files written whole or not at all, and JSON read back."""

import errno
import glob
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recbole_hail.errors import UserError


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path to write to, renamed to `path` at the end; after an error nothing of it remains.

    A link stays, and what it points to is written. What a process that was killed has left of the same file is removed.
    An OSError names `path`; pipes and devices, which cannot be renamed over, are refused by one.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if _special(path):
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    machine, asked, path = platform.node(), path, Path(os.path.realpath(path))
    temporary = path.with_name(f".{machine}-{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{glob.escape(machine)}-*.{glob.escape(path.name)}"):
            if not _runs(left.name.removeprefix(f".{machine}-").removesuffix(f".{path.name}")):
                left.unlink(missing_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is not None:  # else it has nothing but a text of its own
            error.filename, error.filename2 = str(asked), None
        raise
    finally:
        with suppress(NotADirectoryError):  # which has been told, of `path`
            temporary.unlink(missing_ok=True)


def _special(path: Path) -> bool:
    """A pipe or a device, which is written into and cannot be renamed over."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _runs(process: str) -> bool:
    """Whether there is such a process on this machine; True of what is no number."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OverflowError, PermissionError):
        pass
    return True


def write_text(path: Path, text: str) -> None:
    """A file written whole, or into what is there and no regular file, as /dev/stdout."""
    if _special(path):
        with open(path, "w", encoding="utf-8") as there:
            there.write(text)
        return
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path):
    """What `write_json` has written; ValueError where it is no JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value, **how) -> None:
    """`write_text` of what `json.dumps` makes of `value`, indented; `how` is for that."""
    write_text(path, json.dumps(value, indent=2, **how) + "\n")


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Makes `folder` and keeps other commands that hold it out; UserError where one is in it."""
    import fcntl  # not on Windows

    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"output: another command is writing to {folder}; wait for its end") from None
        yield
