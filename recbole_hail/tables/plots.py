"""Charts of comparisons: bars of models, lines over a setting or over training."""

from dataclasses import dataclass
from pathlib import Path

from recbole_hail.files import atomic_write
from recbole_hail.tables.table import Table

BEST, OTHER = "#1f5fa8", "#a9c4e4"  # dark and light of one hue: told apart in grey too
_STYLES = ("o-", "s--", "^:", "v-.")


@dataclass(frozen=True)
class Line:
    """Points of one line; `low` and `high` are the ends of their intervals, `published` the paper's points."""

    name: str
    x: list[float]
    y: list[float]
    low: list[float] | None = None
    high: list[float] | None = None
    published: list[tuple[float, float]] = ()


def new_figure(size: tuple[float, float]):
    """An empty figure of `size` (width, height) in inches."""
    from matplotlib.figure import Figure  # half a second, which no start of a command need wait for

    return Figure(figsize=size, dpi=120, layout="constrained")


def panel_grid(
    count: int, across: int, *, panel: tuple[float, float], rest: tuple[float, float], sharey: bool = False
) -> tuple:
    """A figure and its `count` panels, at most so many `across`.

    Args:
        panel: width and height of each in inches.
        rest: those of what stands beside the panels.
    """
    across = min(across, count)
    down = -(-count // across)
    figure = new_figure((rest[0] + panel[0] * across, rest[1] + panel[1] * down))
    panels = figure.subplots(down, across, squeeze=False, sharey=sharey).ravel()
    for spare in panels[count:]:
        spare.set_visible(False)
    return figure, panels[:count]


def line_chart(panels: dict[tuple[str, str], list[Line]], path: Path, *, title: str, note: str) -> None:
    """A panel for each (name, name of its x axis), with its lines, written to `path` as PNG."""
    figure, axes = panel_grid(len(panels), 2, panel=(4.6, 3.2), rest=(1.0, 1.2))
    for panel, ((name, x_name), lines) in zip(axes, panels.items(), strict=True):
        for line, style in zip(lines, _STYLES * len(lines), strict=False):
            panel.plot(line.x, line.y, style, color="black", label=line.name, markersize=4)
            if line.low is not None and line.high is not None:
                panel.fill_between(line.x, line.low, line.high, color=OTHER, alpha=0.4)
            for x, y in line.published:
                panel.plot([x], [y], "D", color="black", fillstyle="none")
        panel.set_title(name, fontsize=10)
        panel.set_xlabel(x_name, fontsize=9)
        panel.spines[["top", "right"]].set_visible(False)
        if len(lines) > 1:
            panel.legend(fontsize=8)
    _save(figure, path, title, note)


def bar_chart(table: Table, path: Path, *, title: str, whiskers: str) -> None:
    """A panel for each ranked column of `table`, a bar for each model, written to `path` as PNG.

    Whiskers show `Cell.low` to `Cell.high`, diamonds the paper's number, where they are known; `whiskers` says in words
    what the former are.
    """
    ranked = [index for index, column in enumerate(table.columns) if column.ranked]
    # Inches: a bar with its number needs about 0.3, a panel about 4, the titles and the axes the rest.
    size = (3.8, 1.0 + 0.3 * len(table.rows))
    figure, panels = panel_grid(len(ranked), 2 if len(ranked) == 4 else 3, panel=size, rest=(1.8, 1.2), sharey=True)
    for panel, index in zip(panels, ranked, strict=True):
        _panel(panel, table, index)
    panels[0].invert_yaxis()  # shared by all: the first model on top, as in the table
    _save(figure, path, title, whiskers)


def panels_chart(tables: dict[str, Table], metrics: list[str], path: Path, *, title: str, whiskers: str) -> None:
    """A row of panels for each table, by its title, a panel for each of the `metrics`; otherwise as `bar_chart`."""
    most = max(len(table.rows) for table in tables.values())
    size = (3.2 + 3.4 * len(metrics), 1.0 + len(tables) * (0.7 + 0.3 * most))
    figure = new_figure(size)
    rows = figure.subplots(len(tables), len(metrics), squeeze=False)
    for (name, table), panels in zip(tables.items(), rows, strict=True):
        names = [column.name for column in table.columns]
        for panel, metric in zip(panels, metrics, strict=True):
            _panel(panel, table, names.index(metric))
            panel.invert_yaxis()
            if panel is not panels[0]:
                panel.set_yticklabels([])
        panels[0].set_title(f"{name}\n{metrics[0]}", fontsize=10)
    _save(figure, path, title, whiskers)


def _panel(panel, table: Table, index: int) -> None:
    cells = [row[index] for row in table.rows.values()]
    best = table.values(index)[0]
    for place, cell in enumerate(cells):
        panel.barh(place, cell.mean, height=0.7, color=BEST if cell.mean == best else OTHER)
        end = max(cell.mean, 0.0)  # a number right of 0, not on its bar
        if cell.low is not None and cell.high is not None:
            panel.plot([cell.low, cell.high], [place, place], color="black", linewidth=1.2)
            end = max(end, cell.high)
        if cell.published is not None:
            panel.plot([cell.published], [place], "D", color="black", markersize=4, fillstyle="none")
            end = max(end, cell.published)
        label = format(cell.mean, table.columns[index].format)
        panel.annotate(label, (end, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    panel.set_yticks(range(len(cells)), list(table.rows), fontsize=9)
    panel.set_title(table.columns[index].name, fontsize=10)
    panel.margins(x=0.2)
    panel.locator_params(axis="x", nbins=5)  # labels of small differences are wide
    panel.spines[["top", "right"]].set_visible(False)


def _save(figure, path: Path, title: str, note: str) -> None:
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(note, fontsize=9)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")
