"""The runs of a comparison, trained or found, and ranked under other protocols."""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from recbole_hail.comparison.jobs import Job, JobPool, Machine
from recbole_hail.comparison.runs import Run, RunFolder
from recbole_hail.errors import Interrupted, RunFailed


def train_missing(runs: list[tuple[RunFolder, Run]], say: Callable[[str], None], machine: Machine) -> list[str]:
    """Trains the runs that are not there yet, each in its folder; returns what is to say of those that failed.

    A run that fails is left out and the others go on. While none has been finished no other is begun after that, and if
    those that began with it fail too, the last of them ends it all: then nothing is likely to work.
    """
    progress = _Progress(runs, say)
    with JobPool(machine) as pool:
        try:
            while progress.waiting or pool:
                if entry := progress.next_to_begin(pool):
                    progress.begin(entry, pool)
                else:
                    progress.end(*pool.next_to_end(progress.tell), last=not pool)
        except KeyboardInterrupt:
            there = sum(folder.has(run) for folder, run in runs)
            raise Interrupted(f"{there} of {len(runs)} runs are there, and the same command goes on") from None
    return progress.failures


def rank_missing(
    runs: list[tuple[RunFolder, Run]], protocols: Iterable[str], say: Callable[[str], None], machine: Machine
) -> list[str]:
    """Ranks finished runs under protocols that they were not trained under, where they were not yet.

    Returns what is to say of those that failed.
    """
    finished = [(folder, run) for folder, run in runs if folder.has(run)]
    wanted = [(folder, run, other) for other in protocols for folder, run in finished]
    missing = [entry for entry in wanted if not entry[0].is_ranked(*entry[1:])]
    waiting, failures = deque(enumerate(missing, start=1)), []
    with JobPool(machine) as pool:
        try:
            while waiting or pool:
                if waiting and not pool.full:
                    number, (folder, run, other) = waiting.popleft()
                    say(f"[{number}/{len(missing)}] {run}: ranking under {other}")
                    pool.begin((folder.path(run), other), partial(folder.ranking, run, other))
                    continue
                try:
                    pool.next_to_end()[1].end()
                except RunFailed as error:
                    failures.append(str(error))
        except KeyboardInterrupt:
            there = sum(folder.is_ranked(run, other) for folder, run, other in wanted)
            raise Interrupted(f"{there} of {len(wanted)} rankings are there, and the same command goes on") from None
    return failures


class _Entry(NamedTuple):
    head: str  # of what is said of it
    folder: RunFolder
    run: Run


class _Progress:
    def __init__(self, runs: list[tuple[RunFolder, Run]], say: Callable[[str], None]):
        heads = (f"[{number}/{len(runs)}] {run}: " for number, (_, run) in enumerate(runs, start=1))
        self.waiting = [_Entry(head, *pair) for head, pair in zip(heads, runs, strict=True)]
        self.say, self.failures = say, []
        self._worked, self._begun = False, {}

    def next_to_begin(self, pool: JobPool) -> _Entry | None:
        """The first whose members are not under way; None where there is no room, or reason to wait."""
        if pool.full or (self.failures and not self._worked):
            return None
        return next((entry for entry in self.waiting if not _members_in(pool, entry)), None)

    def begin(self, entry: _Entry, pool: JobPool) -> None:
        """Begins to train a run, if it is not there yet and its members are."""
        head, folder, run = entry
        self.waiting.remove(entry)
        if folder.has(run):
            self._worked = True
            self.say(f"{head}there already")
        elif missing := [member for member in run.members if not folder.has(member)]:
            self.failures.append(f"{run} needs {' and '.join(map(str, missing))}")
            self.say(f"{head}left out")
        else:
            self.say(f"{head}training")
            path = folder.path(run)
            self._begun[path] = head, perf_counter()
            pool.begin(path, partial(folder.training, run))

    def tell(self, path: Path, how_far: str) -> None:
        """Of a run that is under way."""
        self.say(f"{self._begun[path][0]}{how_far}")

    def end(self, path: Path, job: Job, *, last: bool) -> None:
        """Takes a run over whose training has ended; `last` of those under way."""
        head, began = self._begun.pop(path)
        try:
            job.end()
        except RunFailed as error:
            if last and not self._worked:
                raise
            self.failures.append(str(error))
            self.say(f"{head}failed")
        else:
            self._worked = True
            self.say(f"{head}done in {perf_counter() - began:.0f} s")


def _members_in(pool: JobPool, entry: _Entry) -> bool:
    return any(entry.folder.path(member) in pool for member in entry.run.members)
