"""The robust layers of DuroNet against slow loops."""

import pytest
import torch
from torch.nn import functional as F

from recbole_hail.networks import Sizes
from recbole_hail.networks.robust import PointWiseRobustLayer, RobustEncoder

SIZES = Sizes(positions=6, hidden_size=4, inner_size=6, hidden_dropout=0.0, attention_dropout=0.0)


def layer(kernel_width, sizes=SIZES):
    torch.manual_seed(0)
    return PointWiseRobustLayer(sizes, kernel_width=kernel_width).eval()


@pytest.mark.parametrize("kernel_width", [1, 2, 3, 8])
def test_a_point_moves_towards_its_context_by_a_learnt_share(kernel_width):
    smooth = layer(kernel_width)
    kernel = smooth.context.weight.view(4, 4, kernel_width)  # to, from, place
    hidden = torch.randn(2, 6, 4)
    found = smooth(hidden)
    for row in range(2):
        for place in range(6):
            context = smooth.context.bias.clone()
            for back in range(kernel_width):
                if place - back >= 0:  # there is nothing before the first point
                    context += kernel[:, :, kernel_width - 1 - back] @ hidden[row, place - back]
            point = hidden[row, place]
            share = torch.sigmoid(smooth.gate.weight @ torch.cat([point, context]) + smooth.gate.bias)
            moved = (1 - share) * point + share * context
            torch.testing.assert_close(found[row, place], F.layer_norm(moved, (4,), eps=1e-12), rtol=0, atol=1e-5)


class Sum(torch.nn.Module):
    """In place of LayerNorm, which would hide how far a point has moved."""

    def forward(self, hidden, update):
        return hidden + update


def test_an_outlier_is_smoothed():
    """With the mean of its neighbourhood as context and the gate open, a single deviation shrinks to a third."""
    smooth = layer(3)
    smooth.norm = Sum()
    with torch.no_grad():
        smooth.context.weight.copy_((torch.eye(4) / 3).repeat_interleave(3, dim=1))
        smooth.context.bias.zero_()
        smooth.gate.weight.zero_()
        smooth.gate.bias.fill_(50.0)
    wave = torch.ones(1, 6, 4)
    wave[0, 3] = 10.0
    deviation = smooth(wave)[0, 3] - 1
    torch.testing.assert_close(deviation, torch.full((4,), 3.0))


@pytest.mark.parametrize("kernel_width", [1, 3, 5])
def test_sees_no_future_and_reaches_the_whole_past(kernel_width):
    torch.manual_seed(0)
    encoder = RobustEncoder(SIZES, kernel_width=kernel_width).eval()
    hidden = torch.randn(1, 6, 4, requires_grad=True)
    for place in range(6):
        (gradient,) = torch.autograd.grad(encoder(hidden, None)[0, place, 0], hidden)
        touched = gradient[0].abs().sum(-1) > 0
        assert touched.tolist() == [True] * (place + 1) + [False] * (5 - place)


def test_padding_and_batch_mates_change_nothing():
    torch.manual_seed(0)
    encoder = RobustEncoder(SIZES).eval()
    hidden = torch.randn(3, 6, 4)
    alone = encoder(hidden[1:2, :4], None)
    torch.testing.assert_close(encoder(hidden, None)[1:2, :4], alone, rtol=0, atol=1e-6)


def test_layers_follow_one_another_point_wise_first():
    torch.manual_seed(0)
    encoder = RobustEncoder(SIZES).eval()
    hidden = torch.randn(2, 5, 4)
    assert len(encoder.layers) == 2
    expected = hidden
    for robust in encoder.layers:
        expected = robust.sequence_wise(robust.point_wise(expected), None)
    assert torch.equal(encoder(hidden, None), expected)


def test_dropout_only_in_training():
    sizes = Sizes(positions=6, hidden_size=4, hidden_dropout=0.5)
    smooth, hidden = layer(3, sizes), torch.randn(2, 6, 4)
    assert torch.equal(smooth(hidden), smooth(hidden))
    smooth.train()
    assert not torch.equal(smooth(hidden), smooth(hidden))
