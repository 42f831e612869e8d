"""Convolutional self-attention, in full or log-sparse: the network of the system CSa.

Li et al., *Enhancing the Locality and Breaking the Memory Bottleneck of Transformer on Time Series Forecasting*,
NeurIPS 2019.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_hail.networks.attention import attend, merge_heads, split_heads
from recbole_hail.networks.dropout import dropout as drop
from recbole_hail.networks.layers import EncoderLayer
from recbole_hail.networks.sizes import Sizes


class ConvolutionalSelfAttention(nn.Module):
    """Causal attention whose queries and keys are causal convolutions of width `kernel_width` (section 4.1).

    A query then stands for the shape of the last elements and not for one element, values stay those of single
    elements. Width 1 is the canonical attention. Convolutions keep torch's own initialisation.

    Args:
        log_sparse: look only at the distances of `log_sparse_distances` (section 4.2).
        local_window: of `log_sparse`.
    """

    def __init__(self, sizes: Sizes, *, kernel_width: int, log_sparse: bool, local_window: int):
        super().__init__()
        if kernel_width < 1 or local_window < 1:
            raise ValueError(f"kernel_width ({kernel_width}) and local_window ({local_window}) must be at least 1")
        self.heads = sizes.heads
        self.dropout = sizes.attention_dropout
        self.kernel_width = kernel_width
        self.log_sparse = log_sparse
        self.local_window = local_window
        self.query_key = nn.Conv1d(sizes.hidden_size, 2 * sizes.hidden_size, kernel_width)
        self.value = nn.Linear(sizes.hidden_size, sizes.hidden_size)
        self.output = nn.Linear(sizes.hidden_size, sizes.hidden_size)

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """[B, L, d] -> [B, L, d]; `visible` is not needed, for padding stands to the right."""
        batch, length, size = hidden.shape
        # Zeros stand to the left only, so that the convolution ends at each position.
        shapes = self.query_key(F.pad(hidden.transpose(1, 2), (self.kernel_width - 1, 0)))  # [B, 2 d, L]
        per_head = (batch, self.heads, size // self.heads, length)
        query, key = (half.reshape(per_head).transpose(2, 3) for half in shapes.chunk(2, dim=1))
        (value,) = split_heads(self.value(hidden), self.heads)
        dropout = self.dropout if self.training else 0.0
        if self.log_sparse:
            distances = log_sparse_distances(length, local_window=self.local_window)
            mixed = attention_at_distances(query, key, value, distances, dropout=dropout)
        else:
            mixed = attend(query, key, value, causal=True, dropout=dropout)
        return self.output(merge_heads(mixed))


def log_sparse_distances(length: int, *, local_window: int = 1) -> list[int]:
    """How far back each of `length` positions looks, O(log length) many distances from 0 to length - 1 (section 4.2).

    The last `local_window` positions, itself included, and before them those at exponentially growing steps 1, 2, 4, …
    from the window's oldest.
    """
    distances = list(range(min(local_window, length)))
    step = 1
    while local_window - 1 + step < length:
        distances.append(local_window - 1 + step)
        step *= 2
    return distances


def attention_at_distances(
    query: Tensor, key: Tensor, value: Tensor, distances: list[int], *, dropout: float = 0.0
) -> Tensor:
    """Attention of position l on the positions l - distance alone, [..., L, d] each -> [..., L, d].

    Shifts along L instead of a mask, so that time and memory grow with L times the number of distances.
    """
    length, width = query.shape[-2:]
    scores = [
        F.pad((query[..., far:, :] * key[..., : length - far, :]).sum(-1), (far, 0), value=-torch.inf)
        for far in distances
    ]
    weights = drop((torch.stack(scores, -1) / width**0.5).softmax(-1), dropout)  # [..., L, distances]
    mixed = torch.zeros_like(value)
    for weight, far in zip(weights.unbind(-1), distances, strict=True):
        mixed = mixed + F.pad(weight[..., far:, None] * value[..., : length - far, :], (0, 0, far, 0))
    return mixed


class ConvolutionalEncoder(nn.Module):
    """`layers` encoder layers of convolutional self-attention."""

    def __init__(self, sizes: Sizes, *, kernel_width: int = 3, log_sparse: bool = False, local_window: int = 1):
        super().__init__()
        options = {"kernel_width": kernel_width, "log_sparse": log_sparse, "local_window": local_window}
        self.layers = nn.ModuleList(
            EncoderLayer(sizes, ConvolutionalSelfAttention(sizes, **options)) for _ in range(sizes.layers)
        )

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """H⁰ [B, L, d] -> H^L [B, L, d]."""
        for layer in self.layers:
            hidden = layer(hidden, visible)
        return hidden
