"""What a training step of each system costs, so that equal wall time can be planned in steps."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from recbole_hail.comparison.notation import ModelSpec
from recbole_hail.comparison.runs import Shared
from recbole_hail.errors import SettingsError
from recbole_hail.experiments.stepper import ROUNDS, SECONDS, Stepper, in_turn, paired
from recbole_hail.files import read_json, write_json
from recbole_hail.threads import usable_cores

REFERENCE = ModelSpec("HAIL")
_FREE = ("alpha", "alpha_end", "beta")  # settings of the loss that hardly change a step's cost


class StepCosts:
    """Seconds of a step of each system, measured once and kept, so that a repeated sweep plans the same runs.

    Args:
        file: kept here, apart for each data and settings.
        shared: of the runs; all but their number of steps belongs to what the figures hold for.

    Raises:
        SettingsError: the file cannot be read.
    """

    def __init__(self, file: Path, shared: Shared):
        self.file, self.shared = file, shared
        self.settings = {name: value for name, value in shared.described().items() if name != "max_steps"} | _gpu()
        self.systems: dict[str, dict] = self._own(self._read())  # the figures of each system, by `cost_label`

    def _read(self) -> list[dict]:
        try:
            kept = read_json(self.file) if self.file.is_file() else []
            if isinstance(kept, list) and all({"settings", "systems"} <= one.keys() for one in kept):
                return kept
        except (ValueError, AttributeError, TypeError):
            pass
        raise SettingsError([f"output: {self.file} cannot be read; remove it, and it is measured again"])

    def _own(self, kept: list[dict]) -> dict[str, dict]:
        """The figures among all that are kept, added to these where there are none."""
        for one in kept:
            if one["settings"] == self.settings:
                return one["systems"]
        kept.append({"settings": self.settings, "reference": cost_label(REFERENCE), "systems": {}})
        return kept[-1]["systems"]

    def _keep(self, label: str, figures: dict) -> None:
        """Beside what another command has measured meanwhile, whose figures stand where it had the same system."""
        kept = self._read()
        self.systems = self._own(kept)
        self.systems.setdefault(label, figures)
        write_json(self.file, kept)

    def measure(self, specs: Iterable[ModelSpec], config_of: Callable, say: Callable[[str], None]) -> None:
        """Measures the systems that are not known yet, one after another, and keeps the figures of each at once."""
        labels = {cost_label(spec): _costing(spec) for spec in (REFERENCE, *specs)}
        missing = {label: spec for label, spec in labels.items() if label not in self.systems}
        if not missing:
            return
        say(
            f"calibration: what a training step costs, of {len(missing)} systems; {ROUNDS} steps of each, or {SECONDS} "
            f"seconds, measured once and kept in {self.file}"
        )
        if busy := _others():
            say(f"calibration: {busy}, so equal time may be planned wrongly; better stop it and remove {self.file}")
        with TemporaryDirectory() as lists, _quiet():
            for label, figures in _measured(missing, self.shared, {"candidates_dir": lists}, config_of, say):
                self._keep(label, figures)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()  # the runs are other processes

    def ratio(self, spec: ModelSpec) -> float:
        """Steps of `spec`, for a mean of each of its members, that cost as much as one of HAIL's with two peers."""
        return two_digits(self.systems[cost_label(spec)]["ratio"]) / spec.members

    def times(self, spec: ModelSpec, other: ModelSpec) -> float:
        """How many steps of `other` one of `spec` costs, by rounds of steps that took turns."""
        return self.systems[cost_label(other)]["ratio"] / self.systems[cost_label(spec)]["ratio"]

    def steps_for(self, spec: ModelSpec, reference: ModelSpec, steps: int) -> int:
        """How many steps of `spec` take the time of `steps` of `reference`."""
        return max(round(steps * self.ratio(spec) / self.ratio(reference)), 1)

    def seconds(self, spec: ModelSpec) -> float:
        """Of one step of one model."""
        return self.systems[cost_label(spec)]["seconds"]

    def most_steps(self, spec: ModelSpec) -> int:
        """After which the passes over the data that `epochs` allows are over."""
        return self.systems[cost_label(spec)]["most steps"]


def _others() -> str | None:
    """What keeps the cores busy already, where steps that take turns can be cut off in the middle."""
    load, cores = os.getloadavg()[0], usable_cores()
    return f"other programs have a load of {load:.1f} on {cores} cores" if load > cores else None


def _gpu() -> dict[str, str]:
    """What figures of a GPU hold for, beside the settings."""
    return {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}


def cost_label(spec: ModelSpec) -> str:
    """The same for systems whose steps cost the same."""
    return _costing(spec).label


def _costing(spec: ModelSpec) -> ModelSpec:
    return ModelSpec(spec.model, tuple(setting for setting in spec.settings if setting[0] not in _FREE))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what RecBole says of data and models."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _measured(
    specs: dict[str, ModelSpec], shared: Shared, own: dict, config_of: Callable, say: Callable[[str], None]
) -> Iterator[tuple[str, dict]]:
    """Label and figures of each system, measured beside the reference; `own` are settings of the calibration."""

    def stepper_of(system: ModelSpec) -> Stepper:
        return Stepper(config_of(system.model, shared.dataset, None, {**shared.settings_of(system), **own}))

    reference = None
    for number, (label, spec) in enumerate(specs.items(), start=1):
        head = f"[{number}/{len(specs)}] {label}"
        say(f"{head}: loading its data, building its model")
        reference = reference or stepper_of(REFERENCE)
        stepper = reference if label == cost_label(REFERENCE) else stepper_of(spec)
        say(f"{head}: taking steps")
        beside, seconds = in_turn(reference, stepper)
        yield label, {"seconds": median(seconds), "most steps": stepper.most_steps, "ratio": paired(beside, seconds)}


def two_digits(ratio: float) -> float:
    """What a plan goes by, so that a busy moment less often plans other runs."""
    return float(f"{ratio:.2g}")
