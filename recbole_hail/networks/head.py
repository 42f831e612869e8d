"""The prediction layer that all peers share (paper section 3.4)."""

import torch
from torch import Tensor, nn

from recbole_hail.networks.activations import ACTIVATIONS
from recbole_hail.networks.sizes import Sizes


class PredictionHead(nn.Module):
    """Eq. 4 without the product with the embedding table: gelu(h W + b), then the authors' LayerNorm; and the bias b_U.

    The product is kept apart so that scores of a few candidates can be gathered without computing all of them.
    """

    def __init__(self, sizes: Sizes, *, elements: int):
        super().__init__()
        self.transform = nn.Linear(sizes.hidden_size, sizes.hidden_size)
        self.activation = ACTIVATIONS[sizes.activation]
        self.norm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(elements))

    def forward(self, hidden: Tensor) -> Tensor:
        """[..., d] -> [..., d]."""
        return self.norm(self.activation(self.transform(hidden)))
