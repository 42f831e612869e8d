"""DuroNet without its spatial module: point-wise and sequence-wise robust layers (Hu et al., ACM TOIT 2021)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_hail.networks.layers import SelfAttentionLayer
from recbole_hail.networks.residual import ResidualNorm
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
        self.kernel_width = kernel_width
        # A convolution as a product: half the time of Conv1d on a CPU.
        self.context = nn.Linear(sizes.hidden_size * kernel_width, sizes.hidden_size)
        self.gate = nn.Linear(2 * sizes.hidden_size, sizes.hidden_size)
        self.norm = ResidualNorm(sizes)

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, L, d] -> [B, L, d]; no position sees one after it."""
        after_zeros = F.pad(hidden, (0, 0, self.kernel_width - 1, 0))
        windows = after_zeros.unfold(1, self.kernel_width, 1)  # [B, L, d, kernel_width], each ends at its position
        context = self.context(windows.flatten(2))  # [B, L, d]
        share = torch.sigmoid(self.gate(torch.cat([hidden, context], dim=-1)))  # [B, L, d]
        return self.norm(hidden, share * (context - hidden))


class RobustLayer(nn.Module):
    """A point-wise robust layer, then a sequence-wise one.

    The sequence-wise layer is causal self-attention, whose learnt weights "weaken the effect of irregular waves" (the
    paper's abstract).
    """

    def __init__(self, sizes: Sizes, *, kernel_width: int):
        super().__init__()
        self.point_wise = PointWiseRobustLayer(sizes, kernel_width=kernel_width)
        self.sequence_wise = SelfAttentionLayer(sizes, causal=True)

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
