"""ProbSparse self-attention (Zhou et al., *Informer*, AAAI 2021, section "Efficient Self-attention Mechanism")."""

import math

import torch
from torch import Tensor, nn

from recbole_hail.networks.attention import attend, merge_heads, split_heads
from recbole_hail.networks.sizes import Sizes


class ProbSparseAttention(nn.Module):
    """Multi-head attention for the ⌈c ln L⌉ queries that differ most from uniform attention; the others get a mean.

    Args:
        sampling_factor: c.
        causal: a position sees none after it, and the mean of the others is that of the values up to each of them.
    """

    def __init__(self, sizes: Sizes, *, sampling_factor: float, causal: bool):
        super().__init__()
        if not 0 < sampling_factor < math.inf:
            raise ValueError(f"sampling_factor ({sampling_factor}) must be positive and finite")
        self.heads = sizes.heads
        self.dropout = sizes.attention_dropout
        self.sampling_factor = sampling_factor
        self.causal = causal
        self.query_key_value = nn.Linear(sizes.hidden_size, 3 * sizes.hidden_size)
        self.output = nn.Linear(sizes.hidden_size, sizes.hidden_size)

    def forward(self, hidden: Tensor, visible: Tensor) -> Tensor:
        """[B, L, d] -> [B, L, d]; `visible` [B, 1, 1, L] is False at padding, which stands to the right."""
        length = hidden.shape[1]
        query, key, value = split_heads(self.query_key_value(hidden), self.heads, parts=3)
        lengths = visible.sum((1, 2, 3))  # [B]
        counts = sample_sizes(lengths, self.sampling_factor)
        most = int(sample_sizes(torch.tensor(length), self.sampling_factor))
        keys = sampled_keys(lengths, counts, most, drawn=self.training)
        measured = measure(query, key, keys, lengths, causal=self.causal)
        # Sorted stably, so that equal queries are told apart by their place whatever the batch.
        chosen = measured.argsort(dim=-1, descending=True, stable=True)[..., :most]  # [B, heads, U]
        column = torch.arange(length, device=hidden.device)
        looked_at = visible & (column <= chosen[..., None]) if self.causal else visible
        chosen = chosen[..., None].expand(-1, -1, -1, query.shape[-1])  # [B, heads, U, d / heads]
        dropout = self.dropout if self.training else 0.0
        attended = attend(query.gather(2, chosen), key, value, visible=looked_at, dropout=dropout)
        mixed = mean_of_values(value, visible, causal=self.causal)
        # A short sequence takes fewer queries than the longest of its batch.
        taken = torch.arange(most, device=hidden.device) < counts[:, None]  # [B, U]
        mixed = mixed.scatter(2, chosen, torch.where(taken[:, None, :, None], attended, mixed.gather(2, chosen)))
        return self.output(merge_heads(mixed))


def sample_sizes(lengths: Tensor, factor: float) -> Tensor:
    """⌈c ln L⌉ of every sequence, at least 1 and at most L: both the number of queries and of sampled keys."""
    return (factor * lengths.double().log()).ceil().clamp(min=1).minimum(lengths).long()


def sampled_keys(lengths: Tensor, counts: Tensor, most: int, *, drawn: bool) -> Tensor:
    """[B, most] positions of keys, one from each of `counts` equal stretches of a sequence; beyond `counts` -1.

    Drawn at random within its stretch, or its first: a choice that only the length of the sequence decides.
    """
    rank = torch.arange(most, device=lengths.device)
    lengths, counts = lengths[:, None], counts[:, None]
    keys = rank * lengths // counts
    if drawn:
        stretch = (rank + 1) * lengths // counts - keys  # [B, most]
        keys = keys + (torch.rand(stretch.shape, device=lengths.device) * stretch).long()
    return keys.masked_fill(rank >= counts, -1)


@torch.no_grad()
def measure(query: Tensor, key: Tensor, keys: Tensor, lengths: Tensor, *, causal: bool) -> Tensor:
    """The max-mean measurement of every query over the sampled keys it may see (Eq. 4), [B, heads, L].

    -inf for padding and for a query that sees no sampled key, so that these come last.
    """
    length, width = query.shape[-2:]
    column = torch.arange(length, device=query.device)
    sampled = key.gather(2, keys.clamp(min=0)[:, None, :, None].expand(-1, key.shape[1], -1, width))
    scores = query @ sampled.transpose(2, 3) / math.sqrt(width)  # [B, heads, L, S]
    seen = (keys >= 0)[:, None, None, :]
    if causal:
        seen = seen & (keys[:, None, None, :] <= column[:, None])  # [B, 1, L, S]
    largest = scores.masked_fill(~seen, -torch.inf).amax(-1)
    mean = scores.masked_fill(~seen, 0.0).sum(-1) / seen.sum(-1).clamp(min=1)
    return (largest - mean).masked_fill(column >= lengths[:, None, None], -torch.inf)


def mean_of_values(value: Tensor, visible: Tensor, *, causal: bool) -> Tensor:
    """What a query that attends to nothing gets: the mean of all values, or of those up to it; [B, heads, L, w]."""
    if causal:
        return value.cumsum(2) / torch.arange(1, value.shape[2] + 1, device=value.device)[:, None]
    visible = visible.transpose(2, 3)  # [B, 1, L, 1]
    return ((value * visible).sum(2, keepdim=True) / visible.sum(2, keepdim=True)).expand_as(value)
