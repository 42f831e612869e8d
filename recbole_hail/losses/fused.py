"""Prediction layer and loss in one, value and gradient, without ever holding the logits of all positions."""

from collections.abc import Iterable
from queue import SimpleQueue
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_hail.losses import closed_form
from recbole_hail.losses.denoising import denoising_mask, hardest_positions
from recbole_hail.losses.hail import HailLossParts, HailSettings, balance, undistilled
from recbole_hail.threads import workers

LARGEST_LOGIT = 1e30  # as in `likelihood.log_likelihood`


class ChunkSizes(NamedTuple):
    """How many logits are made at once, and how many the loss works on at once, both in elements of [T, ., V]."""

    product: int
    block: int


# Products want many positions at once, for each reads the table and adds to its gradient; a block is passed over some
# twenty times and wants to stay in the processor's cache. On a GPU launching a kernel costs more than what caches save.
ON_CPU = ChunkSizes(product=2**21, block=2**19)  # 8 MB and 2 MB of float32
ON_GPU = ChunkSizes(product=2**26, block=2**26)  # 256 MB
FEWEST_POSITIONS = 32  # in a product, however many elements there are


def fused_hail_loss_parts(hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor, **settings) -> HailLossParts:
    """`hail_loss_parts(hidden @ table.T + bias, targets, **settings)`, but for rounding, in less time and memory.

    Positions are taken chunk by chunk. The gradient has a closed form, so it is computed along with the loss, and
    backward only scales it; asking for the gradient of a gradient raises RuntimeError there. Which positions denoising
    drops is known at the end only; their gradient is then computed again and taken away, but for its rounding error.

    Args:
        hidden: [T, M, d]; half precision is raised to float32, and autocast has no part in this.
        table: [V, d].
        bias: [V].
        targets: [M], element indices into V.
        settings: those of `HailSettings`, by name.

    Raises:
        ValueError: a setting out of range or shapes that do not fit.
    """
    _check_shapes(hidden, table, bias, targets)
    return HailLossParts(*_PredictionAndLoss.apply(hidden, table, bias, targets, HailSettings(**settings)))


def _check_shapes(hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor) -> None:
    shapes = [list(tensor.shape) for tensor in (hidden, table, bias, targets)]
    if [len(shape) for shape in shapes] != [3, 2, 1, 1] or (
        [hidden.shape[1:], table.shape] != [(len(targets), table.shape[1]), (len(bias), hidden.shape[2])]
    ):
        expected = "hidden [T, M, d], table [V, d], bias [V] and targets [M]"
        raise ValueError(f"shapes must be {expected}, got {', '.join(map(str, shapes))}")
    if hidden.shape[0] < 1:
        raise ValueError("peers: 0 in hidden, but this loss needs at least 1")
    if table.shape[0] < 2:
        raise ValueError(f"elements: {table.shape[0]} in table, but a prediction needs at least 2 to choose from")


class _PredictionAndLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, table, bias, targets, settings):
        ctx.dtypes = hidden.dtype, table.dtype, bias.dtype
        dtype = torch.promote_types(torch.promote_types(hidden.dtype, table.dtype), torch.float32)
        with torch.autocast(hidden.device.type, enabled=False):
            sweep = _Sweep(table.to(dtype), bias.to(dtype), len(hidden), settings)
            parts, grad_hidden = sweep.loss(hidden.to(dtype), targets)
        ctx.save_for_backward(grad_hidden, sweep.grad_table, sweep.grad_bias)
        ctx.mark_non_differentiable(*parts[1:])
        return tuple(parts)

    @staticmethod
    def backward(ctx, upstream, *_):
        if torch.is_grad_enabled():
            raise RuntimeError("create_graph: the fused loss has no second derivative; use hail_loss_parts instead")
        grads = ctx.saved_tensors
        # The table's gradient can be the largest tensor there is, so it is copied only where it must be scaled.
        if upstream.device.type != "cpu" or upstream != 1:
            grads = [grad * upstream for grad in grads]
        return *(grad.to(dtype) for grad, dtype in zip(grads, ctx.dtypes, strict=True)), None, None


