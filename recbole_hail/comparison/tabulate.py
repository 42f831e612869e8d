"""From results to tables: all targets, repeat and new ones apart, and the differences to one system."""

from collections import Counter
from functools import reduce
from itertools import combinations, groupby
from operator import itemgetter

import numpy as np

from recbole_hail.comparison.context import LEVEL, Context
from recbole_hail.comparison.results import Result
from recbole_hail.errors import UserError
from recbole_hail.evaluation.metrics import TARGETS
from recbole_hail.evaluation.significance import TESTS, holm, mean_interval, paired_t
from recbole_hail.tables.table import Cell, Column, Table


def tables_of(results: dict[str, list[Result]], context: Context) -> list[Table]:
    """A table of all targets, then, where there are both, of repeat and of new ones; a row for each key.

    Raises:
        UserError: the results were ranked among different lists.
    """
    _check_lists(results)
    tables = [_table(results, context, targets) for targets in TARGETS]
    # Where all targets are new, or all repeat, the table of all says everything.
    return tables if all(tables) else tables[:1]


def differences_of(results: dict[str, list[Result]], reference: str, context: Context) -> Table:
    """How far every other row is from `reference`, over all targets.

    A cell is the mean over generators and seeds of the differences, with its interval (`paired_t`) and, over seeds, its
    deviation. It is marked where the interval leaves out 0, but with a single seed, of which the interval speaks of
    generators alone.
    """
    _check_lists(results)
    generators, by_seed = _by_seed(results, "all")
    rows = {
        label: _difference_cells(values, by_seed[reference], marked=context.several_seeds)
        for label, values in by_seed.items()
        if label != reference
    }
    columns = [Column(metric, "+.4f", ranked=False) for metric in context.metrics.values()]
    lists = context.lists(next(iter(results.values()))[0])
    caption = context.caption_of_differences(reference, len(generators), lists) + _of_short_lists(results)
    constants = _constants(context, "all", len(generators), lists) | {"less": reference}
    return Table(caption, columns, rows, constants, detailed=True)


def _difference_cells(values: np.ndarray, base: np.ndarray, *, marked: bool) -> list[Cell]:
    """A cell for each metric from [seeds, G, M] of a row and of what it is compared with."""
    differences = values - base  # [seeds, G, M]; of what only counts there is one, for all seeds
    deviation = [sd(column) for column in differences.mean(axis=1).T]
    ends = paired_t(differences)[0].tolist()
    means = differences.mean(axis=(0, 1)).tolist()
    return [
        Cell(mean, spread, low, high, differs=marked and not low <= 0 <= high)
        for mean, spread, (low, high) in zip(means, deviation, ends, strict=True)
    ]


def _check_lists(results: dict[str, list[Result]]) -> None:
    hashes = {label: {result.candidates["hash"] for result in runs} for label, runs in results.items()}
    ((usual, _),) = Counter(one for found in hashes.values() for one in found).most_common(1)
    differ = [f"{label} {' '.join(sorted(found))}" for label, found in hashes.items() if found != {usual}]
    if differ:
        raise UserError(
            f"candidates: not all models were ranked among the same lists, {usual}, but {', '.join(differ)}; "
            "leave these models out"
        )


