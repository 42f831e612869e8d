"""A table of models and metrics as data, and its CSV; `forms` writes it for people."""

from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Column:
    """A metric or a cost; `ranked` where bigger is better, so that best and second are marked."""

    name: str
    format: str = ".3f"
    ranked: bool = True


@dataclass(frozen=True)
class Cell:
    """Mean and standard deviation over seeds, interval of the mean over generators, corrected p against the best.

    What was not computed is None, the mean only in columns that are not ranked. `differs` where the best of the column
    is significantly better, or, of a difference, where its interval leaves out 0. `published` is the paper's number
    for this cell.
    """

    mean: float | None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    differs: bool = False
    published: float | None = None

    @property
    def off(self) -> float | None:
        """How far the mean is from the paper's number, in percent of that."""
        return 100 * (self.mean / self.published - 1) if self.published else None


@dataclass(frozen=True)
class Table:
    """Rows of cells by label. `constants` are columns of the CSV that say the same in every row.

    The forms for people show intervals where the table is `detailed`; the CSV always does.
    """

    caption: str
    columns: list[Column]
    rows: dict[str, list[Cell]]
    constants: dict[str, str] = field(default_factory=dict)
    detailed: bool = False

    def values(self, column: int) -> list[float]:
        """The different means of a column, best first."""
        return sorted({cells[column].mean for cells in self.rows.values()}, reverse=True)

    def improvements(self) -> list[float | None]:
        """For each column, how much the best is above the second value, in percent of it; None where undefined."""
        found = []
        for index, column in enumerate(self.columns):
            means = self.values(index) if column.ranked else []
            defined = len(means) > 1 and means[1] > 0
            found.append(100 * (means[0] / means[1] - 1) if defined else None)
        return found


def to_csv(tables: list[Table]) -> str:
    """All tables under one header: per column its mean and what else was computed of it, at full precision."""
    return records_to_csv([row for table in tables for row in _records(table)])


def records_to_csv(records: list[dict]) -> str:
    """A row for each record, a column for each name in any of them; what a record lacks is empty."""
    return pd.DataFrame(records, dtype=object).to_csv(index=False, lineterminator="\n")


def _records(table: Table) -> list[dict]:
    records = []
    for label, cells in table.rows.items():
        record = {"model": label, **table.constants}
        for column, cell in zip(table.columns, cells, strict=True):
            record[column.name] = cell.mean
            parts = {"sd": cell.sd, "low": cell.low, "high": cell.high, "p": cell.p}
            parts |= {"paper": cell.published, "off by %": cell.off}
            record |= {f"{column.name} {part}": value for part, value in parts.items() if value is not None}
        records.append(record)
    return records
