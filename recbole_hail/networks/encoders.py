"""The base networks a peer can be (paper section 3.3): self-attention in both directions or one, or a GRU."""

from torch import Tensor, nn
from torch.nn import functional as F

# What each base network is trained to predict: the elements that were masked, or the next element at every position.
BASE_NETWORKS = {"bidirectional": "masked", "causal": "next", "gru": "next"}
ACTIVATIONS = {"gelu": F.gelu, "relu": F.relu, "swish": F.silu, "tanh": F.tanh, "sigmoid": F.sigmoid}


def predicts(base_network: str) -> str:
    """ "masked" or "next"."""
    return BASE_NETWORKS[base_network]


class SelfAttention(nn.Module):
    """Multi-head scaled dot-product attention, Eqs. 1 and 2."""

    def __init__(self, *, hidden_size: int, heads: int, dropout: float, causal: bool):
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.causal = causal
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size)
        self.output = nn.Linear(hidden_size, hidden_size)

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

    def __init__(
        self,
        *,
        hidden_size: int,
        heads: int,
        inner_size: int,
        hidden_dropout: float,
        attention_dropout: float,
        activation: str,
        layer_norm_eps: float,
        causal: bool,
    ):
        super().__init__()
        self.attention = SelfAttention(hidden_size=hidden_size, heads=heads, dropout=attention_dropout, causal=causal)
        self.attention_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        self.inner = nn.Linear(hidden_size, inner_size)
        self.outer = nn.Linear(inner_size, hidden_size)
        self.output_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        self.dropout = nn.Dropout(hidden_dropout)
        self.activation = ACTIVATIONS[activation]

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        hidden = self.attention_norm(hidden + self.dropout(self.attention(hidden, visible)))
        inner = self.activation(self.inner(hidden))  # [B, L, inner]
        return self.output_norm(hidden + self.dropout(self.outer(inner)))


class TransformerEncoder(nn.Module):
    """`layers` encoder layers; `causal` looks at earlier positions only."""

    def __init__(self, *, layers: int, **layer_settings):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(**layer_settings) for _ in range(layers))

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """H⁰ [B, L, d] -> H^L [B, L, d]."""
        for layer in self.layers:
            hidden = layer(hidden, visible)
        return hidden


class RecurrentEncoder(nn.Module):
    """A GRU over the sequence with the input added back, so that it stands in for a causal transformer."""

    def __init__(self, *, layers: int, hidden_size: int, hidden_dropout: float, layer_norm_eps: float):
        super().__init__()
        between_layers = hidden_dropout if layers > 1 else 0.0
        self.recurrence = nn.GRU(hidden_size, hidden_size, layers, batch_first=True, dropout=between_layers)
        self.dropout = nn.Dropout(hidden_dropout)
        self.norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """H⁰ [B, L, d] -> [B, L, d]; `visible` is not needed, for padding stands to the right."""
        return self.norm(hidden + self.dropout(self.recurrence(hidden)[0]))


def build_encoder(
    base_network: str,
    *,
    layers: int,
    heads: int,
    hidden_size: int,
    inner_size: int,
    hidden_dropout: float,
    attention_dropout: float,
    activation: str,
    layer_norm_eps: float,
) -> nn.Module:
    """One peer's encoder; ValueError names an unknown base network or heads that do not divide the hidden size."""
    if base_network not in BASE_NETWORKS:
        raise ValueError(f"base_network: {base_network!r} must be one of {', '.join(BASE_NETWORKS)}")
    if base_network == "gru":
        return RecurrentEncoder(
            layers=layers, hidden_size=hidden_size, hidden_dropout=hidden_dropout, layer_norm_eps=layer_norm_eps
        )
    if hidden_size % heads:
        raise ValueError(f"n_heads ({heads}) must divide hidden_size ({hidden_size})")
    return TransformerEncoder(
        layers=layers,
        heads=heads,
        hidden_size=hidden_size,
        inner_size=inner_size,
        hidden_dropout=hidden_dropout,
        attention_dropout=attention_dropout,
        activation=activation,
        layer_norm_eps=layer_norm_eps,
        causal=base_network == "causal",
    )
