"""A plan of runs and a table that several tests share."""

import pytest
from recbole.config import Config

from recbole_hail.comparison.notation import ModelSpec
from recbole_hail.comparison.plan import Plan
from recbole_hail.comparison.runs import Run, Shared
from recbole_hail.comparison.tables import Cell, Column, Table


@pytest.fixture
def plan(workplace):
    rows = {
        "SASRec": [Run(ModelSpec("SASRec"), 1), Run(ModelSpec("SASRec"), 2)],
        "Pop": [Run(ModelSpec("Pop"), 1)],
        "mean": [Run(ModelSpec("HAIL", members=2), seed, (Run(ModelSpec("HAIL"), seed),)) for seed in (1, 2)],
    }
    settings = {"metrics": ["Hit", "MRR"], "topk": [1], "valid_metric": "MRR", "eval_args": {"order": "TO"}}
    return Plan(Shared("made", "0123", {}, {}), Config("Pop", "made", config_dict=settings), rows, [1, 2])


@pytest.fixture
def table():
    columns = [Column("HR@1"), Column("MRR"), Column("training s", ",.0f", ranked=False)]
    rows = {
        "HAIL": [Cell(0.2, 0.01, 0.18, 0.22), Cell(0.35, 0.002), Cell(1234.4, 5.0)],
        "HAIL (peers=1)": [Cell(0.25, 0.03, 0.2, 0.3), Cell(0.35, 0.001), Cell(600.0, 2.0)],
        "Pop_1 & 50 %": [Cell(0.1, None, p=0.0004, differs=True), Cell(0.3, p=0.2), Cell(0.0)],
    }
    return Table("chi18: 99 % | $a_b$", columns, rows, {"targets": "all", "candidates": "ab12"})
