"""DuroNet without its spatial module: point-wise and sequence-wise robust layers (Hu et al., ACM TOIT 2021)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_hail.networks.encoders import EncoderLayer, SelfAttention
from recbole_hail.networks.sizes import Sizes


class PointWiseRobustLayer(nn.Module):
    """Draws outliers towards their local temporal context.

    The paper's abstract: a locality enhanced module "employs local temporal context information to smooth the
    deviation of outliers" with an "adaptive robustness". Our reading: a causal convolution gives each point's context,
    and a gate says how far the point moves towards it.

    Args:
        kernel_width: how many points the context has, up to and including the point itself.
    """

    def __init__(self, sizes: Sizes, *, kernel_width: int):
        super().__init__()
        self.context = nn.Conv1d(sizes.hidden_size, sizes.hidden_size, kernel_width)
        self.gate = nn.Linear(2 * sizes.hidden_size, sizes.hidden_size)
        self.dropout = nn.Dropout(sizes.hidden_dropout)
        self.norm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, L, d] -> [B, L, d]; no position sees one after it."""
        before = self.context.kernel_size[0] - 1
        context = self.context(F.pad(hidden.transpose(1, 2), (before, 0))).transpose(1, 2)  # [B, L, d]
        share = torch.sigmoid(self.gate(torch.cat([hidden, context], dim=-1)))  # [B, L, d]
        return self.norm(hidden + self.dropout(share * (context - hidden)))


class RobustLayer(nn.Module):
    """A point-wise robust layer, then a sequence-wise one.

    The sequence-wise layer is causal self-attention, whose learnt weights "weaken the effect of irregular waves" (the
    paper's abstract).
    """

    def __init__(self, sizes: Sizes, *, kernel_width: int):
        super().__init__()
        self.point_wise = PointWiseRobustLayer(sizes, kernel_width=kernel_width)
        self.sequence_wise = EncoderLayer(sizes, SelfAttention(sizes, causal=True))

    def forward(self, hidden: Tensor) -> Tensor:
        return self.sequence_wise(self.point_wise(hidden), None)


class RobustEncoder(nn.Module):
    """`layers` robust layers that look at earlier positions only."""

    def __init__(self, sizes: Sizes, *, kernel_width: int = 3):
        super().__init__()
        self.layers = nn.Sequential(*(RobustLayer(sizes, kernel_width=kernel_width) for _ in range(sizes.layers)))

    def forward(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """H⁰ [B, L, d] -> [B, L, d]; `visible` is not needed, for padding stands to the right."""
        return self.layers(hidden)
