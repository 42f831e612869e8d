"""BERT4Rec under adaptive denoising training (Wang et al., WSDM 2021) as RecBole models: R-CE and T-CE."""

from abc import abstractmethod

from torch import Tensor

from recbole_hail import checks
from recbole_hail.losses import (
    LossParts,
    drop_rate_at,
    fused_weighted_loss_parts,
    likelihood_weights,
    truncation_weights,
)
from recbole_hail.models.cross_entropy import CrossEntropyRecommender


class AdaptiveDenoisingRecommender(CrossEntropyRecommender):
    """The cross-entropy over all elements, every positive weighted by its own loss."""

    @abstractmethod
    def weights(self, cross_entropy: Tensor) -> Tensor:
        """[T, M] -> [T, M]."""

    def loss_parts(self, interaction) -> LossParts:
        return fused_weighted_loss_parts(*self.prediction(interaction), self.weights)


class RCE(AdaptiveDenoisingRecommender):
    """Reweighted cross-entropy, the paper's R-CE (section 5.2; Wang et al., section 3)."""

    own_checks = (("reweight_exponent", *checks.not_negative),)

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.exponent = config["reweight_exponent"]

    def weights(self, cross_entropy: Tensor) -> Tensor:
        return likelihood_weights(cross_entropy, self.exponent)


class TCE(AdaptiveDenoisingRecommender):
    """Truncated cross-entropy (Wang et al., section 3)."""

    own_checks = (
        ("drop_rate", *checks.below_1),
        ("drop_steps", *checks.at_least(0)),
    )

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.schedule = {name: config[name] for name in ("drop_rate", "drop_steps")}

    def weights(self, cross_entropy: Tensor) -> Tensor:
        return truncation_weights(cross_entropy, drop_rate_at(self.step, **self.schedule))
