"""HAIL's training step on a GPU: positions per second, share of the card's matrix rate, and no wait of the host.

    python benchmarks/gpu.py [--positions 12800 102400] [--elements 246 11924]

Networks and losses alone, so torch is all it needs; d = 64, 2 layers, 2 heads, inner 256, T = 2, windows of 200. The
matrix rate is that of one large product in the same type on the same card. Before it is timed, every kind of step
runs under torch.cuda.set_sync_debug_mode("error"), which ends the program where the host would wait for the card.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import measuring
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.utils.flop_counter import FlopCounterMode

from recbole_hail.losses import fused_hail_loss_parts
from recbole_hail.networks import PeerNetworks, Sizes, predicts

LENGTH = 200
TYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
COLUMNS = ("base network", "type", "V", "positions", "ms a step", "positions/s", "TFLOP/s", "share of rate")


class Training:
    """Peers, optimiser and one batch that stays in pinned memory, as a loader hands it over."""

    def __init__(self, base: str, device: torch.device, *, elements: int, sequences: int, dtype: torch.dtype):
        self.device, self.dtype = device, dtype
        torch.manual_seed(0)
        self.networks = PeerNetworks([base, base], Sizes(positions=LENGTH), elements=elements).to(device)
        self.optimizer = torch.optim.AdamW(self.networks.parameters(), lr=1e-3, fused=True)
        tokens = torch.randint(1, elements + 1, (sequences, LENGTH))
        # Masked networks predict a fifth of the elements; for the cost it does not matter which.
        self.most = LENGTH // 5 if predicts(base) == "masked" else LENGTH
        first = torch.arange(sequences)[:, None] * LENGTH
        positions = (first + torch.arange(LENGTH)[: self.most]).flatten()
        self.batch = (tokens, positions, torch.randint(elements, positions.shape))
        if device.type == "cuda":
            self.batch = tuple(tensor.pin_memory() for tensor in self.batch)

    def step(self) -> Tensor:
        """A whole step, the copy to the device included; returns the loss without reading it."""
        tokens, positions, targets = (tensor.to(self.device, non_blocking=True) for tensor in self.batch)
        self.optimizer.zero_grad()
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            hidden = self.networks(tokens, positions, most=self.most)
        table, bias = self.networks.embedding.predictable, self.networks.head.bias
        loss = fused_hail_loss_parts(hidden, table, bias, targets, beta=0.01).total
        loss.backward()
        clip_grad_norm_(self.networks.parameters(), 5)
        self.optimizer.step()
        return loss


def seconds_of(run, times: int) -> float:
    """Seconds a run, the card idle before and after."""
    torch.cuda.synchronize()
    started = perf_counter()
    for _ in range(times):
        run()
    torch.cuda.synchronize()
    return (perf_counter() - started) / times


def operations_of(step: Callable[[], object]) -> int:
    """FLOP of its products, those too that add to what is there, as the loss' for the table's gradient."""

    def adding(to, left, right, **_) -> int:  # which torch does not count by itself
        return 2 * left[0] * left[1] * right[1]

    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: adding}) as counter:
        step()
    return counter.get_total_flops()


def matrix_rate(dtype: torch.dtype, size: int = 8192) -> float:
    """FLOP/s of a square product."""
    one, other = (torch.randn(size, size, device="cuda", dtype=dtype) for _ in range(2))
    one @ other
    return 2 * size**3 / seconds_of(lambda: one @ other, 10)


def measure(base: str, name: str, elements: int, positions: int, rate: float, steps: int) -> dict:
    """Warms up, checks for waits, counts operations, then times `steps` steps."""
    sequences = max(positions // LENGTH, 1)
    training = Training(base, torch.device("cuda"), elements=elements, sequences=sequences, dtype=TYPES[name])
    for _ in range(3):
        training.step()
    operations = operations_of(training.step)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            training.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    seconds = seconds_of(training.step, steps)
    achieved = operations / seconds
    values = (sequences * LENGTH, seconds * 1e3, sequences * LENGTH / seconds, achieved / 1e12, achieved / rate)
    return dict(zip(COLUMNS, (base, name, elements, *values), strict=True))


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--positions", type=int, nargs="+", default=[12_800, 102_400])
    parser.add_argument("--elements", type=int, nargs="+", default=[246, 11_924])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("error: this benchmark needs a GPU that torch can use, and torch.cuda.is_available() is False")
    rows = []
    measuring.show_header(COLUMNS)
    for name, dtype in TYPES.items():
        rate = matrix_rate(dtype)
        for base in ("bidirectional", "causal"):
            for elements in options.elements:
                for positions in options.positions:
                    rows.append(measure(base, name, elements, positions, rate, options.steps))
                    measuring.show(rows[-1])
    measuring.write(options.output, {"card": torch.cuda.get_device_name(), "rows": rows})


if __name__ == "__main__":
    main()
