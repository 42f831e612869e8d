"""Which generators are answered well and badly, by groups of them.

With the last element of each generator as its test there is one question a generator, whose rank is mostly luck. So
generators are taken together that have something in common: a column of the dataset's .user file, or how many events
came before the question. Single generators are shown where they have enough questions of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.page.estimates import estimate

SUPPORT = 20  # questions, below which a group's mean is not shown
SHOWN = 5  # groups at each end


@dataclass(frozen=True)
class GeneratorGroup:
    """Generators with something in common; marks are of mean reciprocal ranks."""

    name: str
    generators: int
    questions: int
    repeats: float  # share of the questions whose target the generator has had before
    model: Estimate
    rule: Estimate


@dataclass(frozen=True)
class Grouping:
    """`groups` from the best answered to the worst; `small` have too few questions to be among them."""

    title: str
    groups: list[GeneratorGroup]
    small: int

    @property
    def ends(self) -> tuple[list[GeneratorGroup], list[GeneratorGroup]]:
        """The best and the worst, none of them twice; all are among the best where they are few."""
        if len(self.groups) <= 2 * SHOWN:
            return self.groups, []
        return self.groups[:SHOWN], self.groups[-SHOWN:]


def group(title: str, labels: Sequence[str], values: np.ndarray, generators: np.ndarray, repeat: np.ndarray):
    """The groups of questions with the same label.

    Args:
        title: what the labels are.
        labels: [N], one for each question; questions with an empty one are in no group.
        values: [N, 2], the reciprocal rank of the model and of the rule beside it.
        generators: [N], whose questions they are.
        repeat: bool [N].

    Returns:
        a Grouping, or None where fewer than two groups have the support.
    """
    labels = np.asarray(labels, dtype=str)
    names, member, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    named = names != ""
    found = [
        _group(str(names[number]), member == number, values, generators, repeat)
        for number in np.flatnonzero((sizes >= SUPPORT) & named)
    ]
    if len(found) < 2:
        return None
    found.sort(key=lambda each: (-each.model.mean, each.name))
    return Grouping(title, found, int(((sizes < SUPPORT) & named).sum()))


def _group(name: str, rows: np.ndarray, values, generators, repeat) -> GeneratorGroup:
    owners, size = generators[rows], int(rows.sum())
    several = len(np.unique(owners))
    # What a single generator would do again can be told from its questions alone.
    (model,), (rule,) = estimate(values[rows][:, :, None], owners if several > 1 else np.arange(size))
    return GeneratorGroup(name, several, size, float(repeat[rows].mean()), model, rule)
