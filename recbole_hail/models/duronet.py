"""DuroNet-s, the crime prediction network of the HAIL paper's Table 2, as a RecBole model."""

from recbole_hail import checks
from recbole_hail.models.cross_entropy import CrossEntropyRecommender


class DuroNetS(CrossEntropyRecommender):
    """DuroNet (Hu et al., ACM TOIT 2021) without its spatial module, predicting the next element at every position."""

    own_network = "duronet"
    network_checks = (("kernel_width", *checks.at_least(1)),)
