"""Base networks by name, and those of users."""

import pytest
import torch
from torch import nn

from recbole_hail.errors import SettingsError
from recbole_hail.networks import BASE_NETWORKS, BaseNetwork, PeerNetworks, Sizes
from recbole_hail.networks.base import change_by_later

SIZES = Sizes(positions=8, hidden_size=4, inner_size=8)


class MeanOfAll(nn.Module):
    """Every position is given something of all others, those to its right too."""

    def __init__(self, sizes):
        super().__init__()
        self.layer = nn.Linear(sizes.hidden_size, sizes.hidden_size)
        self.dropout = nn.Dropout(0.5)

    def forward(self, hidden, visible):
        return hidden + self.dropout(self.layer(hidden)).mean(1, keepdim=True)


class MeanSoFar(MeanOfAll):
    """The same without those to its right."""

    def forward(self, hidden, visible):
        return hidden + self.dropout(self.layer(hidden)).cumsum(1)


@pytest.fixture
def named(monkeypatch):
    """A base network of a user's, by the name that it is registered under."""

    def register(predicts, build):
        monkeypatch.setitem(BASE_NETWORKS, "mine", BaseNetwork(predicts, build, needs_visible=False))
        return PeerNetworks(["causal", "mine"], SIZES, elements=5).peers[1]

    return register


def test_a_base_network_that_sees_what_it_is_to_predict_is_refused(named):
    """It trained without a word, to a loss near 0, and predicted nothing."""
    with pytest.raises(SettingsError, match=r"^base_network: mine predicts .* trained on the answers"):
        named("next", MeanOfAll)


def test_one_that_sees_the_past_alone_or_predicts_what_is_masked_is_taken_and_left_in_training(named):
    for predicts, build in [("next", MeanSoFar), ("masked", MeanOfAll)]:
        assert named(predicts, build).training


@pytest.mark.parametrize("name", ["bidirectional", "causal", "gru", "csa", "duronet"])
def test_what_reaches_the_networks_here_is_as_they_say(name):
    encoder = BASE_NETWORKS[name].build(SIZES)
    assert (change_by_later(encoder, SIZES) > 0.01) == (BASE_NETWORKS[name].predicts == "masked")


def test_a_base_network_is_made_on_a_device_without_numbers_too(named):
    with torch.device("meta"):
        assert named("next", MeanSoFar).layer.weight.is_meta
