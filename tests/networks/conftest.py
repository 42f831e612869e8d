from __future__ import annotations

import pytest
import torch

from recbole_hail.networks import PeerNetworks

SMALL = {
    "elements": 7,
    "positions": 6,
    "layers": 2,
    "heads": 2,
    "hidden_size": 8,
    "inner_size": 12,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "initializer_range": 0.5,  # large, so that no difference between outputs is small
}


@pytest.fixture(scope="session")
def small_networks():
    """Builds small peers without dropout, in evaluation mode; keyword arguments change single sizes."""

    def build(*base_networks, seed=0, **changed):
        torch.manual_seed(seed)
        return PeerNetworks(base_networks, **{**SMALL, **changed}).eval()

    return build
