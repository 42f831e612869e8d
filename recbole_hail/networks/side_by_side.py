"""Peers on threads of their own: on a CPU one network gains little from a second core, two networks use it fully."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

import torch
from torch import Tensor

from recbole_hail import threads
from recbole_hail.derivatives import first_only

Network = Callable[[Tensor], Tensor]


def run_networks(
    networks: Sequence[Network], embedded: Tensor, weights: Iterable[Tensor], *, most: int | None = None
) -> list[Tensor]:
    """`[network(embedded) for network in networks]` and their gradients, each network on a thread of its own.

    torch's threads are shared out among them. Gradients of gradients are refused with a RuntimeError.

    Args:
        networks: must not draw from torch's own generator, for which of them draws first is left to chance.
        embedded: of any shape, on the CPU.
        weights: of all networks.
        most: threads of torch's that a network makes use of.
    """
    run = _in_this_mode()
    if not torch.is_grad_enabled():
        return threads.side_by_side(lambda network: run(network, embedded), networks, most=most)
    return list(_SideBySide.apply(networks, run, most, embedded, *(w for w in weights if w.requires_grad)))


class _SideBySide(torch.autograd.Function):
    """Every network has a graph of its own, for autograd goes through one graph with one thread on a CPU."""

    @staticmethod
    def forward(ctx, networks, run, most, embedded, *weights):
        def graph(network):
            own = embedded.detach().requires_grad_()
            return own, run(network, own)

        ctx.weights, ctx.most = weights, most
        ctx.graphs = threads.side_by_side(graph, networks, most=most)
        return tuple(output.detach() for _, output in ctx.graphs)

    @staticmethod
    @first_only("peers side by side have", "torch.set_num_threads(1) runs peers one after the other")
    def backward(ctx, *grad_outputs):
        # Whether the caller's backward was given retain_graph=True, which only this thread knows.
        keep = torch._C._autograd._get_current_graph_task_keep_graph()

        def gradients(graph, gradient):
            own, output = graph
            return torch.autograd.grad(output, [own, *ctx.weights], gradient, retain_graph=keep, allow_unused=True)

        found = threads.side_by_side(gradients, ctx.graphs, grad_outputs, most=ctx.most)
        grad_embedded, *grad_weights = zip(*found, strict=True)
        return None, None, None, *map(_total, [grad_embedded, *grad_weights])


def _total(gradients: Iterable[Tensor | None]) -> Tensor | None:
    found = [gradient for gradient in gradients if gradient is not None]
    return reduce(torch.add, found) if found else None


def _in_this_mode() -> Callable[[Network, Tensor], Tensor]:
    """Calls a network in this thread's autograd and autocast modes, of which each thread has its own."""
    grad, autocast, dtype = torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def run(network: Network, embedded: Tensor) -> Tensor:
        with torch.set_grad_enabled(grad), torch.autocast("cpu", dtype=dtype, enabled=autocast):
            return network(embedded)

    return run
