"""The slice plot of a search: the score of every trial over each searched setting."""

from pathlib import Path

from recbole_hail.files import atomic_write
from recbole_hail.tables.plots import BEST, OTHER, panel_grid
from recbole_hail.tuning.search import Search, word
from recbole_hail.tuning.trials import FINISHED


def picture_types() -> set[str]:
    """Endings of files, without the dot, that `slice_plot` can write."""
    from matplotlib.backend_bases import FigureCanvasBase

    return set(FigureCanvasBase.get_supported_filetypes())


def slice_plot(search: Search, path: Path) -> None:
    """A panel for each searched setting, a point for each trial with a score, written to `path` by its suffix.

    The chosen trial is dark; trials that were stopped early are hollow.
    """
    figure, panels = panel_grid(len(search.space), 3, panel=(3.4, 2.8), rest=(1.0, 1.0), sharey=True)
    for panel, name in zip(panels, search.space, strict=True):
        _panel(panel, search, name)
    figure.suptitle(f"{search.config['model']} on {search.config['dataset']}", fontsize=11)
    figure.supylabel(f"valid {search.metric}", fontsize=9)
    figure.supxlabel("dark: chosen; hollow: stopped early", fontsize=9)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:])


def _in_order(choices: list) -> list:
    """Numbers by size, whatever the order of the file; of anything else the file's."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in choices)
    return sorted(choices) if numbers else choices


def _panel(panel, search: Search, name: str) -> None:
    dimension, best = search.space[name], search.best()
    choices = _in_order(dimension.values) if dimension.kind == "choice" else None
    for trial in (trial for trial in search.trials if trial.score is not None):
        value = trial.settings[name]
        place = choices.index(value) if choices else value  # choices stand at equal distances
        panel.scatter(
            place,
            trial.score,
            s=28 if trial is best else 16,
            facecolors=(BEST if trial is best else OTHER) if trial.status == FINISHED else "none",
            edgecolors=BEST if trial is best else OTHER,
            zorder=3 if trial is best else 2,
        )
    if choices:
        labels = [word(value) for value in choices]
        turned = max(map(len, labels)) * len(labels) > 40
        panel.set_xticks(range(len(choices)), labels, fontsize=8, rotation=30 if turned else 0)
        panel.set_xlim(-0.5, len(choices) - 0.5)
    elif dimension.kind == "loguniform":
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        panel.set_xscale("log")
        low, high = panel.get_xlim()
        some = (1.0,) if high > 100 * low else (1.0, 2.0, 5.0)  # labels of all digits lie on one another
        panel.xaxis.set_major_locator(LogLocator(subs=some))
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set_title(name, fontsize=10)
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)
