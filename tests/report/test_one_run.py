"""What the process of one run makes: the mean of models."""

from types import SimpleNamespace

import pytest
import torch

from recbole_hail.report.one_run import MeanOfModels


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
