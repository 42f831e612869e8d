"""Whether models differ: paired tests over generators and trainings, Holm's correction, intervals. Plain numpy."""

import numpy as np
from scipy import special

FEW = 100  # questions; of fewer a share says little: its interval may be 20 points wide
DRAWS = 10_000
INTERVAL_DRAWS = 1000  # for intervals that every evaluation gives
_CHUNK = 4_000_000  # resampled values in memory at a time: 32 MB of indices
_ROUNDING = 12  # decimals; metrics are averages of seeds, whose order of adding leaves differences of 1e-17
_SQUARED_ROUNDING = 10.0 ** (-2 * _ROUNDING)


def wilcoxon(differences: np.ndarray) -> np.ndarray:
    """Two-sided p values of Wilcoxon's signed-rank test for each column of `differences` [N, M], paired by row.

    Zero differences are left out, as Wilcoxon did: the test asks about the generators that the two models serve
    differently. A column of zeros alone has p = 1. Exact for few differences, normal approximation with tie
    correction for many (`scipy.stats.wilcoxon`, method "auto").

    Its hypothesis is that differences are symmetric about 0. Those of reciprocal ranks are skewed, so that it may
    reject where means are equal, and keep where they are not: `paired_bootstrap` is the test of means.
    """
    from scipy import stats  # half a second, which no start of a command need wait for

    columns = np.round(_columns(differences), _ROUNDING).T
    return np.array([stats.wilcoxon(column[column != 0]).pvalue if column.any() else 1.0 for column in columns])


