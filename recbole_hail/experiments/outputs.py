"""The files of an experiment: Markdown with the command that made it, CSV, LaTeX and a PNG."""

from dataclasses import replace
from pathlib import Path

from recbole_hail.experiments.sweep import PROTOCOLS, Placed, Sweep
from recbole_hail.experiments.systems import Experiment, Group
from recbole_hail.files import write_text
from recbole_hail.report.plots import panels_chart
from recbole_hail.report.tables import Table, to_csv, to_latex, to_markdown
from recbole_hail.report.tabulate import Context, differences_of, tables_of


def tables_by_protocol(sweep: Sweep, group: Group, placed: list[Placed], test: str) -> dict[str, list[Table]]:
    """Per protocol the tables of a group's finished rows, the last of them the differences to its reference."""
    found = {}
    for protocol in PROTOCOLS:
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
        reference = next(place.label for place in placed if place.row.label == group.reference)
        if reference in results and len(results) > 1:
            tables.append(differences_of(results, reference, context))
        found[protocol] = [replace(table, constants={"group": group.title, **table.constants}) for table in tables]
    return found


def _budget_in_words(group: Group, placed: list[Placed]) -> str:
    if len({place.steps for place in placed}) == 1:
        return f"{group.steps:,} steps"
    return f"steps as the rows say, {group.steps:,} where they do not"


def write_outputs(experiment: Experiment, tables: dict[str, dict[str, list[Table]]], stem: Path, command: str):
    """Writes the tables of each group and protocol to `stem` with the suffixes of the four forms; returns the paths."""
    flat = [table for groups in tables.values() for of_group in groups.values() for table in of_group]
    files = {suffix: stem.with_name(f"{stem.name}{suffix}") for suffix in (".md", ".csv", ".tex", ".png")}
    write_text(files[".md"], _markdown(experiment, tables, files[".png"].name, command))
    write_text(files[".csv"], to_csv(flat))
    write_text(files[".tex"], "\n".join(map(to_latex, flat)))
    _chart(experiment, tables, files[".png"])
    return list(files.values())


def _markdown(experiment: Experiment, tables: dict, picture: str, command: str) -> str:
    parts = [f"# {experiment.title}", "", "```", command, "```", ""]
    parts += [part for note in experiment.notes for part in (note, "")]
    parts += [f"![{experiment.title}]({picture})", ""]
    for protocol, groups in tables.items():
        for title, of_group in groups.items():
            parts += [f"## {title}, candidates {protocol}", "", *(to_markdown(table) for table in of_group)]
    return "\n".join(parts)


def _chart(experiment: Experiment, tables: dict, file: Path) -> None:
    place = -1 if experiment.chart == "differences" else 0
    shown = {
        f"{title}, {protocol}": of_group[place]
        for protocol, groups in tables.items()
        for title, of_group in groups.items()
        if of_group
    }
    panels_chart(shown, list(experiment.charted), file, title=experiment.title, whiskers=_whiskers(experiment))


def _whiskers(experiment: Experiment) -> str:
    what = "difference to the reference" if experiment.chart == "differences" else "mean over seeds"
    return f"{what}; lines: 95 % bootstrap interval over generators; diamonds: the paper"
