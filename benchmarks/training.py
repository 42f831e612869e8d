"""Training on windows: against padding to 200, two peers against one, and how time grows with data and elements.

    python benchmarks/training.py --data_path=dataset [--parts padding peers data elements]

d = 64, 2 layers, 2 heads, inner 256, float32, dropout 0.2 on hidden states; runs that are compared take turns in one
process. `CPU s` are seconds of the process, which other programs on the machine hardly change; ratios are of these.
"""

from __future__ import annotations

import argparse
import logging
import sys
from itertools import chain, islice, repeat
from pathlib import Path

import measuring
import torch
from plain import PlainTraining

from recbole_hail.cli.common import guarded

BASES = ("bidirectional", "causal")


class Training:
    """HAIL's trainer, loader and model on a dataset, taken step by step as `fit` would."""

    def __init__(self, dataset: str, folder: Path, **settings):
        from recbole.config import Config
        from recbole.data import create_dataset, data_preparation
        from recbole.utils import get_model, get_trainer, init_seed

        from recbole_hail.training.budget import Budget

        arguments, sys.argv = sys.argv, sys.argv[:1]  # RecBole reads settings from them
        settings = {"data_path": str(folder), "show_progress": False, "use_gpu": False, **settings}
        config = Config(model="HAIL", dataset=dataset, config_dict=settings)
        sys.argv = arguments
        init_seed(config["seed"], config["reproducibility"])
        self.config = config
        self.loader, *_ = data_preparation(config, create_dataset(config))
        self.model = get_model("HAIL")(config, self.loader.dataset).train()
        self.trainer = get_trainer(config["MODEL_TYPE"], "HAIL")(config, self.model)
        self.trainer.planned_steps, self.trainer.budget = 10_000, Budget(None, None, steps=100)
        self.trainer.loss_log.start(0)

    def step(self, batch) -> None:
        self.trainer._step(batch)

    def epoch(self) -> None:
        self.loader.set_epoch(0)
        for batch in self.loader:
            self.step(batch)


def row(part: str, run: str, size: int, seconds: measuring.Seconds, result="") -> dict:
    return {"part": part, "run": run, "size": size, "seconds": seconds[0], "CPU s": seconds[1], "result": result}


def padding(options) -> list[dict]:
    """A pass over Toys' windows, in batches of similar length, against padding each to 200 as programs do."""
    ours = Training("toys", options.data_path, peers=2, base_network="bidirectional")  # as the plain networks are
    windows = len(ours.loader.windows.length)
    plain = PlainTraining(ours, sequences=256, width=200)
    batches = list(islice(plain.batches(), options.steps + 1))
    plain.step(batches[0])
    ours.step(next(iter(ours.loader)))  # warm
    runs = {"windows": ours.epoch, "padded": lambda: [plain.step(batch) for batch in batches[1:]]}
    seconds = measuring.alternate(runs, options.rounds)
    whole = windows / sum(len(batch.sequences) for batch in batches[1:])  # the padded pass is measured in part
    padded = measuring.Seconds(*(whole * value for value in seconds["padded"]))
    name = f"padded, {options.steps} steps scaled by {whole:.1f}"
    times = padded.processor / seconds["windows"].processor
    return [row("padding", name, windows, padded), row("padding", "windows", windows, seconds["windows"], times)]


def peers(options) -> list[dict]:
    """A step of two peers against one, on the same batches of CHI-18, drawing the batches included."""
    rows = []
    for base in BASES:
        found = {}
        trainings = {count: Training("chi18", options.data_path, peers=count, base_network=base) for count in (1, 2)}
        streams = {count: chain.from_iterable(repeat(training.loader)) for count, training in trainings.items()}

        def step(count, trainings=trainings, streams=streams):
            trainings[count].step(next(streams[count]))

        for _ in range(3):
            for count in trainings:
                step(count)
        found = measuring.alternate({count: lambda count=count: step(count) for count in (1, 2)}, options.steps * 4)
        rows.append(row("peers", f"{base}, T = 1", 1, found[1]))
        rows.append(row("peers", f"{base}, T = 2", 2, found[2], found[2].processor / found[1].processor))
    return rows


def data(options) -> list[dict]:
    """An epoch as the windows of CHI-18 double in number; `result` of the last row is the exponent."""
    from recbole_hail.data.windows import Spans

    training = Training("chi18", options.data_path, peers=2)
    loader, dataset = training.loader, training.loader.dataset
    start, end = (place[:: options.every] for place in loader.windows)
    elements = dataset.elements
    training.step(next(iter(loader)))  # warm
    sizes, rows = (1, 2, 4, 8), []
    for copies in sizes:
        dataset.elements = elements.repeat(copies)
        shifts = torch.arange(copies).repeat_interleave(len(start)) * len(elements)
        loader.windows = Spans(start.repeat(copies) + shifts, end.repeat(copies) + shifts)
        rows.append(row("data", f"windows x {copies}", len(loader.windows.start), measuring.timed(training.epoch)))
    rows[-1]["result"] = measuring.exponent(list(sizes), [r["CPU s"] for r in rows])
    return rows


def elements(options) -> list[dict]:
    """Steps as the elements double in number, each split at random into as many as needed."""
    rows = []
    for split in (16, 32, 64, 128):
        training = Training("chi18", options.data_path, peers=2)
        rows.append(_with_elements(training, split, options))
    rows[-1]["result"] = measuring.exponent([r["size"] for r in rows], [r["CPU s"] for r in rows])
    return rows


def _with_elements(training: Training, split: int, options) -> dict:
    from recbole.utils import get_model, get_trainer

    dataset = training.loader.dataset
    count = dataset.item_num - 1
    generator = torch.Generator().manual_seed(0)
    dataset.elements = dataset.elements + count * torch.randint(split, dataset.elements.shape, generator=generator)
    dataset.field2id_token[dataset.iid_field] = [str(element) for element in range(count * split + 1)]
    training.loader.mask_token = dataset.item_num
    training.model = get_model("HAIL")(training.config, dataset).train()
    trainer = get_trainer(training.config["MODEL_TYPE"], "HAIL")(training.config, training.model)
    trainer.planned_steps, trainer.budget = training.trainer.planned_steps, training.trainer.budget
    training.trainer = trainer
    batches = list(islice(training.loader, options.steps + 1))
    training.step(batches[0])
    seconds = measuring.median([measuring.timed(lambda b=batch: training.step(b)) for batch in batches[1:]])
    return row("elements", f"V = {count * split}", count * split, seconds)


PARTS = {"padding": padding, "peers": peers, "data": data, "elements": elements}


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data_path", type=Path, default=Path("dataset"), help="folder of chi18 and toys")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5, help="steps of a run that is measured in part")
    parser.add_argument("--every", type=int, default=1, help="take only every so-manieth window of `data`")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    logging.disable(logging.INFO)
    rows = []
    for part in options.parts:
        found = PARTS[part](options)
        if not rows:
            measuring.show_header(found[0])
        for one in found:
            measuring.show(one)
        rows += found
    measuring.write(options.output, rows)


if __name__ == "__main__":
    sys.exit(guarded(main))
