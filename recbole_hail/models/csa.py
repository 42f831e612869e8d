"""CSa as a RecBole model: a causal encoder whose queries and keys are convolutions."""

from recbole_hail import settings
from recbole_hail.models.cross_entropy import CrossEntropyRecommender


class CSa(CrossEntropyRecommender):
    """Convolutional self-attention (Li et al., NeurIPS 2019), predicting the next element at every position."""

    own_network = "csa"
    own_checks = (
        ("kernel_width", settings.whole(1), "must be a whole number of at least 1"),
        ("log_sparse", settings.switch, "must be True or False"),
        ("local_window", settings.whole(1), "must be a whole number of at least 1"),
    )

    @classmethod
    def network_options(cls, config) -> dict[str, dict]:
        return {"csa": {name: config[name] for name, *_ in cls.own_checks}}
