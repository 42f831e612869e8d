import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.losses import mutual_exclusivity_loss


def positive_and_negative(logits, targets, gamma=1.0):
    return torch.stack(mutual_exclusivity_loss(logits, targets, gamma=gamma))


@pytest.mark.parametrize("gamma", [1.0, 2.0, 0.5, 0.0])
@pytest.mark.parametrize("peers", [2, 3, 4])
def test_equals_equations_11_and_12_in_value_and_gradient(reference, made_logits, gradient, peers, gamma):
    logits, targets = made_logits(peers)
    for term, equation in enumerate((reference.positive, reference.negative)):
        found = mutual_exclusivity_loss(logits, targets, gamma=gamma)[term]
        torch.testing.assert_close(found, equation(logits, targets, gamma))
        torch.testing.assert_close(
            gradient(lambda z, term=term: mutual_exclusivity_loss(z, targets, gamma=gamma)[term], logits),
            gradient(lambda z, equation=equation: equation(z, targets, gamma), logits),
        )


def test_float32_agrees_with_the_float64_reference(reference, made_logits, gradient):
    logits, targets = made_logits(3, spread=4.0)
    positive, negative = mutual_exclusivity_loss(logits.float(), targets)
    torch.testing.assert_close(positive.double(), reference.positive(logits, targets), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(negative.double(), reference.negative(logits, targets), rtol=1e-5, atol=1e-5)
    found = gradient(lambda z: sum(mutual_exclusivity_loss(z, targets)), logits.float())
    expected = gradient(lambda z: reference.positive(z, targets) + reference.negative(z, targets), logits)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)


def test_two_peers_are_equations_6_and_7(made_logits):
    logits, targets = made_logits(2)
    p = logits.softmax(-1)
    positive, negative = mutual_exclusivity_loss(logits, targets)
    for j, other in ((0, 1), (1, 0)):
        for i, target in enumerate(targets.tolist()):
            equation_6 = -(1 - p[other, i, target]) * p[j, i, target].log()
            equation_7 = -sum(p[other, i, k] * (1 - p[j, i, k]).log() for k in range(5) if k != target)
            torch.testing.assert_close(positive[j, i], equation_6)
            torch.testing.assert_close(negative[j, i], equation_7)


def test_known_values():
    # Peer 1 holds 1/2, 1/4, 1/4 and peer 2 holds 1/4, 1/4, 1/2; the target is the first element.
    logits = torch.tensor([[[0.5, 0.25, 0.25]], [[0.25, 0.25, 0.5]]], dtype=torch.float64).log()
    positive, negative = mutual_exclusivity_loss(logits, torch.tensor([0]))
    log = torch.tensor([2.0, 4.0, 4 / 3], dtype=torch.float64).log().tolist()
    expected_positive = torch.tensor([[0.75 * log[0]], [0.5 * log[1]]], dtype=torch.float64)
    expected_negative = torch.tensor([[0.75 * log[2]], [0.25 * log[2] + 0.25 * log[0]]], dtype=torch.float64)
    torch.testing.assert_close(positive, expected_positive)
    torch.testing.assert_close(negative, expected_negative)


@pytest.mark.parametrize("peers", [2, 3])
def test_equation_13_gradient_of_the_positive_term_at_the_target(made_logits, peers):
    logits, targets = made_logits(peers)
    logits.requires_grad_()
    positive, _ = mutual_exclusivity_loss(logits, targets)
    (found,) = torch.autograd.grad(positive.sum(), logits)
    p = logits.detach().softmax(-1)
    for j in range(peers):
        for i, target in enumerate(targets.tolist()):
            q = sum(p[c, i, target] for c in range(peers) if c != j) / (peers - 1)
            torch.testing.assert_close(found[j, i, target], (1 - q) * (p[j, i, target] - 1))


@pytest.mark.parametrize("peers", [2, 3, 4])
def test_gradient_has_its_closed_form(made_logits, peers):
    """With q the others' mean and a_k = q_k p_k / (1 - p_k), 0 at the target:
    dL/dz_k = (1 - q_*)(p_k - [k = *]) + a_k - p_k sum(a)."""
    logits, targets = made_logits(peers)
    logits.requires_grad_()
    (found,) = torch.autograd.grad(sum(mutual_exclusivity_loss(logits, targets)).sum(), logits)
    p = logits.detach().softmax(-1)
    for j in range(peers):
        q = p[[c for c in range(peers) if c != j]].mean(0)
        for i, target in enumerate(targets.tolist()):
            a = q[i] * p[j, i] / (1 - p[j, i])
            a[target] = 0
            is_target = torch.zeros_like(a)
            is_target[target] = 1
            expected = (1 - q[i, target]) * (p[j, i] - is_target) + a - p[j, i] * a.sum()
            torch.testing.assert_close(found[j, i], expected)


