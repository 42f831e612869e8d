"""The loss parts of an epoch, read from the device now and then, and watched for NaN and infinity."""

import torch

from recbole_hail.errors import TrainingDiverged
from recbole_hail.losses import LossParts

PARTS = ("self-knowledge", "positive", "negative")
# Reading the parts makes the host wait for the device, so it is not done at every step.
READ_EVERY = 20


class LossLog:
    """Collects the parts of every step; `means` are those of the steps since `start`."""

    def __init__(self, peers: int):
        self.peers = peers
        self.start(0)

    def start(self, step: int) -> None:
        """A new epoch begins at optimiser step `step`."""
        self.first_unread = step
        self.unread = []
        self.steps = 0
        self.sums = torch.zeros(self.peers * len(PARTS) + 2, dtype=torch.float64)

    def add(self, parts: LossParts) -> None:
        by_peer = torch.stack([parts.self_knowledge, parts.positive, parts.negative], dim=1)  # [T, parts]
        ends = torch.stack([parts.dropped.to(by_peer.dtype), parts.total.detach().to(by_peer.dtype)])
        self.unread.append(torch.cat([by_peer.flatten(), ends]))
        if len(self.unread) >= READ_EVERY:
            self.read()

    def read(self) -> None:
        """Adds what is unread to the sums; TrainingDiverged names the first step that is not finite."""
        if not self.unread:
            return
        values = torch.stack(self.unread).double().cpu()  # [steps, T · parts + 2]
        finite = values.isfinite().all(dim=1)
        if not finite.all():
            worst = int((~finite).nonzero()[0])
            raise TrainingDiverged(self._diagnosis(self.first_unread + worst, values[worst]))
        self.sums += values.sum(0)
        self.steps += len(values)
        self.first_unread += len(values)
        self.unread = []

    def _diagnosis(self, step: int, values: torch.Tensor) -> str:
        by_peer = values[:-2].view(self.peers, len(PARTS))
        peers = [
            f"peer {peer + 1} ({', '.join(f'{part} {value:.4g}' for part, value in zip(PARTS, row, strict=True))})"
            for peer, row in enumerate(by_peer.tolist())
            if not by_peer[peer].isfinite().all()
        ]
        return f"the loss is not finite at step {step + 1}: {'; '.join(peers) or f'total {values[-1]:.4g}'}"

    @property
    def total(self) -> float:
        """The sum of the losses of all steps, which is what RecBole calls the train loss of an epoch."""
        return float(self.sums[-1])

    def means(self) -> dict[str, float]:
        """Mean over the epoch's steps, keyed `peer 1/self-knowledge`, …, `dropped`."""
        means = (self.sums / max(self.steps, 1)).tolist()
        names = [f"peer {peer}/{part}" for peer in range(1, self.peers + 1) for part in PARTS]
        return dict(zip([*names, "dropped"], means, strict=False))
