"""The bar chart: a picture of the right kind, whole or not at all, with a bar and a number for each model."""

import pytest
from matplotlib.figure import Figure

from recbole_hail.tables.plots import Line, bar_chart, line_chart, panels_chart
from recbole_hail.tables.table import Cell, Column, Table


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were written."""
    figures = []
    original = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), original(self, *a, **k))[1])
    return figures


def table(metrics: int) -> Table:
    columns = [*(Column(f"HR@{k}") for k in range(1, metrics + 1)), Column("training s", ",.0f", ranked=False)]
    rows = {f"model {m}": [*(Cell((m + k) / 20, low=m / 20) for k in range(metrics)), Cell(9.0)] for m in range(9)}
    return Table("caption", columns, rows)


@pytest.mark.parametrize("metrics", [1, 2, 4, 5])
def test_a_panel_for_each_metric_with_all_models_named_in_the_tables_order(tmp_path, drawn, metrics):
    bar_chart(table(metrics), tmp_path / "new" / "bars.png", title="chi18, strict", whiskers="lines: 95 %")
    assert (tmp_path / "new" / "bars.png").read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["bars.png"]
    (figure,) = drawn
    panels = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title() for panel in panels] == [f"HR@{k}" for k in range(1, metrics + 1)]
    for k, panel in enumerate(panels):
        if panel.get_subplotspec().is_first_col():
            assert [label.get_text() for label in panel.get_yticklabels()] == [f"model {m}" for m in range(9)]
        assert [text.get_text() for text in panel.texts] == [f"{(m + k) / 20:.3f}" for m in range(9)]
        assert [bar.get_width() for bar in panel.patches] == [(m + k) / 20 for m in range(9)]
        low, high = panel.get_ylim()
        assert low > high, "the first model is on top"
    assert figure.get_suptitle() == "chi18, strict"


def test_names_and_numbers_do_not_overlap(tmp_path, drawn):
    bar_chart(table(4), tmp_path / "bars.png", title="t", whiskers="w")
    for panel in drawn[0].axes:
        boxes = [text.get_window_extent() for text in panel.texts]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        names = [label.get_window_extent() for label in panel.get_yticklabels() if label.get_visible()]
        assert all(box.x0 >= 0 for box in names), "a name is cut off at the left edge"


def test_nothing_is_left_of_a_chart_that_fails(tmp_path, monkeypatch):
    def fail(self, path, **_):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        bar_chart(table(1), tmp_path / "bars.png", title="t", whiskers="w")
    assert not list(tmp_path.iterdir())


def test_a_row_of_panels_for_each_table_with_the_papers_numbers(tmp_path, drawn):
    known = Table("c", [Column("HR@1"), Column("MRR")], {"HAIL": [Cell(0.3, published=0.5), Cell(-0.1)]})
    panels_chart({"strict": table(2), "paper": known}, ["HR@1"], tmp_path / "p.png", title="t", whiskers="w")
    panels = drawn[0].axes
    assert [panel.get_title() for panel in panels] == ["strict\nHR@1", "paper\nHR@1"]
    assert [label.get_text() for label in panels[1].get_yticklabels()] == ["HAIL"]
    (diamond,) = panels[1].lines
    assert diamond.get_marker() == "D" and list(diamond.get_xdata()) == [0.5]


def test_lines_with_their_bands_and_the_papers_points(tmp_path, drawn):
    lines = [Line("ours", [0, 1], [0.3, 0.4], [0.2, 0.3], [0.4, 0.5], [(1, 0.6)]), Line("other", [0, 1], [0.1, 0.2])]
    panels = {("beta", "value of beta"): lines, ("alpha", "value of alpha"): lines[1:]}
    line_chart(panels, tmp_path / "l.png", title="t", note="n")
    assert (tmp_path / "l.png").read_bytes().startswith(b"\x89PNG")
    first, second = drawn[0].axes
    assert (first.get_title(), first.get_xlabel()) == ("beta", "value of beta")
    assert [list(line.get_ydata()) for line in first.lines] == [[0.3, 0.4], [0.6], [0.1, 0.2]]
    assert len(first.collections) == 1 and first.get_legend() is not None
    assert len(second.lines) == 1 and second.get_legend() is None
