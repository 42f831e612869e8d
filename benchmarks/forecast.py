"""Sequences a second for which one pruned peer says what comes next.

    python benchmarks/forecast.py --checkpoint saved/HAIL-….pth --data_path dataset

Takes one peer of the checkpoint, and asks `Forecaster.predict` for the 10 most likely elements after sequences of 50
elements each, drawn from the dataset's elements: tokens go in, rows of words come out. Calibration and loading are done
before. Prints the median round and writes it as JSON to --output.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import measuring
import torch

import recbole_hail
from recbole_hail.cli.common import guarded
from recbole_hail.training.checkpoints import prune_to_peer, read_checkpoint, write_checkpoint

COLUMNS = ("model", "threads", "sequences", "length", "seconds", "CPU seconds", "a second", "a CPU s")


def drawn(tokens: list[str], sequences: int, length: int) -> list[list[str]]:
    draw = random.Random(0)
    return [draw.choices(tokens, k=length) for _ in range(sequences)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", required=True, help="of HAIL or another model with peers")
    parser.add_argument("--data_path", help="folder with the dataset's folder (default: as in training)")
    parser.add_argument("--peer", type=int, default=1)
    parser.add_argument("--sequences", type=int, default=5_000)
    parser.add_argument("--length", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        pruned = Path(folder, "one.pth")
        write_checkpoint(prune_to_peer(read_checkpoint(options.checkpoint), options.peer), pruned)
        forecaster = recbole_hail.Forecaster.load(pruned, data_path=options.data_path)
        print(forecaster.calibration)
    sequences = drawn(forecaster.elements.tokens[1:], options.sequences, options.length)
    forecaster.predict(sequences[:500])  # the first call allocates
    rounds = [measuring.timed(lambda: forecaster.predict(sequences, k=10)) for _ in range(options.rounds)]
    wall, processor = measuring.median(rounds)
    network = f"{forecaster.trained.config['model']} {forecaster.trained.config['base_network'][0]}"
    cells = (network, options.threads, options.sequences, options.length, wall, processor)
    row = dict(zip(COLUMNS, (*cells, options.sequences / wall, options.sequences / processor), strict=True))
    measuring.show_header(COLUMNS)
    measuring.show(row)
    measuring.write(options.output, [row])


if __name__ == "__main__":
    sys.exit(guarded(main))
