import math

import pytest
import torch
from torch.nn import functional as F

from recbole_hail.networks import BASE_NETWORKS, Sizes, encoders, predicts
from recbole_hail.networks.base import build_encoder
from recbole_hail.networks.encoders import TransformerEncoder, both_ways
from recbole_hail.networks.layers import EncoderLayer, SelfAttention

SIZES = {
    "positions": 6,
    "layers": 2,
    "heads": 2,
    "hidden_size": 8,
    "inner_size": 12,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
}


def encoder(base_network, **changed):
    torch.manual_seed(0)
    return build_encoder(base_network, Sizes(**{**SIZES, **changed}))


def hidden_states(batch=2, length=5, size=8):
    return torch.randn(batch, length, size, generator=torch.Generator().manual_seed(1))


def slow_attention(layer, hidden, *, visible=None, causal=False):
    """Eqs. 1 and 2 without the residual, a loop for every sequence, head, query and key."""
    batch, length, size = hidden.shape
    width = size // layer.heads
    weights = layer.query_key_value.weight.split(size)
    biases = layer.query_key_value.bias.split(size)
    query, key, value = (hidden @ w.t() + b for w, b in zip(weights, biases, strict=True))
    mixed = torch.zeros_like(hidden)
    for b in range(batch):
        for head in range(layer.heads):
            of_head = slice(head * width, (head + 1) * width)
            for i in range(length):
                looked_at = [j for j in range(length) if (visible is None or visible[b, j]) and not (causal and j > i)]
                scores = [query[b, i, of_head] @ key[b, j, of_head] / math.sqrt(width) for j in looked_at]
                weights = torch.stack(scores).softmax(0)
                mixed[b, i, of_head] = sum(s * value[b, j, of_head] for s, j in zip(weights, looked_at, strict=True))
    return mixed @ layer.output.weight.t() + layer.output.bias


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_equals_a_slow_computation(heads):
    torch.manual_seed(0)
    hidden = hidden_states()
    visible = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    both_ways = SelfAttention(Sizes(**{**SIZES, "heads": heads}), causal=False)
    torch.testing.assert_close(both_ways(hidden, None), slow_attention(both_ways, hidden))
    torch.testing.assert_close(
        both_ways(hidden, visible[:, None, None, :]), slow_attention(both_ways, hidden, visible=visible)
    )
    one_way = SelfAttention(Sizes(**{**SIZES, "heads": heads}), causal=True)
    torch.testing.assert_close(one_way(hidden, None), slow_attention(one_way, hidden, causal=True))


def test_a_layer_is_post_norm_attention_and_feed_forward():
    torch.manual_seed(0)
    sizes = Sizes(**SIZES)
    layer = EncoderLayer(sizes, SelfAttention(sizes, causal=False))
    hidden = hidden_states()
    after_attention = F.layer_norm(hidden + slow_attention(layer.attention, hidden), (8,), eps=1e-12)
    inner = F.gelu(after_attention @ layer.inner.weight.t() + layer.inner.bias)
    outer = inner @ layer.outer.weight.t() + layer.outer.bias
    expected = F.layer_norm(after_attention + outer, (8,), eps=1e-12)
    torch.testing.assert_close(layer(hidden, None), expected)


def test_the_gru_adds_its_input_back_and_normalises():
    network = encoder("gru")
    hidden = hidden_states()
    states, _ = network.recurrence(hidden)
    torch.testing.assert_close(network(hidden, None), F.layer_norm(hidden + states, (8,), eps=1e-12))
    alone, _ = network.recurrence(hidden[1:, :3])
    torch.testing.assert_close(states[1:, :3], alone)  # sequences stand in the first dimension


def test_the_gru_drops_out_between_its_layers(monkeypatch):
    """Layer by layer it is torch's GRU, but for which numbers are drawn; its last layer drops nothing."""
    network, hidden = encoder("gru", layers=3, hidden_dropout=0.5), hidden_states()
    network.norm.p = 0.0
    called = []
    monkeypatch.setattr(encoders, "dropout", lambda states, p: called.append(p) or states)
    states = network(hidden, None)
    assert called == [0.5, 0.5]
    torch.testing.assert_close(states, network.eval()(hidden, None))
    monkeypatch.setattr(encoders, "dropout", lambda states, p: states * 0)
    states = network.train()(hidden, None)
    alone = torch.nn.GRU(8, 8, batch_first=True)
    alone.load_state_dict({name: network.recurrence.state_dict()[f"{name[:-1]}2"] for name in alone.state_dict()})
    torch.testing.assert_close(states, F.layer_norm(hidden + alone(torch.zeros_like(hidden))[0], (8,), eps=1e-12))


