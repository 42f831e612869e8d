"""What README and docs say must be there."""

import importlib.util
import re
from pathlib import Path

import pytest
from recbole.quick_start import run_recbole

from recbole_hail.networks import base

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCE = "\n".join(
    file.read_text(encoding="utf-8")
    for folder in ("recbole_hail", "dataset_converters")
    for file in (ROOT / folder).rglob("*.py")
)


def module(file: Path):
    spec = importlib.util.spec_from_file_location(file.stem, file)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_configuration_page_is_made_from_the_yaml_files():
    make = module(ROOT / "docs" / "make_configuration.py")
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == make.page()


def test_every_setting_of_a_yaml_file_is_a_row():
    make = module(ROOT / "docs" / "make_configuration.py")
    lines = ["# Title.", "", "# The part.", "one: 1   # (int) First | second.", "two: [1, 2]", "        # goes on"]
    assert make.rows(lines[1:]) == [
        "| **The part** | | |",
        "| `one` | `1` | (int) First \\| second. |",
        "| `two` | `[1, 2]` |  goes on |",
    ]


def test_the_summary_of_results_is_made_from_the_tables():
    make = module(ROOT / "docs" / "make_summary.py")
    assert (make.RESULTS / "summary.md").read_text(encoding="utf-8") == make.text()


def test_a_control_stands_at_equal_steps_and_at_equal_time(tmp_path):
    """Known rows of a table of differences; an interval without 0 in it is marked."""
    make = module(ROOT / "docs" / "make_summary.py")
    rows = [
        make.Difference(label, {"MRR": low}, {"MRR": low + 0.001}, {"MRR": low + 0.002})
        for label, low in [
            ("mimicry, 10 steps (equal steps and time)", -0.001),
            ("one network, 10 steps (equal steps)", -0.003),
            ("one network, 20 steps (equal time)", 0.004),
        ]
    ]
    group = make.Group(tmp_path / "toys-controls-main-10.csv", "T = 2", "strict", 0.3, rows)
    group.file.with_suffix(".md").write_text("paper controls --seeds 1,2")
    cells = [make.cell_of(group, *wanted) for wanted in make.CONTROLS.values()]
    assert cells == [
        *("+0.0 [-1.0, +1.0]", "", "", "-2.0 [-3.0, -1.0] \\*", "", "+5.0 [+4.0, +6.0] \\*"),
    ]
    group.file.with_suffix(".md").write_text("paper controls --seeds 1")
    assert "*" not in make.cell_of(group, *make.CONTROLS["one network"]), "another training may differ as much"
    assert make.VARIED.sub("", "MED, alpha = 0.1, 1,000 steps") == "alpha = 0.1"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_messages_of_the_faq_are_messages_of_the_program():
    """Pieces between values, as they stand in the source; those of other programs are marked by what they name."""
    faq = (ROOT / "docs" / "faq.md").read_text(encoding="utf-8")
    quoted = [
        text for text in re.findall(r"^\*\*`([^`]+)`", faq, re.MULTILINE) if "…" in text or text.startswith("The last")
    ]
    # Messages are wrapped in the source, at spaces.
    source = re.sub(r'"\s*\n\s*f?"', "", SOURCE)
    pieces = [piece.strip(" ;.,:?") for text in quoted for piece in text.removeprefix("warning: ").split("…")]
    assert len(quoted) > 12
    assert [piece for piece in pieces if piece not in source] == []


def test_every_page_can_be_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = {page for page in (ROOT / "docs").glob("*.md")}
    assert [page.name for page in pages if f"docs/{page.name}" not in readme] == []


def test_the_base_network_of_the_page_on_hail_can_be_trained(cyclic, small, monkeypatch):
    (source,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "hail.md").read_text(encoding="utf-8"), re.DOTALL)
    (cyclic / "of_the_page.py").write_text(source)
    monkeypatch.syspath_prepend(cyclic)
    settings = {**small, "epochs": 2, "base_network": "mean", "peers": 2}
    try:
        assert run_recbole("of_the_page:Mean", "cyclic", config_dict=settings)["test_result"]["mrr"] > 0
    finally:
        del base.BASE_NETWORKS["mean"]
