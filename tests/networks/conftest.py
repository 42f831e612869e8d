from __future__ import annotations

import pytest
import torch

from recbole_hail.networks import PeerNetworks, Sizes

SMALL = {
    "positions": 6,
    "layers": 2,
    "heads": 2,
    "hidden_size": 8,
    "inner_size": 12,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
}


@pytest.fixture(scope="session")
def small_networks():
    """Builds small peers without dropout, in evaluation mode; keyword arguments change single sizes."""

    def build(*base_networks, seed=0, **changed):
        torch.manual_seed(seed)
        # Large initial weights, so that no difference between outputs is small.
        return PeerNetworks(base_networks, Sizes(**{**SMALL, **changed}), elements=7, initializer_range=0.5).eval()

    return build
