"""The last layer computed where it is asked for alone, against all of it computed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_hail.networks import BASE_NETWORKS
from recbole_hail.networks.layers import PaddedPositions

SEQUENCES = torch.tensor([[1, 2, 3, 4, 5, 6], [5, 6, 8, 0, 0, 0], [7, 0, 0, 0, 0, 0], [1, 8, 3, 8, 2, 0]])
VISIBLE = SEQUENCES > 0


def peer_by_peer(networks, positions, visible):
    """Each peer alone, everywhere, then the positions taken out and the head applied."""
    embedded = networks.embedding(SEQUENCES)
    rows = []
    for peer in networks.peers:
        everywhere = peer(embedded, None if visible is None else visible[:, None, None, :]).reshape(-1, 8)
        rows.append(torch.stack([networks.head(everywhere[position]) for position in positions.tolist()]))
    return torch.stack(rows)


@pytest.mark.parametrize(
    "peers", [["bidirectional"] * 2, ["causal"] * 3, ["bidirectional"], ["causal", "gru"], ["csa", "causal"]]
)
@pytest.mark.parametrize("positions", [[2, 5, 8, 12, 19, 21], [21, 8, 19, 12, 2], [4], [19, 19, 0]])
def test_values_and_gradients_are_those_of_each_peer_computed_everywhere(small_networks, peers, positions):
    networks, positions = small_networks(*peers), torch.tensor(positions)
    visible = VISIBLE if any(BASE_NETWORKS[peer].needs_visible for peer in peers) else None
    found = networks(SEQUENCES, positions, visible=visible, most=2)
    expected = peer_by_peer(networks, positions, visible)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    weights = torch.linspace(-1, 1, expected.numel()).view(expected.shape)
    parameters = dict(networks.named_parameters())
    used = [name for name in parameters if name != "head.bias"]  # of the product with the embedding table
    slow = torch.autograd.grad((expected * weights).sum(), [parameters[name] for name in used])
    ours = torch.autograd.grad((found * weights).sum(), [parameters[name] for name in used])
    for name, one, other in zip(used, ours, slow, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("base_network", ["bidirectional", "causal"])
def test_one_layer_and_no_positions(small_networks, base_network):
    networks = small_networks(base_network, layers=1)
    visible = VISIBLE if base_network == "bidirectional" else None
    for positions in (torch.tensor([5, 8]), torch.zeros(0, dtype=torch.long)):
        found = networks(SEQUENCES, positions, visible=visible, most=1)
        torch.testing.assert_close(found, networks(SEQUENCES, positions, visible=visible), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("base_network", ["bidirectional", "causal"])
def test_dropout_falls_on_few_positions_too(small_networks, base_network):
    networks = small_networks(base_network, hidden_dropout=0.5).train()
    networks.embedding.dropout.p = 0.0
    positions = torch.tensor([1, 7])
    assert not torch.equal(networks(SEQUENCES, positions, most=1), networks(SEQUENCES, positions, most=1))


@given(st.lists(st.lists(st.integers(0, 4), max_size=3), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_positions_are_laid_out_by_sequence(columns, draw):
    flat = [row * 5 + column for row, of_row in enumerate(columns) for column in of_row]
    draw.shuffle(flat)
    positions = torch.tensor(flat, dtype=torch.long)
    asked = PaddedPositions.lay_out(positions, batch=len(columns), length=5, most=3)
    assert asked.position.flatten()[asked.place].tolist() == flat
    assert len(set(asked.place.tolist())) == len(flat)
    assert (asked.position // 5 == torch.arange(len(columns))[:, None]).all()
