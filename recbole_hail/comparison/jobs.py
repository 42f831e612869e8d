"""Work in child processes of their own, one or several at a time, each in a hidden folder until it has ended well."""

import multiprocessing
import os
import shutil
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

import torch

from recbole_hail.comparison import worker
from recbole_hail.devices import gpus_of
from recbole_hail.errors import RunFailed
from recbole_hail.files import write_json
from recbole_hail.interrupts import interrupts_held
from recbole_hail.threads import usable_cores

_TELL_EVERY = 60  # seconds


class Share(NamedTuple):
    """What a job may use of the machine: the share with this number of so many."""

    number: int = 0
    of: int = 1

    @property
    def threads(self) -> int:
        """torch's; no more than its even share of the cores where there are others."""
        most = torch.get_num_threads()
        return most if self.of == 1 else min(max(usable_cores() // self.of, 1), most)

    def gpu_id(self, given) -> str:
        """Of those that RecBole's setting of this name gives: all where there are no other jobs, else one, in turns."""
        gpus = gpus_of(given)
        return ",".join(gpus if self.of == 1 or not gpus else [gpus[self.number % len(gpus)]])

    def child(self, folder: Path):
        """A process that will do what folder/request.json asks for, with all output in folder/log.txt.

        It is forked from a process that has imported everything and done nothing, so that starting one takes no
        seconds and leaves it free to use a GPU.
        """
        processes = multiprocessing.get_context("forkserver")
        processes.set_forkserver_preload([worker.__name__])
        return processes.Process(target=worker.main, args=(str(folder),))


class Machine:
    """This one, with so many jobs at a time."""

    def __init__(self, jobs: int = 1):
        self.jobs = jobs

    def share(self, number: int) -> Share:
        """That of one of the jobs, `number` of [0, jobs)."""
        return Share(number, self.jobs)


ALL = Share()


class Job:
    """What `worker` does in a child process, which has begun; in a crash nothing but its hidden folder is left.

    Args:
        title: of the run, for messages.
        name: path beside which the hidden folder is; if the job fails its log stays as `<name>.failed.txt`.
        request: what is asked for, see `worker`.
        share: of the machine it runs on; makes the child.
        take: takes over what the child has left in the folder, once it has ended well.
    """

    def __init__(self, title: str, name: Path, request: dict, take: Callable[[Path], None], share: Share = ALL):
        self.title, self._take = title, take
        self.folder, self.failed = name.with_name(f".{name.name}"), name.with_name(f"{name.name}.failed.txt")
        self.folder.mkdir()
        self.child = share.child(self.folder)
        try:
            write_json(self.folder / "request.json", request)
            (self.folder / "log.txt").touch()  # there even if the child ends before it says anything
            with interrupts_held():  # by the server too, which imports for seconds and would end with a traceback
                self.child.start()
        except BaseException:
            self.abandon()
            raise

    def end(self) -> None:
        """Waits for the child and takes over what it has made; RunFailed where it has not ended well."""
        try:
            self.child.join()
            if status := self.child.exitcode:
                os.replace(self.folder / "log.txt", self.failed)
                ended = f"was ended by signal {-status} after" if status < 0 else f"failed with status {status}:"
                raise RunFailed(f"{self.title} {ended} {_reason(self.failed)}; its log is {self.failed}")
            self.failed.unlink(missing_ok=True)
            self._take(self.folder)
        finally:
            self.abandon()

    @property
    def progress(self) -> str | None:
        """What the child says of how far it has come, where it does."""
        try:
            return (self.folder / worker.PROGRESS).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def abandon(self) -> None:
        """Ends the child if it runs; nothing of the job remains."""
        if self.child.pid is not None:
            self.child.kill()
            self.child.join()
        shutil.rmtree(self.folder, ignore_errors=True)


def _reason(log: Path) -> str:
    """The last line of a log: an error for people, or the end of a traceback."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else "it said nothing"


class JobPool:
    """Jobs at the same time, by what they are for; those that are left when the context ends are abandoned."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self._jobs: dict[object, tuple[int, Job]] = {}

    def __enter__(self) -> "JobPool":
        return self

    def __exit__(self, *_) -> None:
        for _, job in self._jobs.values():
            job.abandon()

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, what) -> bool:
        return what in self._jobs

    @property
    def full(self) -> bool:
        return len(self) == self.machine.jobs

    def begin(self, what, start: Callable[[Share], Job]) -> None:
        """`start` is called with a share of the machine that no other job has."""
        taken = {number for number, _ in self._jobs.values()}
        number = min(set(range(self.machine.jobs)) - taken)
        self._jobs[what] = number, start(self.machine.share(number))

    def next_to_end(self, tell: Callable[[object, str], None] | None = None) -> tuple[object, Job]:
        """Waits until the child of a job has ended; what it was for, and the job, whose `end` is to be called.

        Now and then `tell` hears how far each job has come, with what that is for.
        """
        by_sentinel = {job.child.sentinel: what for what, (_, job) in self._jobs.items()}
        while not (ended := wait(list(by_sentinel), _TELL_EVERY if tell else None)):
            for what, (_, job) in self._jobs.items():
                if progress := job.progress:
                    tell(what, progress)
        what = by_sentinel[ended[0]]
        return what, self._jobs.pop(what)[1]
