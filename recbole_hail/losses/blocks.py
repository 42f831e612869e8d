"""Loss and gradient of a block of logits: in C for what HAIL is trained with on a CPU, by torch for all else."""

from __future__ import annotations

import ctypes
from queue import Empty, SimpleQueue
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_hail import native
from recbole_hail.losses import closed_form
from recbole_hail.losses.hail import HailSettings
from recbole_hail.losses.likelihood import LARGEST_LOGIT

LEAST_GAMMA = 0.25  # in C, where p is 0 below 1e-38: p^gamma of such an element must not count


class OfBlock(NamedTuple):
    """What a block has given, beside the gradient in place of its logits."""

    terms: Tensor  # [3, T, s]: self-knowledge, positive, negative
    grad_bias: Tensor  # [V]


def blocks_for(
    hidden: Tensor, table: Tensor, bias: Tensor, settings: HailSettings, most: int
) -> NativeBlocks | TorchBlocks:
    """What turns logits [T, s, V], products of hidden [T, M, d] and table [V, d], into their gradient and `OfBlock`.

    It is called, by several threads at once if wanted, with the logits, their bias not added yet, targets [s], and the
    weights `own` and `distilled` [s] with which each position enters the gradient. s may be `positions` at most; torch,
    which passes over a block some twenty times, should be given `most` for the block to stay in the processor's cache.
    """
    peers, positions, _ = hidden.shape
    distillation = settings.distillation if peers > 1 else "none"
    if hidden.device.type != "cpu" or not positions:  # looking at the result would stall another device
        return TorchBlocks(bias, distillation, settings, True, most)
    bound = hidden.norm(dim=-1).max() * table.norm(dim=-1).max() + bias.abs().max()
    clamps = not bound < LARGEST_LOGIT / 2  # also where something is not finite
    beyond_c = {
        f"{hidden.dtype}": hidden.dtype != torch.float32,
        f"gamma = {settings.gamma}": distillation == "med" and settings.gamma < LEAST_GAMMA,
        f"logits beyond {LARGEST_LOGIT / 2:.0e}": clamps,
    }
    if not native.declines("The loss", beyond_c) and native.library():
        return NativeBlocks(bias, distillation, settings)
    return TorchBlocks(bias, distillation, settings, clamps, most)


class Loss(ctypes.Structure):
    """Of native/positions.h."""

    _fields_ = (
        ("count", ctypes.c_int64),
        ("elements", ctypes.c_int64),
        ("bias", ctypes.c_void_p),
        ("threads", ctypes.c_int64),
        ("distils", ctypes.c_int64),
        ("gamma", ctypes.c_double),
    )


class NativeBlocks:
    """By native/rows.c, or, as part of a lane, by native/lane.c; called as `blocks_for` says."""

    positions = 128  # rows are worked on one by one, so few because the bias's gradient is summed so

    def __init__(self, bias: Tensor, distillation: str, settings: HailSettings):
        self.bias = bias.contiguous()
        terms = settings.positive_term * native.POSITIVE | settings.negative_term * native.NEGATIVE
        self.distils = {"none": 0, "med": terms, "mimicry": native.MIMICRY}[distillation]
        self.gamma = settings.gamma if distillation == "med" else 1.0

    def told(self, peers: int, threads: int = 1) -> Loss:
        """Where `threads` work on each position together."""
        return Loss(peers, len(self.bias), self.bias.data_ptr(), threads, self.distils, self.gamma)

    def __call__(self, logits: Tensor, targets: Tensor, own: Tensor, distilled: Tensor) -> OfBlock:
        peers, positions, _ = logits.shape
        found = OfBlock(logits.new_empty(3, peers, positions), torch.zeros_like(self.bias))
        of_rows = targets, own, distilled, found.terms, found.grad_bias
        native.call("hail_rows", self.told(peers), positions, logits, logits.stride(0), *of_rows)
        return found


class TorchBlocks:
    """By closed_form.py; called as `blocks_for` says."""

    def __init__(self, bias: Tensor, distillation: str, settings: HailSettings, clamps: bool, positions: int):
        self.bias, self.distillation, self.settings = bias, distillation, settings
        self.clamps, self.positions = clamps, positions
        self.buffers = SimpleQueue()  # as many sets as there were calls at a time

    @torch.no_grad()
    def __call__(self, logits: Tensor, targets: Tensor, own: Tensor, distilled: Tensor) -> OfBlock:
        peers, positions, elements = logits.shape
        try:
            room = self.buffers.get_nowait()
        except Empty:
            shape = peers, self.positions, elements
            room = closed_form.Buffers(*(logits.new_empty(shape) for _ in closed_form.Buffers._fields))
        buffers = closed_form.Buffers(*(buffer[:, :positions] for buffer in room))
        try:
            terms = self._terms(logits.add_(self.bias), targets, own, distilled, buffers)
            return OfBlock(terms, logits.sum((0, 1)))
        finally:
            self.buffers.put(room)

    def _terms(self, logits, targets, own, distilled, buffers: closed_form.Buffers) -> Tensor:
        outside = None
        if self.clamps:
            outside = logits.abs() > LARGEST_LOGIT
            logits.clamp_(-LARGEST_LOGIT, LARGEST_LOGIT)
        rows = closed_form.likelihoods(logits, targets, buffers)
        self_knowledge = -rows.log_p_target
        positive = negative = torch.zeros_like(self_knowledge)
        weight = own.expand_as(self_knowledge)
        if self.distillation == "mimicry":
            positive = closed_form.mimicry(rows, targets, weight, distilled, buffers, logits)
        else:
            if self.distillation == "med" and self.settings.positive_term:
                unlikelihood = closed_form.unlikelihood_of_targets(rows, self.settings.gamma)
                positive = unlikelihood * self_knowledge
                weight = weight + distilled * unlikelihood
            if self.distillation == "med" and self.settings.negative_term:
                negative = closed_form.mutual_exclusivity(
                    rows, targets, weight, distilled, self.settings.gamma, buffers, logits
                )
            else:
                closed_form.cross_entropy_gradient(rows, targets, weight, buffers, logits)
        if outside is not None:
            logits.masked_fill_(outside, 0.0)
        return torch.stack([self_knowledge, positive, negative])
