"""The fused form must be the plain form of the same hidden states, table and bias, in less memory."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from recbole_hail.losses import blocks, fused_hail_loss_parts, hail_loss_parts
from recbole_hail.losses import chunked as module
from recbole_hail.losses.hail import HailSettings

SETTINGS = [
    {},
    {"alpha": 0.0},
    {"alpha": 1.0, "beta": 0.3},
    {"gamma": 2.0, "alpha": 0.3},
    {"gamma": 0.5},
    {"gamma": 0.0},
    {"positive_term": False},
    {"negative_term": False, "beta": 0.3},
    {"positive_term": False, "negative_term": False},
    {"beta": 0.3},
    {"beta": 0.3, "denoise": "authors"},
    {"beta": 0.05, "slots": 60, "denoise": "authors", "gamma": 2.0},
    {"distillation": "mimicry"},
    {"distillation": "mimicry", "beta": 0.3, "denoise": "authors"},
    {"distillation": "none", "beta": 0.3},
]


pytestmark = pytest.mark.usefixtures("form", "small_chunks")


def plain(hidden, table, bias, targets, **chosen):
    return hail_loss_parts(hidden @ table.t() + bias, targets, **chosen)


def drawn(peers, positions, elements, *, size=6, spread=1.0, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    hidden = spread * torch.randn(peers, positions, size, generator=generator)
    table, bias = torch.randn(elements, size, generator=generator), torch.randn(elements, generator=generator)
    targets = torch.randint(elements, (positions,), generator=generator)
    return hidden.to(dtype), table.to(dtype), bias.to(dtype), targets


def made_by(logits):
    """Hidden states, table and bias whose product is exactly the logits [T, M, V]."""
    elements = logits.shape[-1]
    return logits.clone(), torch.eye(elements, dtype=logits.dtype), torch.zeros(elements, dtype=logits.dtype)


def run(loss, tensors, targets, factor=1.0, **chosen):
    """The parts, and the gradients of hidden, table and bias."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    parts = loss(*leaves, targets, **chosen)
    (factor * parts.total).backward()
    return parts, [leaf.grad for leaf in leaves]


def assert_same(tensors, targets, *, dtype=torch.float64, loss=1e-6, gradient=1e-5, **chosen):
    """Fused equals the plain form in `dtype`: losses relative to themselves, gradients to the largest of their kind."""
    parts, gradients = run(fused_hail_loss_parts, tensors, targets, **chosen)
    expected, of_plain = run(plain, [tensor.to(dtype) for tensor in tensors], targets, **chosen)
    for name, found, wanted in zip(parts._fields, parts, expected, strict=True):
        close, least = torch.testing.assert_close, max(loss / 20, 1e-9)  # a logit in float32 is as far off
        close(found.to(dtype), wanted.detach().to(dtype), rtol=loss, atol=least, msg=lambda m, n=name: f"{n}: {m}")
    # Of what denoising takes away, a rounding error of the largest gradient that a position can send remains.
    smallest = (1.0 if "beta" in chosen else 1e-3) / max(len(targets), 1)
    hidden, table, _ = tensors
    for found, wanted, other in zip(gradients, of_plain, (table, hidden, None), strict=True):
        if wanted.numel():
            floor = smallest * (1.0 if other is None or not other.numel() else max(other.abs().max().item(), 1.0))
            scale = max(wanted.abs().max().item(), floor)
            torch.testing.assert_close(found.to(dtype), wanted, rtol=0, atol=gradient * scale)


@pytest.mark.parametrize("chosen", [*SETTINGS, {"beta": 0.99, "denoise": "authors"}], ids=str)
@pytest.mark.parametrize("peers", [1, 2, 3, 4])
def test_equals_the_plain_form(peers, chosen):
    *tensors, targets = drawn(peers, 23, 11)
    assert_same(tensors, targets, **chosen)
    *tensors, targets = drawn(peers, 23, 11, dtype=torch.float64)
    assert_same(tensors, targets, loss=1e-12, gradient=1e-12, **chosen)


@pytest.mark.parametrize("peers", [1, 2])
def test_hidden_states_cut_from_larger_ones(peers):
    """Of one peer, terms were written as far apart as the larger tensor's, beyond their own."""
    hidden, table, bias, targets = drawn(peers, 400, 11)
    assert_same([hidden[:, :40], table, bias], targets[:40])


@pytest.mark.parametrize(("positions", "elements"), [(0, 5), (1, 2), (1, 300), (7, 2), (8, 5), (40, 300), (20, 3000)])
@pytest.mark.parametrize("chosen", [{}, {"beta": 0.2, "alpha": 0.2}, {"distillation": "mimicry"}], ids=str)
def test_equals_the_plain_form_for_any_number_of_positions_and_elements(positions, elements, chosen):
    *tensors, targets = drawn(2, positions, elements, spread=0.5)
    assert_same(tensors, targets, **chosen)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("fewest", [1, 5, 64])
