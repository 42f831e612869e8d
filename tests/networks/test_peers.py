import pytest
import torch
from torch import nn

from recbole_hail.networks import BASE_NETWORKS, PeerNetworks, Sizes

SEQUENCES = torch.tensor([[1, 2, 3, 4], [5, 6, 8, 0], [7, 0, 0, 0]])  # 8 is the mask token
VISIBLE = torch.tensor([[True] * 4, [True] * 3 + [False], [True] + [False] * 3])


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("peers", [1, 2, 3])
@pytest.mark.parametrize("base_network", BASE_NETWORKS)
def test_shapes(small_networks, base_network, peers):
    networks = small_networks(*[base_network] * peers)
    hidden = networks(SEQUENCES, torch.tensor([0, 3, 6, 8, 8]), visible=VISIBLE)
    assert hidden.shape == (peers, 5, 8)
    assert networks.logits(hidden).shape == (peers, 5, 7)
    assert networks.candidate_logits(hidden, torch.tensor([1, 7, 3, 2, 2])).shape == (peers, 5)


def test_no_position_gives_an_empty_prediction(small_networks):
    networks = small_networks("bidirectional", "bidirectional")
    assert networks(SEQUENCES, torch.zeros(0, dtype=torch.long)).shape == (2, 0, 8)


@pytest.mark.parametrize("base_network", BASE_NETWORKS)
def test_positions_index_the_flattened_batch(small_networks, base_network):
    networks = small_networks(base_network)
    everywhere = networks(SEQUENCES, torch.arange(12), visible=VISIBLE)
    positions = torch.tensor([8, 0, 6])
    torch.testing.assert_close(networks(SEQUENCES, positions, visible=VISIBLE), everywhere[:, positions])


def test_peers_differ_by_their_initialisation_and_a_seed_repeats_it(small_networks):
    networks = small_networks("bidirectional", "bidirectional")
    hidden = networks(SEQUENCES, torch.arange(4))
    assert (hidden[0] - hidden[1]).abs().max() > 0.1
    assert torch.equal(hidden, small_networks("bidirectional", "bidirectional")(SEQUENCES, torch.arange(4)))
    again = small_networks("bidirectional", "bidirectional", seed=1)(SEQUENCES, torch.arange(4))
    assert not torch.equal(hidden, again)


def test_peers_may_differ_in_structure(small_networks):
    networks = small_networks("causal", "gru")
    assert [type(peer).__name__ for peer in networks.peers] == ["TransformerEncoder", "RecurrentEncoder"]
    assert networks(SEQUENCES, torch.arange(4)).shape == (2, 4, 8)


@pytest.mark.parametrize("base_network", BASE_NETWORKS)
def test_a_further_peer_costs_one_encoder(small_networks, base_network):
    one, two, three = (small_networks(*[base_network] * peers) for peers in (1, 2, 3))
    encoder = count(one.peers[0])
    assert encoder > 0
    assert count(two) - count(one) == encoder
    assert count(three) - count(two) == encoder


def test_every_peer_trains_the_shared_parts_and_only_its_own_encoder(small_networks):
    networks = small_networks("bidirectional", "bidirectional")
    logits = networks.logits(networks(SEQUENCES, torch.arange(4)))
    (logits[1] * torch.linspace(0, 1, 7)).sum().backward()
    assert networks.embedding.element.weight.grad.ne(0).any()
    assert networks.head.transform.weight.grad.ne(0).any()
    assert networks.peers[1].layers[0].inner.weight.grad.ne(0).any()
    assert networks.peers[0].layers[0].inner.weight.grad.eq(0).all()


def twins(small_networks, **dropout):
    """Two peers with the very same weights, in training mode."""
    networks = small_networks("bidirectional", "bidirectional", **dropout)
    networks.peers[1].load_state_dict(networks.peers[0].state_dict())
    return networks.train()


def test_all_peers_get_the_same_dropout_draw_on_the_embedding(small_networks):
    networks = twins(small_networks)
    networks.embedding.dropout.p = 0.5
    first, second = networks(SEQUENCES, torch.arange(4)), networks(SEQUENCES, torch.arange(4))
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], second[0])


def test_dropout_inside_the_peers_is_independent(small_networks):
    networks = twins(small_networks, hidden_dropout=0.5)
    networks.embedding.dropout.p = 0.0
    hidden = networks(SEQUENCES, torch.arange(4))
    assert (hidden[0] - hidden[1]).abs().max() > 1e-2


