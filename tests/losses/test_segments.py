from math import exp, log

import pytest
import torch

from recbole_hail.losses import segment_loss


def test_known_value():
    contexts = torch.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
    segments = torch.tensor([[3.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    # Scores: 3 and 1 for the first, 0 and 0 for the second; the own segment is on the diagonal.
    expected = (log(1 + exp(1 - 3)) + log(2)) / 2
    assert segment_loss(contexts, segments).item() == pytest.approx(expected)


@pytest.mark.parametrize("group", [1, 3, 4, 7, 100])
def test_equals_a_direct_computation_within_groups(gradient, group):
    torch.manual_seed(0)
    contexts, segments = torch.randn(2, 7, 4, dtype=torch.float64)

    def expected(both):
        loss = 0.0
        for i in range(7):
            together = [j for j in range(7) if j // group == i // group]
            scores = [both[0, i] @ both[1, j] for j in together]
            loss = loss - torch.log(torch.exp(both[0, i] @ both[1, i]) / sum(torch.exp(s) for s in scores)) / 7
        return loss

    def ours(both):
        return segment_loss(both[0], both[1], group=group)

    both = torch.stack([contexts, segments])
    torch.testing.assert_close(ours(both), expected(both).to(torch.float64), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradient(ours, both), gradient(expected, both), rtol=1e-6, atol=1e-6)


def test_nothing_to_tell_apart_costs_nothing():
    alone = torch.randn(1, 4)
    assert segment_loss(alone, torch.randn(1, 4)) == 0
    assert segment_loss(alone[:0], alone[:0]) == 0


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"\[B, d\], got \[2, 3\] and \[3, 3\]"):
        segment_loss(torch.zeros(2, 3), torch.zeros(3, 3))
