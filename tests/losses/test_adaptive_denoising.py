from math import floor, log, sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.losses import (
    drop_rate_at,
    likelihood_weights,
    self_knowledge_loss,
    truncation_weights,
    weighted_loss_parts,
)


def total(logits, targets, weights):
    cross_entropy = self_knowledge_loss(logits, targets)
    return weighted_loss_parts(cross_entropy, weights(cross_entropy)).total


def test_reweighting_known_value():
    cross_entropy = torch.tensor([[log(4), log(2)]], dtype=torch.float64)  # likelihoods 1/4 and 1/2
    weights = likelihood_weights(cross_entropy, 0.5)
    torch.testing.assert_close(weights, torch.tensor([[1 / 2, sqrt(1 / 2)]], dtype=torch.float64))
    parts = weighted_loss_parts(cross_entropy, weights)
    assert parts.total.item() == pytest.approx((log(4) / 2 + log(2) * sqrt(1 / 2)) / 2)
    assert parts.self_knowledge.tolist() == pytest.approx([(log(4) + log(2)) / 2])
    assert parts.dropped.item() == pytest.approx((1 / 2 + 1 - sqrt(1 / 2)) / 2)
    assert parts.positive.tolist() == parts.negative.tolist() == [0.0]


@pytest.mark.parametrize("exponent", [0.0, 0.25, 1.0, 2.0])
@pytest.mark.parametrize("peers", [1, 2])
def test_reweighting_equals_a_direct_computation_and_is_no_part_of_the_gradient(made_logits, gradient, peers, exponent):
    logits, targets = made_logits(peers)

    def expected(z):
        loss = 0.0
        for peer in range(peers):
            for i, target in enumerate(targets):
                p = z[peer, i].softmax(-1)[target]
                loss = loss - float(p) ** exponent * torch.log(p) / len(targets)
        return loss

    def ours(z):
        return total(z, targets, lambda loss: likelihood_weights(loss, exponent))

    torch.testing.assert_close(ours(logits), expected(logits))
    torch.testing.assert_close(gradient(ours, logits), gradient(expected, logits))


def test_truncation_known_value():
    cross_entropy = torch.tensor([[3.0, 1.0, 4.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
    keep = truncation_weights(cross_entropy, 0.5)
    assert keep.tolist() == [[False, True, False, True], [True, True, False, False]]
    parts = weighted_loss_parts(cross_entropy, keep)
    assert parts.total.item() == (1 + 2 + 1 + 2) / 4
    assert parts.self_knowledge.tolist() == [2.5, 2.5]
    assert parts.dropped.item() == 0.5


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(1, 12), st.floats(0, 1, exclude_max=True))
def test_truncation_drops_the_largest_losses_of_each_peer(data, peers, positions, rate):
    loss = st.one_of(st.floats(0, 20, width=32), st.sampled_from([1.0, 2.0]))  # ties are common
    rows = data.draw(st.lists(st.lists(loss, min_size=positions, max_size=positions), min_size=peers, max_size=peers))
    for row, keep in zip(rows, truncation_weights(torch.tensor(rows), rate).tolist(), strict=True):
        largest = sorted(range(positions), key=lambda i: (-row[i], i))[: floor(rate * positions + 1e-9)]
        assert keep == [i not in largest for i in range(positions)]


def test_no_gradient_reaches_a_truncated_position(made_logits):
    logits, targets = made_logits(1)
    logits.requires_grad_()
    cross_entropy = self_knowledge_loss(logits, targets)
    keep = truncation_weights(cross_entropy, 0.25)
    (found,) = torch.autograd.grad(weighted_loss_parts(cross_entropy, keep).total, logits)
    assert found[0].ne(0).any(dim=1).tolist() == keep[0].tolist()
    assert keep.sum() == 3


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 0.0), (1, 0.002), (50, 0.1), (99, 0.198), (100, 0.2), (101, 0.2), (10**6, 0.2)]
)
def test_the_drop_rate_grows_linearly_to_its_maximum(step, rate):
    assert drop_rate_at(step, drop_rate=0.2, drop_steps=100) == pytest.approx(rate)


def test_a_growth_of_no_steps_drops_from_the_start():
    assert drop_rate_at(0, drop_rate=0.2, drop_steps=0) == 0.2


@pytest.mark.parametrize(
    "weights", [lambda loss: likelihood_weights(loss, 0.25), lambda loss: truncation_weights(loss, 0.3)]
)
def test_finite_for_extreme_logits_and_zero_for_an_empty_batch(extreme_logits, gradient, weights):
    logits, targets = extreme_logits
    assert total(logits, targets, weights).isfinite()
    assert gradient(lambda z: total(z, targets, weights), logits).isfinite().all()
    assert total(logits[:, :0], targets[:0], weights) == 0


def test_settings_outside_their_range_are_named():
    losses = torch.rand(1, 3)
    with pytest.raises(ValueError, match=r"reweight_exponent: -1 must not be negative"):
        likelihood_weights(losses, -1)
    with pytest.raises(ValueError, match=r"drop_rate: 1 must lie in \[0, 1\)"):
        truncation_weights(losses, 1)
