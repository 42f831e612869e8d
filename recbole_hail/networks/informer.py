"""Informer: a distilling encoder and a generative decoder (Zhou et al., AAAI 2021)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_hail.networks.attention import attend, merge_heads, split_heads
from recbole_hail.networks.layers import EncoderLayer
from recbole_hail.networks.probsparse import ProbSparseAttention
from recbole_hail.networks.residual import ResidualNorm
from recbole_hail.networks.sizes import Sizes


class Distilling(nn.Module):
    """Halves a sequence: convolution of width 3, ELU, max-pooling of stride 2 (Eq. 5)."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.convolution = nn.Conv1d(sizes.hidden_size, sizes.hidden_size, 3, padding=1)

    def forward(self, hidden: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """[B, L, d] and [B, 1, 1, L] -> the same with ⌈L / 2⌉; padding does not reach what is visible."""
        looked_at = visible[:, 0]  # [B, 1, L]
        convolved = F.elu(self.convolution(hidden.transpose(1, 2).masked_fill(~looked_at, 0.0)))
        pooled = F.max_pool1d(convolved.masked_fill(~looked_at, -torch.inf), 3, stride=2, padding=1)
        visible = visible[..., ::2]  # the pooled positions are centred on every second one
        return pooled.masked_fill(~visible[:, 0], 0.0).transpose(1, 2), visible


class CrossAttention(nn.Module):
    """Canonical multi-head attention of the decoder on what the encoder has kept."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.heads = sizes.heads
        self.dropout = sizes.attention_dropout
        self.query = nn.Linear(sizes.hidden_size, sizes.hidden_size)
        self.key_value = nn.Linear(sizes.hidden_size, 2 * sizes.hidden_size)
        self.output = nn.Linear(sizes.hidden_size, sizes.hidden_size)

    def forward(self, hidden: Tensor, memory: Tensor, memory_visible: Tensor) -> Tensor:
        """hidden [B, S, d], memory [B, L, d], memory_visible [B, 1, 1, L] -> [B, S, d]."""
        (query,) = split_heads(self.query(hidden), self.heads)  # [B, heads, S, d / heads]
        key, value = split_heads(self.key_value(memory), self.heads, parts=2)
        dropout = self.dropout if self.training else 0.0
        mixed = attend(query, key, value, visible=memory_visible, dropout=dropout)
        return self.output(merge_heads(mixed))


class DecoderLayer(nn.Module):
    """Masked ProbSparse self-attention, then an encoder layer whose attention looks at the encoder's output."""

    def __init__(self, sizes: Sizes, *, sampling_factor: float):
        super().__init__()
        self.self_attention = ProbSparseAttention(sizes, sampling_factor=sampling_factor, causal=True)
        self.norm = ResidualNorm(sizes)
        self.across = EncoderLayer(sizes, CrossAttention(sizes))

    def forward(self, hidden: Tensor, visible: Tensor, memory: Tensor, memory_visible: Tensor) -> Tensor:
        hidden = self.norm(hidden, self.self_attention(hidden, visible))
        return self.across(hidden, memory, memory_visible)


class InformerNetwork(nn.Module):
    """Predicts at placeholders that stand after a history, all of them in one pass (section "Decoder").

    The encoder sees the history alone, its `layers` ProbSparse layers parted by distilling. The decoder sees the
    newest `start_length` elements of the history, the start token, and the placeholders after them.

    Args:
        predicted_elements: placeholders at the end of every sequence.
        sampling_factor: c of ProbSparse attention.
        distil: halve the sequence between encoder layers.
    """

    def __init__(
        self,
        sizes: Sizes,
        *,
        predicted_elements: int = 1,
        start_length: int = 48,
        sampling_factor: float = 5.0,
        distil: bool = True,
        decoder_layers: int = 1,
    ):
        super().__init__()
        if min(predicted_elements, start_length, decoder_layers) < 1:
            raise ValueError(
                f"predicted_elements ({predicted_elements}), start_length ({start_length}) and decoder_layers "
                f"({decoder_layers}) must be at least 1"
            )
        self.predicted_elements = predicted_elements
        self.start_length = start_length
        self.layers = nn.ModuleList(
            EncoderLayer(sizes, ProbSparseAttention(sizes, sampling_factor=sampling_factor, causal=False))
            for _ in range(sizes.layers)
        )
        self.distilling = nn.ModuleList(Distilling(sizes) for _ in range(sizes.layers - 1 if distil else 0))
        self.decoder = nn.ModuleList(
            DecoderLayer(sizes, sampling_factor=sampling_factor) for _ in range(decoder_layers)
        )

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """[B, L, d] -> [B, L, d]: histories, each followed by its placeholders and then padding.

        Only the start token and the placeholders of the output hold something, the rest is 0.
        """
        batch, length, size = hidden.shape
        if visible is None:
            visible = torch.ones(batch, 1, 1, length, dtype=torch.bool, device=hidden.device)
        lengths = visible.sum((1, 2, 3))  # [B]
        history = (lengths - self.predicted_elements).clamp(min=0)
        memory, memory_visible = self.encode(hidden[:, : max(length - self.predicted_elements, 1)], history)
        width = min(self.start_length + self.predicted_elements, length)
        column = (history - self.start_length).clamp(min=0)[:, None] + torch.arange(width, device=hidden.device)
        decoded_visible = (column < lengths[:, None])[:, None, None, :]  # [B, 1, 1, S]
        column = column[..., None].expand(-1, -1, size)  # [B, S, d]
        decoded = hidden.gather(1, column)
        for layer in self.decoder:
            decoded = layer(decoded, decoded_visible, memory, memory_visible)
        return decoded.new_zeros(hidden.shape).scatter(1, column, decoded)

    def encode(self, hidden: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Histories [B, L, d] of `history` [B] elements -> what is left of them, and where it is visible."""
        column = torch.arange(hidden.shape[1], device=hidden.device)
        # Attention needs something to look at: without a history, the first placeholder.
        visible = (column < history.clamp(min=1)[:, None])[:, None, None, :]  # [B, 1, 1, L]
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden, visible)
            if number < len(self.distilling):
                hidden, visible = self.distilling[number](hidden, visible)
        return hidden, visible