def _by_seed(results: dict[str, list[Result]], targets: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The generators that all results know, [G], and the values of each row, [seeds, G, M]."""
    names = [result.values[targets][0] for runs in results.values() for result in runs]
    generators = reduce(np.intersect1d, names)  # of different splits of short sequences, say; all, as a rule
    return generators, {
        label: np.stack([_of(run, targets, generators) for run in runs]) for label, runs in results.items()
    }


def _of(result: Result, targets: str, generators: np.ndarray) -> np.ndarray:
    names, values = result.values[targets]
    return values[np.searchsorted(names, generators)]


def _table(results: dict[str, list[Result]], context: Context, targets: str) -> Table | None:
    generators, by_seed = _by_seed(results, targets)
    if not len(generators):
        return None
    once = {label for label, runs in results.items() if len(runs) == 1 and runs[0].trained}
    rows = _metric_cells(by_seed, once, context, published=targets == "all")
    columns = [Column(metric) for metric in context.metrics.values()]
    if targets == "all":
        columns += [
            Column("steps", ",.0f", ranked=False),
            Column("training s", ",.1f", ranked=False),
            Column("parameters", ",.0f", ranked=False),
        ]
        for label, runs in results.items():
            rows[label] += [_cost([run.steps for run in runs]), _cost([run.seconds for run in runs])]
            rows[label].append(Cell(float(np.mean([run.parameters for run in runs]))))
    lists = context.lists(next(iter(results.values()))[0])
    constants = _constants(context, targets, len(generators), lists)
    caption = context.caption(targets, len(generators), lists) + _of_short_lists(results)
    return Table(caption, columns, rows, constants, detailed=context.published is not None)


def _of_short_lists(results: dict[str, list[Result]]) -> str:
    """The last sentence of a caption, where the protocol did not find as many candidates as the caption says."""
    said = (run.candidates.get("shortage") for runs in results.values() for run in runs)  # older records do not tell
    shortage = next(filter(None, said), None)
    return f" Short lists: {shortage.removeprefix('candidates: ')}." if shortage else ""


def _constants(context: Context, targets: str, generators: int, lists: str) -> dict[str, str]:
    return {"dataset": context.dataset, "targets": targets, "generators": str(generators), "candidates": lists}


def _cost(of_runs: list[float | None]) -> Cell:
    """Unknown of the models of RecBole whose trainers take steps of their own."""
    if None in of_runs:
        return Cell(None)
    return Cell(float(np.mean(of_runs)), sd(np.array(of_runs, dtype=float)))


def _metric_cells(
    by_seed: dict[str, np.ndarray], once: set[str], context: Context, *, published: bool
) -> dict[str, list[Cell]]:
    """Cells of each model out of its [seeds, G, M]; `once` are those with one training of many that there could be."""
    labels, titles = list(by_seed), list(context.metrics.values())
    averaged = np.stack([values.mean(axis=0) for values in by_seed.values()], axis=1)  # [G, K, M]
    generators, models, metrics = averaged.shape
    means = averaged.mean(axis=0)  # [K, M]
    intervals = mean_interval(averaged.reshape(generators, -1)).reshape(models, metrics, 2)
    p_values = np.stack([_against_best(by_seed, metric, once, context.test) for metric in range(metrics)], axis=1)
    cells = {label: [] for label in labels}
    for model, label in enumerate(labels):
        known = (context.published or {}).get(label, {}) if published else {}
        for metric in range(metrics):
            p = None if np.isnan(p_values[model, metric]) else float(p_values[model, metric])
            low, high = intervals[model, metric].tolist()
            spread = sd(by_seed[label][:, :, metric].mean(axis=1))
            mean, paper = float(means[model, metric]), known.get(titles[metric])
            cells[label].append(Cell(mean, spread, low, high, p, p is not None and p < LEVEL, paper))
    return cells


def _against_best(by_seed: dict[str, np.ndarray], metric: int, once: set[str], test: str) -> np.ndarray:
    """Corrected p values [K] of each model against the best of a metric; NaN for the best, and where none is known.

    The best is chosen from the same data, so they are corrected over all pairs of models: any two that differ by chance
    could have been among those shown.
    """
    values = [of_model[:, :, metric] for of_model in by_seed.values()]  # [seeds, G] each
    best = int(np.argmax([of_model.mean() for of_model in values]))  # the first where several are
    known = [model for model, label in enumerate(by_seed) if test != "t" or label not in once]
    found = np.full(len(values), np.nan)
    if best not in known or len(known) == 1:
        return found
    pairs, p_values = np.array([*combinations(known, 2)]), []
    for first, others in groupby(pairs.tolist(), key=itemgetter(0)):
        differences = np.broadcast_arrays(*(values[first] - values[second] for _, second in others))
        p_values += [*TESTS[test](np.stack(differences, axis=-1))]
    shown = (pairs == best).any(axis=1)
    found[pairs[shown].sum(axis=1) - best] = holm(p_values)[shown]
    return found


def sd(values: np.ndarray) -> float | None:
    """Standard deviation (n - 1); None of a single value."""
    return float(values.std(ddof=1)) if len(values) > 1 else None
