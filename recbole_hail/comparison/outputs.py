"""What a comparison gives: one table for all targets, one for repeat and one for new ones, and their files."""

from collections.abc import Sequence
from pathlib import Path

from recbole_hail.comparison.context import Context
from recbole_hail.comparison.notation import UNTRAINED
from recbole_hail.comparison.plan import Plan
from recbole_hail.comparison.results import read_candidates, read_record, read_result
from recbole_hail.comparison.runs import RunFolder
from recbole_hail.comparison.tabulate import tables_of
from recbole_hail.files import write_text
from recbole_hail.registry import MODELS
from recbole_hail.tables.forms import to_latex, to_markdown, to_text
from recbole_hail.tables.plots import bar_chart
from recbole_hail.tables.table import Table, to_csv

_FEW_STEPS, _SMALL_BATCH = 200, 256


def make_tables(
    plan: Plan, folder: RunFolder, test: str, protocol: str | None = None, *, intervals: bool = False
) -> list[Table]:
    """The tables of the models whose runs are all there: all targets, then, where there are both, repeat and new.

    `protocol` is another than that of the training, under which the runs were ranked later; there may be no tables.

    Raises:
        UserError: the runs were ranked among different lists.
    """
    published = {} if intervals else None  # with the paper's numbers, of which there are none here, they are shown
    budget = _budget_in_words(plan)
    context = Context(plan.shared.dataset, plan.config, plan.seeds, budget, test, published=published)
    results = {
        label: [read_result(folder.path(run), plan.config, list(context.metrics), protocol=protocol) for run in runs]
        for label, runs in plan.rows.items()
        if all(folder.has(run) if protocol is None else folder.is_ranked(run, protocol) for run in runs)
    }
    return tables_of(results, context) if results or protocol is None else []


def hardly_begun(plan: Plan, folder: RunFolder) -> list[str]:
    """What to say of RecBole's models that a bound of minutes left so few steps that their rows say little of them."""
    found = []
    for label, runs in plan.rows.items():
        spec, taken = runs[0].spec, [read_record(folder.path(run)).get("steps") for run in runs if folder.has(run)]
        batch = plan.settings[spec].get("train_batch_size")
        ours = spec.model in MODELS or spec.model in UNTRAINED
        if ours or plan.config["max_minutes"] is None or None in taken or not taken or batch is None:
            continue
        if min(taken) < _FEW_STEPS and batch > _SMALL_BATCH:
            found.append(
                f"{label} took {min(taken):,} steps of up to {batch:,} rows in {plan.config['max_minutes']:g} minutes, "
                f"too few to learn much; give it smaller batches, as in {spec.model}[train_batch_size={_SMALL_BATCH}]"
            )
    return found


def short_lists(plan: Plan, folder: RunFolder, protocols: Sequence[str | None]) -> list[str]:
    """What the runs say of lists that came out short, once for each of the `protocols`, as for `make_tables`."""
    said = [
        read_candidates(folder.path(run), protocol).get("shortage")
        for protocol in protocols
        for run in plan.runs
        if (folder.has(run) if protocol is None else folder.is_ranked(run, protocol))
    ]
    return list(dict.fromkeys(filter(None, said)))


def _budget_in_words(plan: Plan) -> str:
    bounds = {"step": plan.config["max_steps"], "minute": plan.config["max_minutes"]}
    given = {unit: bound for unit, bound in bounds.items() if bound is not None}
    bounds = " and ".join(f"{bound:,} {unit}{'s' * (bound != 1)}" for unit, bound in given.items())
    return f"at most {bounds} of training a model" if bounds else "training by epochs"


def write_files(plan: Plan, tables: list[Table], output: Path, protocol: str | None = None) -> list[Path]:
    """The tables as text, CSV, Markdown and LaTeX, and a bar chart of the first; returns their paths.

    Those under another `protocol` than that of the training have its name in theirs.
    """
    under = f"-{protocol}" if protocol else ""
    texts = {
        f"table{under}.txt": "\n".join(map(to_text, tables)),
        f"table{under}.csv": to_csv(tables),
        f"table{under}.md": "\n".join(map(to_markdown, tables)),
        f"table{under}.tex": "\n".join(map(to_latex, tables)),
    }
    chart = output / f"chart{under}.png"
    for name, text in texts.items():
        write_text(output / name, text)
    bar_chart(
        tables[0],
        chart,
        title=f"{plan.shared.dataset}, candidates: {tables[0].constants['candidates']}",
        whiskers=f"mean of seeds {', '.join(map(str, plan.seeds))}; lines: 95 % bootstrap interval over generators",
    )
    return [*(output / name for name in texts), chart]
