"""The base networks a peer can be (paper section 3.3): self-attention in both directions or one, or a GRU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from recbole_hail.networks.dropout import dropout
from recbole_hail.networks.layers import SelfAttentionLayer
from recbole_hail.networks.residual import ResidualNorm
from recbole_hail.networks.sizes import Sizes


class TransformerEncoder(nn.Module):
    """`layers` encoder layers; `causal` looks at earlier positions only."""

    def __init__(self, sizes: Sizes, *, causal: bool):
        super().__init__()
        self.layers = nn.ModuleList(SelfAttentionLayer(sizes, causal=causal) for _ in range(sizes.layers))

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """H⁰ [B, L, d] -> H^L [B, L, d]."""
        for layer in self.layers:
            hidden = layer(hidden, visible)
        return hidden

    def at(self, hidden: Tensor, visible: Tensor | None, positions: Tensor, *, most: int) -> Tensor:
        """H^L at `positions` [M] of the flattened B · L, at most `most` of one sequence, [M, d].

        The last layer is computed where it is asked for alone, which saves a third of two layers where few are.
        """
        *before, last = self.layers
        for layer in before:
            hidden = layer(hidden, visible)
        return last.at(hidden, visible, positions, most=most)


@contextmanager
def both_ways(encoder: TransformerEncoder) -> Iterator[None]:
    """Lets a causal encoder look in both directions for as long as the context lasts, with the same weights."""
    attentions = [layer.attention for layer in encoder.layers]
    for attention in attentions:
        attention.causal = False
    try:
        yield
    finally:
        for attention in attentions:
            attention.causal = True


class RecurrentEncoder(nn.Module):
    """A GRU over the sequence with the input added back, so that it stands in for a causal transformer."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        between_layers = sizes.hidden_dropout if sizes.layers > 1 else 0.0
        self.recurrence = nn.GRU(
            sizes.hidden_size, sizes.hidden_size, sizes.layers, batch_first=True, dropout=between_layers
        )
        self.norm = ResidualNorm(sizes)

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """H⁰ [B, L, d] -> [B, L, d]; `visible` is not needed, for padding stands to the right."""
        drops = self.training and self.recurrence.dropout > 0
        states = self._layer_by_layer(hidden) if drops and hidden.device.type == "cpu" else self.recurrence(hidden)[0]
        return self.norm(hidden, states)

    def _layer_by_layer(self, hidden: Tensor) -> Tensor:
        """What `recurrence` gives, with our dropout between its layers: a peer on a thread has draws of its own."""
        start = hidden.new_zeros(1, len(hidden), hidden.shape[2])
        for number, weights in enumerate(self.recurrence.all_weights):
            given = dropout(hidden, self.recurrence.dropout) if number else hidden
            # With biases, one layer, no dropout, training, one direction, batch first.
            hidden, _ = torch.gru(given, start, weights, True, 1, 0.0, True, False, True)
        return hidden
