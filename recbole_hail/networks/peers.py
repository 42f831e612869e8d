"""T peer networks between one shared embedding and one shared prediction head (paper sections 3.1 and 3.6)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from recbole_hail.networks.base import build_encoder
from recbole_hail.networks.embedding import InteractionEmbedding
from recbole_hail.networks.head import PredictionHead
from recbole_hail.networks.sizes import Sizes


class PeerNetworks(nn.Module):
    """Peers differ by their random initialisation and, where `base_networks` names several, by their structure.

    Args:
        base_networks: one name per peer, see `base.BASE_NETWORKS`.
        sizes: of all peers.
        elements: |E|; sequences hold 1 to |E|, 0 for padding and |E| + 1 for a masked element.
        initializer_range: standard deviation of the truncated normal that weights start from.
        options: of single base networks, by their name.
    """

    def __init__(
        self,
        base_networks: Sequence[str],
        sizes: Sizes,
        *,
        elements: int,
        initializer_range: float = 0.02,
        options: Mapping[str, Mapping] | None = None,
    ):
        super().__init__()
        self.embedding = InteractionEmbedding(sizes, elements=elements)
        self.peers = nn.ModuleList(
            build_encoder(name, sizes, **(options or {}).get(name, {})) for name in base_networks
        )
        self.head = PredictionHead(sizes, elements=elements)
        self._initialise(initializer_range)

    @torch.no_grad()
    def _initialise(self, initializer_range: float) -> None:
        """Truncated normal weights and zero biases, as in the authors' program; a GRU keeps torch's own start."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.trunc_normal_(
                    module.weight, std=initializer_range, a=-2 * initializer_range, b=2 * initializer_range
                )
            if isinstance(module, nn.Linear):
                module.bias.zero_()
        self.embedding.element.weight[0].zero_()

    def forward(
        self, sequences: Tensor, positions: Tensor, *, visible: Tensor | None = None, most: int | None = None
    ) -> Tensor:
        """What every peer predicts with at the given positions.

        Args:
            sequences: [B, L].
            positions: [M], indices into the flattened B · L.
            visible: bool [B, L], False at padding; None where there is none.
            most: the most positions of one sequence, where the caller knows it; few of them cost less than all.

        Returns:
            [T, M, d]: the input of the product with the embedding table, see `logits`.
        """
        return self.predict_from(self.embedding(sequences), positions, visible=visible, most=most)

    def predict_from(
        self, embedded: Tensor, positions: Tensor, *, visible: Tensor | None = None, most: int | None = None
    ) -> Tensor:
        """`forward` from H⁰ [B, L, d] on, which is one dropout draw for all peers."""
        looked_at = None if visible is None else visible[:, None, None, :]
        few = most is not None and 2 * most <= embedded.shape[1]
        hidden = torch.stack(
            [
                peer.at(embedded, looked_at, positions, most=most)
                if few and hasattr(peer, "at")
                else peer(embedded, looked_at).flatten(0, 1)[positions]
                for peer in self.peers
            ]
        )  # [T, M, d]; only these positions reach the prediction head
        return self.head(hidden)

    def logits(self, hidden: Tensor) -> Tensor:
        """[..., d] -> [..., |E|]; column k belongs to element k + 1, so padding and mask get no probability."""
        return hidden @ self.embedding.predictable.t() + self.head.bias

    def candidate_logits(self, hidden: Tensor, elements: Tensor) -> Tensor:
        """hidden [..., N, d] and one element [N] (1 to |E|) for each -> [..., N]."""
        return (hidden * self.embedding.element(elements)).sum(-1) + self.head.bias[elements - 1]