@pytest.mark.parametrize("base_network", BASE_NETWORKS)
@pytest.mark.parametrize("layers", [1, 3])
def test_shapes_and_layers(base_network, layers):
    network = encoder(base_network, layers=layers)
    assert network(hidden_states(3, 4), None).shape == (3, 4, 8)
    kept = network.recurrence.num_layers if base_network == "gru" else len(network.layers)
    assert kept == layers


@pytest.mark.parametrize("base_network", ["causal", "gru", "csa"])
def test_the_future_is_not_seen(base_network):
    network = encoder(base_network).eval()
    hidden = hidden_states(2, 6)
    before = network(hidden, None)
    for first_changed in range(1, 6):
        changed = hidden.clone()
        changed[:, first_changed:] += 1.0 + torch.arange(8)
        after = network(changed, None)
        torch.testing.assert_close(after[:, :first_changed], before[:, :first_changed], rtol=0, atol=1e-6)
        assert (after[:, first_changed] - before[:, first_changed]).abs().max() > 1e-3
    shorter = network(hidden[:, :4], None)
    torch.testing.assert_close(shorter, before[:, :4], rtol=0, atol=1e-6)


def test_the_bidirectional_network_sees_the_future():
    network = encoder("bidirectional").eval()
    hidden = hidden_states(1, 6)
    changed = hidden.clone()
    changed[:, 5] += 1.0 + torch.arange(8)
    difference = (network(changed, None) - network(hidden, None)).abs().amax(-1)
    assert difference.gt(1e-4).all()


@pytest.mark.parametrize("base_network", BASE_NETWORKS)
def test_the_past_is_seen(base_network):
    network = encoder(base_network).eval()
    hidden = hidden_states(1, 6)
    changed = hidden.clone()
    changed[:, 0] += 1.0 + torch.arange(8)
    assert (network(changed, None) - network(hidden, None))[0, 5].abs().max() > 1e-5


@pytest.mark.parametrize("base_network", BASE_NETWORKS)
def test_dropout_in_training_only(base_network):
    network = encoder(base_network, hidden_dropout=0.5, attention_dropout=0.5)
    hidden = hidden_states()
    assert not torch.equal(network(hidden, None), network(hidden, None))
    network.eval()
    assert torch.equal(network(hidden, None), network(hidden, None))


@pytest.mark.parametrize("base_network", ["bidirectional", "causal"])
def test_attention_has_its_own_dropout(base_network):
    network = encoder(base_network, attention_dropout=0.5)
    hidden = hidden_states()
    assert not torch.equal(network(hidden, None), network(hidden, None))


def test_what_each_base_network_predicts():
    assert [predicts(name) for name in ("bidirectional", "causal", "gru")] == ["masked", "next", "next"]


def test_an_unknown_base_network_is_named_with_the_choices():
    with pytest.raises(ValueError, match="base_network: 'lstm' must be one of bidirectional, causal, gru"):
        encoder("lstm")


@pytest.mark.parametrize("base_network", ["bidirectional", "causal"])
def test_heads_that_do_not_divide_are_named_with_both_values(base_network):
    with pytest.raises(ValueError, match=r"n_heads \(3\) must divide hidden_size \(8\)"):
        encoder(base_network, heads=3)


def test_a_causal_encoder_looks_both_ways_within_the_context():
    """With the weights of a bidirectional one it gives the same, and afterwards it looks back only, errors or not."""
    sizes = Sizes(**SIZES)
    causal, bidirectional = (
        TransformerEncoder(sizes, causal=True).eval(),
        TransformerEncoder(sizes, causal=False).eval(),
    )
    bidirectional.load_state_dict(causal.state_dict())
    hidden = torch.randn(2, 6, 8)
    visible = (torch.arange(6) < torch.tensor([[6], [4]]))[:, None, None, :]
    before = causal(hidden, None)
    with pytest.raises(KeyError), both_ways(causal):
        torch.testing.assert_close(causal(hidden, visible), bidirectional(hidden, visible))
        assert not torch.allclose(causal(hidden, visible), before)
        raise KeyError
    assert torch.equal(causal(hidden, None), before)
