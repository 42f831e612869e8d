"""Networks over sequential hypergraphs between the shared embedding and prediction layer (Wang et al., SIGIR 2020)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recbole_hail.networks.hypergraph import AttentionPooling, Hypergraph, PeriodStates, SequentialHypergraphs
from recbole_hail.networks.peers import PeerNetworks
from recbole_hail.networks.sizes import Sizes


class PositionPeriods(NamedTuple):
    """When each position of a batch is, and what its generator did last before that period."""

    period: Tensor  # [B, L], 0 to N
    intent: Tensor  # [B, L], a row of `PeriodStates.intents`


class HyperRecNetworks(PeerNetworks):
    """Peers that read, at each position, the fusion of an element's static embedding, its state and the user's intent.

    The score of an element is the product with the sum of its static embedding and its state in the period asked about.

    Args:
        hypergraphs: one for each period; node k is element k + 1.
        convolutions: see `SequentialHypergraphs`.
    """

    def __init__(
        self,
        base_networks: Sequence[str],
        sizes: Sizes,
        *,
        hypergraphs: Sequence[Hypergraph],
        convolutions: int,
        **others,
    ):
        super().__init__(base_networks, sizes, **others)
        # These keep torch's own start: at 0.02, each convolution would make the states ten times smaller.
        self.sequential_hypergraphs = SequentialHypergraphs(sizes, hypergraphs, convolutions=convolutions)
        self.fusion = AttentionPooling(sizes)
        self._kept: tuple[list, PeriodStates] | None = None

    def period_states(self) -> PeriodStates:
        """States and intents by the present weights.

        A training step needs them anew; evaluation asks again for each batch, so they are kept until a weight changes.
        """
        if self.training or torch.is_grad_enabled():
            return self.sequential_hypergraphs(self.embedding.predictable)
        weights = [self.embedding.element.weight, *self.sequential_hypergraphs.parameters()]
        now = [(weight.data_ptr(), weight._version) for weight in weights]
        if self._kept is None or self._kept[0] != now:
            self._kept = now, self.sequential_hypergraphs(self.embedding.predictable)
        return self._kept[1]

    def train(self, mode: bool = True) -> "HyperRecNetworks":
        self._kept = None  # it takes room that training needs
        return super().train(mode)

    def forward(
        self,
        sequences: Tensor,
        positions: Tensor,
        *,
        period_states: PeriodStates,
        periods: PositionPeriods,
        most: int | None = None,
    ) -> Tensor:
        """What every peer predicts with at the given positions: [B, L], [M] -> [T, M, d]; `most` as for all peers."""
        static = self.embedding.element(sequences)  # [B, L, d]
        # Padding reads element 1's state, which no real position sees.
        state = period_states.elements[periods.period, (sequences - 1).clamp(min=0)]  # [B, L, d]
        vectors = torch.stack([static, state, period_states.intents[periods.intent]], dim=-2)  # [B, L, 3, d]
        allowed = torch.ones(vectors.shape[:-1], dtype=torch.bool, device=vectors.device)
        allowed[..., 2] = periods.intent > 0
        return self.predict_from(self.embedding.place(self.fusion(vectors, allowed)), positions, most=most)

    def tables(self, period_states: PeriodStates) -> Tensor:
        """What an element's score is the product with, in each period, [N + 1, |E|, d]."""
        return period_states.elements + self.embedding.predictable

    def logits(self, hidden: Tensor) -> Tensor:
        """[..., d] -> [..., |E|] in the period after the last."""
        return F.linear(hidden, self._newest(), self.head.bias)

    def candidate_logits(self, hidden: Tensor, elements: Tensor) -> Tensor:
        """hidden [..., N, d] and one element [N] (1 to |E|) for each -> [..., N] in the period after the last."""
        return (hidden * self._newest()[elements - 1]).sum(-1) + self.head.bias[elements - 1]

    def _newest(self) -> Tensor:
        return self.period_states().elements[-1] + self.embedding.predictable  # [|E|, d]
