"""The files of an experiment: Markdown with the command that made it, CSV, LaTeX and a PNG."""

from pathlib import Path

from recbole_hail.experiments.sections import Section
from recbole_hail.experiments.sweep import Sweep
from recbole_hail.experiments.systems import Experiment
from recbole_hail.files import write_text
from recbole_hail.tables.forms import to_latex, to_markdown
from recbole_hail.tables.plots import Line, line_chart, panels_chart
from recbole_hail.tables.table import Table, records_to_csv, to_csv

_INTERVALS = "lines: 95 % bootstrap interval over generators; diamonds: the paper"
_WHISKERS = {
    "bars": f"mean over seeds; {_INTERVALS}",
    "differences": "difference to MED; lines: 95 % t interval, paired",
    "shares": "share of the test questions, mean over seeds; lines: 95 % bootstrap interval over questions",
}


def write_outputs(sweep: Sweep, experiment: Experiment, sections: list[Section], stem: Path, command: str):
    """Writes the sections to `stem` with the suffix of each form, and a CSV of single runs; returns the paths."""
    tables = [table for section in sections for table in section.tables]
    suffixes = (".md", ".csv", ".tex", ".png", ".runs.csv")
    markdown, values, latex, picture, runs = (stem.with_name(stem.name + suffix) for suffix in suffixes)
    write_text(values, to_csv(tables))
    write_text(latex, "\n".join(map(to_latex, tables)))
    written = [markdown, values, latex]
    if any(section.shown for section in sections):
        _chart(sweep, experiment, sections, picture)
        written.append(picture)
    write_text(markdown, _markdown(sweep, experiment, sections, [file.name for file in written[3:]], command))
    records = [record for section in sections for record in section.runs]
    if records:
        write_text(runs, records_to_csv(records))
        written.append(runs)
    return written


def _markdown(sweep: Sweep, experiment: Experiment, sections: list[Section], pictures: list[str], command: str) -> str:
    parts = [f"# {experiment.title} ({sweep.dataset})", "", "```", command, "```", ""]
    parts += [part for note in (*experiment.notes, *_NOTES) for part in (note, "")]
    parts += [part for picture in pictures for part in (f"![{experiment.title}]({picture})", "")]
    for section in sections:
        parts += [f"## {section.title}", "", *map(to_markdown, section.tables)]
    return "\n".join(parts)


_NOTES = (
    "Trainings end with the last element but one; the paper's also learn from the validation element. The paper has no "
    "numbers under `strict` candidates, nor for repeat and new targets alone.",
)


def _chart(sweep: Sweep, experiment: Experiment, sections: list[Section], file: Path) -> None:
    title = f"{experiment.title} ({sweep.dataset})"
    shown = {section.title: section.shown for section in sections if section.shown}
    course = [section.tables[0] for section in sections if section.title == "Over training"]
    if experiment.chart == "lines":
        x = {row.label: row.x for group in experiment.groups for row in group.rows}
        panels = {
            (name, name.split(", ")[1]): [_line(table, experiment.charted[0], x)] for name, table in shown.items()
        }
        line_chart(panels, file, title=title, note=f"{experiment.charted[0]}; {_INTERVALS.replace('lines', 'band')}")
    elif course:
        panels = {("inconsistent answers, validation", "steps"): _lines_over_steps(course[0])}
        line_chart(panels, file, title=title, note="share of questions that some peers answer rightly and some do not")
    else:
        panels_chart(shown, list(experiment.charted), file, title=title, whiskers=_WHISKERS[experiment.chart])


def _line(table: Table, metric: str, x: dict[str, float]) -> Line:
    """A metric over the rows that have a place on the x axis."""
    column = [column.name for column in table.columns].index(metric)
    points = [(x[label], cells[column]) for label, cells in table.rows.items() if x.get(label) is not None]
    places, cells = [place for place, _ in points], [cell for _, cell in points]
    known = [(place, cell.published) for place, cell in points if cell.published is not None]
    return Line(metric, places, *([getattr(cell, part) for cell in cells] for part in ("mean", "low", "high")), known)


def _lines_over_steps(table: Table) -> list[Line]:
    """The share of inconsistent answers of each system, from rows "<system>, after <step> steps"."""
    points: dict[str, list[tuple[float, float]]] = {}
    inconsistent = [column.name for column in table.columns].index("some right")
    for label, cells in table.rows.items():
        system, _, after = label.rpartition(", after ")
        step = float(after.removesuffix(" steps").replace(",", ""))
        points.setdefault(system, []).append((step, cells[inconsistent].mean))
    return [Line(system, *map(list, zip(*found, strict=True))) for system, found in points.items()]
