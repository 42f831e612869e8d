"""Hypergraph convolutions against dense ones, and what a period may know of the others."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.networks import Sizes
from recbole_hail.networks.hypergraph import (
    AttentionPooling,
    Hypergraph,
    HypergraphConvolution,
    SequentialHypergraphs,
    SparseMatrix,
)
from recbole_hail.networks.hyperrec import HyperRecNetworks, PositionPeriods

SIZES = Sizes(positions=6, hidden_size=4, inner_size=6, hidden_dropout=0.0, attention_dropout=0.0)

# Five elements; hyperedge 0 joins the first three, hyperedge 1 the second and the fourth; the fifth is absent.
HAND_MADE = [(0, 0), (1, 0), (2, 0), (1, 1), (3, 1)]


def hypergraph(pairs, *, nodes=5, edges=2):
    node, edge = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).unbind(1)
    return Hypergraph(node, edge, nodes=nodes, edges=edges)


def dense_propagation(pairs, *, nodes, edges):
    """D^-1/2 H W B^-1 Hᵀ D^-1/2 with W = I, by its definition; what has degree 0 takes no part."""
    incidence = torch.zeros(nodes, edges)
    for node, edge in pairs:
        incidence[node, edge] = 1
    of_nodes, of_edges = incidence.sum(1), incidence.sum(0)
    root = torch.diag(torch.where(of_nodes > 0, of_nodes.clamp(min=1).rsqrt(), 0))
    inverse = torch.diag(torch.where(of_edges > 0, 1 / of_edges.clamp(min=1), 0))
    return root @ incidence @ torch.eye(edges) @ inverse @ incidence.t() @ root


def test_propagation_on_a_hand_made_hypergraph():
    """The second element is in both hyperedges, so D = 2 there; B is 3 and 2."""
    found = hypergraph(HAND_MADE).propagate(torch.eye(5))
    root = 0.5**0.5
    expected = torch.tensor(
        [
            [1 / 3, root / 3, 1 / 3, 0, 0],
            [root / 3, 1 / 6 + 1 / 4, root / 3, root / 2, 0],
            [1 / 3, root / 3, 1 / 3, 0, 0],
            [0, root / 2, 0, 1 / 2, 0],
            [0, 0, 0, 0, 0],
        ]
    )
    torch.testing.assert_close(found, expected)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 3))))
def test_propagation_is_the_dense_one_on_any_hypergraph(pairs):
    pairs = sorted(pairs)
    states = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    found = hypergraph(pairs, nodes=6, edges=4).propagate(states)
    torch.testing.assert_close(found, dense_propagation(pairs, nodes=6, edges=4) @ states)


def test_convolution_and_its_gradients_are_the_dense_ones():
    torch.manual_seed(0)
    convolution = HypergraphConvolution(SIZES)
    states, upstream = torch.randn(5, 4, requires_grad=True), torch.randn(5, 4)
    weights = (states, convolution.transform.weight)
    found = convolution(hypergraph(HAND_MADE), states)
    dense = dense_propagation(HAND_MADE, nodes=5, edges=2)
    expected = torch.relu(dense @ states @ convolution.transform.weight.t())
    torch.testing.assert_close(found, expected)
    assert found.count_nonzero() > 5
    for of_found, of_expected in zip(
        torch.autograd.grad(found, weights, upstream), torch.autograd.grad(expected, weights, upstream), strict=True
    ):
        torch.testing.assert_close(of_found, of_expected)


def test_a_sparse_matrix_leaves_no_trace_in_a_checkpoint():
    matrix = SparseMatrix(torch.tensor([0, 2]), torch.tensor([1, 0]), torch.tensor([2.0, 3.0]), shape=(3, 2))
    assert matrix.state_dict() == {}
    expected = torch.tensor([[0.0, 2.0], [0.0, 0.0], [3.0, 0.0]])
    assert torch.equal(matrix(torch.eye(2)), expected)


def test_a_choice_is_a_mean_weighted_by_a_softmax():
    torch.manual_seed(0)
    choose = AttentionPooling(SIZES)
    vectors = torch.randn(2, 3, 4)
    allowed = torch.tensor([[True, True, True], [True, True, False]])
    found = choose(vectors, allowed)
    for row in range(2):
        scores = [choose.query.weight[0] @ torch.tanh(choose.transform.weight @ vector) for vector in vectors[row]]
        kept = [k for k in range(3) if allowed[row, k]]
        weights = torch.stack([scores[k] for k in kept]).exp()
        expected = sum(weight * vectors[row, k] for weight, k in zip(weights / weights.sum(), kept, strict=True))
        torch.testing.assert_close(found[row], expected)


def sequential(*periods, convolutions=2):
    torch.manual_seed(0)
    return SequentialHypergraphs(SIZES, [hypergraph(pairs) for pairs in periods], convolutions=convolutions).eval()


def test_periods_follow_one_another_as_defined():
    second = [(4, 0), (0, 0), (1, 1)]
    network, static = sequential(HAND_MADE, second), torch.randn(5, 4)
    found = network(static)
    state, expected = static, [static]
    for pairs in (HAND_MADE, second):
        hidden = torch.stack([network.gate(torch.stack([state[k], static[k]])) for k in range(5)])
        for convolution in network.convolutions:
            mixed = dense_propagation(pairs, nodes=5, edges=2) @ hidden
            hidden = torch.relu(mixed @ convolution.transform.weight.t())
        present = {node for node, _ in pairs}
        state = torch.stack([hidden[k] if k in present else state[k] for k in range(5)])
        expected.append(state)
    torch.testing.assert_close(found.elements, torch.stack(expected))
    # The last period's hyperedge 1 holds element 1 alone, which is in one hyperedge: its intent is that state's.
    torch.testing.assert_close(found.intents[4], torch.relu(network.intent.weight @ hidden[1]))
    assert found.intents.shape == (1 + 2 + 2, 4) and found.intents[0].eq(0).all()


def test_a_period_knows_nothing_of_itself_and_of_later_ones():
    static = torch.randn(5, 4)
    one = sequential(HAND_MADE, [(0, 0), (4, 1)], HAND_MADE)(static)
    other = sequential(HAND_MADE, [(2, 0), (3, 0), (4, 1)], [(1, 1), (0, 0)])(static)
    assert torch.equal(one.elements[:2], other.elements[:2])
    assert not torch.equal(one.elements[2], other.elements[2])


def test_an_element_that_never_came_keeps_its_static_embedding():
    static = torch.randn(5, 4)
    found = sequential(HAND_MADE, HAND_MADE)(static).elements
    torch.testing.assert_close(found[:, 4], static[4].expand(3, 4))


@pytest.fixture
def networks():
    torch.manual_seed(0)
    graphs = [hypergraph(HAND_MADE), hypergraph([(4, 0), (0, 0), (1, 1)])]
    return HyperRecNetworks(
        ["causal"], SIZES, hypergraphs=graphs, convolutions=2, elements=5, initializer_range=0.5
    ).eval()


SEQUENCES = torch.tensor([[1, 2, 3, 5], [4, 5, 0, 0]])
PERIODS = PositionPeriods(torch.tensor([[0, 1, 2, 2], [0, 2, 0, 0]]), torch.tensor([[0, 1, 3, 3], [0, 2, 0, 0]]))


def test_each_period_scores_with_its_own_states(networks):
    period_states = networks.period_states()
    tables = networks.tables(period_states)
    assert tables.shape == (3, 5, 4)
    for period in range(3):
        for element in range(1, 6):
            vector = networks.embedding.element.weight[element] + period_states.elements[period, element - 1]
            assert torch.equal(tables[period, element - 1], vector)


def test_outside_training_the_period_after_the_last_is_asked_about(networks):
    hidden = torch.randn(1, 3, 4)
    everything = networks.logits(hidden)
    last = networks.tables(networks.period_states())[2]
    torch.testing.assert_close(everything, hidden @ last.t() + networks.head.bias)
    elements = torch.tensor([5, 1, 3])
    expected = everything.gather(2, (elements - 1)[None, :, None]).squeeze(2)
    torch.testing.assert_close(networks.candidate_logits(hidden, elements), expected)


def test_state_and_intent_are_those_of_the_position(networks):
    period_states = networks.period_states()
    found = networks(SEQUENCES, torch.arange(8), period_states=period_states, periods=PERIODS)
    fused = torch.zeros(2, 4, 4)
    for row, place in [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]:
        element, period, intent = (table[row, place] for table in (SEQUENCES, *PERIODS))
        vectors = [networks.embedding.element.weight[element], period_states.elements[period, element - 1]]
        vectors += [period_states.intents[intent]] if intent else []
        fused[row, place] = networks.fusion(torch.stack(vectors))
    expected = networks.predict_from(networks.embedding.place(fused), torch.arange(8))
    torch.testing.assert_close(found[:, :6], expected[:, :6])


def test_sees_no_later_position_and_no_padding(networks):
    period_states = networks.period_states()
    before = networks(SEQUENCES, torch.arange(6), period_states=period_states, periods=PERIODS)
    changed = SEQUENCES.clone()
    changed[0, 2:], changed[1, 2:] = torch.tensor([4, 1]), torch.tensor([3, 3])
    after = networks(changed, torch.arange(6), period_states=period_states, periods=PERIODS)
    assert torch.equal(after[:, [0, 1, 4, 5]], before[:, [0, 1, 4, 5]])
    assert not torch.equal(after[:, 2], before[:, 2])
    alone = PositionPeriods(*(table[1:, :2] for table in PERIODS))
    of_alone = networks(SEQUENCES[1:, :2], torch.arange(2), period_states=period_states, periods=alone)
    torch.testing.assert_close(of_alone, before[:, 4:6], rtol=0, atol=1e-6)