@pytest.mark.parametrize("logits", [1, 90, 500, 10**6])
def test_neither_the_size_of_chunks_nor_the_number_of_threads_matters(monkeypatch, threads, logits, fewest, count):
    threads(count)
    monkeypatch.setattr(module, "ON_CPU", logits)
    monkeypatch.setattr(module, "FEWEST_POSITIONS", fewest)
    *tensors, targets = drawn(3, 37, 13)
    assert_same(tensors, targets, beta=0.1)


@pytest.mark.parametrize("room", [0, 10**6])
@pytest.mark.parametrize("positions", [0, 1, 2, 29])
def test_lanes_add_up(monkeypatch, threads, positions, room):
    """Each of three threads has positions and gradients of its own, or blocks of one lane where tables are large."""
    threads(3)
    monkeypatch.setattr(module, "IN_LANES", room)
    *tensors, targets = drawn(2, positions, 13)
    assert_same(tensors, targets, beta=0.1)
    lanes = module.ChunkedLoss(*tensors, HailSettings()).lanes
    assert len(lanes) == (3 if room else 1)


@pytest.mark.parametrize("chosen", SETTINGS, ids=str)
@pytest.mark.parametrize("peers", [1, 2])
def test_extreme_logits(extreme_logits, peers, chosen):
    """Sure and right, sure and wrong, ties, all equal, and where float32's 1 - p and exp run out."""
    logits, targets = extreme_logits
    assert_same(made_by(logits[:peers]), targets, loss=2e-6, **chosen)


@pytest.mark.parametrize("chosen", SETTINGS, ids=str)
def test_logits_up_to_the_largest_float32(chosen):
    logits = torch.tensor(
        [
            [[1e30, -1e30, 0.0], [-1e30, -1e30, -1e30], [3e38, 0.0, -3e38], [3e38, 3e38, 0.0], [1e4, -1e4, 0.0]],
            [[-1e30, 1e30, 0.0], [1e30, 1e30, 1e30], [-3e38, 0.0, 3e38], [0.0, 3e38, 3e38], [1e4, -1e4, 0.0]],
        ]
    )
    for target in range(3):
        targets = torch.full((5,), target)
        assert_same(made_by(logits), targets, dtype=torch.float32, loss=2e-6, **chosen)
        parts, gradients = run(fused_hail_loss_parts, made_by(logits), targets, **chosen)
        assert all(part.isfinite().all() for part in (*parts, *gradients))


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(SETTINGS))
def test_any_finite_logits(logits_and_targets, data, chosen):
    logits, targets = data.draw(logits_and_targets(fewest_peers=1))
    parts, gradients = run(fused_hail_loss_parts, made_by(logits), targets, **chosen)
    assert all(part.isfinite().all() for part in (*parts, *gradients))
    if logits.abs().max() > 1e5 or "beta" in chosen:
        return  # the plain form lacks digits there even in float64; equal losses may round to different ranks
    expected, of_plain = run(plain, [tensor.double() for tensor in made_by(logits)], targets, **chosen)
    for found, wanted in zip(parts, expected, strict=True):
        torch.testing.assert_close(found.double(), wanted.detach().double(), rtol=3e-6, atol=1e-6)
    for found, wanted in zip(gradients, of_plain, strict=True):
        largest = wanted.abs().max().clamp(1e-2).item()  # gradients of up to 1 each may cancel in the bias's
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5 * largest)


def test_keeps_digits_that_the_plain_form_loses():
    """A peer that is sure and right: 1 - p = 2e-9 rounds to 0 in float32 where it is subtracted from 1."""
    logits = torch.tensor([[[20.0, 0.0]]])
    parts, (gradient, _, _) = run(fused_hail_loss_parts, made_by(logits), torch.tensor([0]))
    exact = torch.tensor(20.0).neg().sigmoid()
    torch.testing.assert_close(parts.total, exact, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient.flatten(), torch.stack([-exact, exact]), rtol=1e-6, atol=0)


@pytest.mark.parametrize("chosen", [{"gamma": 0.0}, {"gamma": 0.0, "beta": 0.3}, {"distillation": "none"}], ids=str)
@pytest.mark.parametrize("peers", [1, 2, 3])
def test_gradcheck(peers, chosen):
    """gamma = 0 gives the peers' weights no dependence on the logits; other weights are detached on purpose."""
    *tensors, targets = drawn(peers, 9, 4, size=3, dtype=torch.float64)
    leaves = [tensor.requires_grad_() for tensor in tensors]
    assert torch.autograd.gradcheck(lambda *given: fused_hail_loss_parts(*given, targets, **chosen).total, leaves)


