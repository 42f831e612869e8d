"""Peers on threads of their own against the same peers one after the other."""

import pytest
import torch

from recbole_hail.networks import PeerNetworks, Sizes
from recbole_hail.networks.side_by_side import run_networks

SIZES = Sizes(hidden_size=16, inner_size=32, heads=2, layers=2, positions=12, hidden_dropout=0.5, attention_dropout=0.3)
POSITIONS = torch.arange(0, 60, 3)


def made(*base_networks) -> tuple[PeerNetworks, torch.Tensor]:
    torch.manual_seed(5)
    networks = PeerNetworks(base_networks, SIZES, elements=30, initializer_range=0.2)
    return networks, torch.randint(1, 31, (5, 12))


def hidden_and_gradients(networks, sequences, **options):
    torch.manual_seed(1)
    networks.zero_grad()
    hidden = networks(sequences, POSITIONS, **options)
    (hidden * torch.linspace(-1, 1, hidden.numel()).view_as(hidden)).sum().backward()
    return hidden, {name: weight.grad for name, weight in networks.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize(
    "base_networks",
    [
        ("bidirectional",) * 2,
        ("causal",) * 3,
        ("causal", "duronet"),
        ("csa", "causal"),
        ("gru", "causal"),
        ("gru",),
        ("gru",) * 3,
    ],
)
@pytest.mark.parametrize("options", [{}, {"most": 4}])
def test_the_same_draws_states_and_gradients_on_any_number_of_threads(threads, base_networks, options):
    networks, sequences = made(*base_networks)
    found = []
    for count in (1, 2, 4):
        threads(count)
        found.append(hidden_and_gradients(networks, sequences, **options))
    (first, first_gradients), *others = found
    for hidden, gradients in others:
        torch.testing.assert_close(hidden, first)
        torch.testing.assert_close(gradients, first_gradients)
    used = {name for name, _ in networks.named_parameters()} - {"head.bias"}
    assert first_gradients.keys() == used


def test_threads_are_used_where_peers_draw_from_streams_of_their_own(threads, monkeypatch):
    called = []
    monkeypatch.setattr(
        "recbole_hail.networks.peers.run_networks",
        lambda *given, **more: called.append(1) or run_networks(*given, **more),
    )
    for count, base_networks, expected in (
        (2, ("causal", "causal"), 1),
        (1, ("causal", "causal"), 0),
        (2, ("causal",), 0),
        (2, ("causal", "gru"), 1),
        (2, ("gru",), 1),  # on one thread, which is faster than two
        (1, ("gru",), 0),
        (2, ("causal", "informer"), 0),  # which draws its keys from torch's generator
    ):
        threads(count)
        called.clear()
        networks, sequences = made(*base_networks)
        networks(sequences, POSITIONS)
        assert len(called) == expected


def test_peers_draw_different_numbers():
    """Two peers with the same weights are told apart by their dropout alone."""
    networks, sequences = made("causal", "causal")
    networks.peers[1].load_state_dict(networks.peers[0].state_dict())
    first, second = networks(sequences, POSITIONS)
    assert not torch.allclose(first, second)
    first, second = networks.eval()(sequences, POSITIONS)
    torch.testing.assert_close(first, second)


def test_without_gradients_none_are_kept(threads):
    threads(2)
    networks, sequences = made("causal", "causal")
    networks.eval()
    expected = networks(sequences, POSITIONS)
    with torch.no_grad():
        hidden = networks(sequences, POSITIONS)
    assert not hidden.requires_grad
    torch.testing.assert_close(hidden, expected)


def test_autocast_reaches_the_threads(threads):
    threads(2)
    double = torch.nn.Linear(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        first, second = run_networks([double, double.forward], torch.ones(3, 4), [])
    assert first.dtype == second.dtype == torch.bfloat16


def test_frozen_peers_and_a_frozen_embedding(threads):
    threads(2)
    networks, sequences = made("causal", "causal")
    networks.embedding.requires_grad_(False)
    networks.peers[0].requires_grad_(False)
    networks(sequences, POSITIONS).sum().backward()
    assert all(weight.grad is None for weight in networks.peers[0].parameters())
    assert all(weight.grad is not None for weight in networks.peers[1].parameters())


def test_what_a_peer_raises_reaches_the_caller(threads):
    threads(2)

    def broken(embedded):
        raise ValueError("no such position")

    with pytest.raises(ValueError, match="no such position"):
        run_networks([torch.nn.Identity(), broken], torch.ones(2, 2), [])


@pytest.mark.parametrize("name", ["head.transform.weight", "peers.0.layers.0.inner.weight", "embedding.element.weight"])
def test_a_hook_on_a_weight_is_called_once_a_step(threads, name):
    """On two threads it was called for each peer and for their sum: a hook that halves left a quarter."""
    networks, sequences = made("causal", "causal")
    expected = hidden_and_gradients(networks, sequences)[1][name]
    networks.get_parameter(name).register_hook(lambda gradient: gradient / 2)
    for count in (1, 2):
        threads(count)
        torch.testing.assert_close(2 * hidden_and_gradients(networks, sequences)[1][name], expected)


def test_a_graph_that_is_kept_may_be_gone_through_again(threads):
    """`retain_graph=True` did not reach the peers' graphs: "Trying to backward through the graph a second time"."""
    threads(2)
    networks, sequences = made("causal", "causal")
    hidden = networks(sequences, POSITIONS)
    weight = networks.head.transform.weight
    first, again = (torch.autograd.grad(hidden[0].square().sum(), weight, retain_graph=True)[0] for _ in range(2))
    torch.testing.assert_close(first, again)
    torch.autograd.grad(hidden[1].square().sum(), weight)
    with pytest.raises(RuntimeError, match="second time"):  # and one that is not kept is let go
        torch.autograd.grad(hidden[1].square().sum(), weight)


def test_gradients_of_gradients_are_refused(threads):
    threads(2)
    embedded = torch.ones(2, requires_grad=True)
    first, second = run_networks([torch.square, torch.sin], embedded, [])
    (gradient,) = torch.autograd.grad((first * second).sum(), embedded, retain_graph=True)
    torch.testing.assert_close(gradient, (2 * embedded * embedded.sin() + embedded**2 * embedded.cos()).detach())
    with pytest.raises(RuntimeError, match="create_graph: peers side by side have no second derivative; torch"):
        torch.autograd.grad((first * second).sum(), embedded, create_graph=True)


_FORKS = """
import os, threading
import torch
from recbole_hail.networks.side_by_side import run_networks
torch.set_num_threads(2)
both = threading.Barrier(2, timeout=30)
def network(embedded):
    both.wait()  # for the other, which must have a thread of its own
    return embedded.square()
run_networks([network, network], torch.ones(2), [])
child = os.fork()
if child == 0:
    found = run_networks([network, network], torch.full((2,), 3.0), [])
    os._exit(0 if float(found[1].sum()) == 18 else 1)
print(os.waitpid(child, 0)[1])
"""


def test_a_forked_process_has_threads_of_its_own(run_python):
    """In a process that has no others: where another test had joined Ray, one fork in twenty crashed."""
    done = run_python(_FORKS)
    assert done.stdout == "0\n", done.stderr
