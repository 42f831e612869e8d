"""How often what was forecast came true, with intervals over generators, and what a count would have had."""

from dataclasses import dataclass

import numpy as np

from recbole_hail.evaluation.estimates import Estimate, estimates_of
from recbole_hail.forecast.verification import METRICS, Verification

_Z = 1.96  # of a 95 % interval


@dataclass(frozen=True)
class Difference:
    """The model less the count that has the higher mean."""

    count: str
    estimate: Estimate


@dataclass(frozen=True)
class VerificationTable:
    """What the model, the counts and guessing had of some of the events."""

    events: int
    generators: int
    scores: dict[str, dict[str, Estimate]]  # by what was asked, then by metric
    differences: dict[str, Difference]  # by metric
    chance: Estimate  # of the model's first answers
    came_true_less_chance: Estimate  # of these answers; its interval is no narrower than chance alone would make it


def tables(found: Verification) -> dict[str, VerificationTable]:
    """`next`, the first newer event of each generator, which a forecast of before all of them names; `all`, of every
    newer event."""
    return {"next": _table(found, found.place == 0), "all": _table(found, np.ones(len(found.place), dtype=bool))}


def _table(found: Verification, rows: np.ndarray) -> VerificationTable:
    """`rows`: bool [N], the events that it is of."""
    values = {name: {metric: each[rows] for metric, each in of.items()} for name, of in found.values().items()}
    better = {metric: max(found.counts, key=lambda name: values[name][metric].mean()) for metric in METRICS}
    of_model, chance = values[found.model], found.chance[rows]
    columns = {(name, metric): values[name][metric] for name in values for metric in METRICS}
    columns |= {("less", metric): of_model[metric] - values[better[metric]][metric] for metric in METRICS}
    columns |= {"chance": chance, "came true": of_model["hit@1"] - chance}
    generators = np.unique(found.generators, return_inverse=True)[1][rows]
    estimates = _estimates(columns, generators)
    came_true = _at_least(estimates["came true"], _Z * float(np.sqrt((chance * (1 - chance)).sum())) / len(chance))
    return VerificationTable(
        int(rows.sum()),
        len(np.unique(generators)),
        {name: {metric: estimates[name, metric] for metric in METRICS} for name in values},
        {metric: Difference(better[metric], estimates["less", metric]) for metric in METRICS},
        estimates["chance"],
        came_true,
    )


def _at_least(estimate: Estimate, half: float) -> Estimate:
    """With an interval that reaches so far to both sides: 0 of 9 at 16 % is no sign of less, and has little spread."""
    if estimate.low is None:
        return estimate
    low, high = min(estimate.low, estimate.mean - half), max(estimate.high, estimate.mean + half)
    return Estimate(estimate.mean, low, high)


def _estimates(columns: dict, generators: np.ndarray) -> dict:
    """An `Estimate` of each column [N]; all events of a generator are drawn together."""
    values = np.stack(list(columns.values()), axis=1)
    if len(np.unique(generators)) == 1:  # nothing is known of others
        found = [Estimate(mean, None, None) for mean in values.mean(axis=0).tolist()]
    else:
        lowest = np.array([-1.0 if name == "came true" or name[0] == "less" else 0.0 for name in columns])
        found = estimates_of(values, generators, lowest=lowest)
    return dict(zip(columns, found, strict=True))
