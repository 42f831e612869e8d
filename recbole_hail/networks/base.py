"""The base networks a peer can be, by name (paper section 3.3)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import nn

from recbole_hail.networks.convolutional import ConvolutionalEncoder
from recbole_hail.networks.encoders import RecurrentEncoder, TransformerEncoder
from recbole_hail.networks.informer import InformerNetwork
from recbole_hail.networks.robust import RobustEncoder


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


def predicts(base_network: str) -> str:
    """ "masked", "next" or "following"."""
    return BASE_NETWORKS[base_network].predicts


def build_encoder(base_network: str, *arguments, **options) -> nn.Module:
    """One peer's encoder; ValueError names an unknown base network."""
    if base_network not in BASE_NETWORKS:
        raise ValueError(f"base_network: {base_network!r} must be one of {', '.join(BASE_NETWORKS)}")
    return BASE_NETWORKS[base_network].build(*arguments, **options)
