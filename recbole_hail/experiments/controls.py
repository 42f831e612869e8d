"""Where does MED pay? The controls that the paper leaves out, at equal steps and at equal wall time."""

from recbole_hail.errors import SettingsError
from recbole_hail.experiments.budgets import SweepBudget
from recbole_hail.experiments.systems import Experiment, Group, Row, five_systems, hail


def controls(factors: list[str], budget: SweepBudget) -> list[Experiment]:
    """Where does MED pay? At equal steps and at equal wall time; an experiment for each factor.

    Raises:
        SettingsError: names the factors that there are not.
    """
    unknown = [factor for factor in factors if factor not in FACTORS]
    if unknown or not factors:
        given = ", ".join(map(repr, unknown)) or "none"
        raise SettingsError([f"factors: {given} given; choose of {', '.join(FACTORS)}, separated by commas"])
    return [
        Experiment(f"controls-{factor}", title, make(budget), chart="differences", charted=("HR@1", "MRR"))
        for factor, (title, make) in FACTORS.items()
        if factor in factors
    ]


def _group(title: str, steps: int, *, peers: int = 2, **settings) -> Group:
    """MED against its controls, these at equal steps and at equal time."""
    systems = five_systems(peers, **settings)
    return Group(title, steps, [Row("MED", systems.pop("MED")), *_both(systems)], reference="MED")


def _both(systems: dict) -> list[Row]:
    return [Row(name, spec, equal_time=equal_time) for name, spec in systems.items() for equal_time in (False, True)]


def _main(budget: SweepBudget) -> list[Group]:
    return [_group("T = 2", budget.steps)]


def _length(budget: SweepBudget) -> list[Group]:
    lengths = [round(times * budget.steps) for times in budget.levels["length"]]
    return [_group(f"{steps:,} steps", steps) for steps in sorted({*lengths, budget.steps})]


def _forms(title: str, forms: dict[str, dict], budget: SweepBudget) -> list[Group]:
    """Forms of MED beside its default, and the controls, which know nothing of the factor."""
    systems = five_systems()
    rows = [Row("MED", systems.pop("MED")), *(Row(f"MED, {name}", hail(**form)) for name, form in forms.items())]
    return [Group(title, budget.steps, rows + _both(systems), reference="MED")]


def _alpha(budget: SweepBudget) -> list[Group]:
    forms = {f"alpha = {alpha}": {"alpha": alpha} for alpha in budget.levels["alpha"]}
    for start, end in budget.levels["falling_alpha"]:
        forms[f"alpha falling from {start} to {end}"] = {"alpha": start, "alpha_end": end}
    return _forms("alpha", forms, budget)


def _gamma(budget: SweepBudget) -> list[Group]:
    return _forms("gamma", {f"gamma = {gamma}": {"gamma": gamma} for gamma in budget.levels["gamma"]}, budget)


def _peers(budget: SweepBudget) -> list[Group]:
    return [_group(f"T = {peers}", budget.steps, peers=peers) for peers in (2, *budget.levels["peers"])]


def _base_network(budget: SweepBudget) -> list[Group]:
    return [_group(name, budget.steps, base_network=name) for name in budget.levels["base_network"]]


def _denoising(budget: SweepBudget) -> list[Group]:
    forms = {"no denoising": {"beta": "0.0"}, "denoise = authors": {"denoise": "authors"}}
    return _forms("denoising", forms, budget)


FACTORS = {
    "main": ("Controls of MED", _main),
    "length": ("Controls of MED over training length", _length),
    "alpha": ("Controls of MED over alpha", _alpha),
    "gamma": ("Controls of MED over gamma", _gamma),
    "peers": ("Controls of MED over T", _peers),
    "base": ("Controls of MED over the base network", _base_network),
    "denoising": ("Controls of MED over the form of denoising", _denoising),
}
