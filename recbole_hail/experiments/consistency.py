"""How often peers answer inconsistently, at the end and over training (paper section 1, Figure 1b)."""

import numpy as np

from recbole_hail.comparison.results import read_record
from recbole_hail.comparison.runs import Run
from recbole_hail.comparison.tabulate import sd
from recbole_hail.evaluation.agreement import SHARES, shared_answers
from recbole_hail.evaluation.kept_ranks import KeptRanks
from recbole_hail.evaluation.significance import mean_interval
from recbole_hail.experiments.sweep import Placed, Sweep
from recbole_hail.tables.table import Cell, Column, Table

_COLUMNS = [Column(share, ranked=False) for share in SHARES]
_WORDS = "all right: every peer has the target first; some right: inconsistent answers"


def answers_table(sweep: Sweep, placed: list[Placed], protocol: str) -> Table | None:
    """Shares of the test questions that all, some and no peers answer rightly; None where no run is ranked.

    Independent networks of a mean count as its peers.
    """
    rows = {}
    for place in placed:
        answers = [_answers(place, run, protocol) for run in place.runs]
        if all(found is not None for found in answers):
            rows[place.label] = _cells(np.stack(answers))
    if not rows:
        return None
    caption = (
        f"{sweep.dataset}, test questions, candidates {protocol}: {_WORDS}. Mean ± sd over seeds "
        f"{', '.join(map(str, sweep.budget.seeds))} [95 % bootstrap interval over questions]."
    )
    constants = {"group": "test", "candidates": protocol}
    return Table(caption, _COLUMNS, rows, constants, detailed=True)


def _answers(place: Placed, run: Run, protocol: str) -> np.ndarray | None:
    """Bool [N, shares] of a run, or of the runs that a mean is taken of; None where one is missing."""
    files = [place.folder.ranks(member, protocol) for member in run.members or (run,)]
    if not all(file.is_file() for file in files):
        return None
    kept = [*map(KeptRanks.read, files)]
    if not run.members:
        return shared_answers(kept[0].ranks, kept[0].views)
    names = [f"peer {number}" for number in range(1, len(kept) + 1)]
    return shared_answers(np.stack([of_one.ranks[:, 0] for of_one in kept], axis=1), names)


def _cells(answers: np.ndarray) -> list[Cell]:
    """From [seeds, N, shares]."""
    ends = mean_interval(answers.mean(axis=0)).tolist()
    by_seed = answers.mean(axis=1)
    return [
        Cell(float(values.mean()), sd(values), low, high) for values, (low, high) in zip(by_seed.T, ends, strict=True)
    ]


def course_table(sweep: Sweep, placed: list[Placed]) -> Table | None:
    """The shares of the validation questions after so many steps; None where no run has kept them.

    A step is shown where the runs of all seeds were validated at it.
    """
    rows = {}
    for place in placed:
        courses = [_course(place, run) for run in place.runs]
        for step in sorted(set.intersection(*map(set, courses))):
            values = np.array([[course[step][share] for share in SHARES] for course in courses])  # [seeds, shares]
            rows[f"{place.label}, after {step:,} steps"] = [
                Cell(float(column.mean()), sd(column)) for column in values.T
            ]
    if not rows:
        return None
    caption = f"{sweep.dataset}, validation questions, candidates strict: {_WORDS}. Mean ± sd over seeds."
    return Table(caption, _COLUMNS, rows, {"group": "validation", "candidates": "strict"})


def _course(place: Placed, run: Run) -> dict[int, dict[str, float]]:
    """Shares by step, from the curve that a run has kept."""
    points = read_record(place.folder.path(run)).get("curve") if place.folder.has(run) else None
    return {point["step"]: point["agreement"] for point in points or [] if "agreement" in point}
