"""HAIL as one would write it first: torch's own encoder layers on sequences padded to one width, the losses in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_


class Batch(NamedTuple):
    """Cloze batches with every sequence padded to the same width."""

    sequences: Tensor  # [B, width]
    positions: Tensor  # [M], indices into the flattened B · width
    elements: Tensor  # [M]


class PlainNetworks(nn.Module):
    """Shared embedding, T encoders one after the other, shared head."""

    def __init__(self, *, elements: int, width: int, peers: int, dropout: float):
        super().__init__()
        self.element = nn.Embedding(elements + 2, 64, padding_idx=0)
        self.position = nn.Embedding(width, 64)
        self.norm = nn.LayerNorm(64)
        self.dropout = nn.Dropout(dropout)
        self.peers = nn.ModuleList(nn.TransformerEncoder(_layer(dropout), 2) for _ in range(peers))
        self.head = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.LayerNorm(64))
        self.bias = nn.Parameter(torch.zeros(elements))

    def forward(self, batch: Batch) -> Tensor:
        """Logits of every peer at the targets, [T, M, V]."""
        embedded = self.element(batch.sequences) + self.position.weight[: batch.sequences.shape[1]]
        embedded = self.dropout(self.norm(embedded))
        padding = batch.sequences == 0
        hidden = [peer(embedded, src_key_padding_mask=padding).flatten(0, 1) for peer in self.peers]
        return self.head(torch.stack(hidden)[:, batch.positions]) @ self.element.weight[1:-1].t() + self.bias


def _layer(dropout: float) -> nn.TransformerEncoderLayer:
    layer = nn.TransformerEncoderLayer(64, 2, 256, dropout, "gelu", batch_first=True)
    layer.self_attn.dropout = 0.0  # as in the settings of the datasets; with it torch takes a slower way
    return layer


class PlainTraining:
    """Steps over the windows of a `Training`, with its losses' settings, AdamW and clipped gradients."""

    def __init__(self, training, *, sequences: int, width: int):
        self.loader, self.settings = training.loader, training.model.loss_settings
        self.sequences, self.width = sequences, width
        self.networks = PlainNetworks(
            elements=self.loader.dataset.item_num - 1,
            width=width,
            peers=training.config["peers"],
            dropout=training.config["hidden_dropout_prob"],
        )
        self.optimizer = torch.optim.AdamW(self.networks.parameters(), lr=1e-3)

    def batches(self) -> Iterator[Batch]:
        """The loader's windows in random order."""
        from recbole_hail.data.masking import mask_elements
        from recbole_hail.data.windows import Spans, gather

        rng = torch.Generator().manual_seed(0)
        windows, config = self.loader.windows, self.loader.config
        for index in torch.randperm(len(windows.start), generator=rng).split(self.sequences):
            spans = Spans(windows.start[index], windows.end[index])
            yield Batch(
                *mask_elements(
                    gather(self.loader.dataset.elements, spans, self.width),
                    spans.length,
                    mask_token=self.loader.mask_token,
                    mask_ratio=config["mask_ratio"],
                    max_masked=config["max_masked"],
                    last_only_share=config["ft_ratio"],
                    rng=rng,
                )
            )

    def step(self, batch: Batch) -> None:
        from recbole_hail.losses import hail_loss_parts

        self.optimizer.zero_grad()
        hail_loss_parts(self.networks(batch), batch.elements - 1, **self.settings).total.backward()
        clip_grad_norm_(self.networks.parameters(), 5)
        self.optimizer.step()
