"""The networks of HAIL in plain torch: shared embedding, peer encoders, shared prediction head. No RecBole in here."""

from recbole_hail.networks.base import BASE_NETWORKS, BaseNetwork, predicts
from recbole_hail.networks.encoders import both_ways
from recbole_hail.networks.peers import PeerNetworks
from recbole_hail.networks.sizes import Sizes

__all__ = ["BASE_NETWORKS", "BaseNetwork", "PeerNetworks", "Sizes", "both_ways", "predicts"]
