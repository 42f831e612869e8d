import math

import pytest
import torch
from torch.nn import functional as F

from recbole_hail.losses import self_knowledge_loss


@pytest.mark.parametrize("peers", [1, 2, 3, 4])
def test_equals_equation_5_in_value_and_gradient(reference, made_logits, gradient, peers):
    logits, targets = made_logits(peers)
    torch.testing.assert_close(self_knowledge_loss(logits, targets), reference.self_knowledge(logits, targets))
    torch.testing.assert_close(
        gradient(lambda z: self_knowledge_loss(z, targets), logits),
        gradient(lambda z: reference.self_knowledge(z, targets), logits),
    )


def test_known_values():
    logits = torch.tensor([[[0.0, 0.0, 0.0, 0.0], [math.log(3), 0.0, -torch.inf, -torch.inf]]])
    losses = self_knowledge_loss(logits, torch.tensor([2, 0]))
    torch.testing.assert_close(losses, torch.tensor([[math.log(4), math.log(4 / 3)]]))


def test_equals_torch_cross_entropy_of_every_peer(made_logits):
    logits, targets = made_logits(3, positions=7)
    losses = self_knowledge_loss(logits.float(), targets)
    expected = torch.stack([F.cross_entropy(peer.float(), targets, reduction="none") for peer in logits])
    torch.testing.assert_close(losses, expected)


def test_no_peer_sees_the_gradient_of_another(made_logits):
    logits, targets = made_logits(3)
    logits.requires_grad_()
    (of_others,) = torch.autograd.grad(self_knowledge_loss(logits, targets)[1].sum(), logits)
    assert of_others[[0, 2]].eq(0).all()
    assert of_others[1].ne(0).any()


def test_finite_where_the_targets_probability_rounds_to_1_or_0(extreme_logits, gradient):
    logits, targets = extreme_logits
    losses = self_knowledge_loss(logits, targets)
    assert losses.isfinite().all()
    assert losses[0, 0] == 0
    assert losses[0, 1] == 2e4
    assert gradient(lambda z: self_knowledge_loss(z, targets), logits).isfinite().all()


def test_half_precision_is_raised_to_float32(made_logits):
    logits, targets = made_logits(2)
    half = logits.bfloat16()
    losses = self_knowledge_loss(half, targets)
    assert losses.dtype == torch.float32
    torch.testing.assert_close(losses, self_knowledge_loss(half.float(), targets))


@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        (torch.zeros(3, 5), torch.zeros(3, dtype=torch.long), r"\[T, M, V\].*\[3, 5\] and \[3\]"),
        (torch.zeros(2, 3, 5), torch.zeros(4, dtype=torch.long), r"got \[2, 3, 5\] and \[4\]"),
        (torch.zeros(2, 3, 5), torch.zeros(3, 1, dtype=torch.long), r"got \[2, 3, 5\] and \[3, 1\]"),
        (torch.zeros(0, 3, 5), torch.zeros(3, dtype=torch.long), r"peers: 0 .* at least 1"),
        (torch.zeros(2, 3, 1), torch.zeros(3, dtype=torch.long), r"elements: 1 .* at least 2"),
    ],
)
def test_shapes_that_do_not_fit_are_named(logits, targets, message):
    with pytest.raises(ValueError, match=message):
        self_knowledge_loss(logits, targets)
