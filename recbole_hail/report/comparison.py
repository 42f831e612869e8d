"""A comparison: its runs trained or found, then one table for all targets and one for repeat and for new ones."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from time import perf_counter

import numpy as np

from recbole_hail.errors import UserError
from recbole_hail.evaluation.significance import TESTS, holm, mean_interval
from recbole_hail.files import write_text
from recbole_hail.report.plan import Plan
from recbole_hail.report.plots import bar_chart
from recbole_hail.report.results import TARGETS, Result, metric_names, read_result
from recbole_hail.report.runs import RunFailed, RunFolder
from recbole_hail.report.tables import Cell, Column, Table, to_csv, to_latex, to_markdown, to_text

LEVEL = 0.05
_TEST_NAMES = {"wilcoxon": "Wilcoxon signed-rank test", "bootstrap": "paired bootstrap"}


def train_missing(plan: Plan, folder: RunFolder, say: Callable[[str], None]) -> list[str]:
    """Trains the runs that are not there yet; returns what is to say of those that failed.

    A run that fails is left out and the others go on, but for the first: then nothing is likely to work.
    """
    failures, worked = [], False
    for number, run in enumerate(plan.runs, start=1):
        head = f"[{number}/{len(plan.runs)}] {run}: "
        if folder.has(run):
            say(f"{head}there already")
            worked = True
            continue
        missing = [part for part in run.parts if not folder.has(part)]
        if missing:
            failures.append(f"{run} needs {' and '.join(map(str, missing))}")
            say(head + "left out")
            continue
        say(head + "training")
        started = perf_counter()
        try:
            folder.train(run)
        except RunFailed as error:
            if not worked:
                raise
            failures.append(str(error))
            say(f"{head}failed")
            continue
        worked = True
        say(f"{head}done in {perf_counter() - started:.0f} s")
    return failures


def make_tables(plan: Plan, folder: RunFolder, test: str) -> list[Table]:
    """The tables of the models whose runs are all there: all targets, then, where there are both, repeat and new.

    Raises:
        UserError: the runs were ranked among different lists.
    """
    metrics = metric_names(plan.config["metrics"], plan.config["topk"])
    results = {
        label: [read_result(folder.path(run), plan.config, list(metrics)) for run in runs]
        for label, runs in plan.rows.items()
        if all(map(folder.has, runs))
    }
    _check_lists(results)
    tables = [_table(plan, results, targets, list(metrics.values()), test) for targets in TARGETS]
    # Where all targets are new, or all repeat, the table of all says everything.
    return tables if all(tables) else tables[:1]


def _check_lists(results: dict[str, list[Result]]) -> None:
    hashes = {label: {result.candidates["hash"] for result in runs} for label, runs in results.items()}
    first = next(iter(hashes.values()))
    differ = [label for label, found in hashes.items() if found != first or len(found) > 1]
    if differ:
        each = ", ".join(f"{label} {' '.join(sorted(hashes[label]))}" for label in differ)
        raise UserError(
            f"candidates: not all models were ranked among the same lists ({next(iter(hashes))} {' '.join(first)}, "
            f"{each}); leave these models out"
        )


def _table(plan: Plan, results: dict[str, list[Result]], targets: str, metrics: list[str], test: str) -> Table | None:
    names = [result.values[targets][0] for runs in results.values() for result in runs]
    generators = reduce(np.intersect1d, names)  # of different splits of short sequences, say; all, as a rule
    if not len(generators):
        return None
    by_seed = {label: np.stack([_of(run, targets, generators) for run in runs]) for label, runs in results.items()}
    rows = _metric_cells(by_seed, test)
    columns = [Column(metric) for metric in metrics]
    if targets == "all":
        columns += [Column("training s", ",.1f", ranked=False), Column("parameters", ",.0f", ranked=False)]
        for label, runs in results.items():
            seconds = np.array([run.seconds for run in runs])
            parameters = float(np.mean([run.parameters for run in runs]))
            rows[label] += [Cell(float(seconds.mean()), _sd(seconds)), Cell(parameters)]
    candidates = next(iter(results.values()))[0].candidates
    lists = _lists_in_words(plan, candidates)
    constants = {"targets": targets, "generators": str(len(generators)), "candidates": lists}
    return Table(_caption(plan, targets, len(generators), lists, test), columns, rows, constants)


def _of(result: Result, targets: str, generators: np.ndarray) -> np.ndarray:
    names, values = result.values[targets]
    return values[np.searchsorted(names, generators)]


def _metric_cells(by_seed: dict[str, np.ndarray], test: str) -> dict[str, list[Cell]]:
    """Cells of each model out of its [seeds, G, M]; the best of a metric is tested against every other model."""
    labels = list(by_seed)
    averaged = np.stack([values.mean(axis=0) for values in by_seed.values()])  # [K, G, M]
    models, generators, metrics = averaged.shape
    means = averaged.mean(axis=1)  # [K, M]
    best = means.argmax(axis=0)  # [M], the first where several are
    together = averaged.transpose(1, 0, 2)  # [G, K, M]
    intervals = mean_interval(together.reshape(generators, -1)).reshape(models, metrics, 2)
    differences = together[:, best, np.arange(metrics)][:, None] - together  # [G, K, M], 0 for the best itself
    p_values = TESTS[test](differences.reshape(generators, -1)).reshape(models, metrics)
    corrected = np.full((models, metrics), np.nan)
    for metric in range(metrics):
        others = np.arange(models) != best[metric]
        corrected[others, metric] = holm(p_values[others, metric])
    cells = {label: [] for label in labels}
    for model, label in enumerate(labels):
        for metric in range(metrics):
            p = None if model == best[metric] else float(corrected[model, metric])
            low, high = intervals[model, metric].tolist()
            sd = _sd(by_seed[label][:, :, metric].mean(axis=1))
            cells[label].append(Cell(float(means[model, metric]), sd, low, high, p, p is not None and p < LEVEL))
    return cells


def _sd(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _lists_in_words(plan: Plan, candidates: dict) -> str:
    """Protocol, draw and hash of the lists."""
    drawn = f" {candidates['drawn']}, seed {candidates['seed']}" if "drawn" in candidates else ""
    return f"{candidates['protocol']}{drawn}, lists {candidates['hash']}, ties {plan.config['ties']}"


def _caption(plan: Plan, targets: str, generators: int, lists: str, test: str) -> str:
    config = plan.config
    bounds = {"steps": config["max_steps"], "minutes": config["max_minutes"]}
    bounds = " and ".join(f"{bound:,} {unit}" for unit, bound in bounds.items() if bound is not None)
    budget = f"at most {bounds} of training a model" if bounds else "training by epochs"
    several = len(plan.seeds) > 1
    seeds = f"{'Mean ± sd over seeds' if several else 'Seed'} {', '.join(map(str, plan.seeds))}"
    seeds += "; a row without sd is one run" * several
    return (
        f"{plan.shared.dataset}, {targets} targets of {generators:,} generators, split {config['eval_args']['split']}; "
        f"candidates: {lists}; {budget}. "
        f"{seeds}. Best bold, second underlined; * differs from the best "
        f"({_TEST_NAMES[test]} over generators, Holm-corrected over models, p < {LEVEL})."
    )


def write_files(plan: Plan, tables: list[Table], output: Path) -> list[Path]:
    """The tables as text, CSV, Markdown and LaTeX, and a bar chart of the first; returns their paths."""
    texts = {
        "table.txt": "\n".join(map(to_text, tables)),
        "table.csv": to_csv(tables),
        "table.md": "\n".join(map(to_markdown, tables)),
        "table.tex": "\n".join(map(to_latex, tables)),
    }
    for name, text in texts.items():
        write_text(output / name, text)
    bar_chart(
        tables[0],
        output / "chart.png",
        title=f"{plan.shared.dataset}, candidates: {tables[0].constants['candidates']}",
        whiskers=f"mean of seeds {', '.join(map(str, plan.seeds))}; lines: 95 % bootstrap interval over generators",
    )
    return [output / name for name in (*texts, "chart.png")]
