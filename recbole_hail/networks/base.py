"""The base networks a peer can be, by name (paper section 3.3)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recbole_hail.errors import SettingsError
from recbole_hail.networks.convolutional import ConvolutionalEncoder
from recbole_hail.networks.encoders import RecurrentEncoder, TransformerEncoder
from recbole_hail.networks.informer import InformerNetwork
from recbole_hail.networks.robust import RobustEncoder
from recbole_hail.networks.sizes import Sizes

_ROUNDING = 1e-3  # of hidden states of about 1


class BaseNetwork(NamedTuple):
    """What a base network is trained to predict, and how it is built.

    `predicts` is "masked" (the elements that were masked), "next" (the next element at every position) or "following"
    (the elements at placeholders that stand after a history). `build` takes `Sizes` and the network's own options, and
    gives a module (hidden [B, L, d], visible) -> [B, L, d], where `visible` [B, 1, 1, L] is False at padding, which
    stands to the right. A network that cannot be reached by what stands to the right says so by `needs_visible` and
    gets None. One that draws at random otherwise than by `dropout.dropout` on a CPU says so by `own_draws`; one whose
    operations are so small that a second thread of torch's slows them, by `one_thread`. A module that computes few
    positions at less cost than all has a method `at` beside, see `TransformerEncoder`.
    """

    predicts: str
    build: Callable[..., nn.Module]
    needs_visible: bool
    own_draws: bool = False
    one_thread: bool = False


BASE_NETWORKS = {
    "bidirectional": BaseNetwork("masked", partial(TransformerEncoder, causal=False), needs_visible=True),
    "causal": BaseNetwork("next", partial(TransformerEncoder, causal=True), needs_visible=False),
    "gru": BaseNetwork("next", RecurrentEncoder, needs_visible=False, one_thread=True),
    "csa": BaseNetwork("next", ConvolutionalEncoder, needs_visible=False),
    "duronet": BaseNetwork("next", RobustEncoder, needs_visible=False),
    "informer": BaseNetwork("following", InformerNetwork, needs_visible=True, own_draws=True),
}
_SHIPPED = frozenset(BASE_NETWORKS)  # whose tests say what reaches what


def predicts(base_network: str) -> str:
    """ "masked", "next" or "following"."""
    return BASE_NETWORKS[base_network].predicts


def visible_positions(sequences: Tensor, lengths: Tensor) -> Tensor:
    """True where there is an element, [B, L]."""
    return torch.arange(sequences.shape[1], device=sequences.device) < lengths[:, None]


def build_encoder(base_network: str, sizes: Sizes, **options) -> nn.Module:
    """One peer's encoder.

    Raises:
        ValueError: there is no such base network.
        SettingsError: it is to predict the next element, and later ones reach it.
    """
    if base_network not in BASE_NETWORKS:
        raise ValueError(f"base_network: {base_network!r} must be one of {', '.join(BASE_NETWORKS)}")
    encoder = BASE_NETWORKS[base_network].build(sizes, **options)
    of_a_user = predicts(base_network) == "next" and base_network not in _SHIPPED
    if of_a_user and (change := change_by_later(encoder, sizes)) > _ROUNDING:
        raise SettingsError(
            [
                f"base_network: {base_network} predicts the next element, but what it gives at a position changes with "
                f"later ones (by {change:.2g}), so it would be trained on the answers; let no position see those to "
                'its right, or let it predict "masked"'
            ]
        )
    return encoder


@torch.no_grad()
def change_by_later(encoder: nn.Module, sizes: Sizes) -> float:
    """How far the first half of what an encoder gives moves, at most, when the second half of the input is another."""
    half = sizes.positions // 2
    device = next((weight.device for weight in encoder.parameters()), torch.device("cpu"))
    if not half or device.type == "meta":  # which holds no numbers
        return 0.0
    draw = torch.Generator().manual_seed(0)
    first, other = torch.randn(2, 1, sizes.positions, sizes.hidden_size, generator=draw, device="cpu").to(device)
    other[:, :half] = first[:, :half]
    visible = torch.ones(1, 1, 1, sizes.positions, dtype=torch.bool, device=device)
    was_training = encoder.training
    encoder.eval()
    before, after = encoder(first, visible)[:, :half], encoder(other, visible)[:, :half]
    encoder.train(was_training)
    return (before - after).abs().max().item()
