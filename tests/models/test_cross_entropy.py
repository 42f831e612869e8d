"""What the systems trained by cross-entropy alone share."""

import pytest
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from torch.nn import functional as F

from recbole_hail.models.cross_entropy import CrossEntropyRecommender


@pytest.mark.parametrize("base_network", ["bidirectional", "causal"])
@pytest.mark.parametrize("peers", [1, 2])
def test_the_loss_is_each_networks_cross_entropy_over_all_elements(cyclic, small, base_network, peers):
    settings = {**small, "base_network": base_network, "peers": peers, "alpha": 0.3}
    config = Config(model="HAIL", dataset="cyclic", config_dict=settings)
    loaders = data_preparation(config, create_dataset(config))
    model = CrossEntropyRecommender(config, loaders[0]._dataset).eval()
    batch = next(iter(loaders[0]))
    logits = model.networks.logits(model.hidden_at_targets(batch))
    expected = torch.stack([F.cross_entropy(of_peer, batch["target_element"] - 1) for of_peer in logits])
    parts = model.loss_parts(batch)
    torch.testing.assert_close(parts.self_knowledge, expected)
    torch.testing.assert_close(parts.total, expected.sum())
    assert parts.positive.eq(0).all() and parts.negative.eq(0).all()


@pytest.mark.parametrize(
    "settings, found",
    [
        ({"distillation": "none", "base_network": "gru"}, []),
        ({"distillation": None, "base_network": "gru"}, []),
        ({"distillation": "med", "base_network": "gru"}, ["distillation: 'med' must be none for OnlyGru"]),
        ({"distillation": "none", "base_network": "causal"}, ["base_network: 'causal' must be gru for OnlyGru"]),
    ],
)
def test_what_a_system_has_no_choice_in_is_named(workplace, settings, found):
    class OnlyGru(CrossEntropyRecommender):
        own_network = "gru"

    config = Config(model="HAIL", dataset="ml-100k", config_dict=settings)
    assert OnlyGru.complete_settings(config) == found
