"""The base networks a peer can be (paper section 3.3): self-attention in both directions or one, or a GRU."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn import functional as F

from recbole_hail.networks.sizes import Sizes

ACTIVATIONS = {"gelu": F.gelu, "relu": F.relu, "swish": F.silu, "tanh": F.tanh, "sigmoid": F.sigmoid}


class SelfAttention(nn.Module):
    """Multi-head scaled dot-product attention, Eqs. 1 and 2."""

    def __init__(self, sizes: Sizes, *, causal: bool):
        super().__init__()
        self.heads = sizes.heads
        self.dropout = sizes.attention_dropout
        self.causal = causal
        self.query_key_value = nn.Linear(sizes.hidden_size, 3 * sizes.hidden_size)
        self.output = nn.Linear(sizes.hidden_size, sizes.hidden_size)

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """[B, L, d] -> [B, L, d]; `visible` [B, 1, 1, L] is True where a position may be looked at."""
        batch, length, size = hidden.shape
        split = self.query_key_value(hidden).view(batch, length, 3, self.heads, size // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # [B, heads, L, d / heads] each
        mixed = F.scaled_dot_product_attention(
            query,
            key,
            value,
            # Padding stands to the right, so a causal network never looks at it from a real position.
            attn_mask=None if self.causal else visible,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal,
        )
        return self.output(mixed.transpose(1, 2).reshape(batch, length, size))


class EncoderLayer(nn.Module):
    """Attention, then the feed-forward layer of Eq. 3, each with dropout, residual and LayerNorm (post-norm BERT).

    The paper's equations leave out dropout and LayerNorm; the authors' program has them.
    """

    def __init__(self, sizes: Sizes, attention: nn.Module):
        super().__init__()
        self.attention = attention
        self.attention_norm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.inner = nn.Linear(sizes.hidden_size, sizes.inner_size)
        self.outer = nn.Linear(sizes.inner_size, sizes.hidden_size)
        self.output_norm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.dropout = nn.Dropout(sizes.hidden_dropout)
        self.activation = ACTIVATIONS[sizes.activation]

    def forward(self, hidden: Tensor, *looked_at: Tensor | None) -> Tensor:
        """[B, L, d] -> [B, L, d]; `looked_at` is what the attention takes beside its queries."""
        hidden = self.attention_norm(hidden + self.dropout(self.attention(hidden, *looked_at)))
        inner = self.activation(self.inner(hidden))  # [B, L, inner]
        return self.output_norm(hidden + self.dropout(self.outer(inner)))


class TransformerEncoder(nn.Module):
    """`layers` encoder layers; `causal` looks at earlier positions only."""

    def __init__(self, sizes: Sizes, *, causal: bool):
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(sizes, SelfAttention(sizes, causal=causal)) for _ in range(sizes.layers)
        )

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """H⁰ [B, L, d] -> H^L [B, L, d]."""
        for layer in self.layers:
            hidden = layer(hidden, visible)
        return hidden


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
        self.dropout = nn.Dropout(sizes.hidden_dropout)
        self.norm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """H⁰ [B, L, d] -> [B, L, d]; `visible` is not needed, for padding stands to the right."""
        return self.norm(hidden + self.dropout(self.recurrence(hidden)[0]))