@pytest.mark.parametrize("peers", [2, 4])
@pytest.mark.parametrize("term", [0, 1])
def test_no_gradient_reaches_the_peers_whose_likelihoods_are_weights(made_logits, peers, term):
    logits, targets = made_logits(peers)
    logits.requires_grad_()
    for j in range(peers):
        (found,) = torch.autograd.grad(mutual_exclusivity_loss(logits, targets)[term][j].sum(), logits)
        others = [c for c in range(peers) if c != j]
        assert found[others].eq(0).all()
        assert found[j].ne(0).any()


@pytest.mark.parametrize("gamma", [1.0, 2.0, 0.5, 0.0])
def test_finite_for_extreme_logits(extreme_logits, gradient, gamma):
    logits, targets = extreme_logits
    assert positive_and_negative(logits, targets, gamma).isfinite().all()
    assert gradient(lambda z: positive_and_negative(z, targets, gamma), logits).isfinite().all()


def test_values_for_extreme_logits(extreme_logits):
    positive, negative = mutual_exclusivity_loss(*extreme_logits)
    # Both sure and right: nothing to learn, where 0 · -inf would give NaN.
    assert positive[:, 0].eq(0).all()
    assert negative[:, 0].eq(0).all()
    # Both sure of the same wrong element: the positive term is the cross-entropy, the negative one -log(1 - p) of it.
    torch.testing.assert_close(positive[:, 1], torch.full((2,), 2e4))
    torch.testing.assert_close(negative[:, 1], torch.full((2,), 2e4), rtol=1e-3, atol=0)
    # Only peer 1 is right: it is told to go on learning by a peer at 0; the other learns all of the target.
    assert positive[0, 2] == 0
    assert positive[1, 2] == 0  # its peer is sure of the target, so 1 - p is 0
    # All equal among 4 elements.
    log = torch.tensor([4.0, 4 / 3]).log()
    torch.testing.assert_close(positive[0, 5], 0.75 * log[0])
    torch.testing.assert_close(negative[0, 5], 0.75 * log[1])


def test_gradient_of_a_sure_wrong_peer_is_bounded(extreme_logits, gradient):
    logits, targets = extreme_logits
    found = gradient(lambda z: positive_and_negative(z, targets), logits)
    assert found.abs().max() <= 2 * 1.5 + 1e-5  # weights of at most 1.5 on two terms, each bounded by 1


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from([1.0, 0.5, 2.0]))
def test_finite_and_not_negative_for_any_finite_logits(gradient, logits_and_targets, data, gamma):
    logits, targets = data.draw(logits_and_targets(fewest_peers=2))
    found = positive_and_negative(logits, targets, gamma)
    assert found.isfinite().all()
    assert found.ge(0).all()
    assert gradient(lambda z: positive_and_negative(z, targets, gamma), logits).isfinite().all()


def test_half_precision_is_raised_to_float32(made_logits, gradient):
    logits, targets = made_logits(2)
    half = logits.bfloat16()
    positive, negative = mutual_exclusivity_loss(half, targets)
    assert positive.dtype == negative.dtype == torch.float32
    torch.testing.assert_close(positive, mutual_exclusivity_loss(half.float(), targets)[0])
    torch.testing.assert_close(negative, mutual_exclusivity_loss(half.float(), targets)[1])
    extreme = torch.tensor([[[1e4, -1e4, 0.0]], [[1e4, 0.0, 0.0]]]).bfloat16()
    assert gradient(lambda z: positive_and_negative(z, torch.tensor([0])), extreme).isfinite().all()


def test_one_peer_has_nothing_to_exchange():
    with pytest.raises(ValueError, match=r"peers: 1 .* at least 2"):
        mutual_exclusivity_loss(torch.zeros(1, 2, 3), torch.zeros(2, dtype=torch.long))
