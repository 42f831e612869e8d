"""Hypergraphs of elements, one for each period, and the convolutions over them (Wang et al., SIGIR 2020)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recbole_hail.networks.dropout import Dropout
from recbole_hail.networks.sizes import Sizes


class _Product(torch.autograd.Function):
    """Sparse matrix times dense matrix; torch's own gradient transposes the matrix at every step."""

    @staticmethod
    def forward(context, matrix: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
        context.transposed = transposed
        return matrix @ dense

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[None, None, Tensor]:
        return None, None, context.transposed @ gradient.contiguous()


class SparseMatrix(nn.Module):
    """A constant matrix [rows, columns] by its entries, kept with its transpose; it moves with the model."""

    def __init__(self, row: Tensor, column: Tensor, value: Tensor, *, shape: tuple[int, int]):
        super().__init__()
        self.shape = shape
        for name, major, minor, size in (("", row, column, shape[0]), ("transposed_", column, row, shape[1])):
            order = major.argsort(stable=True)
            start = F.pad(torch.bincount(major, minlength=size).cumsum(0), (1, 0))  # [size + 1]
            # Dense pieces, because processes that train together cannot exchange sparse buffers.
            for part, tensor in (("start", start), ("index", minor[order]), ("value", value[order])):
                self.register_buffer(f"{name}{part}", tensor, persistent=False)

    def forward(self, dense: Tensor) -> Tensor:
        """[columns, d] -> [rows, d]."""
        matrix = torch.sparse_csr_tensor(self.start, self.index, self.value, self.shape)
        transposed = torch.sparse_csr_tensor(
            self.transposed_start, self.transposed_index, self.transposed_value, self.shape[::-1]
        )
        with torch.autocast(dense.device.type, enabled=False):  # sparse products know no half precision
            return _Product.apply(matrix, transposed, dense.float())


class Hypergraph(nn.Module):
    """What hyperedges join which nodes in one period, with the normalisation of its convolution.

    With the incidence H, D the nodes' and B the hyperedges' degrees, and hyperedge weights W = I, a node learns
    D^-1/2 H W B^-1 Hᵀ D^-1/2 X. It is kept as two factors, whose size grows with the events, not with |E|².

    Args:
        node: [K], and `edge` [K]: the nodes of the hyperedges, each pair once.
    """

    def __init__(self, node: Tensor, edge: Tensor, *, nodes: int, edges: int):
        super().__init__()
        of_nodes = torch.bincount(node, minlength=nodes)  # D
        of_edges = torch.bincount(edge, minlength=edges)  # B
        scale = of_nodes[node].float().rsqrt()  # D^-1/2 at each pair; a node of no hyperedge has no pair
        self.to_edges = SparseMatrix(edge, node, scale / of_edges[edge], shape=(edges, nodes))
        self.to_nodes = SparseMatrix(node, edge, scale, shape=(nodes, edges))
        self.register_buffer("present", of_nodes > 0, persistent=False)  # [nodes]

    def propagate(self, states: Tensor) -> Tensor:
        """[nodes, d] -> [nodes, d]; 0 where a node is in no hyperedge."""
        return self.to_nodes(self.to_edges(states))


class HypergraphConvolution(nn.Module):
    """X -> relu(D^-1/2 H W B^-1 Hᵀ D^-1/2 X Θ), the paper's hypergraph convolution."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.transform = nn.Linear(sizes.hidden_size, sizes.hidden_size, bias=False)  # Θ
        self.dropout = Dropout(sizes.hidden_dropout)

    def forward(self, hypergraph: Hypergraph, states: Tensor) -> Tensor:
        """[nodes, d] -> [nodes, d]."""
        return F.relu(hypergraph.propagate(self.transform(self.dropout(states))))


class AttentionPooling(nn.Module):
    """A weighted mean of vectors: weights are the softmax of zᵀ tanh(W v), as in the residual gate and the fusion."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.transform = nn.Linear(sizes.hidden_size, sizes.hidden_size, bias=False)  # W
        self.query = nn.Linear(sizes.hidden_size, 1, bias=False)  # z

    def forward(self, vectors: Tensor, allowed: Tensor | None = None) -> Tensor:
        """[..., n, d] -> [..., d]; `allowed` [..., n] is False at a vector that gets no weight."""
        scores = self.query(torch.tanh(self.transform(vectors))).squeeze(-1)  # [..., n]
        if allowed is not None:
            scores = scores.masked_fill(~allowed, -torch.inf)
        return (scores.softmax(-1).unsqueeze(-1) * vectors).sum(-2)


class PeriodStates(NamedTuple):
    """What the hypergraphs of N periods say."""

    elements: Tensor  # [N + 1, nodes, d]: at n, the states that the periods before n have left
    intents: Tensor  # [1 + hyperedges of all periods, d]; row 0 stands for no hyperedge


class SequentialHypergraphs(nn.Module):
    """Short-term states of all elements, period after period, and the intent of each hyperedge's generator.

    A period starts from a residual gate between an element's newest state and its static embedding; convolutions over
    the period's hypergraph make its new state. An element that is absent keeps its state.

    Args:
        hypergraphs: one for each period, over the same nodes.
        convolutions: how many follow one another within a period.
    """

    def __init__(self, sizes: Sizes, hypergraphs: Sequence[Hypergraph], *, convolutions: int):
        super().__init__()
        self.hypergraphs = nn.ModuleList(hypergraphs)
        self.gate = AttentionPooling(sizes)
        self.convolutions = nn.ModuleList(HypergraphConvolution(sizes) for _ in range(convolutions))
        self.intent = nn.Linear(sizes.hidden_size, sizes.hidden_size, bias=False)

    def forward(self, static: Tensor) -> PeriodStates:
        """From the static embeddings [nodes, d]."""
        state = static
        states, intents = [static], [static.new_zeros(1, static.shape[1])]
        for hypergraph in self.hypergraphs:
            hidden = self.gate(torch.stack([state, static], dim=-2))  # [nodes, d]
            for convolution in self.convolutions:
                hidden = convolution(hypergraph, hidden)
            # B^-1 Hᵀ D^-1/2: a hyperedge takes the mean of its nodes' states, each over the root of the node's degree.
            intents.append(F.relu(self.intent(hypergraph.to_edges(hidden))))
            state = torch.where(hypergraph.present[:, None], hidden, state)
            states.append(state)
        return PeriodStates(torch.stack(states), torch.cat(intents))
