from decimal import Decimal, getcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.losses.likelihood import at_targets, log_likelihood, log_unlikelihood, mean_of_others

getcontext().prec = 60


def exact_log_unlikelihood(logits):
    """log(1 - p_k) with 60 digits, 1 - p_k summed from the other elements."""
    largest = Decimal(max(logits))
    exponentials = [(Decimal(z) - largest).exp() for z in logits]
    total = sum(exponentials)
    exact = [(sum(exponentials[:k] + exponentials[k + 1 :]) / total).ln() for k in range(len(logits))]
    return torch.tensor([float(value) for value in exact], dtype=torch.float64)


@pytest.mark.parametrize("gap", [0.0, 1e-3, 0.5, 1.0, 5.0, 16.0, 17.0, 20.0, 50.0, 88.0, 104.0, 1000.0, 2e4])
@pytest.mark.parametrize("shift", [0.0, -1e4])
def test_log_unlikelihood_is_exact_up_to_probability_1(gap, shift):
    logits = torch.tensor([gap, 0.0, -0.25, -2.0]) + shift
    found = log_unlikelihood(log_likelihood(logits.view(1, 1, -1))).flatten()
    expected = exact_log_unlikelihood(logits.tolist())
    torch.testing.assert_close(found.double(), expected, rtol=2e-5, atol=1e-37)
    # The likeliest element, the one a subtraction from 1 loses, is known to rounding of the logits.
    torch.testing.assert_close(found[0].double(), expected[0], rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-80, 80, width=32), min_size=2, max_size=6))
def test_log_unlikelihood_is_exact_for_any_logits(logits):
    found = log_unlikelihood(log_likelihood(torch.tensor(logits).view(1, 1, -1))).flatten()
    torch.testing.assert_close(found.double(), exact_log_unlikelihood(logits), rtol=5e-5, atol=1e-37)


def test_log_unlikelihood_where_subtraction_from_1_gives_minus_infinity():
    log_p = log_likelihood(torch.tensor([[[20.0, 0.0, 0.0]]]))
    assert torch.log1p(-log_p.exp())[0, 0, 0] == -torch.inf
    torch.testing.assert_close(log_unlikelihood(log_p)[0, 0, 0], torch.tensor(-20.0 + 0.6931472))


def test_log_likelihood_keeps_float64_and_raises_half_precision():
    assert log_likelihood(torch.zeros(1, 1, 2, dtype=torch.float64)).dtype == torch.float64
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        assert log_likelihood(torch.zeros(1, 1, 2, dtype=dtype)).dtype == torch.float32


def test_at_targets_takes_each_positions_target_from_every_peer():
    values = torch.arange(24).view(2, 3, 4)
    assert at_targets(values, torch.tensor([3, 0, 2])).tolist() == [[3, 4, 10], [15, 16, 22]]


@pytest.mark.parametrize("peers", [2, 3, 4, 5])
def test_mean_of_others_leaves_the_peer_itself_out(peers):
    values = torch.randn(peers, 2, 3, generator=torch.Generator().manual_seed(peers), dtype=torch.float64)
    expected = torch.stack([values[[c for c in range(peers) if c != j]].mean(0) for j in range(peers)])
    torch.testing.assert_close(mean_of_others(values), expected)


def test_mean_of_others_loses_no_digit_to_a_large_peer():
    values = torch.tensor([[1e30], [1.0], [3.0]])
    assert mean_of_others(values)[0].item() == 2.0
