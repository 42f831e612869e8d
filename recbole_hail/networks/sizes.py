"""The sizes that all parts of the peer networks share."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Defaults are the paper's (section 5.1.3) and, for dropout and LayerNorm, those of the authors' program.

    Raises:
        ValueError: `heads` does not divide `hidden_size`.
    """

    positions: int  # the longest input
    layers: int = 2
    heads: int = 2
    hidden_size: int = 64
    inner_size: int = 256
    hidden_dropout: float = 0.2
    attention_dropout: float = 0.2
    activation: str = "gelu"
    layer_norm_eps: float = 1e-12

    def __post_init__(self):
        if self.hidden_size % self.heads:
            raise ValueError(f"n_heads ({self.heads}) must divide hidden_size ({self.hidden_size})")
