"""A plan of runs that several tests share."""

import pytest
from recbole.config import Config

from recbole_hail.comparison.notation import ModelSpec
from recbole_hail.comparison.plan import Plan
from recbole_hail.comparison.runs import Run, Shared


@pytest.fixture
def plan(workplace):
    rows = {
        "SASRec": [Run(ModelSpec("SASRec"), 1), Run(ModelSpec("SASRec"), 2)],
        "Pop": [Run(ModelSpec("Pop"), 1)],
        "mean": [Run(ModelSpec("HAIL", members=2), seed, (Run(ModelSpec("HAIL"), seed),)) for seed in (1, 2)],
    }
    settings = {"metrics": ["Hit", "MRR"], "topk": [1], "valid_metric": "MRR", "eval_args": {"order": "TO"}}
    return Plan(Shared("made", "0123", {}, {}), Config("Pop", "made", config_dict=settings), rows, [1, 2])