def paired_bootstrap(differences: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Two-sided p values, for each column of `differences` [N, M], of "the mean difference is 0".

    Rows are drawn with replacement from the differences shifted to mean 0; p is the share of draws whose mean is at
    least as far from 0 as the one observed, counting the observation itself, so never 0 (Efron and Tibshirani, An
    Introduction to the Bootstrap, section 16.4).
    """
    differences = np.round(_columns(differences), _ROUNDING)
    observed = differences.mean(axis=0)
    means = resampled_means(differences - observed, draws=draws, seed=seed)
    # A hair's breadth of slack: draws that equal the observation must count, whatever order they were added in.
    extreme = np.abs(means) >= np.abs(observed) * (1 - 1e-9) - 1e-15
    return (extreme.sum(axis=0) + 1) / (draws + 1)


def paired_t(differences: np.ndarray, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Intervals [M, 2] of the means of `differences` [S, G, M], and two-sided p values [M] of "the mean is 0".

    Both the G generators and the S trainings are samples: others would have given something else. The variance of the
    mean is that over generators (of means over trainings) and that over trainings (of means over generators), together;
    what is left of a difference once both are taken out counts in either, which errs to the safe side. Student's t has
    Satterthwaite's degrees of freedom: where trainings are most of the variance it rejects up to two and a half times
    as often as it should with two of them, one and a half times with three, and nearly as it should with five. Of a
    single training nothing is known about others: with S = 1 interval and p speak of generators alone. Of a single
    generator nothing is known.
    """
    from scipy import stats

    differences = np.asarray(differences, dtype=float)
    trainings, generators, columns = differences.shape
    mean = differences.mean(axis=(0, 1))
    parts, freedom = np.zeros((2, columns)), np.array([[generators - 1.0], [trainings - 1.0]])
    for axis, count in ((0, generators), (1, trainings)):
        if count > 1:
            parts[axis] = differences.mean(axis=axis).var(axis=0, ddof=1) / count
    if generators == 1:
        parts[0] = np.inf  # nothing is known of others
    variance = np.where(parts.sum(axis=0) > _SQUARED_ROUNDING, parts.sum(axis=0), 0.0)
    weights = np.divide(parts**2, freedom, out=np.zeros_like(parts), where=freedom > 0).sum(axis=0)
    freedom = np.divide(variance**2, weights, out=np.full(columns, np.inf), where=weights > 0)
    error = np.sqrt(variance)
    half = stats.t.ppf((1 + level) / 2, freedom) * error
    size = np.divide(np.abs(mean), error, out=np.where(np.abs(mean) > 10**-_ROUNDING, np.inf, 0.0), where=error > 0)
    return np.stack([mean - half, mean + half], axis=1), 2 * stats.t.sf(size, freedom)


# Two-sided p values [M] from differences [S, G, M]; but for "t", of these very trainings.
TESTS = {
    "t": lambda differences: paired_t(differences)[1],
    "bootstrap": lambda differences: paired_bootstrap(differences.mean(axis=0)),
    "wilcoxon": lambda differences: wilcoxon(differences.mean(axis=0)),
}


def holm(p_values) -> np.ndarray:
    """Holm's step-down adjustment: reject where the result is at most the error rate wanted for the whole family.

    The i-th smallest of m values is multiplied by m - i + 1, made no smaller than those before it and at most 1
    (Holm, Scandinavian Journal of Statistics 1979).
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values, kind="stable")
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def mean_interval(
    values: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    lowest: float | np.ndarray = 0.0,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> np.ndarray:
    """Percentile bootstrap interval of the mean of each column of `values` [N, M]; returns [M, 2].

    Rows are drawn, or with `groups` [N] all rows of a group together: what one generator does is not independent.
    Where every row missed, or every row hit, no draw differs from another, yet others may well do otherwise: such a
    column has Wilson's interval, of as many questions as there are groups.

    Args:
        values: metrics, which lie between 0 and 1, or differences of two.
        groups: of the rows.
        lowest: of each column, what its values can be at the least: 0, or -1 of differences.
        level: of the interval.
        draws, seed: as for `resampled_means`.
    """
    values = _columns(values)
    if groups is None:
        count, means = len(values), resampled_means(values, draws=draws, seed=seed)
    else:
        names, group = np.unique(groups, return_inverse=True)
        columns = [np.bincount(group, weights=column) for column in (*values.T, np.ones(len(group)))]
        sums = resampled_means(np.stack(columns, axis=1), draws=draws, seed=seed)
        count, means = len(names), sums[:, :-1] / sums[:, -1:]
    tail = (1 - level) / 2
    ends = np.quantile(means, [tail, 1 - tail], axis=0)  # [2, M]
    always, lowest = values[0], np.broadcast_to(lowest, values.shape[1])
    # Any other value that is always the same, as that of guessing, is no outcome of chance.
    outcome = (values == always).all(axis=0) & ((always == 0) | (always == 1) | (always == lowest))
    others = wilson_interval(0.0, count, level)[1]  # at most so many have another value, anywhere in its range
    unlike = np.stack([always - others * (always - lowest), always + others * (1 - always)])
    return np.where(outcome, unlike, ends).T


def resampled_means(values: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
    """Means of `draws` samples of the rows of `values` [N, M] with replacement, the same rows for all columns.

    Returns [draws, M]. Memory is bounded, whatever N and `draws`.
    """
    values = _columns(values)
    rows = len(values)
    rng = np.random.default_rng(seed)
    means = np.empty((draws, values.shape[1]))
    chunk = max(1, _CHUNK // rows)
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        drawn = rng.integers(rows, size=(size, rows)) + np.arange(size)[:, None] * rows  # [size, N]
        times = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)  # how often each row was drawn
        means[start : start + size] = times @ values / rows
    return means


def _columns(values) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    if not len(values):
        raise ValueError("no generators to compare over")
    return values


def share_interval(right: np.ndarray, generators: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of how often `right` [N] is so.

    Wilson's; where a generator has several questions, whose answers are alike, that of `mean_interval`.
    """
    if len(np.unique(generators)) == len(generators):
        return wilson_interval(float(right.mean()), len(right))
    low, high = mean_interval(right, groups=generators, draws=INTERVAL_DRAWS)[0].tolist()
    return low, high


def wilson_interval(share: float, questions: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of a share of independent questions (Wilson, JASA 1927), which never leaves 0 to 1.

    Those who are tied share an answer, so that `share * questions` need not be whole, as scipy asks of it.
    """
    z = special.ndtri((1 + level) / 2)
    shrunk = 1 + z**2 / questions
    middle = (share + z**2 / (2 * questions)) / shrunk
    half = z / shrunk * np.sqrt(share * (1 - share) / questions + z**2 / (4 * questions**2))
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)
