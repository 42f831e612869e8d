"""HAIL as a RecBole model: T peers that exchange the unlikelihood of correct answers."""

from recbole_hail.losses import LossParts
from recbole_hail.models.windowed import WindowedRecommender


class HAIL(WindowedRecommender):
    """Hardness aware interaction learning (Hu et al., CIKM 2021)."""

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.loss_settings = {
            name: config[name]
            for name in ("alpha", "beta", "gamma", "positive_term", "negative_term", "denoise", "distillation")
        }
        self.alpha_end = config["alpha_end"]
        # The authors' program takes the share beta of all prediction slots of a batch, filled or not.
        slots = config["max_masked"] if self.predicts == "masked" else config["MAX_ITEM_LIST_LENGTH"]
        self.slots_per_sequence = slots if config["denoise"] == "authors" else None
        if self.peers == 1:
            self.logger.info("peers: 1, so there is nothing to distil; the loss is the plain cross-entropy.")

    def loss_parts(self, interaction) -> LossParts:
        slots = self.slots_per_sequence and self.slots_per_sequence * len(interaction[self.ITEM_SEQ])
        return self.fused_loss_parts(interaction, slots=slots, **{**self.loss_settings, "alpha": self.alpha()})

    def alpha(self) -> float:
        """The weight of self-knowledge at this step: constant, or in a straight line to `alpha_end` at the last."""
        start, end = self.loss_settings["alpha"], self.alpha_end
        if end is None:
            return start
        return start + (end - start) * min(self.step / max(self.total_steps - 1, 1), 1.0)
