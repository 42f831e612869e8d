"""The table of a search, of trials of the test's choosing."""

from types import SimpleNamespace

import pytest

from recbole_hail.tuning.results import table_text
from recbole_hail.tuning.trials import DIVERGED, FINISHED, STOPPED, Trial

TEST = {"mrr": 0.5, "repeat_mrr": 0.75, "new_mrr": 0.25, "repeat_targets": 3, "new_targets": 3}
TRIALS = [
    Trial({"rate": 0.1}, FINISHED, score=0.2, test=TEST, steps=7, seconds=1.5),
    Trial({"rate": 0.2}, DIVERGED, steps=2, seconds=0.5),
    Trial({"rate": 0.3}, STOPPED, score=0.4, steps=3, seconds=0.75),
    Trial({"rate": 0.4}, FINISHED, score=0.3, test=TEST, steps=7, seconds=1.25),
]
ROWS = [
    ["1", "0.1", "0.2", "0.5", "0.75", "7", "1.5", "finished"],
    ["2", "0.2", "2", "0.5", "diverged"],
    ["3", "0.3", "0.4", "3", "0.75", "stopped"],
    ["4", "0.4", "0.3", "0.5", "0.75", "7", "1.25", "finished"],
]


@pytest.mark.parametrize(("bigger", "order"), [(True, [4, 3, 1, 2]), (False, [1, 4, 3, 2])])
def test_the_chosen_trial_stands_first_then_the_better_and_last_those_without_a_score(bigger, order):
    """What was stopped has no test, and is not chosen whatever its score; of subsets only what is searched by."""
    search = SimpleNamespace(
        space={"rate": None},
        trials=TRIALS,
        config={"model": "HAIL", "dataset": "made"},
        metric="repeat_mrr",
        bigger=bigger,
        total=5,
        best=lambda: TRIALS[order[0] - 1],
    )
    caption, _, over, names, _, *rows, _ = table_text(search).splitlines()
    assert caption.startswith("HAIL on made, 4 of 5 trials, best repeat_mrr on validation first")
    assert over.split() == ["valid", "test", "test"]
    assert names.split() == ["trial", "rate", "repeat_mrr", "mrr", "repeat_mrr", "steps", "seconds", "status"]
    chosen, *others = (ROWS[trial - 1] for trial in order)
    assert [row.split() for row in rows] == [["*", *chosen], *others]
