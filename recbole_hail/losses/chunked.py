"""One pass over positions after the other, for the loss and the gradients of hidden states, table and bias."""

from collections.abc import Callable

import torch
from torch import Tensor

from recbole_hail.losses import lane_in_c
from recbole_hail.losses.adaptive_denoising import weighted_loss_parts
from recbole_hail.losses.blocks import blocks_for
from recbole_hail.losses.denoising import hardest_positions, keep_mask
from recbole_hail.losses.hail import HailSettings, LossParts, combine_terms, cross_entropy_parts
from recbole_hail.threads import side_by_side

# Logits [T, ., V] that are made at once, and that torch takes for a block at most. They are to stay in the processor's
# cache: torch passes over a block some twenty times, the C code over a row a few times. On a GPU launching a kernel
# costs more than what caches save.
ON_CPU = 2**19  # 2 MB of float32, shared by all lanes
ON_GPU = 2**26  # 256 MB
FEWEST_POSITIONS = 64  # in a product, however many elements, for each reads the table and adds to its gradient
IN_LANES = 2**22  # elements of all lanes' gradients of the table, 16 MB of float32
FEWEST_LOGITS = 2**17  # that earn back a lane of their own
COLUMNS = 2**11  # elements in a product on a CPU, where one of a million can take twice the time of 489 such


def _positions_per_chunk(fitting: int, of_lane: int) -> int:
    """As many as there is room for, but enough to earn back a pass over the table, and no more than a lane has."""
    return max(min(max(fitting, FEWEST_POSITIONS), of_lane), 1)


