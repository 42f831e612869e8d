"""The sizes that all parts of the peer networks share."""

from dataclasses import dataclass

from recbole_hail.networks.activations import ACTIVATIONS


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Defaults are the paper's (section 5.1.3) and, for dropout and LayerNorm, those of the authors' program.

    Raises:
        ValueError: a size below 1, `heads` that do not divide `hidden_size`, an activation of another name.
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
        for name in ("positions", "layers", "heads", "hidden_size", "inner_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} must be at least 1")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation: {self.activation!r} must be one of {', '.join(ACTIVATIONS)}")
        if self.hidden_size % self.heads:
            raise ValueError(f"n_heads ({self.heads}) must divide hidden_size ({self.hidden_size})")
