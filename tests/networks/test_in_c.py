"""Whole peer networks in C against the same by torch: the same dropout, and values and gradients but for rounding."""

import pytest
import torch

from recbole_hail import native
from recbole_hail.networks import BASE_NETWORKS, PeerNetworks, Sizes, activations, attention_in_c, layer_in_c, residual

SIZES = {"positions": 9, "hidden_size": 32, "inner_size": 40}  # with dropout on hidden states
SEQUENCES = torch.randint(1, 8, (6, 9), generator=torch.Generator().manual_seed(0))
SEQUENCES[1, 4:] = SEQUENCES[4, 1:] = 0


def hidden_and_gradients(base_networks, most, dropout):
    torch.manual_seed(1)
    networks = PeerNetworks(
        base_networks, Sizes(**SIZES, attention_dropout=dropout), elements=7, initializer_range=0.2
    ).train()
    positions = torch.tensor([2, 8, 9, 12, 36, 40, 53])
    hidden = networks(SEQUENCES, positions, visible=SEQUENCES > 0, most=most)
    (hidden * torch.linspace(-1, 1, hidden.numel()).view(hidden.shape)).sum().backward()
    return {"hidden": hidden} | {name: weight.grad for name, weight in networks.named_parameters()}


@pytest.mark.parametrize(
    "base_networks", [*([name] for name in BASE_NETWORKS), ["bidirectional"] * 2, ["causal", "gru"]]
)
@pytest.mark.parametrize("most", [None, 2])
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("dropout", [0.0, 0.2], ids=["layers as a whole", "layers in parts"])
def test_values_and_gradients_are_those_of_torch(threads, monkeypatch, base_networks, most, count, dropout):
    threads(count)
    for module, least in ((activations, 100), (attention_in_c, 100), (residual, 100), (layer_in_c, 10)):
        monkeypatch.setattr(module, "LEAST", least)
    found = hidden_and_gradients(base_networks, most, dropout)
    monkeypatch.setattr(native, "library", lambda: None)
    expected = hidden_and_gradients(base_networks, most, dropout)
    for name, value in expected.items():
        if value is None:
            assert found[name] is None
            continue
        size = value.abs().max().item() + 1e-3
        torch.testing.assert_close(
            found[name], value, rtol=1e-4, atol=1e-5 * size, msg=lambda text, name=name: f"{name}: {text}"
        )
