"""What the files of an experiment are made of: for each group of systems and each protocol its tables and its runs."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from recbole_hail.comparison.context import Context
from recbole_hail.comparison.notation import UNTRAINED
from recbole_hail.comparison.results import Result
from recbole_hail.comparison.tabulate import differences_of, tables_of
from recbole_hail.experiments.consistency import answers_table, course_table
from recbole_hail.experiments.cost import cost_table
from recbole_hail.experiments.sweep import Placed, Sweep
from recbole_hail.experiments.systems import Experiment, Group
from recbole_hail.tables.table import Table


@dataclass(frozen=True)
class Section:
    """Tables under one title. `runs` has a record for each training; `shown` is the table that the chart shows."""

    title: str
    tables: list[Table]
    shown: Table | None = None
    runs: list[dict] = field(default_factory=list)


def sections_of(sweep: Sweep, experiment: Experiment, test: str) -> list[Section]:
    """The sections of an experiment whose runs are trained; rows with a run missing are left out.

    Raises:
        UserError: runs were ranked among different lists.
    """
    make: Callable = _consistency if experiment.chart == "shares" else _metrics
    own = [(group, placed) for other, group, placed in sweep.groups if other is experiment]
    found = [
        make(sweep, experiment, group, placed, protocol, test) for protocol in sweep.protocols for group, placed in own
    ]
    if experiment.chart == "shares":
        found += [Section("Over training", [table]) for _, placed in own if (table := course_table(sweep, placed))]
    if experiment.costs:
        found.append(Section("Cost of a step", [cost_table(sweep, [place for _, placed in own for place in placed])]))
    return [section for section in found if section.tables]


def _metrics(sweep: Sweep, experiment: Experiment, group: Group, placed: list[Placed], protocol: str, test: str):
    """All targets, repeat and new ones, and the differences to the group's reference."""
    plan = sweep.plans[group.steps]
    context = Context(
        sweep.dataset,
        plan.config,
        sweep.budget.seeds,
        _budget_in_words(group, placed),
        test,
        head=f"{group.title}: ",
        published={place.label: place.row.published for place in placed if protocol == "paper"},
    )
    results = {place.label: place.results(plan, list(context.metrics), protocol) for place in placed}
    results = {label: runs for label, runs in results.items() if runs is not None}
    tables = tables_of(results, context) if results else []
    shown = tables[0] if tables else None
    reference = next(place.label for place in placed if place.row.label == group.reference)
    differences = None
    if reference in results and len(results) > 1:
        differences = differences_of(results, reference, context)
        tables.append(differences)
    if experiment.chart == "differences":
        shown = differences and _of_networks(differences)
    tables = [replace(table, constants={"group": group.title, **table.constants}) for table in tables]
    runs = [
        record
        for place in placed
        for record in _records(group.title, place, results.get(place.label, []), context, protocol)
    ]
    return Section(f"{group.title}, candidates {protocol}", tables, shown, runs)


def _of_networks(differences: Table) -> Table | None:
    """Without the rules, which are so far off that beside them differences between networks could not be seen."""
    rows = {label: cells for label, cells in differences.rows.items() if label not in UNTRAINED}
    return replace(differences, rows=rows) if rows else None


def _records(group: str, place: Placed, results: list[Result], context: Context, protocol: str) -> list[dict]:
    """What each run of a row gave and took; rows of several groups may have one label."""
    return [
        {
            **{"group": group, "system": place.label, "seed": run.seed, "steps": result.steps, "candidates": protocol},
            "training seconds": result.seconds,
            **dict(zip(context.metrics.values(), result.values["all"][1].mean(axis=0).tolist(), strict=True)),
        }
        for run, result in zip(place.runs, results, strict=False)
    ]


def _budget_in_words(group: Group, placed: list[Placed]) -> str:
    if len({place.steps for place in placed}) == 1:
        return f"{group.steps:,} steps"
    return f"steps as the rows say, {group.steps:,} where they do not"


def _consistency(sweep: Sweep, experiment: Experiment, group: Group, placed: list[Placed], protocol: str, test: str):
    table = answers_table(sweep, placed, protocol)
    return Section(f"{group.title}, candidates {protocol}", [table] if table else [], table)
