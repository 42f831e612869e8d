"""How the cost of ProbSparse attention grows with the length of the sequence, against full attention.

    python benchmarks/informer.py

Training steps (forward and backward) of one attention layer, and of whole networks: two encoder layers of full
attention against Informer with distilling and decoder, at HAIL's widths. `products` are the query-key products of one
sequence and head: L² against 2 L ⌈c ln L⌉, to measure queries and to attend with the chosen ones. Every length takes
turns with every other. Prints milliseconds of processor time and the exponent of each column, slope of log over log.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import measuring
import torch

from recbole_hail.networks import Sizes
from recbole_hail.networks.base import build_encoder
from recbole_hail.networks.layers import SelfAttention
from recbole_hail.networks.probsparse import ProbSparseAttention, sample_sizes

COLUMNS = ("L", "full", "ProbSparse", "full net", "Informer", "full prod.", "sparse prod.")


def modules(length: int, factor: float) -> dict[str, torch.nn.Module]:
    """By the names of the timed columns."""
    sizes = Sizes(positions=length, hidden_dropout=0.0, attention_dropout=0.0)
    informer = {"sampling_factor": factor, "predicted_elements": 8}
    return {
        "full": SelfAttention(sizes, causal=False),
        "ProbSparse": ProbSparseAttention(sizes, sampling_factor=factor, causal=False),
        "full net": build_encoder("bidirectional", sizes),
        "Informer": build_encoder("informer", sizes, **informer),
    }


def step(module: torch.nn.Module, hidden: torch.Tensor, visible: torch.Tensor) -> Callable[[], None]:
    """One training step of the module, without the optimiser."""
    return lambda: module(hidden, visible).sum().backward()


def measure(lengths: list[int], options) -> list[dict]:
    """A row for every length and, for several, the exponents of all columns."""
    runs = {}
    for length in lengths:
        hidden = torch.randn(options.batch, length, 64, requires_grad=True)
        visible = torch.ones(options.batch, 1, 1, length, dtype=torch.bool)
        for name, module in modules(length, options.factor).items():
            runs[name, length] = step(module, hidden, visible)
            runs[name, length]()  # the first one allocates
    found = measuring.alternate(runs, options.rounds)
    rows = []
    for length in lengths:
        queries = int(sample_sizes(torch.tensor(length), options.factor))
        timed = [1000 * found[name, length].processor for name in COLUMNS[1:5]]
        rows.append(dict(zip(COLUMNS, (length, *timed, length**2, 2 * length * queries), strict=True)))
    if len(lengths) == 1:
        return rows
    slopes = [measuring.exponent(lengths, [row[name] for row in rows]) for name in COLUMNS[1:]]
    return [*rows, dict(zip(COLUMNS, ("exponent", *slopes), strict=True))]


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=[50, 100, 200, 400, 800])
    parser.add_argument("--batch", type=int, default=16, help="sequences of a step")
    parser.add_argument("--factor", type=float, default=5.0, help="c, the sampling factor")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rows = measure(options.lengths, options)
    measuring.show_header(COLUMNS)
    for row in rows:
        measuring.show(row)
    measuring.write(options.output, rows)


if __name__ == "__main__":
    main()