class _Sweep:
    """One pass over positions after the other, adding to the gradients of table and bias."""

    def __init__(self, table: Tensor, bias: Tensor, peers: int, settings: HailSettings):
        self.table, self.bias, self.settings = table, bias, settings
        self.peers = peers
        self.distillation = settings.distillation if peers > 1 else "none"
        self.grad_table, self.grad_bias = torch.zeros_like(table), torch.zeros_like(bias)
        self.logits = None
        self.buffers = SimpleQueue()  # as many sets as there are blocks worked on at a time

    def loss(self, hidden: Tensor, targets: Tensor) -> tuple[HailLossParts, Tensor]:
        """hidden [T, M, d], targets [M] -> the loss and its parts, and the gradient of hidden."""
        settings = self.settings
        self._allocate(hidden)
        share = torch.full(targets.shape, 1 / max(len(targets), 1), dtype=hidden.dtype, device=hidden.device)  # [M]
        if self.distillation == "none":
            terms, grad_hidden = self._pass(hidden, targets, share, share)
            return undistilled(terms[0]), grad_hidden
        own, distilled = settings.alpha * share, (1 - settings.alpha) * share
        terms, grad_hidden = self._pass(hidden, targets, own, distilled)
        keep = denoising_mask(terms[0], settings.beta, settings.slots)
        # No position is dropped that the first peer does not find among the hardest.
        candidates = hardest_positions(terms[0], settings.beta, settings.slots)[0]
        if len(candidates):
            dropped = (~keep[candidates]).to(hidden.dtype)
            of_own = -dropped * own[candidates] * (settings.denoise == "authors")
            _, surplus = self._pass(
                hidden[:, candidates], targets[candidates], of_own, -dropped * distilled[candidates]
            )
            grad_hidden.index_add_(1, candidates, surplus)
        return balance(*terms, keep, settings), grad_hidden

    def _allocate(self, hidden: Tensor) -> None:
        peers, positions, _ = hidden.shape
        sizes = ON_CPU if hidden.device.type == "cpu" else ON_GPU
        elements = peers * len(self.table)
        self.at_once = max(min(max(sizes.product // elements, FEWEST_POSITIONS), positions), 1)
        self.in_block = min(max(sizes.block // elements, 1), self.at_once)
        self.logits = hidden.new_empty(peers * self.at_once * len(self.table))
        # A second core gains more from a block of its own than from half of each step of one block.
        blocks = -(-self.at_once // self.in_block)
        self.threads = min(blocks, torch.get_num_threads()) if hidden.device.type == "cpu" else 1
        for _ in range(self.threads):
            shape = peers, self.in_block, len(self.table)
            self.buffers.put(closed_form.Buffers(*(hidden.new_empty(shape) for _ in closed_form.Buffers._fields)))
        self.clamps = True
        if hidden.device.type == "cpu" and positions:  # elsewhere, looking at the result would stall the device
            bound = hidden.norm(dim=-1).max() * self.table.norm(dim=-1).max() + self.bias.abs().max()
            self.clamps = not bound < LARGEST_LOGIT / 2

    def _pass(self, hidden: Tensor, targets: Tensor, own: Tensor, distilled: Tensor) -> tuple[Tensor, Tensor]:
        """Terms [3, T, n] (self-knowledge, positive, negative) and gradient of hidden [T, n, d].

        Each position enters the gradient with its weights `own` and `distilled`, [n] each.
        """
        peers, positions, size = hidden.shape
        terms = hidden.new_zeros(3, peers, positions)
        grad_hidden = torch.empty_like(hidden)
        for start in range(0, positions, self.at_once):
            chunk = slice(start, start + self.at_once)
            inputs = hidden[:, chunk].reshape(-1, size)  # [T · c, d]
            flat = self.logits[: len(inputs) * len(self.table)].view(len(inputs), -1)  # [T · c, V]
            torch.mm(inputs, self.table.t(), out=flat)
            rows = (
                flat.view(peers, -1, len(self.table)).split(self.in_block, 1),
                *(of_position[chunk].split(self.in_block) for of_position in (targets, own, distilled)),
            )
            terms[:, :, chunk] = torch.cat(list(self._each_block(*rows)), -1)
            grad_hidden[:, chunk] = (flat @ self.table).view(peers, -1, size)
            self.grad_table.addmm_(flat.t(), inputs)
            self.grad_bias += flat.sum(0)
        return terms, grad_hidden

    def _each_block(self, *blocks) -> Iterable[Tensor]:
        """`_block` of each, on threads of their own where there are several."""
        return workers(self.threads).map(self._block, *blocks) if self.threads > 1 else map(self._block, *blocks)

    @torch.no_grad()
    def _block(self, logits: Tensor, targets: Tensor, own: Tensor, distilled: Tensor) -> Tensor:
        """Terms [3, T, s] of the logits [T, s, V], their bias not added yet, which turn into their gradient."""
        room = self.buffers.get()
        try:
            return self._terms(logits.add_(self.bias), targets, own, distilled, room)
        finally:
            self.buffers.put(room)

    def _terms(self, logits, targets, own, distilled, room: closed_form.Buffers) -> Tensor:
        outside = None
        if self.clamps:
            outside = logits.abs() > LARGEST_LOGIT
            logits.clamp_(-LARGEST_LOGIT, LARGEST_LOGIT)
        buffers = closed_form.Buffers(*(buffer[:, : len(targets)] for buffer in room))
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
