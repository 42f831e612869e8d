"""Means with their intervals, as reports and verifications tell them."""

from dataclasses import dataclass

import numpy as np

from recbole_hail.evaluation.significance import DRAWS, mean_interval


@dataclass(frozen=True)
class Estimate:
    """A mean and the ends of its 95 % interval over generators; None of a single one, which says nothing of others."""

    mean: float
    low: float | None
    high: float | None

    @property
    def side(self) -> int:
        """Which side of 0 it is on, 1 or -1; 0 where that cannot be told."""
        if self.low is None or self.low <= 0 <= self.high:
            return 0
        return 1 if self.low > 0 else -1

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f}–{self.high:.3f})"


def estimates_of(
    values: np.ndarray, generators: np.ndarray, *, lowest: float | np.ndarray = 0.0, draws: int = DRAWS
) -> list[Estimate]:
    """Of each column of `values` [N, M]; `generators` [N] are the groups of `mean_interval`, which knows the rest."""
    ends = mean_interval(values, groups=generators, lowest=lowest, draws=draws).tolist()
    return [Estimate(mean, low, high) for mean, (low, high) in zip(values.mean(axis=0).tolist(), ends, strict=True)]
