"""CSa as a RecBole model: a causal encoder whose queries and keys are convolutions."""

from recbole_hail import settings
from recbole_hail.models.cross_entropy import CrossEntropyRecommender

_CHECKS = [
    ("kernel_width", settings.whole(1), "must be a whole number of at least 1"),
    ("log_sparse", settings.switch, "must be True or False"),
    ("local_window", settings.whole(1), "must be a whole number of at least 1"),
]


class CSa(CrossEntropyRecommender):
    """Convolutional self-attention (Li et al., NeurIPS 2019), predicting the next element at every position."""

    own_network = "csa"

    @classmethod
    def complete_settings(cls, config) -> list[str]:
        """Also the settings of the convolution and of the log-sparse pattern."""
        return super().complete_settings(config) + settings.check(config, _CHECKS)

    @staticmethod
    def network_options(config) -> dict[str, dict]:
        return {"csa": {name: config[name] for name, _, _ in _CHECKS}}
