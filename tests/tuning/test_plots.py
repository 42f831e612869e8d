"""The slice plot of a search."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from recbole_hail.tuning import plots
from recbole_hail.tuning.space import Dimension
from recbole_hail.tuning.trials import FINISHED, STOPPED, Trial


@pytest.mark.parametrize(
    "values, labels",
    [
        ([0.005, 1e-07, 0.001], ["1e-07", "0.001", "0.005"]),  # a zigzag, in the order of the file
        (["gru", "causal"], ["gru", "causal"]),
        ([True, False], ["true", "false"]),
    ],
)
def test_numbers_stand_by_size_and_all_else_as_in_the_file(tmp_path, monkeypatch, values, labels):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, file, format: figures.append(self) or Path(file).touch())
    trials = [Trial({"setting": value}, FINISHED, score=0.1 * place) for place, value in enumerate(values)]
    trials.append(Trial({"setting": values[0]}, STOPPED, score=0.05))
    search = SimpleNamespace(
        space={"setting": Dimension("choice", values)},
        trials=trials,
        config={"model": "HAIL", "dataset": "made"},
        metric="mrr",
        best=lambda: trials[len(values) - 1],
    )
    plots.slice_plot(search, tmp_path / "plot.png")
    (panel,) = (axes for axes in figures[0].axes if axes.get_visible())
    assert [label.get_text() for label in panel.get_xticklabels()] == labels
    points = {(round(x), round(y, 3)) for x, y in (dots.get_offsets()[0] for dots in panel.collections)}
    assert points == {(labels.index(plots.word(trial.settings["setting"])), trial.score) for trial in trials}
    dark = [to_hex(dots.get_edgecolor()[0]) == to_hex(plots.BEST) for dots in panel.collections]
    assert dark == [trial is search.best() for trial in trials], "the chosen one"
    hollow = [not len(dots.get_facecolor()) for dots in panel.collections]
    assert hollow == [trial.status == STOPPED for trial in trials]


@pytest.mark.parametrize("values, least", [([0.002, 0.0031], 1), ([0.0001, 0.1], 3)])
def test_labels_of_a_logarithmic_axis_do_not_lie_on_one_another(tmp_path, monkeypatch, values, least):
    """ "3 × 10⁻³4 × 10⁻³" stood there."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, file, format: figures.append(self) or Path(file).touch())
    trials = [Trial({"rate": value}, FINISHED, score=0.1) for value in values]
    search = SimpleNamespace(
        space={"rate": Dimension("loguniform", [-10, -1])},
        trials=trials,
        config={"model": "HAIL", "dataset": "made"},
        metric="mrr",
        best=lambda: trials[0],
    )
    plots.slice_plot(search, tmp_path / "plot.png")
    (panel,) = (axes for axes in figures[0].axes if axes.get_visible())
    figures[0].draw_without_rendering()
    low, high = panel.get_xlim()
    shown = [label for label in panel.get_xticklabels(which="both") if low <= label.get_position()[0] <= high]
    boxes = sorted(label.get_window_extent().intervalx.tolist() for label in shown if label.get_text())
    assert len(boxes) >= least and all(first[1] < second[0] for first, second in itertools.pairwise(boxes))
