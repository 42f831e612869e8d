"""T peer networks between one shared embedding and one shared prediction head (paper sections 3.1 and 3.6)."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Generator, Tensor, nn

from recbole_hail.networks.base import BASE_NETWORKS, build_encoder
from recbole_hail.networks.dropout import drawing_from
from recbole_hail.networks.embedding import InteractionEmbedding
from recbole_hail.networks.head import PredictionHead
from recbole_hail.networks.side_by_side import run_networks
from recbole_hail.networks.sizes import Sizes


class PeerNetworks(nn.Module):
    """Peers differ by their random initialisation and, where `base_networks` names several, by their structure.

    Args:
        base_networks: one name per peer, see `base.BASE_NETWORKS`.
        sizes: of all peers.
        elements: |E|; sequences hold 1 to |E|, 0 for padding and |E| + 1 for a masked element.
        initializer_range: standard deviation of the truncated normal that weights start from.
        options: of single base networks, by their name.

    Raises:
        ValueError: a base network of another name, or one name alone.
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
        if isinstance(base_networks, str):
            raise ValueError(f"base_networks: {base_networks!r} must be a sequence of names, one for each peer")
        self.base_networks = tuple(base_networks)
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

        def states(peer: nn.Module, draws: Generator | None, embedded: Tensor) -> Tensor:
            with drawing_from(draws):
                if few and hasattr(peer, "at"):
                    asked = peer.at(embedded, looked_at, positions, most=most)
                else:
                    asked = peer(embedded, looked_at).flatten(0, 1)[positions]
            return self.head(asked)  # only these positions reach the prediction head

        networks = [partial(states, *one) for one in zip(self.peers, self._streams(embedded), strict=True)]
        if self._on_threads(embedded):
            weights = [*self.peers.parameters(), *self.head.parameters()]
            hidden = run_networks(networks, embedded, weights, most=1 if self._small_steps else None)
        else:
            hidden = [network(embedded) for network in networks]
        return torch.stack(hidden)  # [T, M, d]

    def _streams(self, embedded: Tensor) -> list[Generator | None]:
        """What each peer draws its dropout from: the same numbers however many threads there are."""
        if not self.training or embedded.device.type != "cpu":
            return [None] * len(self.peers)
        seeds = torch.empty(len(self.peers), dtype=torch.int64).random_()
        return [Generator().manual_seed(seed) for seed in seeds.tolist()]

    @property
    def _small_steps(self) -> bool:
        return all(BASE_NETWORKS[name].one_thread for name in self.base_networks)

    def _on_threads(self, embedded: Tensor) -> bool:
        worth_it = len(self.peers) > 1 or self._small_steps
        several = embedded.device.type == "cpu" and torch.get_num_threads() > 1
        if not (worth_it and several) or any(BASE_NETWORKS[name].own_draws for name in self.base_networks):
            return False
        # A hook is called with what a thread finds as a weight's gradient, and again with the sum over threads.
        return not any(weight._backward_hooks for weight in self.parameters())

    def logits(self, hidden: Tensor) -> Tensor:
        """[..., d] -> [..., |E|]; column k belongs to element k + 1, so padding and mask get no probability."""
        return hidden @ self.embedding.predictable.t() + self.head.bias

    def candidate_logits(self, hidden: Tensor, elements: Tensor) -> Tensor:
        """hidden [..., N, d] and one element [N] (1 to |E|) for each -> [..., N]."""
        return (hidden * self.embedding.element(elements)).sum(-1) + self.head.bias[elements - 1]
