"""Single training steps of any model, timed in turn with those of another."""

from statistics import median
from time import perf_counter, process_time

import torch
from recbole.data import create_dataset, data_preparation
from recbole.utils import init_seed
from torch.nn.utils import clip_grad_norm_

from recbole_hail.building import build_model
from recbole_hail.models.windowed import WindowedRecommender
from recbole_hail.training.optimizer import build_optimizer, threads_of_step

ROUNDS = 11
SECONDS = 20  # after which no round begins; a step of RecBole's own models may take minutes


class Stepper:
    """Training steps of any model, one at a time: forward, backward, clipping and optimiser.

    Where a model is pre-trained, a step is one of either stage, each for its share of them.
    """

    def __init__(self, config):
        init_seed(config["seed"], config["reproducibility"])
        self.config = config
        self.loader, *_ = data_preparation(config, create_dataset(config))
        self.model = build_model(config, self.loader._dataset).train()
        self.optimizer = self._build_optimizer()
        share = config["pretrain_share"] if hasattr(self.loader, "set_pretraining") else None
        self.stages = [(True, share), (False, 1 - share)] if share else [(False, 1.0)]  # pre-training, and its share
        self.restart()
        self.most_steps = config["epochs"] * len(self.loader)

    def _build_optimizer(self) -> torch.optim.Optimizer:
        """That of the model's trainer; RecBole's have Adam, and its other learners cost much the same."""
        own = build_optimizer(self.model, self.config) if isinstance(self.model, WindowedRecommender) else None
        return own or torch.optim.Adam(self.model.parameters(), lr=self.config["learning_rate"])

    def restart(self) -> None:
        """The next step takes the first batch of the first pass."""
        self.batches = iter(())
        if hasattr(self.loader, "set_epoch"):
            self.loader.set_epoch(0)

    def step(self) -> float:
        """Seconds it took."""
        return sum(share * self._step(pretraining) for pretraining, share in self.stages)

    def _step(self, pretraining: bool) -> float:
        """Wall time; on one thread of a CPU processor time, which is the same but for what other programs take."""
        on_gpu = self.config["device"].type == "cuda"
        clock = perf_counter if on_gpu or torch.get_num_threads() > 1 else process_time
        if len(self.stages) > 1:
            self.loader.set_pretraining(pretraining)  # a batch is of the stage that it is drawn in
        started = clock()
        batch = self._next().to(self.config["device"])
        self.optimizer.zero_grad()
        with torch.autocast(self.config["device"].type, enabled=self.config["enable_amp"]):
            loss = self.model.calculate_loss(batch)
        (sum(loss) if isinstance(loss, tuple) else loss).backward()
        if self.config["clip_grad_norm"]:
            clip_grad_norm_(self.model.parameters(), **self.config["clip_grad_norm"])
        with threads_of_step(self.optimizer):
            self.optimizer.step()
        if on_gpu:
            torch.cuda.synchronize()
        return clock() - started

    def _next(self):
        batch = next(self.batches, None)
        if batch is None:
            self.batches = iter(self.loader)
            batch = next(self.batches)
        return batch


def in_turn(reference: Stepper, own: Stepper) -> tuple[list[float], list[float]]:
    """Seconds of the steps of both, round by round, so that a slow moment meets both.

    Both begin with the first batch: systems on the same windows are then compared on the same batches. The first step
    of each allocates and does not count, unless it takes longer than all are meant to.
    """
    reference.restart()
    beside = [reference.step()]
    seconds = beside if own is reference else [own.step()]
    if seconds[0] > SECONDS:
        return beside, seconds
    beside, seconds, started = [], [], perf_counter()
    while not seconds or (len(seconds) < ROUNDS and perf_counter() - started < SECONDS):
        beside.append(reference.step())
        seconds.append(beside[-1] if own is reference else own.step())
    return beside, seconds


def paired(reference: list[float], seconds: list[float]) -> float:
    """How many steps cost one of the reference: the median over rounds."""
    return median(one / other for one, other in zip(reference, seconds, strict=True))
