"""What has a first derivative only says so."""

from dataclasses import replace

import pytest
import torch

from recbole_hail import native
from recbole_hail.networks import PeerNetworks, Sizes

SMALL = Sizes(positions=12, hidden_size=32, inner_size=64, hidden_dropout=0.0, attention_dropout=0.0)


def test_transforms_of_torch_func_are_left_to_torch():
    """They know no operation of ours: a gradient by `torch.func` was an error about `setup_context`."""
    networks = PeerNetworks(["causal"], SMALL, elements=25, initializer_range=0.3)
    inputs = torch.randint(1, 26, (3, 12)), torch.arange(36)
    weights = {name: weight.detach() for name, weight in networks.named_parameters()}
    found = torch.func.grad(lambda given: torch.func.functional_call(networks, given, inputs).pow(2).sum())(weights)
    networks(*inputs).pow(2).sum().backward()
    for name, weight in networks.named_parameters():
        grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        torch.testing.assert_close(found[name], grad, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(native.library() is None, reason="there is no C compiler")
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_a_part_of_the_second_derivative_is_not_left_out_in_silence(activation):
    """torch.autograd.grad, given its inputs, never came by the node that was to raise: a penalty of gradients of one
    float32 network was 16 times too small.
    """
    networks = PeerNetworks(["causal"], replace(SMALL, activation=activation), elements=25, initializer_range=0.3)
    out = networks(torch.randint(1, 26, (3, 12)), torch.arange(36))
    with pytest.raises(RuntimeError, match="create_graph: C code has no second derivative; RECBOLE_HAIL_NATIVE=0"):
        torch.autograd.grad(out.pow(3).sum(), networks.embedding.position.weight, create_graph=True)
