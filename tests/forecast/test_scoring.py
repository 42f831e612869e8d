"""Scores after any histories, as logits."""

import numpy as np
import pytest
import torch
from recbole.data.interaction import Interaction
from torch.nn.utils.rnn import pad_sequence

from recbole_hail.forecast.loading import load_forecast_model
from recbole_hail.forecast.scoring import logits
from recbole_hail.models.rules import RULES


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_ties_in_a_forecast_only_what_it_ties_itself(saved, rule):
    """Popularity, which breaks the ties of GeneratorKNN by millionths of an event, was rounded away."""
    trained = load_forecast_model(saved(rule).path)
    events, start = trained.histories()
    numbers = np.array([3, 7, 11])
    histories = [events[start[number] : start[number + 1]] for number in numbers]
    found = logits(trained, histories, numbers)[0][:, 1:]
    rows = {
        "item_id_list": pad_sequence([torch.from_numpy(history) for history in histories], batch_first=True),
        "item_length": torch.tensor([len(history) for history in histories]),
        "user_id": torch.from_numpy(numbers),
    }
    own = trained.model.full_sort_predict(Interaction(rows)).view(len(numbers), -1)[:, 1:]
    for scores, expected in zip(found, own, strict=True):
        assert len(scores.unique()) == len(expected.unique())
        assert torch.equal(scores.argsort(stable=True), expected.argsort(stable=True))
