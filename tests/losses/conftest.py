"""The losses of the paper in float64, written from its equations with a loop for every sum: slow, and easy to check."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import strategies as st

from recbole_hail import native
from recbole_hail.losses import chunked


def likelihoods(logits):
    """Eq. 4, second line: p[j][i][k] as float64 scalars that know their gradient."""
    p = []
    for peer in logits:
        of_peer = []
        for z in peer:
            exponentials = [torch.exp(z_k - z.detach().max()) for z_k in z]
            total = sum(exponentials)
            of_peer.append([e / total for e in exponentials])
        p.append(of_peer)
    return p


def _table(rows):
    return torch.stack([torch.stack(row) for row in rows])


def self_knowledge(logits, targets):
    """Eq. 5 before the average over i."""
    p = likelihoods(logits)
    return _table([[-torch.log(p[j][i][target]) for i, target in enumerate(targets)] for j in range(len(logits))])


def positive(logits, targets, gamma=1.0):
    """Eq. 11 before the average over i; the other peers' likelihoods are plain weights."""
    p = likelihoods(logits)
    peers = len(logits)
    rows = []
    for j in range(peers):
        row = []
        for i, target in enumerate(targets):
            hints = 0.0
            for c in range(peers):
                if c != j:
                    hints = hints + (1 - p[c][i][target].detach()) ** gamma * torch.log(p[j][i][target])
            row.append(-hints / (peers - 1))
        rows.append(row)
    return _table(rows)


def negative(logits, targets, gamma=1.0):
    """Eq. 12 before the average over i."""
    p = likelihoods(logits)
    peers = len(logits)
    rows = []
    for j in range(peers):
        row = []
        for i, target in enumerate(targets):
            hints = 0.0
            for c in range(peers):
                if c == j:
                    continue
                for k in range(logits.shape[2]):
                    if k != target:
                        hints = hints + p[c][i][k].detach() ** gamma * torch.log(1 - p[j][i][k])
            row.append(-hints / (peers - 1))
        rows.append(row)
    return _table(rows)


def kept(losses, beta, slots=None):
    """Eq. 8: for every position whether its distilled terms stay; ranks count from 1, ties go by position."""
    peers, positions = losses.shape
    share = math.floor(beta * (positions if slots is None else slots) + 1e-9)
    keep = []
    for i in range(positions):
        noise_for_every_peer = True
        for j in range(peers):
            rank = 1
            for m in range(positions):
                if losses[j][m] > losses[j][i] or (losses[j][m] == losses[j][i] and m < i):
                    rank += 1
            if rank > share:
                noise_for_every_peer = False
        keep.append(not noise_for_every_peer)
    return keep


def total(logits, targets, *, alpha, beta=0.0, gamma=1.0, positive_term=True, negative_term=True, authors=False):
    """Eqs. 9 and 10."""
    own, pos, neg = self_knowledge(logits, targets), positive(logits, targets, gamma), negative(logits, targets, gamma)
    keep = kept(own.detach(), beta)
    loss = 0.0
    for j in range(len(logits)):
        for i in range(len(targets)):
            distilled = pos[j][i] * positive_term + neg[j][i] * negative_term
            loss = loss + alpha * own[j][i] * (keep[i] or not authors) / len(targets)
            loss = loss + (1 - alpha) * distilled * keep[i] / len(targets)
    return loss


@pytest.fixture(scope="session")
def reference():
    return SimpleNamespace(
        likelihoods=likelihoods,
        self_knowledge=self_knowledge,
        positive=positive,
        negative=negative,
        kept=kept,
        total=total,
    )


def _made_logits(peers, positions=4, elements=5, *, spread=2.0, seed=0):
    generator = torch.Generator().manual_seed(1000 * seed + peers)
    logits = spread * torch.randn(peers, positions, elements, generator=generator, dtype=torch.float64)
    targets = torch.randint(elements, (positions,), generator=generator)
    return logits, targets


def _gradient(loss, logits):
    """d(loss)/d(logits); `loss` is a function of logits that returns [T, M] or a number.

    A table is summed with uneven weights, so that no two of its entries can be mistaken for each other.
    """
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits)
    weights = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).view_as(value)
    return torch.autograd.grad((weights * value).sum(), logits)[0]


def _extreme_logits():
    """Float32 logits [2, M, 4] with targets, each position a case where a naive log(1 - p) or log p is not finite."""
    top, low = 1e4, -1e4
    cases = [  # peer 1, peer 2, target
        ([top, low, low, low], [top, low, low, low], 0),  # sure and right: p of the target rounds to 1
        ([top, low, low, low], [top, low, low, low], 1),  # sure and wrong: p of the target rounds to 0
        ([top, low, low, low], [low, top, low, low], 0),  # the peers are sure of different elements
        ([top, top, low, low], [top, top, top, low], 0),  # ties at the top
        ([top, top, low, low], [low, low, top, top], 3),
        ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], 2),  # all equal
        ([low, low, low, low], [top, top, top, top], 2),
        ([17.0, 0.0, 0.0, 0.0], [89.0, 0.0, 0.0, 0.0], 0),  # where float32's 1 - p and exp run out
        ([17.0, 0.0, 0.0, 0.0], [104.0, 0.0, 0.0, 0.0], 3),
    ]
    logits = torch.tensor([[case[peer] for case in cases] for peer in (0, 1)])
    return logits, torch.tensor([case[2] for case in cases])


@pytest.fixture(scope="session")
def made_logits():
    return _made_logits


@pytest.fixture(scope="session")
def gradient():
    return _gradient


@pytest.fixture(scope="session")
def extreme_logits():
    return _extreme_logits()


_finite_logits = st.one_of(
    st.floats(-5, 5, width=32),
    st.floats(-120, 120, width=32),
    st.sampled_from([0.0, 1e4, -1e4, 16.7, 88.8, -104.0]),
    st.floats(-(2.0**100), 2.0**100, width=32),
)


@st.composite
def logits_and_targets(draw, *, fewest_peers: int):
    """Any finite logits [T, M, V] and targets [M]."""
    peers, positions, elements = draw(st.integers(fewest_peers, 4)), draw(st.integers(1, 4)), draw(st.integers(2, 5))
    size = peers * positions * elements
    values = draw(st.lists(_finite_logits, min_size=size, max_size=size))
    targets = draw(st.lists(st.integers(0, elements - 1), min_size=positions, max_size=positions))
    return torch.tensor(values).view(peers, positions, elements), torch.tensor(targets)


@pytest.fixture(scope="session", name="logits_and_targets")
def _logits_and_targets():
    return logits_and_targets


@pytest.fixture(params=["C", "C without products", "torch"])
def form(request, monkeypatch):
    """The fused loss with products and loss in C, with the loss alone, and by torch, as without a compiler."""
    if request.param == "torch":
        monkeypatch.setattr(native, "library", lambda: None)
    if request.param == "C without products":
        monkeypatch.setattr(native, "matrix_product", lambda: None)


@pytest.fixture
def small_chunks(monkeypatch):
    """Products of 7 positions and 5 elements at most, blocks of 3 positions: small cases have several of all."""
    monkeypatch.setattr(chunked, "FEWEST_POSITIONS", 7)
    monkeypatch.setattr(chunked, "COLUMNS", 5)
    monkeypatch.setattr(chunked, "ON_CPU", 30)