@pytest.mark.parametrize("base_network", ["causal", "gru", "csa"])
def test_later_elements_do_not_change_earlier_predictions(small_networks, base_network):
    networks = small_networks(base_network)
    sequence = torch.tensor([[1, 2, 3, 4, 5, 6]])
    before = networks(sequence, torch.arange(6))
    changed = torch.tensor([[1, 2, 3, 7, 7, 1]])
    after = networks(changed, torch.arange(6))
    torch.testing.assert_close(after[:, :3], before[:, :3], rtol=0, atol=1e-6)
    assert (after[:, 3:] - before[:, 3:]).abs().amax(-1).gt(1e-3).all()


def test_a_masked_position_is_predicted_from_both_sides(small_networks):
    networks = small_networks("bidirectional")
    middle = torch.tensor([2])
    before = networks(torch.tensor([[1, 2, 8, 4, 5]]), middle)
    for changed in ([3, 2, 8, 4, 5], [1, 2, 8, 4, 6]):
        assert (networks(torch.tensor([changed]), middle) - before).abs().max() > 1e-3


@pytest.mark.parametrize("base_network", BASE_NETWORKS)
def test_padding_and_batch_mates_change_nothing(small_networks, base_network):
    networks = small_networks(base_network)
    visible = VISIBLE if BASE_NETWORKS[base_network].needs_visible else None
    together = networks(SEQUENCES, torch.arange(12), visible=visible).view(1, 3, 4, 8)
    for row, length in enumerate((4, 3, 1)):
        alone = networks(SEQUENCES[row : row + 1, :length], torch.arange(length))
        torch.testing.assert_close(together[:, row, :length], alone, rtol=1e-5, atol=1e-5)
    wider = torch.nn.functional.pad(SEQUENCES, (0, 2))
    wider_visible = None if visible is None else torch.nn.functional.pad(visible, (0, 2))
    padded = networks(wider, torch.arange(18), visible=wider_visible).view(1, 3, 6, 8)
    for row, length in enumerate((4, 3, 1)):
        torch.testing.assert_close(padded[:, row, :length], together[:, row, :length], rtol=1e-5, atol=1e-5)


def test_without_the_visible_mask_padding_would_be_seen(small_networks):
    networks = small_networks("bidirectional")
    hidden, position = networks(SEQUENCES, torch.tensor([8]), visible=VISIBLE), torch.tensor([8])
    assert (networks(SEQUENCES, position) - hidden).abs().max() > 1e-3


def test_columns_of_the_logits_are_the_elements_1_to_e(small_networks):
    networks = small_networks("bidirectional")
    nn.init.normal_(networks.head.bias)
    hidden = networks(SEQUENCES, torch.arange(4))
    logits = networks.logits(hidden)
    assert logits.shape[-1] == 7, "neither padding nor the mask token"
    for element in range(1, 8):
        expected = hidden @ networks.embedding.element.weight[element] + networks.head.bias[element - 1]
        torch.testing.assert_close(logits[..., element - 1], expected)


def test_padding_and_mask_token_cannot_gain_probability(small_networks):
    networks = small_networks("bidirectional")
    hidden = networks(SEQUENCES, torch.arange(4)).detach()
    before = networks.logits(hidden)
    with torch.no_grad():
        networks.embedding.element.weight[0] = 100.0
        networks.embedding.element.weight[8] = 100.0
    assert torch.equal(networks.logits(hidden), before)


def test_candidate_logits_are_gathered_logits(small_networks):
    networks = small_networks("bidirectional", "bidirectional")
    nn.init.normal_(networks.head.bias)
    hidden = networks(SEQUENCES, torch.arange(7))
    elements = torch.tensor([1, 7, 3, 3, 2, 6, 5])
    expected = networks.logits(hidden)[:, torch.arange(7), elements - 1]
    torch.testing.assert_close(networks.candidate_logits(hidden, elements), expected)


def test_weights_start_as_a_truncated_normal_and_biases_at_0():
    torch.manual_seed(0)
    networks = PeerNetworks(["bidirectional"], Sizes(positions=50), elements=300)
    for name, module in networks.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            assert module.weight.abs().max() <= 0.04, name
            assert 0.016 < module.weight.std() < 0.02, name  # 0.88 of 0.02 is left after the cut at two deviations
        if isinstance(module, nn.Linear):
            assert module.bias.eq(0).all(), name
        if isinstance(module, nn.LayerNorm):
            assert module.weight.eq(1).all(), name
    assert networks.embedding.element.weight[0].eq(0).all()
    assert networks.head.bias.eq(0).all()


def test_an_unknown_base_network_and_heads_that_do_not_divide_are_named(small_networks):
    with pytest.raises(ValueError, match="base_network: 'lstm' must be one of"):
        small_networks("causal", "lstm")
    with pytest.raises(ValueError, match=r"n_heads \(3\) must divide hidden_size \(8\)"):
        small_networks("causal", heads=3)
