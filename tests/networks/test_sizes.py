"""Sizes that no network can have."""

import pytest

from recbole_hail.networks import PeerNetworks, Sizes


@pytest.mark.parametrize(
    "given, message",
    [
        ({"positions": 0}, "positions: 0 must be at least 1"),
        ({"hidden_size": 0}, "hidden_size: 0 must be at least 1"),
        ({"layers": -1}, "layers: -1 must be at least 1"),
        ({"activation": "foo"}, "activation: 'foo' must be one of gelu, relu"),  # was a KeyError
    ],
)
def test_they_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        Sizes(**{"positions": 5, **given})


def test_a_name_alone_is_no_sequence_of_names():
    """Of "causal" the first peer was a network called "c"."""
    with pytest.raises(ValueError, match="base_networks: 'causal' must be a sequence of names"):
        PeerNetworks("causal", Sizes(positions=5), elements=3)
