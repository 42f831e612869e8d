"""The trials of a search, kept as they end, so that a search that was killed goes on with what is missing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from recbole_hail.errors import SettingsError
from recbole_hail.files import exclusive_lock, read_json, write_json, write_text
from recbole_hail.settings import differing

HEADING, TRIALS = "search.json", "trials.jsonl"
FINISHED, STOPPED, DIVERGED, IMPOSSIBLE = "finished", "stopped", "diverged", "impossible"


@dataclass(frozen=True)
class Trial:
    """One setting and what came of it.

    Args:
        settings: of the searched settings.
        status: `finished`; `stopped` early by the scheduler, without a test; `diverged`, or `impossible` together, as 4
            heads are with 50 dimensions, without a score.
        score: best of the validation metric.
        valid, test: metrics of the best validation, and of the test of that model.
        steps, seconds: of training.
        checkpoint: file of the best model, on the machine that trained it.
        reason: why it has no score.
    """

    settings: dict
    status: str
    score: float | None = None
    valid: dict = field(default_factory=dict)
    test: dict = field(default_factory=dict)
    steps: int | None = None
    seconds: float | None = None
    checkpoint: str | None = None
    reason: str | None = None


class TrialsFolder:
    """`search.json`, what a search is of, and `trials.jsonl`, a line for each trial that has ended."""

    def __init__(self, path: Path, searched: dict):
        self.path = path
        self._searched = json.loads(json.dumps(searched))  # as the file gives it back
        self._file, self._heading = path / TRIALS, path / HEADING
        self.trials: list[Trial] = []

    @contextmanager
    def held(self) -> Iterator[None]:
        """Reads the trials that are there, and keeps other commands from adding to them.

        Raises:
            SettingsError: they are of another search, or the folder holds something else; nothing is changed.
        """
        self._check()
        with exclusive_lock(self.path):
            if self._file.is_file():
                self.trials = self._read()
            write_json(self._heading, self._searched)
            yield

    def _check(self) -> None:
        if not self._file.is_file():
            if self.path.is_dir() and any(self.path.iterdir()) and not self._heading.is_file():
                raise SettingsError([f"output: {self.path} holds something else than a search; name another folder"])
            return  # nothing has ended yet
        there = read_json(self._heading)
        if differ := differing({**there, **self._searched}, there, self._searched):
            told = "; ".join(differ.values())
            raise SettingsError(
                [f"output: {self.path} holds the trials of another search ({told}); name another folder"]
            )

    def _read(self) -> list[Trial]:
        try:
            return [Trial(**json.loads(line)) for line in self._file.read_text(encoding="utf-8").splitlines()]
        except (ValueError, TypeError) as error:
            raise SettingsError([f"output: {self._file} holds no trials ({error}); name another folder"]) from None

    def keep(self, trial: Trial) -> None:
        """Adds a trial; the file is there whole at any time."""
        self.trials.append(trial)
        write_text(self._file, "".join(f"{json.dumps(asdict(trial))}\n" for trial in self.trials))
