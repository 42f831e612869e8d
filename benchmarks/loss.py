"""Prediction layer and loss, fused and plain, against the three matrix products that both of them need.

    python benchmarks/loss.py

Two peers, hidden size 64, float32; losses, and gradients of hidden states, table and bias. `products` are
hidden @ table', grad @ table and grad' @ hidden, the first into memory that is there already. The other columns are
multiples of their time, by the wall clock and, under "CPU", by processor time, which other programs change less. All
take turns in one process; medians of `rounds`. `denoising` is the fused form with beta = 0.02. Extra memory is what a
process of its own holds at its peak above what it held before the step, the gradients included; `share` is that of the
T · M · V floats of the logits. The plain form is left out where it would hold 30 GB. `difference` is the largest
relative one between the losses of the two forms: total, self-knowledge, positive and negative term of each peer.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import measuring
import torch

from recbole_hail.losses import fused_hail_loss_parts, hail_loss_parts

SHAPES = {11_924: 2_560, 3_416: 2_560, 246: 2_560, 100_000: 256, 1_000_000: 256}  # positions M, by elements V
PEERS, SIZE, NOISE = 2, 64, 0.02
LARGEST_PLAIN = 3e8  # T · M · V; the plain form holds some twenty such tensors
CHILD = """
import json, pathlib, re, sys
import loss, measuring, torch
form, elements, positions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
loss.step(form, *loss.inputs(50, 20))
given = loss.inputs(elements, positions)
pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts afresh
before = measuring.peak_memory()
loss.step(form, *given)
print(json.dumps({"extra": measuring.peak_memory() - before}))
"""


def inputs(elements: int, positions: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    torch.manual_seed(elements)
    hidden, table = torch.randn(PEERS, positions, SIZE), 0.3 * torch.randn(elements, SIZE)
    tensors = [tensor.requires_grad_() for tensor in (hidden, table, torch.zeros(elements))]
    return tensors, torch.randint(elements, (positions,))


def step(form: str, tensors: list[torch.Tensor], targets: torch.Tensor):
    """Forward and backward; returns the parts of the loss."""
    for tensor in tensors:
        tensor.grad = None
    hidden, table, bias = tensors
    if form == "plain":
        parts = hail_loss_parts(hidden @ table.t() + bias, targets)
    else:
        parts = fused_hail_loss_parts(hidden, table, bias, targets, beta=NOISE if form == "denoising" else 0.0)
    parts.total.backward()
    return parts


def products(tensors: list[torch.Tensor]):
    """The three products as a function of nothing; the logits stand for their own gradient."""
    hidden, table = tensors[0].detach().flatten(0, 1), tensors[1].detach()
    logits = torch.empty(len(hidden), len(table))

    def run():
        torch.mm(hidden, table.t(), out=logits)
        return logits @ table, logits.t() @ hidden

    return run


def difference(given) -> float:
    pairs = zip(step("fused", *given)[:4], step("plain", *given)[:4], strict=True)
    return max(((fused - plain).abs() / plain.abs()).max().item() for fused, plain in pairs)


def measure(elements: int, threads: int, rounds: int) -> dict:
    torch.set_num_threads(threads)
    positions = SHAPES[elements]
    given = inputs(elements, positions)
    forms = ["fused", "denoising"] + ["plain"] * (PEERS * positions * elements < LARGEST_PLAIN)
    runs = {"products": products(given[0])} | {form: lambda f=form: step(f, *given) for form in forms}
    measuring.alternate(runs, 1)
    seconds = measuring.alternate(runs, rounds)
    row = {"V": elements, "M": positions, "threads": threads, "rounds": rounds, "ms": 1e3 * seconds["products"].wall}
    for clock, name in (("wall", ""), ("processor", " CPU")):
        for form in ("fused", "denoising", "plain"):
            of_products = getattr(seconds["products"], clock)
            row[form + name] = getattr(seconds[form], clock) / of_products if form in forms else "-"
    row["difference"] = difference(given) if "plain" in forms else "-"
    return row


def memory(elements: int) -> dict:
    positions = SHAPES[elements]
    logits = 4 * PEERS * positions * elements
    gradients = 4 * (PEERS * positions * SIZE + elements * SIZE + elements)
    row = {"V": elements, "M": positions, "gradients MB": gradients / 1e6}
    for form in ["fused", "plain"][: 2 if logits < 4 * LARGEST_PLAIN else 1]:
        extra = measuring.in_child(CHILD, form, str(elements), str(positions))["extra"]
        row |= {f"{form} MB": extra / 1e6, f"{form} share": extra / logits}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--elements", type=int, nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    times, memories = [], []
    for elements in options.elements:
        for threads in options.threads:
            times.append(measure(elements, threads, options.rounds if elements < 10**5 else 3))
            if len(times) == 1:
                measuring.show_header(times[0])
            measuring.show(times[-1])
    for elements in options.elements:
        memories.append(memory(elements))
        if len(memories) == 1:
            measuring.show_header(memories[0])
        measuring.show(memories[-1])
    measuring.write(options.output, {"times": times, "memory": memories})


if __name__ == "__main__":
    sys.exit(main())
