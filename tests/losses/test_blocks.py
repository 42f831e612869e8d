"""Which block of logits is worked on in C, and that peers of one likeliest element and of several agree with torch."""

from decimal import Decimal, localcontext
from types import SimpleNamespace

import pytest
import torch

from recbole_hail import native
from recbole_hail.losses import blocks
from recbole_hail.losses.hail import HailSettings


def chosen(dtype=torch.float32, peers=2, size=1.0, **settings):
    hidden, table, bias = torch.ones(peers, 4, 3), size * torch.ones(5, 3), torch.zeros(5)
    return type(blocks.blocks_for(*(tensor.to(dtype) for tensor in (hidden, table, bias)), HailSettings(**settings), 4))


def test_float32_with_the_papers_weights_is_worked_on_in_c(monkeypatch):
    monkeypatch.setattr(native, "library", lambda: SimpleNamespace(hail_rows=print))
    for settings in ({}, {"beta": 0.1, "positive_term": False}, {"distillation": "none"}, {"distillation": "mimicry"}):
        assert chosen(**settings) is blocks.NativeBlocks
    assert chosen(gamma=0.25) is chosen(gamma=2.0) is blocks.NativeBlocks
    assert chosen(distillation="mimicry", peers=3) is blocks.NativeBlocks
    assert chosen(distillation="mimicry", gamma=0.0) is blocks.NativeBlocks  # which has no gamma
    assert chosen(peers=1, gamma=0.0) is blocks.NativeBlocks  # nothing is distilled


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({"gamma": 0.0}, "gamma = 0.0"),
        ({"gamma": 0.24}, "gamma = 0.24"),
        ({"dtype": torch.float64}, "torch.float64"),
        ({"size": 2e29}, "logits beyond 5e+29"),  # they may have to be clamped
        ({"size": torch.inf}, "logits beyond 5e+29"),
        ({"size": torch.nan}, "logits beyond 5e+29"),
    ],
    ids=str,
)
def test_all_else_is_left_to_torch_with_one_line_in_the_log(monkeypatch, caplog, case, told):
    monkeypatch.setattr(native, "library", lambda: SimpleNamespace(hail_rows=print))
    native.tell_left_to_torch.cache_clear()
    with caplog.at_level("INFO"):
        assert chosen(**case) is chosen(**case) is blocks.TorchBlocks
    (message,) = caplog.messages
    assert message == f"The loss is computed by torch, which is slower, because the C code does not know {told}."


def test_without_the_c_code_torch_does_it(monkeypatch):
    monkeypatch.setattr(native, "library", lambda: None)
    assert chosen() is blocks.TorchBlocks


def test_no_memory_is_an_error(monkeypatch):
    monkeypatch.setattr(native, "library", lambda: SimpleNamespace(hail_rows=lambda *_: -1))
    block = blocks.NativeBlocks(torch.zeros(5), "med", HailSettings())
    with pytest.raises(MemoryError, match="no memory was left for hail_rows"):
        block(torch.zeros(2, 3, 5), torch.zeros(3, dtype=torch.long), torch.ones(3), torch.ones(3))


# Likeliest elements of three peers and the target: the places that the C code handles apart from all others.
PLACES = [([0, 0, 0], 0), ([0, 0, 0], 1), ([0, 1, 2], 3), ([0, 1, 2], 1), ([0, 0, 1], 1), ([5, 600, 600], 5)]


def assert_agree(logits, bias, targets, **settings):
    """Terms and gradients of C equal those of torch in float64."""
    if native.library() is None:
        pytest.skip("needs a C compiler: without one, all is left to torch")
    chosen = HailSettings(**settings)
    of_c, of_torch = logits - bias, (logits - bias).double()
    own, distilled = torch.full(targets.shape, 0.7), torch.full(targets.shape, 0.3)
    found = blocks.NativeBlocks(bias, chosen.distillation, chosen)(of_c, targets, own, distilled)
    by_torch = blocks.TorchBlocks(bias.double(), chosen.distillation, chosen, False, len(targets))
    wanted = by_torch(of_torch, targets, own.double(), distilled.double())
    # A divergence is what remains of log p that nearly cancel, each as exact as its logits.
    size = torch.stack([logits.abs().max(), bias.abs().max()]).max().item()
    rounding = 3e-7 * size if chosen.distillation == "mimicry" else 1e-12
    # A weight p^gamma is gamma times as uncertain as p, and how p is rounded depends on the processor's instructions.
    relative = 1e-6 * max(1.0, chosen.gamma / 10)
    torch.testing.assert_close(found.terms.double(), wanted.terms, rtol=relative, atol=rounding)
    # Torch takes p - q where both are next to 1.
    least = 1e-16 if chosen.distillation == "mimicry" else 1e-30
    for one, other in ((of_c, of_torch), (found.grad_bias, wanted.grad_bias)):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-6 * other.abs().max().item() + least)