class ChunkedLoss:
    """The positions of a batch in lanes, a thread for each where a gradient of the table for each costs little."""

    def __init__(self, hidden: Tensor, table: Tensor, bias: Tensor, settings: HailSettings):
        on_cpu = hidden.device.type == "cpu"
        logits = ON_CPU if on_cpu else ON_GPU
        threads = torch.get_num_threads() if on_cpu else 1
        self.settings = settings
        self.distils = len(hidden) > 1 and settings.distillation != "none"
        peers, positions, _ = hidden.shape
        self.elements = len(table)
        elements = peers * self.elements
        lanes = threads if threads * table.numel() <= IN_LANES else 1
        at_once = _positions_per_chunk(logits // lanes // elements, -(-positions // lanes))
        block = blocks_for(hidden, table, bias, settings, min(max(logits // elements, 1), at_once))
        if lane_in_c.supports(block, shared=lanes < threads):
            lane = lane_in_c.SharedNativeLane if lanes < threads else lane_in_c.NativeLane
            self.lanes = [lane(hidden, table, bias, block, at_once) for _ in range(lanes)]
            return
        # A second core gains more from a block of its own than from half of each step of one block.
        in_block = min(block.positions, -(-at_once * lanes // threads))
        self.lanes = [_Lane(hidden, table, bias, block, at_once, in_block) for _ in range(lanes)]

    def loss(self, hidden: Tensor, targets: Tensor) -> tuple[LossParts, Tensor]:
        """hidden [T, M, d], targets [M] -> the loss and its parts, and the gradient of hidden."""
        settings = self.settings
        share = torch.full(targets.shape, 1 / max(len(targets), 1), dtype=hidden.dtype, device=hidden.device)  # [M]
        if not self.distils:
            terms, grad_hidden = self._pass(hidden, targets, share, share)
            return cross_entropy_parts(terms[0]), grad_hidden
        own, distilled = settings.alpha * share, (1 - settings.alpha) * share
        terms, grad_hidden = self._pass(hidden, targets, own, distilled)
        hardest = hardest_positions(terms[0], settings.beta, settings.slots)
        keep = keep_mask(hardest, terms[0])
        candidates = hardest[0]  # no position is dropped that the first peer does not find among the hardest
        if len(candidates):
            dropped = (~keep[candidates]).to(hidden.dtype)
            of_own = -dropped * own[candidates] * (settings.denoise == "authors")
            _, surplus = self._pass(
                hidden[:, candidates], targets[candidates], of_own, -dropped * distilled[candidates]
            )
            grad_hidden.index_add_(1, candidates, surplus)
        return combine_terms(*terms, keep, settings), grad_hidden

    def weighted_loss(
        self, hidden: Tensor, targets: Tensor, weights: Callable[[Tensor], Tensor]
    ) -> tuple[LossParts, Tensor]:
        """As `loss`, of one peer's size, for the cross-entropy of every position times the weight that it earns itself.

        What a position weighs is known once all losses are, so it enters the gradient with a weight of 1, and what that
        is too much is taken away in a second pass over the positions that weigh less.
        """
        count, device = max(len(targets), 1), hidden.device
        share = torch.full(targets.shape, 1 / count, dtype=hidden.dtype, device=device)  # [M]
        passes = [self._pass(of_peer, targets, share, share) for of_peer in hidden.split(1)]
        cross_entropy = torch.cat([terms[0] for terms, _ in passes])  # [T, M]
        weights = weights(cross_entropy)
        surplus = (weights.to(hidden.dtype) - 1) / count
        for of_peer, (_, grad_hidden), too_much in zip(hidden.split(1), passes, surplus, strict=True):
            # A GPU is not asked which they are: the host would have to wait for its answer.
            other = too_much.nonzero().flatten() if device.type == "cpu" else torch.arange(len(targets), device=device)
            if len(other):
                away = self._pass(of_peer[:, other], targets[other], too_much[other], too_much[other])[1]
                grad_hidden.index_add_(1, other, away)
        return weighted_loss_parts(cross_entropy, weights), torch.cat([grad_hidden for _, grad_hidden in passes])

    def gradients(self) -> tuple[Tensor, Tensor]:
        """Of table [V, d] and bias [V], over all passes."""
        first, *others = self.lanes
        for lane in others:
            first.grad_table += lane.grad_table
            first.grad_bias += lane.grad_bias
        return first.grad_table, first.grad_bias

    def _pass(self, hidden: Tensor, targets: Tensor, own: Tensor, distilled: Tensor) -> tuple[Tensor, Tensor]:
        """Terms [3, T, n] (self-knowledge, positive, negative) and gradient of hidden [T, n, d].

        Each position enters the gradient with its weights `own` and `distilled`, [n] each.
        """
        hidden = hidden.contiguous()
        terms = hidden.new_zeros(3, *hidden.shape[:2])
        grad_hidden = torch.empty_like(hidden)
        several = max(min(len(self.lanes), hidden.shape[0] * hidden.shape[1] * self.elements // FEWEST_LOGITS), 1)
        parts = (
            *(tensor.tensor_split(several, 1) for tensor in (hidden, grad_hidden)),
            *(tensor.tensor_split(several) for tensor in (targets, own, distilled)),
            terms.tensor_split(several, 2),
        )
        side_by_side(lambda lane, *part: lane.run(*part), self.lanes[:several], *parts)
        return terms, grad_hidden


class _Lane:
    """Goes through its positions chunk by chunk, adding to gradients of its own of table and bias."""

    def __init__(self, hidden: Tensor, table: Tensor, bias: Tensor, block, at_once: int, in_block: int):
        self.table, self.block, self.at_once, self.in_block = table, block, at_once, in_block
        self.columns = COLUMNS if table.device.type == "cpu" else len(table)
        self.grad_table, self.grad_bias = torch.zeros_like(table), torch.zeros_like(bias)
        self.logits = hidden.new_empty(at_once * len(hidden) * len(table))

    @torch.no_grad()
    def run(self, hidden, grad_hidden, targets, own, distilled, terms) -> None:
        """Fills the terms [3, T, n] and the gradient of hidden [T, n, d]."""
        peers, positions, size = hidden.shape
        for start in range(0, positions, self.at_once):
            chunk = slice(start, start + self.at_once)
            inputs = hidden[:, chunk].reshape(-1, size)  # [T · c, d]
            flat = self.logits[: len(inputs) * len(self.table)].view(len(inputs), -1)  # [T · c, V]
            side_by_side(
                lambda part, out, inputs=inputs: torch.mm(inputs, part.t(), out=out),
                *(self.table.split(self.columns), flat.split(self.columns, 1)),
            )
            rows = (
                flat.view(peers, -1, len(self.table)).split(self.in_block, 1),
                *(of_position[chunk].split(self.in_block) for of_position in (targets, own, distilled)),
            )
            found = side_by_side(self.block, *rows)
            terms[:, :, chunk] = torch.cat([block.terms for block in found], -1)
            for block in found:
                self.grad_bias += block.grad_bias
            grad_hidden[:, chunk] = (flat @ self.table).view(peers, -1, size)
            self.grad_table.addmm_(flat.t(), inputs)
