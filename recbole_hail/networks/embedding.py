"""The interaction embedding layer that all peers share (paper section 3.2)."""

import torch
from torch import Tensor, nn

from recbole_hail.networks.dropout import Dropout
from recbole_hail.networks.sizes import Sizes


class InteractionEmbedding(nn.Module):
    """Element plus position embedding, then LayerNorm and dropout as in the authors' program.

    Index 0 of the element table is padding, 1 to `elements` are the elements, `elements + 1` is the mask token.
    """

    def __init__(self, sizes: Sizes, *, elements: int):
        super().__init__()
        self.element = nn.Embedding(elements + 2, sizes.hidden_size, padding_idx=0)
        self.position = nn.Embedding(sizes.positions, sizes.hidden_size)
        self.norm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.dropout = Dropout(sizes.hidden_dropout)

    @property
    def predictable(self) -> Tensor:
        """The rows of the table that can be predicted, [elements, d]: neither padding nor the mask token."""
        return self.element.weight[1:-1]

    def forward(self, sequences: Tensor) -> Tensor:
        """[B, L] element indices -> H⁰ [B, L, d]."""
        return self.place(self.element(sequences))

    def place(self, vectors: Tensor) -> Tensor:
        """One vector for each place [B, L, d] -> H⁰ [B, L, d]."""
        positions = torch.arange(vectors.shape[1], device=vectors.device)
        return self.dropout(self.norm(vectors + self.position(positions)))