@pytest.mark.parametrize("gap", [0.0, 1e-3, 3.0, 30.0, 300.0])
@pytest.mark.parametrize(("likeliest", "target"), PLACES)
@pytest.mark.parametrize(
    ("peers", "settings"),
    [
        *((peers, off) for peers in (2, 3) for off in ({}, {"positive_term": False}, {"negative_term": False})),
        *((peers, {"gamma": gamma}) for peers in (2, 3) for gamma in (0.25, 0.5, 2.0, 30.0)),
        *((peers, {"distillation": "mimicry"}) for peers in (2, 3)),
    ],
    ids=str,
)
def test_c_and_torch_agree_wherever_the_likeliest_elements_are(likeliest, target, peers, gap, settings):
    generator = torch.Generator().manual_seed(0)
    logits, bias = torch.randn(peers, 1, 700, generator=generator), torch.randn(700, generator=generator)
    for peer, element in zip(logits, likeliest, strict=False):
        peer[0, element] = peer.max() + gap
    assert_agree(logits, bias, torch.tensor([target]), **settings)


@pytest.mark.parametrize("peers", [2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_peers_that_hardly_differ_have_a_divergence_to_its_last_digits(seed, peers):
    """What float cut off the difference of their normalizers made it 2 % wrong."""
    if native.library() is None:
        pytest.skip("needs a C compiler: without one, all is left to torch")
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 4, 900, generator=generator).repeat(peers, 1, 1)
    for shift, peer in enumerate(logits[1:], 20 + seed):  # by what no likelihood shows
        peer += shift + 0.01 * torch.randn(4, 900, generator=generator)
    bias, targets, weights = torch.zeros(900), torch.arange(4), torch.ones(4)
    chosen = HailSettings(distillation="mimicry")
    found = blocks.NativeBlocks(bias, "mimicry", chosen)(logits.clone(), targets, weights, weights)
    by_torch = blocks.TorchBlocks(bias.double(), "mimicry", chosen, False, 4)
    wanted = by_torch(logits.double(), targets, weights.double(), weights.double())
    torch.testing.assert_close(found.terms[1].double(), wanted.terms[1], rtol=5e-3, atol=0)


def in_decimals(logits, target, own, distilled):
    """Divergences [T] and gradients [T, V] of one position, with 60 digits."""
    e = [[Decimal(logit).exp() for logit in row] for row in logits]
    p = [[value / sum(row) for value in row] for row in e]
    elements, others = range(len(p[0])), len(p) - 1
    q = [[sum(row[k] for c, row in enumerate(p) if c != j) / others for k in elements] for j in range(len(p))]
    rows = list(zip(p, q, strict=True))
    divergences = [sum(b * (b / a).ln() for a, b in zip(*row, strict=True)) for row in rows]
    gradients = [[own * (a[k] - (k == target)) + distilled * (a[k] - b[k]) for k in elements] for a, b in rows]
    return divergences, gradients


@pytest.mark.parametrize("peers", [2, 3, 4])
@pytest.mark.parametrize("target", [0, 1, 2])
def test_mimicry_keeps_its_digits_where_likelihoods_are_next_to_1(peers, target):
    """Of peers that agree on an element, a gradient is a difference of numbers that both round to 1."""
    if native.library() is None:
        pytest.skip("needs a C compiler: without one, all is left to torch")
    generator = torch.Generator().manual_seed(target)
    logits = torch.randn(peers, 30, 4, generator=generator)
    leaders = (torch.rand(peers, 30, generator=generator) > 0.7).long()  # of most peers the first element
    logits.scatter_add_(2, leaders[..., None], 70 * torch.rand(peers, 30, 1, generator=generator))
    own, distilled, found = torch.full([30], 0.75), torch.full([30], 0.25), logits.clone()
    terms = blocks.NativeBlocks(torch.zeros(4), "mimicry", HailSettings(distillation="mimicry"))(
        found, torch.full([30], target), own, distilled
    ).terms
    with localcontext() as context:
        context.prec = 60
        for position in range(30):
            wanted = in_decimals(logits[:, position].tolist(), target, Decimal("0.75"), Decimal("0.25"))
            divergences, gradients = (torch.tensor(values, dtype=torch.float64) for values in wanted)
            close = {"rtol": 1e-5, "atol": 1e-30}
            torch.testing.assert_close(terms[1, :, position].double(), divergences, **close)
            torch.testing.assert_close(found[:, position].double(), gradients, **close)


@pytest.mark.parametrize("spread", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("elements", [511, 512, 513, 100_000, 1_000_000])
@pytest.mark.parametrize("settings", [{}, {"gamma": 0.5}, {"distillation": "mimicry"}], ids=str)
def test_sums_over_many_elements_keep_their_digits(settings, elements, spread):
    generator = torch.Generator().manual_seed(0)
    logits, bias = spread * torch.randn(2, 3, elements, generator=generator), torch.randn(elements, generator=generator)
    assert_agree(logits, bias, torch.tensor([0, elements // 2, elements - 1]), **settings)
