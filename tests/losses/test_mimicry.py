import pytest
import torch
from torch.nn import functional as F

from recbole_hail.losses import mimicry_loss


@pytest.mark.parametrize("peers", [2, 3, 4])
def test_equals_torch_kl_div_to_the_mean_of_the_others(made_logits, gradient, peers):
    logits, targets = made_logits(peers)

    def expected(z):
        p = z.softmax(-1).detach()
        others = [p[[c for c in range(peers) if c != j]].mean(0) for j in range(peers)]
        rows = [F.kl_div(z[j].log_softmax(-1), others[j], reduction="none").sum(-1) for j in range(peers)]
        return torch.stack(rows)

    torch.testing.assert_close(mimicry_loss(logits, targets), expected(logits))
    torch.testing.assert_close(gradient(lambda z: mimicry_loss(z, targets), logits), gradient(expected, logits))


def test_known_value():
    logits = torch.tensor([[[0.5, 0.5]], [[0.25, 0.75]]], dtype=torch.float64).log()
    log = torch.tensor([0.5, 2.0, 1.5, 2 / 3], dtype=torch.float64).log().tolist()
    # Peer 1 imitates (1/4, 3/4), peer 2 imitates (1/2, 1/2).
    expected = torch.tensor([[0.25 * log[0] + 0.75 * log[2]], [0.5 * log[1] + 0.5 * log[3]]], dtype=torch.float64)
    torch.testing.assert_close(mimicry_loss(logits, torch.tensor([0])), expected)


def test_equal_peers_have_nothing_to_imitate(made_logits, gradient):
    logits, targets = made_logits(1)
    equal = logits.expand(3, -1, -1)
    torch.testing.assert_close(mimicry_loss(equal, targets), torch.zeros(3, 4, dtype=torch.float64))
    torch.testing.assert_close(gradient(lambda z: mimicry_loss(z, targets), equal), torch.zeros_like(equal))


def test_targets_play_no_part(made_logits):
    logits, targets = made_logits(2)
    torch.testing.assert_close(mimicry_loss(logits, targets), mimicry_loss(logits, (targets + 1) % 5))


def test_no_gradient_reaches_the_peers_that_are_imitated(made_logits):
    logits, targets = made_logits(3)
    logits.requires_grad_()
    (found,) = torch.autograd.grad(mimicry_loss(logits, targets)[0].sum(), logits)
    assert found[1:].eq(0).all()
    assert found[0].ne(0).any()


def test_finite_for_extreme_logits(extreme_logits, gradient):
    logits, targets = extreme_logits
    losses = mimicry_loss(logits, targets)
    assert losses.isfinite().all()
    assert losses[0, 2] == 2e4  # sure of one element, told to be sure of another
    assert losses[0, 0] == 0
    assert gradient(lambda z: mimicry_loss(z, targets), logits).isfinite().all()


def test_one_peer_has_nobody_to_imitate():
    with pytest.raises(ValueError, match=r"peers: 1 .* at least 2"):
        mimicry_loss(torch.zeros(1, 2, 3), torch.zeros(2, dtype=torch.long))