class LargestTensor(TorchDispatchMode):
    """Notes the largest tensor that any operation returns."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = result if isinstance(result, tuple | list) else [result]
        sizes = [tensor.numel() for tensor in made if isinstance(tensor, torch.Tensor)]
        self.largest = max([self.largest, *sizes])
        return result

    largest = 0


@pytest.mark.parametrize("chosen", SETTINGS, ids=str)
def test_never_holds_the_logits_of_all_positions(chosen):
    *tensors, targets = drawn(2, 140, 50)
    with LargestTensor() as of_fused:
        run(fused_hail_loss_parts, tensors, targets, **chosen)
    with LargestTensor() as of_plain:
        run(plain, tensors, targets, **chosen)
    assert of_plain.largest >= 2 * 140 * 50
    assert of_fused.largest <= max(tensor.numel() for tensor in tensors)  # of more than a product of 2 · 7 · 50


def test_upstream_factors_reach_the_gradient():
    """What the scaler of mixed precision multiplies the loss with."""
    *tensors, targets = drawn(2, 9, 5)
    _, once = run(fused_hail_loss_parts, tensors, targets)
    _, scaled = run(fused_hail_loss_parts, tensors, targets, factor=1024.0)
    for small, large in zip(once, scaled, strict=True):
        assert torch.equal(1024.0 * small, large)


def test_only_the_total_carries_a_gradient():
    *tensors, targets = drawn(2, 9, 5)
    parts = fused_hail_loss_parts(*(tensor.requires_grad_() for tensor in tensors), targets)
    assert [part.requires_grad for part in parts] == [True, False, False, False, False]
    with torch.no_grad():
        assert not fused_hail_loss_parts(*tensors, targets).total.requires_grad


def test_inputs_that_need_no_gradient_get_none():
    hidden, table, bias, targets = drawn(2, 9, 5)
    fused_hail_loss_parts(hidden.requires_grad_(), table, bias, targets).total.backward()
    assert hidden.grad is not None and table.grad is None and bias.grad is None


def test_the_gradient_reaches_the_table_behind_a_view():
    hidden, table, bias, targets = drawn(2, 9, 5)
    whole = torch.zeros(7, table.shape[1])
    whole[1:-1] = table
    whole.requires_grad_()
    fused_hail_loss_parts(hidden, whole[1:-1], bias, targets).total.backward()
    _, (_, expected, _) = run(plain, (hidden, table, bias), targets)
    torch.testing.assert_close(whole.grad[1:-1], expected)
    assert whole.grad[[0, -1]].eq(0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gives_float32_losses_and_gradients_of_its_own_kind(dtype):
    *tensors, targets = drawn(2, 9, 5)
    half = [tensor.to(dtype) for tensor in tensors]
    parts, gradients = run(fused_hail_loss_parts, half, targets, factor=2.0**10)
    expected, of_float32 = run(plain, [tensor.float() for tensor in half], targets, factor=2.0**10)
    assert parts.total.dtype == torch.float32
    torch.testing.assert_close(parts.total, expected.total)
    for found, wanted in zip(gradients, of_float32, strict=True):
        torch.testing.assert_close(found, wanted.to(dtype))


def test_autocast_changes_nothing():
    *tensors, targets = drawn(2, 9, 5)
    expected, _ = run(fused_hail_loss_parts, tensors, targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        parts, _ = run(fused_hail_loss_parts, tensors, targets)
    assert torch.equal(parts.total, expected.total)


def test_a_second_backward_adds_the_same_gradient():
    hidden, table, bias, targets = drawn(2, 9, 5)
    total = fused_hail_loss_parts(hidden, table.requires_grad_(), bias, targets).total
    total.backward(retain_graph=True)
    once = table.grad.clone()
    table.grad.zero_()  # must not reach what the graph keeps
    total.backward(retain_graph=True)
    assert torch.equal(table.grad, once)
    (2 * total).backward()
    torch.testing.assert_close(table.grad, 3 * once)


def test_a_second_derivative_is_refused():
    hidden, table, bias, targets = drawn(2, 9, 5)
    total = fused_hail_loss_parts(hidden.requires_grad_(), table, bias, targets).total
    with pytest.raises(RuntimeError, match="no second derivative; use hail_loss_parts"):
        torch.autograd.grad(total, hidden, create_graph=True)


@pytest.mark.parametrize("chosen", [{}, {"beta": 0.1, "denoise": "authors"}, {"distillation": "mimicry"}], ids=str)
def test_trains_as_the_plain_form_does(chosen):
    def losses(loss):
        hidden, table, bias, targets = drawn(2, 31, 9)
        leaves = [tensor.requires_grad_() for tensor in (hidden, table, bias)]
        optimizer = torch.optim.Adam(leaves, lr=0.05)
        found = []
        for _ in range(30):
            optimizer.zero_grad()
            total = loss(*leaves, targets, **chosen).total
            total.backward()
            optimizer.step()
            found.append(total.item())
        return found

    fused = losses(fused_hail_loss_parts)
    assert fused == pytest.approx(losses(plain), rel=1e-4)
    assert fused[-1] < 0.5 * fused[0]


def test_clamps_on_devices_whose_results_cannot_be_looked_at(monkeypatch):
    """There the bound of the logits is not known, and every chunk is clamped."""
    *tensors, targets = drawn(2, 9, 5)
    found = []
    for clamps in (False, True):
        by_torch = lambda hidden, table, bias, *rest, c=clamps: blocks.TorchBlocks(bias, "med", rest[0], c, rest[1])  # noqa: E731
        monkeypatch.setattr(module, "blocks_for", by_torch)
        found.append(run(fused_hail_loss_parts, tensors, targets))
    (expected, of_cpu), (parts, gradients) = found
    assert torch.equal(parts.total, expected.total)
    assert all(torch.equal(found, wanted) for found, wanted in zip(gradients, of_cpu, strict=True))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3), (5, 4), 5, 3), r"\[T, M, d\].*got \[2, 3\], \[5, 4\], \[5\], \[3\]"),
        (((2, 3, 4), (5, 6), 5, 3), r"got \[2, 3, 4\], \[5, 6\]"),
        (((2, 3, 4), (5, 4), 6, 3), r"\[6\], \[3\]"),
        (((2, 3, 4), (5, 4), 5, 2), r"\[5\], \[2\]"),
        (((0, 3, 4), (5, 4), 5, 3), r"peers: 0 .* at least 1"),
        (((2, 3, 4), (1, 4), 1, 3), r"elements: 1 .* at least 2"),
    ],
)
def test_shapes_that_do_not_fit_are_named(shapes, message):
    *tensors, targets = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match=message):
        fused_hail_loss_parts(*tensors, targets.long())


def test_targets_that_are_no_whole_numbers_are_refused():
    """They were cut off in silence."""
    *tensors, targets = drawn(2, 3, 4)
    with pytest.raises(ValueError, match=r"targets: torch\.float32 must be whole numbers"):
        fused_hail_loss_parts(*tensors, targets + 0.5)


def test_wrong_settings_are_named_as_in_the_plain_form():
    with pytest.raises(ValueError, match=r"alpha: 2 must lie in \[0, 1\]"):
        fused_hail_loss_parts(*drawn(2, 3, 4), alpha=2)
    with pytest.raises(TypeError, match="delta"):
        fused_hail_loss_parts(*drawn(2, 3, 4), delta=2)


@pytest.mark.parametrize("wrong", [-1, 5])
def test_targets_that_the_table_lacks_are_named(wrong):
    *tensors, targets = drawn(2, 9, 5)
    targets[3] = wrong
    with pytest.raises(IndexError, match=r"targets: from .* there are elements 0 to 4"):
        fused_hail_loss_parts(*tensors, targets)


def test_the_gradient_of_the_bias_keeps_its_digits_over_many_positions(monkeypatch):
    monkeypatch.setattr(module, "ON_CPU", 2**21)
    *tensors, targets = drawn(2, 5000, 30)
    assert_same(tensors, targets)


def test_targets_and_bias_may_be_views():
    hidden, table, bias, targets = drawn(2, 9, 5)
    apart = [hidden, table, torch.stack([bias, bias + 1], 1)[:, 0]], torch.stack([targets, 0 * targets], 1)[:, 0]
    expected, of_whole = run(fused_hail_loss_parts, [hidden, table, bias], targets)
    parts, gradients = run(fused_hail_loss_parts, *apart)
    assert torch.equal(parts.total, expected.total)
    assert all(torch.equal(found, wanted) for found, wanted in zip(gradients, of_whole, strict=True))


@pytest.mark.parametrize("where", ["hidden", "table", "bias"])
@pytest.mark.parametrize("chosen", [{}, {"distillation": "none"}], ids=str)
def test_nan_in_gives_a_loss_that_is_nan(where, chosen):
    tensors = dict(zip(("hidden", "table", "bias"), drawn(2, 9, 5), strict=False))
    *_, targets = drawn(2, 9, 5)
    tensors[where].view(-1)[3] = torch.nan
    assert fused_hail_loss_parts(**tensors, targets=targets, **chosen).total.isnan()
