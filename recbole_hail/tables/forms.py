"""A table as people read it: aligned text, Markdown and LaTeX."""

import re
import textwrap
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from recbole_hail.tables.table import Cell, Column, Table

IMPROVEMENT = "improvement over the second"


@dataclass(frozen=True)
class Style:
    """How a form of text writes what a table marks."""

    best: str = "**{}**"
    second: str = "_{}_"
    differs: str = "*"
    plus_minus: str = " ± "
    escape: Callable[[str], str] = str
    parts: Callable[[list[str]], str] = " ".join  # of a cell: the value, its interval, the paper's number


_LATEX_ESCAPES = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        **{"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"},
        **{"±": r"$\pm$", "<": "$<$", ">": "$>$", "|": "$|$", "×": r"$\times$", "–": "--"},
    }
)


def _latex(text: str) -> str:
    return text.translate(_LATEX_ESCAPES)


def _stacked(parts: list[str]) -> str:
    r"""One above the other, for a page is not as wide as a screen; after \\ a bracket would be a distance."""
    return parts[0] if len(parts) == 1 else r"\begin{tabular}[t]{@{}r@{}}" + r"\\{}".join(parts) + r"\end{tabular}"


def markdown_text(text: str) -> str:
    """`text` as Markdown shows it unchanged."""
    return re.sub(r"[\\*_|`\[\]<>]", r"\\\g<0>", text)


PLAIN = Style()
TERMINAL = Style(best="\033[1m{}\033[0m", second="\033[4m{}\033[0m")
MARKDOWN = Style(second="<u>{}</u>", differs=r"\*", escape=markdown_text)
LATEX = Style(r"\textbf{{{}}}", r"\underline{{{}}}", "$^{*}$", r" $\pm$ ", _latex, _stacked)


def _cell(table: Table, index: int, cell: Cell, style: Style) -> str:
    if cell.mean is None:
        return ""
    column = table.columns[index]
    text = _number(cell.mean, column)
    if cell.sd is not None:
        text += style.plus_minus + format(cell.sd, column.format.lstrip("+"))
    if column.ranked:
        best, second, *_ = [*table.values(index), None, None]
        if cell.mean == best:
            text = style.best.format(text)
        elif cell.mean == second:
            text = style.second.format(text)
    parts = [text + style.differs * cell.differs]
    if table.detailed and cell.low is not None and cell.high is not None:
        low, high = (_end(end, column, cell) for end in (cell.low, cell.high))
        parts.append(style.escape(f"[{low}, {high}]"))
    if cell.published is not None:
        off = "" if cell.off is None else f", {cell.off:+.1f} %"
        parts.append(style.escape(f"({format(cell.published, column.format)}{off})"))
    return style.parts(parts)


def _end(value: float, column: Column, cell: Cell) -> str:
    """Of an interval; one that leaves 0 out does not seem to end there."""
    text = _number(value, column)
    if cell.differs and value and not text.strip("+-0."):
        return format(value, "+.0e" if column.format.startswith("+") else ".0e")
    return text


def _number(value: float, column: Column) -> str:
    """What rounds to nothing is not below it."""
    text = format(value, column.format)
    return text if text.strip("-0.") else format(0.0, column.format)


def _grid(table: Table, style: Style) -> list[list[str]]:
    """Header, a row for each model and, where they are defined, the improvements, as styled text."""
    header = [style.escape(name) for name in ("model", *(column.name for column in table.columns))]
    rows = [
        [style.escape(label), *(_cell(table, index, cell, style) for index, cell in enumerate(cells))]
        for label, cells in table.rows.items()
    ]
    improvements = table.improvements()
    if any(value is not None for value in improvements):
        cells = ["" if value is None else style.escape(f"{value:+.1f} %") for value in improvements]
        rows.append([style.escape(IMPROVEMENT), *cells])
    return [header, *rows]


def to_text(table: Table, *, terminal: bool = False) -> str:
    """Aligned columns; best and second in bold and underlined on a terminal, else in ** ** and _ _."""
    lines = aligned(_grid(table, TERMINAL if terminal else PLAIN))
    rule = "-" * max(map(_width, lines))
    caption = textwrap.fill(table.caption, max(len(rule), 60))
    return "\n".join([caption, rule, lines[0], rule, *_ruled(table, lines[1:], rule), rule]) + "\n"


def _ruled(table: Table, lines: list[str], rule: str) -> list[str]:
    """The rows, with a rule before the improvements where there are any."""
    models = len(table.rows)
    return [*lines[:models], *(part for line in lines[models:] for part in (rule, line))]


def aligned(rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> list[str]:
    """Lines of columns of equal width, those of the places `left` flush left and the others flush right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]

    def padded(place: int, text: str) -> str:
        gap = " " * (widths[place] - _width(text))
        return text + gap if place in left else gap + text

    return ["  ".join(padded(place, text) for place, text in enumerate(row)).rstrip() for row in rows]


def _width(text: str) -> int:
    """Columns on the screen, where a terminal's codes for bold and underlined take none."""
    return len(re.sub("\033\\[[0-9]+m", "", text))


def to_markdown(table: Table) -> str:
    """A pipe table below its caption."""
    return pipe_table(table.caption, _grid(table, MARKDOWN), left=1)


def pipe_table(caption: str, grid: list[list[str]], *, left: int) -> str:
    """Of a header and rows that are Markdown already, so many columns flush left and the others flush right."""
    header, *rows = grid
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    lines = [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]
    return "\n".join([markdown_text(caption), "", *lines]) + "\n"


def _label(table: Table) -> str:
    """Of what tells a table from the others of its file, and of those of other datasets."""
    protocol = table.constants.get("candidates", "").split(" ")[0].rstrip(",")
    parts = [*(table.constants.get(name, "") for name in ("dataset", "group", "targets", "less")), protocol]
    return "tab:" + "-".join(re.sub(r"\W+", "-", part).strip("-").lower() for part in parts if part)


def to_latex(table: Table) -> str:
    """A table for booktabs, over both columns where a page has two, and made smaller where rows are longer still."""
    end = r" \\" + r"\addlinespace" * table.detailed
    header, *rows = [" & ".join(cells) + end for cells in _grid(table, LATEX)]
    lines = [
        r"% needs \usepackage{booktabs,graphicx}",
        r"\begin{table*}",
        r"\centering\small",
        rf"\caption{{{_latex(table.caption)}}}",
        rf"\label{{{_label(table)}}}",
        r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        *(r"\toprule", header, r"\midrule", *_ruled(table, rows, r"\midrule"), r"\bottomrule"),
        *(r"\end{tabular}}", r"\end{table*}"),
    ]
    return "\n".join(lines) + "\n"
