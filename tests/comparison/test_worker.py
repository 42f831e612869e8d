"""What the process of one run makes: the mean of models."""

import json
from types import SimpleNamespace

import pytest
import torch

from recbole_hail.comparison import worker
from recbole_hail.comparison.worker import PROGRESS, MeanOfModels
from recbole_hail.training.budget import Budget


def test_a_mean_counts_the_steps_of_the_member_that_took_most(tmp_path, monkeypatch):
    for member, steps in (("a", 3), ("b", 7)):
        (tmp_path / member).mkdir()
        record = {"steps": steps, "parameters": 5, "training seconds": 2.0}
        (tmp_path / member / "record.json").write_text(json.dumps(record))
    kept = SimpleNamespace(write=lambda path: None, candidates={})
    monkeypatch.setattr(worker, "_ranked", lambda request: kept)
    monkeypatch.chdir(tmp_path)
    worker.average({"members": ["a/model.pth", "b/model.pth"]})
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["steps"], record["parameters"], record["training seconds"]) == (7, 10, 4.0)


class Scores(torch.nn.Module):
    device, n_items, ITEM_ID = torch.device("cpu"), 3, "item_id"

    def __init__(self, *scores):
        super().__init__()
        self.scores = torch.tensor([scores])

    def full_sort_predict(self, interaction):
        return self.scores

    def predict(self, interaction):
        return self.scores[0, interaction.element]


def test_a_mean_of_models_scores_by_the_mean_of_their_scores():
    """No test would have noticed one that scored as its first member does."""
    mean = MeanOfModels([Scores(9.0, 5.0, 0.0), Scores(0.0, 6.0, 10.0)])
    asked = SimpleNamespace(element=torch.tensor([1]))
    torch.testing.assert_close(mean.full_sort_predict(asked), torch.tensor([[4.5, 5.5, 5.0]]))
    assert mean.predict(asked).item() == pytest.approx(5.5)
    assert mean.full_sort_predict(asked).argmax() == 1, "the likeliest of neither member"


def test_a_training_writes_now_and_then_how_far_it_has_come(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clock = iter([0.0, 9.0, 10.0, 10.0, 11.0])
    monkeypatch.setattr(worker, "perf_counter", lambda: next(clock))
    tell = worker._teller()
    tell(Budget(100, None, 1, 2.0))
    assert not (tmp_path / PROGRESS).exists()
    tell(Budget(100, None, 50, 60.0))
    tell(Budget(100, None, 51, 61.0))
    assert (tmp_path / PROGRESS).read_text() == "step 50 of 100, 1.0 min of training left"
