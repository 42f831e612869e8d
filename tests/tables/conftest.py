"""A table that several tests share."""

import pytest

from recbole_hail.tables.table import Cell, Column, Table


@pytest.fixture
def table():
    columns = [Column("HR@1"), Column("MRR"), Column("training s", ",.0f", ranked=False)]
    rows = {
        "HAIL": [Cell(0.2, 0.01, 0.18, 0.22), Cell(0.35, 0.002), Cell(1234.4, 5.0)],
        "HAIL (peers=1)": [Cell(0.25, 0.03, 0.2, 0.3), Cell(0.35, 0.001), Cell(600.0, 2.0)],
        "Pop_1 & 50 %": [Cell(0.1, None, p=0.0004, differs=True), Cell(0.3, p=0.2), Cell(0.0)],
    }
    return Table("chi18: 99 % | $a_b$", columns, rows, {"targets": "all", "candidates": "ab12"})
