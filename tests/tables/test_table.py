"""A table as data: improvements, and its CSV read back."""

import csv
import io

from recbole_hail.tables.table import Cell, Column, Table, to_csv


def test_an_improvement_over_nothing_or_over_zero_is_left_out():
    columns = [Column("MRR")]
    assert Table("", columns, {"a": [Cell(0.5)]}).improvements() == [None]
    assert Table("", columns, {"a": [Cell(0.5)], "b": [Cell(0.0)]}).improvements() == [None]
    assert Table("", columns, {"a": [Cell(0.5)], "b": [Cell(0.5)]}).improvements() == [None], "two first ones"


def test_csv_keeps_full_precision_and_what_differs_between_tables(table):
    other = Table("", table.columns, {"HAIL": [Cell(1 / 3, p=1e-9), Cell(0.1), Cell(7.0)]}, {"targets": "new"})
    rows = list(csv.DictReader(io.StringIO(to_csv([table, other]))))
    assert [row["targets"] for row in rows] == ["all", "all", "all", "new"]
    assert float(rows[3]["HR@1"]) == 1 / 3 and float(rows[3]["HR@1 p"]) == 1e-9
    assert rows[0]["HR@1 low"] == "0.18" and rows[0]["HR@1 p"] == "" and rows[3]["candidates"] == ""
    assert rows[2]["model"] == "Pop_1 & 50 %"
