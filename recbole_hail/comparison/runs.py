"""One run for each model and seed, each in a folder of its own, trained once and then reused."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recbole_hail.comparison.jobs import ALL, Job, Share
from recbole_hail.comparison.notation import ModelSpec
from recbole_hail.comparison.results import ranks_file, read_record, record_file
from recbole_hail.data.hashes import HASHES
from recbole_hail.errors import SettingsError
from recbole_hail.files import exclusive_lock, read_json, write_json
from recbole_hail.model_names import model_named
from recbole_hail.settings import MAY_DIFFER, differing


@dataclass(frozen=True)
class Run:
    """One training of `spec` with `seed`, or, where there are `members`, the mean of their models.

    What is written in a class of the user's is part of it, by its hash, `code`: with other code it is another run.
    """

    spec: ModelSpec
    seed: int
    members: tuple["Run", ...] = ()
    code: str | None = None

    def __str__(self) -> str:
        return f"{self.spec.label}, seed {self.seed}"


@dataclass(frozen=True)
class Shared:
    """What all runs of a comparison have in common. Another `machine` (paths, devices) makes no other run."""

    dataset: str
    data: str  # hash of the dataset's files
    settings: dict
    machine: dict

    def settings_of(self, spec: ModelSpec) -> dict:
        """All settings of a model: the common ones, but for a base network where it stands for one, and its own."""
        common = {**self.settings, **self.machine}
        if getattr(model_named(spec.model), "own_network", None):  # also of a class made from one of ours
            common.pop("base_network", None)
        return {**common, **dict(spec.settings)}

    def described(self) -> dict:
        """What must be the same for a run to be reused, as JSON gives it back."""
        return json.loads(json.dumps({"dataset": self.dataset, "data": self.data, **self.settings}))


# What differs from run to run, or was not yet known when the run was planned.
_APART = MAY_DIFFER | HASHES | {"seed"}


class OtherSettings(SettingsError):
    """A folder of runs under settings that are not those asked for, in `names`."""

    def __init__(self, problem: str, names: Iterable[str]):
        super().__init__([problem])
        self.names = list(names)


class RunFolder:
    """`<output>/runs`: a folder for each finished run.

    A run is trained in a hidden folder, which takes the run's name when all of it is there, so a crash loses the runs
    that are under way and nothing else.
    """

    def __init__(self, output: Path, shared: Shared):
        self.output, self.shared, self.runs = output, shared, output / "runs"

    def check(self, in_force: Mapping[Run, dict]) -> None:
        """SettingsError where the folder holds something else, or runs with other settings; changes nothing.

        A run is known by what was given. What a shipped file gives may have changed since, which shows in what the run
        would have `in_force` now.
        """
        if not self.output.is_dir() or not any(self.output.iterdir()):
            return
        file = self.output / "settings.json"
        if not file.is_file():
            raise SettingsError([f"output: {self.output} holds something else than a comparison; name another folder"])
        if not any(self.runs.glob("*/record.json")):
            return  # nothing was finished under those settings
        found, wanted = read_json(file), self.shared.described()
        if differ := differing({**found, **wanted}, found, wanted):
            told = "; ".join(differ.values())
            problem = f"output: {self.output} was written with other settings ({told}); name another folder"
            raise OtherSettings(problem, differ)
        for run in filter(self.has, in_force):
            found, wanted = read_record(self.path(run))["settings"], json.loads(json.dumps(in_force[run], default=str))
            if differ := differing(sorted((found.keys() & wanted.keys()) - _APART), found, wanted):
                raise SettingsError(
                    [
                        f"output: in {self.output} {run} was trained with other settings than the shipped ones are now "
                        f"({'; '.join(differ.values())}); give what they were, or name another folder"
                    ]
                )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder and keeps other commands from writing to it."""
        with exclusive_lock(self.output):
            self.runs.mkdir(exist_ok=True)
            write_json(self.output / "settings.json", self.shared.described())
            for left in self.runs.glob(".*"):  # by commands that were killed
                shutil.rmtree(left, ignore_errors=True)
            yield

    def path(self, run: Run) -> Path:
        """The run's folder: label and seed for people, and a hash of all that makes it what it is."""
        described = [self.shared.described(), run.spec.model, run.spec.settings, run.spec.members, run.seed]
        described += [run.code] if run.code else []
        digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]
        label = re.sub(r"[^\w.=]+", "-", run.spec.own_label).strip("-")[:60]
        return self.runs / f"{label}-{run.seed}-{digest}"

    def has(self, run: Run) -> bool:
        return record_file(self.path(run)).is_file()

    def training(self, run: Run, share: Share = ALL) -> Job:
        """Begins to train `run`; it has its folder once the job has been ended."""
        path = self.path(run)
        return Job(str(run), path, self._request(run, share), lambda made: os.replace(made, path), share)

    def ranks(self, run: Run, protocol: str) -> Path:
        """The ranks of a finished run under `protocol`; they are there when a `ranking` has been ended."""
        return ranks_file(self.path(run), None if protocol == self.shared.settings["candidates"] else protocol)

    def is_ranked(self, run: Run, protocol: str) -> bool:
        """Whether a run is finished, and its ranks under `protocol` are there."""
        return self.has(run) and self.ranks(run, protocol).is_file()

    def ranking(self, run: Run, protocol: str, share: Share = ALL) -> Job:
        """Begins to rank the test questions of a finished run under another protocol, beside its own."""
        kept = self.ranks(run, protocol)
        request = self._request(run, share) | {"rank": protocol}
        request["members"] = request["members"] or [self._model(run)]
        name = self.runs / f"{self.path(run).name}.{protocol}"
        return Job(str(run), name, request, lambda made: os.replace(made / kept.name, kept), share)

    def _request(self, run: Run, share: Share) -> dict:
        lists = {"candidates_dir": str((self.output / "candidates").absolute())}
        settings = {**lists, **self.shared.settings_of(run.spec), "seed": run.seed}
        if "gpu_id" in settings:
            settings["gpu_id"] = share.gpu_id(settings["gpu_id"])
        members = [self._model(member) for member in run.members]
        asked = {"model": run.spec.model, "dataset": self.shared.dataset, "settings": settings}
        if run.code:
            asked |= {"code": run.code, "found in": os.getcwd()}
        return {**asked, "members": members, "threads": share.threads}

    def _model(self, run: Run) -> str:
        return str((self.path(run) / "model.pth").absolute())
