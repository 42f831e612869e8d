"""The fused form of the weighted cross-entropy must be the plain form, whichever weights its losses earn."""

from functools import partial

import pytest
import torch

from recbole_hail.losses import (
    fused_hail_loss_parts,
    fused_weighted_loss_parts,
    likelihood_weights,
    self_knowledge_loss,
    truncation_weights,
    weighted_loss_parts,
)

WEIGHTS = [
    partial(likelihood_weights, exponent=0.0),
    partial(likelihood_weights, exponent=0.5),
    partial(truncation_weights, drop_rate=0.0),
    partial(truncation_weights, drop_rate=0.3),
]


pytestmark = pytest.mark.usefixtures("form")


@pytest.fixture(autouse=True, params=["as it is", "small chunks"])
def sizes(request):
    if request.param == "small chunks":
        request.getfixturevalue("small_chunks")


def plain(hidden, table, bias, targets, weights):
    cross_entropy = self_knowledge_loss(hidden @ table.t() + bias, targets)
    return weighted_loss_parts(cross_entropy, weights(cross_entropy))


def run(loss, tensors, *given):
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    parts = loss(*leaves, *given)
    (3 * parts.total).backward()
    return parts, [leaf.grad for leaf in leaves]


def drawn(peers, positions, elements, spread=1.0):
    generator = torch.Generator().manual_seed(peers + positions)
    shapes = (peers, positions, 6), (elements, 6), (elements,)
    hidden, table, bias = (torch.randn(shape, generator=generator) for shape in shapes)
    return (spread * hidden, table, bias), torch.randint(elements, (positions,), generator=generator)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize(("peers", "positions", "elements"), [(1, 40, 23), (2, 9, 5), (3, 30, 2), (1, 1, 50)])
def test_value_and_gradients_are_those_of_the_plain_form(weights, peers, positions, elements):
    tensors, targets = drawn(peers, positions, elements)
    found, gradients = run(fused_weighted_loss_parts, tensors, targets, weights)
    expected, of_plain = run(plain, tensors, targets, weights)
    torch.testing.assert_close(tuple(found), tuple(expected), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradients, of_plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("spread", [1e3, 1e18])
def test_extreme_logits_stay_finite(spread):
    tensors, targets = drawn(2, 20, 9, spread)
    parts, gradients = run(fused_weighted_loss_parts, tensors, targets, WEIGHTS[1])
    assert all(part.isfinite().all() for part in (*parts, *gradients))


def test_a_batch_without_targets_is_nothing():
    tensors, targets = drawn(2, 0, 9)
    parts, gradients = run(fused_weighted_loss_parts, tensors, targets, WEIGHTS[1])
    assert parts.total == 0 and not any(gradient.any() for gradient in gradients)


def test_weights_of_one_are_the_cross_entropy():
    tensors, targets = drawn(2, 30, 12)
    found, gradients = run(fused_weighted_loss_parts, tensors, targets, WEIGHTS[0])
    none = partial(fused_hail_loss_parts, distillation="none")
    expected, of_plain = run(none, tensors, targets)
    torch.testing.assert_close((found.total, *gradients), (expected.total, *of_plain))


def test_targets_that_the_table_lacks_are_refused():
    tensors, targets = drawn(1, 5, 4)
    with pytest.raises(IndexError, match="targets: from"):
        fused_weighted_loss_parts(*tensors, targets + 4, WEIGHTS[0])
