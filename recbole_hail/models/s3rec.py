"""S³-Rec without attributes as a RecBole model: pre-trained on masked elements and segments, then fine-tuned."""

import torch
from torch import Tensor, nn

from recbole_hail import checks
from recbole_hail.data.loader import TARGET_ELEMENT, TARGET_POSITION, WindowBatch
from recbole_hail.data.segments import CONTEXT, SEGMENT, SEGMENT_LENGTH
from recbole_hail.losses import LossParts, fused_hail_loss_parts, segment_loss
from recbole_hail.models.cross_entropy import CrossEntropyRecommender
from recbole_hail.networks import both_ways
from recbole_hail.networks.base import visible_positions


class S3RecID(CrossEntropyRecommender):
    """Self-supervised learning by mutual information maximisation (Zhou et al., CIKM 2020), from elements alone.

    The network looks both ways while it is pre-trained and back only after that, with the same weights (section 4.3).
    """

    own_network = "causal"
    own_checks = (
        ("pretrain_share", *checks.below_1),
        ("mip_weight", *checks.not_negative),
        ("sp_weight", *checks.not_negative),
        ("peers", lambda peers: peers == 1, "must be 1 for S3RecID"),
    )

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.weights = {name: config[name] for name in ("mip_weight", "sp_weight")}
        self.segment_map = nn.Linear(config["hidden_size"], config["hidden_size"], bias=False)  # W_SP
        spread = config["initializer_range"]
        nn.init.trunc_normal_(self.segment_map.weight, std=spread, a=-2 * spread, b=2 * spread)

    def loss_parts(self, batch: WindowBatch) -> LossParts:
        """By what the batch of `SegmentLoader` holds: the losses of pre-training, or the next element's."""
        return self.pretraining_parts(batch) if SEGMENT in batch else super().loss_parts(batch)

    def pretraining_parts(self, batch: WindowBatch) -> LossParts:
        """Masked item prediction and segment prediction (section 4.2); the latter stands in `positive`."""
        sequences, lengths = batch[self.ITEM_SEQ], batch[self.ITEM_SEQ_LEN]
        with both_ways(self.networks.peers[0]):
            visible = visible_positions(sequences, lengths) if batch.padded else None
            hidden = self.networks(sequences, batch[TARGET_POSITION], visible=visible, most=batch.most_targets)
            contexts = self._last_hidden(batch[CONTEXT], lengths)
            segments = self._last_hidden(batch[SEGMENT], batch[SEGMENT_LENGTH])
        layer = self.networks.embedding.predictable, self.networks.head.bias
        elements = fused_hail_loss_parts(hidden, *layer, batch[TARGET_ELEMENT] - 1, distillation="none").total
        stretches = segment_loss(self.segment_map(contexts), segments)
        total = self.weights["mip_weight"] * elements + self.weights["sp_weight"] * stretches
        nothing = torch.zeros_like(total.detach())
        return LossParts(total, elements.detach()[None], stretches.detach()[None], nothing[None], nothing)

    def _last_hidden(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """[B, L] -> [B, d]: the last hidden vector stands for a sequence (section 4.2.4)."""
        visible = visible_positions(sequences, lengths)[:, None, None, :]
        last = torch.arange(len(lengths), device=lengths.device) * sequences.shape[1] + lengths - 1
        return self.networks.peers[0].at(self.networks.embedding(sequences), visible, last, most=1)
