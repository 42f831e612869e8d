"""CSa as a RecBole model: a causal encoder whose queries and keys are convolutions."""

from recbole_hail import checks
from recbole_hail.models.cross_entropy import CrossEntropyRecommender


class CSa(CrossEntropyRecommender):
    """Convolutional self-attention (Li et al., NeurIPS 2019), predicting the next element at every position."""

    own_network = "csa"
    network_checks = (
        ("kernel_width", *checks.at_least(1)),
        ("log_sparse", *checks.switch),
        ("local_window", *checks.at_least(1)),
    )
