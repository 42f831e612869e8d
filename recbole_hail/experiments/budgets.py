"""How long systems are trained, with which seeds, and which levels the factors have: presets, or a number of steps."""

from dataclasses import dataclass, replace

import yaml

from recbole_hail.configuration import yaml_folder
from recbole_hail.errors import SettingsError

PRESETS = ("minimal", "cpu", "gpu")


@dataclass(frozen=True)
class SweepBudget:
    """`steps` are those of HAIL with two peers; `settings` hold for all systems; `levels` are of the factors."""

    steps: int
    seeds: list[int]
    settings: dict
    levels: dict[str, list]


def read_budget(asked: str, dataset: str, seeds: list[int] | None = None) -> SweepBudget:
    """The budget of a preset's name or a number of steps, which is `minimal` but for the steps.

    Raises:
        SettingsError: neither of them, or a preset that knows no steps for the dataset.
    """
    number = int(asked) if asked.isdecimal() else 0
    if asked not in PRESETS and number < 1:
        names = ", ".join(PRESETS)
        raise SettingsError([f"budget: {asked!r} must be one of {names} or a number of steps, of at least 1"])
    preset = "minimal" if number else asked
    kept = yaml.safe_load((yaml_folder() / "paper" / f"{preset}.yaml").read_text(encoding="utf-8"))
    steps = number or kept["steps"].get(dataset)
    if steps is None:
        known = ", ".join(kept["steps"])
        raise SettingsError([f"budget: {asked} has steps for {known}, not for {dataset}; give a number of steps"])
    budget = SweepBudget(steps, kept["seeds"], kept["settings"], kept["levels"])
    return replace(budget, seeds=seeds) if seeds else budget
