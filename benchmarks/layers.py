"""What a peer network computes in C on a CPU, forward and backward, against torch's own.

    python benchmarks/layers.py [--peers 1 2]

Attention over 2,560 positions in sequences of several lengths (2 heads of 32), against torch's fused attention; GELU
of the inner layer; dropout, residual and LayerNorm; float32. Then all of it: a step of peer networks on sequences of
one length, without the loss. `CPU s` are seconds of the process, `times` how many times as many torch takes. All take
turns in one process; medians of --rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import measuring
import torch
from torch.nn import functional as F

from recbole_hail import native
from recbole_hail.networks import PeerNetworks, Sizes
from recbole_hail.networks.activations import gelu
from recbole_hail.networks.attention import attend
from recbole_hail.networks.residual import ResidualNorm

POSITIONS, LENGTHS, ELEMENTS = 2_560, (40, 100, 200, 400), 246
SIZES = Sizes(positions=max(LENGTHS), hidden_dropout=0.2, attention_dropout=0.0)


@contextmanager
def by_torch():
    """Nothing is computed in C within the context."""
    library, native.library = native.library, lambda: None
    try:
        yield
    finally:
        native.library = library


def there_and_back(function: Callable[..., torch.Tensor], *given: torch.Tensor) -> Callable[[], None]:
    """Forward, and backward to all that is given."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in given]
    upstream = torch.randn_like(function(*leaves))
    return lambda: torch.autograd.grad(function(*leaves), leaves, upstream)


def attention(length: int, *, causal: bool) -> tuple[Callable[[], None], Callable[[], None]]:
    """By `attend`, and torch's fused attention, which that takes for long sequences."""
    tensors = torch.randn(3, POSITIONS // length, length, SIZES.heads, 32).transpose(2, 3)
    fused = there_and_back(lambda *qkv: F.scaled_dot_product_attention(*qkv, is_causal=causal), *tensors)
    return there_and_back(lambda *qkv: attend(*qkv, causal=causal), *tensors), fused


def residual_norm() -> Callable[[], None]:
    return there_and_back(ResidualNorm(SIZES), *torch.randn(2, POSITIONS, SIZES.hidden_size))


def step(peers: int, base_network: str, length: int) -> Callable[[], None]:
    """Of peer networks asked about every position if causal, about a fifth of them if not."""
    networks = PeerNetworks([base_network] * peers, SIZES, elements=ELEMENTS).train()
    sequences = torch.randint(1, ELEMENTS + 1, (POSITIONS // length, length))
    asked = torch.arange(0, sequences.numel(), 1 if base_network == "causal" else 5)
    most = length if base_network == "causal" else -(-length // 5)

    def both() -> None:
        networks.zero_grad()
        networks(sequences, asked, most=most).square().sum().backward()

    return both


def compared(what: str, in_c: Callable[[], None], torchs: Callable[[], None] | None, rounds: int) -> dict:
    """torch's own, or the same without C."""

    def without_c() -> None:
        with by_torch():
            (torchs or in_c)()

    for run in (in_c, without_c):
        run()
    found = measuring.alternate({"C": in_c, "torch": without_c}, rounds)
    times = found["torch"].processor / found["C"].processor
    return {"what": what, "seconds": found["C"].wall, "CPU s": found["C"].processor, "times": times}


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    runs = {
        f"attention, L = {length}{', causal' * causal}": attention(length, causal=causal)
        for length in LENGTHS
        for causal in (False, True)
    }
    runs["GELU"] = there_and_back(gelu, torch.randn(POSITIONS, SIZES.inner_size)), None
    runs["dropout, residual, LayerNorm"] = residual_norm(), None
    for peers in options.peers:
        for base_network in ("bidirectional", "causal"):
            for length in (40, 200):
                runs[f"{base_network}, T = {peers}, L = {length}"] = step(peers, base_network, length), None
    rows = []
    for what, both in runs.items():
        rows.append(compared(what, *both, options.rounds))
        if len(rows) == 1:
            measuring.show_header(rows[0])
        measuring.show(rows[-1])
    measuring.write(options.output, rows)


if __name__ == "__main__":
    main()
