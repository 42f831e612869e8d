"""The loss by blocks of elements in C, on one thread and shared out among several, against the plain form."""

from itertools import permutations
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail import native
from recbole_hail.losses import chunked, hail_loss_parts, lane_in_c
from recbole_hail.losses.hail import HailSettings

TILE = 512  # of tiles.h
ELEMENTS = 4 * TILE + 1  # the last tile is of one element
SETTINGS = [
    {},
    {"gamma": 0.5},
    {"gamma": 2.0, "alpha": 0.1, "beta": 0.3},
    {"positive_term": False, "beta": 0.3, "denoise": "authors"},
    {"negative_term": False},
    {"distillation": "none"},
    {"distillation": "mimicry"},
]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Of a tile each, and chunks of seven positions."""
    if native.library() is None or native.matrix_product() is None:
        pytest.skip("needs a C compiler, and a torch that shows its matrix product")
    monkeypatch.setattr(lane_in_c, "BLOCK", TILE)
    monkeypatch.setattr(chunked, "ON_CPU", 1)
    monkeypatch.setattr(chunked, "FEWEST_POSITIONS", 7)
    monkeypatch.setattr(chunked, "FEWEST_LOGITS", 1)


@pytest.fixture(params=["1 lane", "3 lanes", "1 lane of 2 threads", "1 lane of 3 threads", "1 lane of 7 threads"])
def lanes(request, monkeypatch, threads):
    count = next(int(word) for word in request.param.split()[::-1] if word.isdigit())
    threads(count)
    if "of" in request.param:
        monkeypatch.setattr(chunked, "IN_LANES", 0)
    return lane_in_c.SharedNativeLane if "of" in request.param else lane_in_c.NativeLane


def swept(tensors, targets, lane=None, **chosen):
    """The parts of the loss and the gradients of hidden, table and bias; `lane` is the kind that must have done it."""
    made = chunked.ChunkedLoss(*tensors, HailSettings(**chosen))
    assert lane is None or all(type(found) is lane for found in made.lanes)
    parts, grad_hidden = made.loss(tensors[0], targets)
    return parts, [grad_hidden, *made.gradients()]


def assert_same(tensors, targets, lane=None, gradient=1e-5, **chosen):
    parts, gradients = swept(tensors, targets, lane, **chosen)
    hidden, table, bias = leaves = [tensor.double().requires_grad_() for tensor in tensors]
    logits = hidden @ table.t() + bias
    rounding = 1e-7 * max(logits.abs().max().item(), 1.0)  # of a logit in float32
    expected = hail_loss_parts(logits, targets, **chosen)
    expected.total.backward()
    for name, found, wanted in zip(parts._fields, parts, expected, strict=True):
        wanted = wanted.detach().double()
        torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=rounding, msg=lambda m, n=name: f"{n}: {m}")
    for found, leaf in zip(gradients, leaves, strict=True):
        scale = max(leaf.grad.abs().max().item(), 1 / len(targets))  # sums over elements may cancel
        torch.testing.assert_close(found.double(), leaf.grad, rtol=0, atol=gradient * scale)


def drawn(peers, positions, elements, *, size=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    hidden, table = (torch.randn(*shape, size, generator=generator) for shape in ((peers, positions), (elements,)))
    return (
        (hidden, table, torch.randn(elements, generator=generator)),
        torch.randint(elements, (positions,), generator=generator),
    )


@pytest.mark.parametrize("chosen", SETTINGS, ids=str)
@pytest.mark.parametrize("peers", [1, 2, 3])
def test_equals_the_plain_form(lanes, chosen, peers):
    tensors, targets = drawn(peers, 16, ELEMENTS)
    in_torch = chosen.get("distillation") == "mimicry" and peers > 1 and lanes is lane_in_c.SharedNativeLane
    assert_same(tensors, targets, chunked._Lane if in_torch else lanes, **chosen)


@pytest.mark.parametrize("elements", [2, TILE - 1, TILE, TILE + 1, 2 * TILE, 3 * TILE - 1])
def test_any_number_of_elements(lanes, elements):
    assert_same(*drawn(2, 9, elements), lanes, beta=0.2)


def test_a_table_that_is_stored_across(lanes):
    """Its gradient was written by rows into memory that was read by columns."""
    (hidden, table, bias), targets = drawn(2, 16, ELEMENTS)
    across = table.t().contiguous().t()
    assert not across.is_contiguous()
    assert_same((hidden, across, bias), targets, lanes)


def made_by(logits):
    """Hidden states, table and bias of these logits [T, M, V], through their few different columns alone."""
    columns, place = logits.flatten(0, 1).unique(dim=1, return_inverse=True)
    table = torch.nn.functional.one_hot(place, columns.shape[1]).to(logits.dtype)
    return columns.view(*logits.shape[:2], -1), table, torch.zeros(logits.shape[-1])


@pytest.mark.parametrize("gap", [0.0, 1e-3, 1.0, 30.0, 300.0, 1e18])
@pytest.mark.parametrize("chosen", [{}, {"gamma": 0.5}, {"negative_term": False}], ids=str)
def test_a_likeliest_element_that_is_beaten_by_a_later_block(lanes, gap, chosen):
    """The leaders of four blocks in every order, `gap` apart, those of two peers in opposite ones."""
    orders = torch.tensor(list(permutations(range(4))), dtype=torch.float32)  # [24, 4]
    logits = torch.zeros(2, len(orders), ELEMENTS)
    leaders = torch.tensor([7, TILE + 500, 2 * TILE, 4 * TILE])  # the last is alone in its tile
    logits[0, :, leaders] = gap * (1 + orders)
    logits[1, :, leaders] = gap * (4 - orders)
    targets = leaders[torch.arange(len(orders)) % 4]
    targets[:3] = 3  # one of the many
    # The product of a single row sums two thousand numbers of one kind one after the other.
    assert_same(made_by(logits), targets, lanes, gradient=5e-5, **chosen)


@settings(max_examples=60)
@given(
    peers=st.integers(1, 3),
    positions=st.integers(1, 9),
    elements=st.integers(2, 4 * TILE),
    count=st.integers(1, 3),
    shared=st.booleans(),
    leaders=st.lists(st.tuples(st.integers(0, 4 * TILE - 1), st.floats(-200, 200, width=32)), max_size=6),
    seed=st.integers(0, 9),
    distillation=st.sampled_from(["med", "mimicry"]),
)
def test_any_logits(peers, positions, elements, count, shared, leaders, seed, distillation):
    """A few elements stand out by anything."""
    (hidden, table, bias), targets = drawn(peers, positions, elements, seed=seed)
    for element, height in leaders:
        bias[element % elements] += height
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunked, "IN_LANES", 0 if shared else 2**22)
        torch.set_num_threads(count)
        try:
            assert_same((hidden, table, bias), targets, beta=0.2, distillation=distillation)
        finally:
            torch.set_num_threads(before)


@pytest.mark.parametrize("step", ["hail_settle", "hail_give"])
def test_no_memory_is_an_error(lanes, monkeypatch, step):
    tensors, targets = drawn(2, 16, ELEMENTS)
    functions = {name: getattr(native.library(), name) for name in native.FUNCTIONS}
    failing = SimpleNamespace(**functions | dict.fromkeys(("hail_lane", step), lambda *_: -1))
    monkeypatch.setattr(native, "library", lambda: failing)
    with pytest.raises(MemoryError, match=f"no memory was left for (hail_lane|{step})"):
        swept(tensors, targets, lanes)
