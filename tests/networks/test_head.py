import pytest
import torch
from torch.nn import functional as F

from recbole_hail.networks import Sizes
from recbole_hail.networks.head import PredictionHead


@pytest.mark.parametrize(("activation", "function"), [("gelu", F.gelu), ("relu", F.relu), ("swish", F.silu)])
def test_transforms_activates_and_normalises(activation, function):
    torch.manual_seed(0)
    head = PredictionHead(Sizes(positions=4, hidden_size=6, activation=activation), elements=5)
    hidden = torch.randn(2, 3, 6)
    linear = hidden @ head.transform.weight.t() + head.transform.bias
    torch.testing.assert_close(head(hidden), F.layer_norm(function(linear), (6,), eps=1e-12))


def test_has_one_bias_for_every_element():
    head = PredictionHead(Sizes(positions=4, hidden_size=6), elements=5)
    assert head.bias.shape == (5,)
    assert head.bias.requires_grad
