"""Prediction layer and loss in one, value and gradient, without ever holding the logits of all positions."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_hail.losses.blocks import OfBlock, blocks_for
from recbole_hail.losses.denoising import denoising_mask, hardest_positions
from recbole_hail.losses.hail import HailLossParts, HailSettings, balance, undistilled
from recbole_hail.threads import workers


class ChunkSizes(NamedTuple):
    """How many logits are made at once, and how many torch takes for a block at most, both in elements of [T, ., V]."""

    product: int
    block: int


# Products want many positions at once, for each reads the table and adds to its gradient. torch passes over a block
# some twenty times, which wants to stay in the processor's cache; the C code works position by position and takes a
# block for each thread. On a GPU launching a kernel costs more than what caches save.
ON_CPU = ChunkSizes(product=2**21, block=2**19)  # 8 MB and 2 MB of float32
ON_GPU = ChunkSizes(product=2**26, block=2**26)  # 256 MB
FEWEST_POSITIONS = 64  # in a product, however many elements there are


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
        IndexError: a target that the table lacks, where looking for one does not stall the device.
    """
    _check_shapes(hidden, table, bias, targets)
    if targets.device.type == "cpu" and len(targets):
        least, largest = targets.aminmax()
        if least < 0 or largest >= len(table):
            raise IndexError(f"targets: from {least} to {largest}, but the table has elements 0 to {len(table) - 1}")
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
            hidden = hidden.to(dtype)
            sweep = _Sweep(hidden, table.to(dtype), bias.to(dtype), settings)
            parts, grad_hidden = sweep.loss(hidden, targets.long().contiguous())
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

    def __init__(self, hidden: Tensor, table: Tensor, bias: Tensor, settings: HailSettings):
        peers, positions, _ = hidden.shape
        self.table, self.settings = table, settings
        self.distils = peers > 1 and settings.distillation != "none"
        self.grad_table, self.grad_bias = torch.zeros_like(table), torch.zeros_like(bias)
        on_cpu = hidden.device.type == "cpu"
        sizes = ON_CPU if on_cpu else ON_GPU
        elements = peers * len(table)
        self.at_once = max(min(max(sizes.product // elements, FEWEST_POSITIONS), positions), 1)
        self.logits = hidden.new_empty(self.at_once * elements)
        self.block = blocks_for(hidden, table, bias, settings, min(max(sizes.block // elements, 1), self.at_once))
        # A second core gains more from a block of its own than from half of each step of one block.
        self.threads = torch.get_num_threads() if on_cpu else 1
        of_each = -(-self.at_once // self.threads)
        self.in_block = min(self.block.positions, of_each)

    def loss(self, hidden: Tensor, targets: Tensor) -> tuple[HailLossParts, Tensor]:
        """hidden [T, M, d], targets [M] -> the loss and its parts, and the gradient of hidden."""
        settings = self.settings
        share = torch.full(targets.shape, 1 / max(len(targets), 1), dtype=hidden.dtype, device=hidden.device)  # [M]
        if not self.distils:
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
            found = list(self._each_block(*rows))
            terms[:, :, chunk] = torch.cat([block.terms for block in found], -1)
            for block in found:
                self.grad_bias += block.grad_bias
            grad_hidden[:, chunk] = (flat @ self.table).view(peers, -1, size)
            self.grad_table.addmm_(flat.t(), inputs)
        return terms, grad_hidden

    def _each_block(self, *blocks) -> Iterable[OfBlock]:
        """Each block's terms and gradients, on threads of their own where there are several."""
        several = self.threads > 1 and len(blocks[0]) > 1
        return workers(self.threads).map(self.block, *blocks) if several else map(self.block, *blocks)
