"""Informer: distilling against a loop, what the decoder sees, and independence of padding."""

import pytest
import torch

from recbole_hail.networks import Sizes
from recbole_hail.networks.informer import CrossAttention, Distilling, InformerNetwork

SIZES = Sizes(positions=40, layers=2, heads=2, hidden_size=8, inner_size=12, hidden_dropout=0.0, attention_dropout=0.0)


def network(**options):
    torch.manual_seed(0)
    return InformerNetwork(
        SIZES, **{"predicted_elements": 3, "start_length": 4, "sampling_factor": 1.0, **options}
    ).eval()


def visible(lengths, width):
    return (torch.arange(width) < torch.tensor(lengths)[:, None])[:, None, None, :]


def slow_distilling(layer, hidden):
    """Eq. 5 for one sequence [L, d]: taps and pooled positions that lie outside of it count for nothing."""
    length = len(hidden)
    weight = layer.convolution.weight
    convolved = [
        sum(weight[:, :, tap] @ hidden[i + tap - 1] for tap in range(3) if 0 <= i + tap - 1 < length)
        + layer.convolution.bias
        for i in range(length)
    ]
    convolved = torch.stack([torch.where(x > 0, x, x.exp() - 1) for x in convolved])
    return torch.stack([convolved[max(i - 1, 0) : i + 2].amax(0) for i in range(0, length, 2)])


@pytest.mark.parametrize("length", [1, 2, 7, 8])
def test_distilling_equals_a_loop_and_halves(length):
    torch.manual_seed(0)
    layer = Distilling(SIZES)
    hidden = torch.randn(2, 9, 8)
    halved, seen = layer(hidden, visible([length, 9], 9))
    half = (length + 1) // 2
    assert halved.shape == (2, 5, 8) and seen.sum((1, 2, 3)).tolist() == [half, 5]
    torch.testing.assert_close(halved[0, :half], slow_distilling(layer, hidden[0, :length]), rtol=0, atol=1e-6)
    torch.testing.assert_close(halved[1], slow_distilling(layer, hidden[1]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("distil, kept", [(True, [5, 2]), (False, [17, 5])])
def test_the_encoder_keeps_a_quarter_after_two_distillings(distil, kept):
    torch.manual_seed(0)
    three = InformerNetwork(Sizes(positions=40, layers=3, hidden_size=8), distil=distil).eval()
    memory, seen = three.encode(torch.randn(2, 17, 8), torch.tensor([17, 5]))
    assert seen.sum((1, 2, 3)).tolist() == kept
    assert memory.shape == (2, kept[0], 8)


def test_cross_attention_on_one_element_is_its_value():
    torch.manual_seed(0)
    layer = CrossAttention(SIZES)
    hidden, memory = torch.randn(1, 4, 8), torch.randn(1, 3, 8)
    value = layer.key_value(memory[:, 0]).chunk(2, -1)[1]
    expected = layer.output(value)[:, None].expand(1, 4, 8)
    torch.testing.assert_close(layer(hidden, memory, visible([1], 3)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("distil", [True, False])
def test_padding_and_batch_mates_change_nothing(distil):
    net = network(distil=distil, decoder_layers=2)
    histories = (2, 30, 11, 1, 4)
    hidden = torch.randn(5, 33, 8)
    together = net(hidden, visible([n + 3 for n in histories], 33))
    for row, history in enumerate(histories):
        alone = net(hidden[row : row + 1, : history + 3], None)
        places = slice(history, history + 3)
        torch.testing.assert_close(together[row, places], alone[0, places], rtol=0, atol=1e-5)


def test_only_start_token_and_placeholders_are_decoded():
    decoded = network()(torch.randn(2, 15, 8), visible([15, 6], 15)).abs().sum(-1)
    assert decoded[0].gt(0).tolist() == [False] * 8 + [True] * 7  # 12 of history, of which the newest 4 start
    assert decoded[1, :6].gt(0).all()


def changes(net, hidden, place, difference=2.0):
    """Which placeholders of one sequence answer otherwise when the input at `place` is another."""
    other = hidden.clone()
    other[:, place] += difference * torch.arange(8)
    return (net(other, None) - net(hidden, None)).abs().amax(-1)[0, -3:].gt(1e-6).tolist()


def test_placeholders_see_the_whole_history_and_no_placeholder_after_them():
    net = network(sampling_factor=100.0)
    hidden = torch.randn(1, 15, 8)
    assert changes(net, hidden, 0) == [True] * 3  # reached by the encoder alone
    assert changes(net, hidden, 11) == [True] * 3
    assert changes(net, hidden, 13) == [False, True, True]
    assert changes(net, hidden, 14) == [False, False, True]


def test_the_encoder_does_not_see_placeholders():
    net = network()
    hidden = torch.randn(1, 15, 8)
    seen = []
    net.layers[0].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    net(hidden, None)
    assert torch.equal(seen[0], hidden[:, :12])


@pytest.mark.parametrize("name", ["predicted_elements", "start_length", "decoder_layers"])
def test_sizes_below_one_are_named(name):
    with pytest.raises(ValueError, match=rf"{name} \(0\).* must be at least 1"):
        network(**{name: 0})


def test_gradients_are_finite_with_padding():
    net = network().train()
    hidden = torch.randn(3, 15, 8, requires_grad=True)
    net(hidden, visible([15, 7, 4], 15)).square().sum().backward()
    assert hidden.grad.isfinite().all()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in net.parameters())
