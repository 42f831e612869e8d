"""Forms of a table: what is marked, and each of them read back."""

import csv
import io
import re

import pytest

from recbole_hail.tables.forms import IMPROVEMENT, to_latex, to_markdown, to_text
from recbole_hail.tables.table import Cell, Column, Table, to_csv

ANSI = re.compile("\033\\[[0-9]+m")


def test_best_second_and_the_improvement_between_them(table):
    text = to_text(table)
    assert "**0.250 ± 0.030**" in text and "_0.200 ± 0.010_" in text and " 0.100*" in text
    assert "**0.350 ± 0.002**" in text and "**0.350 ± 0.001**" in text, "equal means are both the best"
    assert "_0.300_" in text
    assert "1,234 ± 5" in text and "**1,234" not in text, "a cost is not ranked"
    assert table.improvements() == [pytest.approx(25.0), pytest.approx(100 / 6), None], "over what is underlined"
    assert "+25.0 %" in text


def test_text_is_aligned_with_and_without_a_terminals_codes(table):
    plain, terminal = to_text(table), to_text(table, terminal=True)
    assert "\033[1m0.250 ± 0.030\033[0m" in terminal and "\033[4m0.200 ± 0.010\033[0m" in terminal
    assert "**" not in terminal and "\033" not in plain
    for text in (plain, ANSI.sub("", terminal)):
        rule, header, _, *rows = text.splitlines()[1:6]
        assert {len(line) for line in (rule, header, *rows)} == {len(rule)}


def test_markdown_has_as_many_cells_in_every_line_and_escapes_marks(table):
    caption, _, *lines = to_markdown(table).splitlines()
    assert caption == r"chi18: 99 % \| $a\_b$"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {5}
    assert lines[1] == "| --- | ---: | ---: | ---: |"
    assert r"| Pop\_1 & 50 % | 0.100\* | <u>0.300</u> | 0 |" in lines
    assert "| HAIL (peers=1) | **0.250 ± 0.030** | **0.350 ± 0.001** | 600 ± 2 |" in lines


def test_latex_is_a_booktabs_table_with_everything_escaped(table):
    latex = to_latex(table)
    assert r"\caption{chi18: 99 \% $|$ \$a\_b\$}" in latex
    assert r"HAIL (peers=1) & \textbf{0.250 $\pm$ 0.030} & \textbf{0.350 $\pm$ 0.001} & 600 $\pm$ 2 \\" in latex
    assert r"Pop\_1 \& 50 \% & 0.100$^{*}$ & \underline{0.300} & 0 \\" in latex
    assert rf"{IMPROVEMENT} & +25.0 \% & +16.7 \% &  \\" in latex
    body = latex.split(r"\toprule")[1].split(r"\bottomrule")[0]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {3}
    assert r"\begin{tabular}{lrrr}" in latex and r"\label{tab:" in latex
    assert latex.count("{") == latex.count("}"), "none of the escaped characters here is a brace"


def test_intervals_and_the_papers_numbers_stand_in_the_cells_of_a_detailed_table():
    cells = [Cell(0.45, 0.01, 0.43, 0.47, published=0.5), Cell(0.2)]
    table = Table("c", [Column("HR@1"), Column("MRR")], {"HAIL": cells, "Pop": [Cell(0.1), Cell(0.1)]}, detailed=True)
    assert "**0.450 ± 0.010** [0.430, 0.470] (0.500, -10.0 %)" in to_text(table)
    assert r"**0.450 ± 0.010** \[0.430, 0.470\] (0.500, -10.0 %)" in to_markdown(table)
    stacked = r"{@{}r@{}}\textbf{0.450 $\pm$ 0.010}\\{}[0.430, 0.470]\\{}(0.500, -10.0 \%)\end{tabular}"
    assert stacked in to_latex(table), "side by side they were three times as wide as a page"
    (row, other) = csv.DictReader(io.StringIO(to_csv([table])))
    assert float(row["HR@1 paper"]) == 0.5 and float(row["HR@1 off by %"]) == pytest.approx(-10)
    assert other["HR@1 paper"] == "" and "MRR paper" not in row


def test_where_nothing_is_ranked_there_is_no_row_of_improvements():
    table = Table("c", [Column("MRR", "+.4f", ranked=False)], {"HAIL": [Cell(0.01)], "Pop": [Cell(-0.02)]})
    for text in (to_text(table), to_markdown(table), to_latex(table)):
        assert IMPROVEMENT not in text and "+0.0100" in text and "-0.0200" in text


def test_differences_have_a_sign_and_their_deviations_none():
    """It was -0.0003 ± +0.0017, and -0.0000 for what rounds to nothing."""
    cells = [Cell(-0.0003, 0.0017, -0.00001, 0.0012)], [Cell(-0.00004, 0.0001)]
    table = Table("", [Column("MRR", "+.4f", ranked=False)], dict(zip("ab", cells, strict=True)), detailed=True)
    assert "-0.0003 ± 0.0017 [+0.0000, +0.0012]" in to_text(table) and "+0.0000 ± 0.0001" in to_text(table)


def test_an_interval_that_leaves_0_out_does_not_end_there():
    """A marked difference had [-0.0022, +0.0000]."""
    cells = [Cell(-0.0011, low=-0.0022, high=-0.00003, differs=True)], [Cell(0.001, low=0.00004, high=0.002)]
    for format, ends in (("+.4f", "[-0.0022, -3e-05]"), (".4f", "[-0.0022, -3e-05]")):
        table = Table("", [Column("MRR", format, ranked=False)], dict(zip("ab", cells, strict=True)), detailed=True)
        assert ends in to_text(table)
    assert "[0.0000, 0.0020]" in to_text(table), "of one that is not marked"


def test_what_is_not_known_is_an_empty_cell():
    """Steps and seconds of models that keep no budget were 0 ± 0."""
    columns = [Column("MRR"), Column("steps", ",.0f", ranked=False)]
    table = Table("costs", columns, {"NCL": [Cell(0.5), Cell(None)], "HAIL": [Cell(0.4), Cell(7.0)]})
    assert to_markdown(table).splitlines()[4] == "| NCL | **0.500** |  |"
    assert [row["steps"] for row in csv.DictReader(io.StringIO(to_csv([table])))] == ["", "7.0"]
    assert to_text(table) and to_latex(table)


def test_the_tables_of_one_file_have_labels_of_their_own():
    def label(**constants):
        latex = to_latex(Table("c", [Column("MRR")], {"HAIL": [Cell(0.2)]}, constants))
        return latex.split(r"\label{")[1].split("}")[0]

    assert label(targets="all", candidates="strict 99, seed 2020, lists 01") == "tab:all-strict"
    assert label(targets="all", less="MED, 100 steps", candidates="full, lists 01") == "tab:all-med-100-steps-full"
    assert label(group="Alpha", targets="new", candidates="paper 99") == "tab:alpha-new-paper"
    assert label(dataset="chi18", targets="all", candidates="full") == "tab:chi18-all-full", "two datasets in one paper"
