import pytest
import torch

from recbole_hail.networks.dropout import Dropout, dropout


@pytest.mark.parametrize("p", [0.01, 0.2, 0.5, 0.9])
def test_drops_the_share_p_and_keeps_the_mean(p):
    torch.manual_seed(0)
    count = 1_000_001  # odd, so that a 64-bit number serves fewer than four elements at the end
    found = dropout(torch.ones(count), p)
    share = found.eq(0).double().mean()
    assert abs(share - p) < 5 * (p * (1 - p) / count) ** 0.5
    torch.testing.assert_close(found[found != 0], torch.full_like(found[found != 0], 1 / (1 - p)), rtol=1e-4, atol=0)


def test_elements_are_dropped_independently():
    """Four neighbours share a random number, so their pairs are counted; so are draws of the next call."""
    torch.manual_seed(0)
    kept = dropout(torch.ones(2, 400_000), 0.5).ne(0).double().view(-1, 4)
    pairs = (kept.T @ kept) / len(kept)
    expected = torch.full((4, 4), 0.25, dtype=torch.float64).fill_diagonal_(0.5)
    torch.testing.assert_close(pairs, expected, rtol=0, atol=0.01)
    again = dropout(torch.ones(2, 400_000), 0.5).ne(0).double().view(-1, 4)
    assert abs((kept * again).mean() - 0.25) < 0.01


def test_gradients_pass_where_elements_are_kept():
    torch.manual_seed(0)
    hidden = torch.randn(50, 7, requires_grad=True)
    found = dropout(hidden, 0.5)
    (gradient,) = torch.autograd.grad(found.sum(), hidden)
    torch.testing.assert_close(found, hidden * gradient)
    assert set(gradient.unique().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize(("p", "expected"), [(0.0, 1.0), (1e-9, 1.0), (1.0, 0.0)])
def test_nothing_and_everything(p, expected):
    assert dropout(torch.ones(100), p).eq(expected).all()


def test_a_seed_repeats_a_draw():
    torch.manual_seed(3)
    first = dropout(torch.ones(1000), 0.5)
    second = dropout(torch.ones(1000), 0.5)
    torch.manual_seed(3)
    assert torch.equal(dropout(torch.ones(1000), 0.5), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_keeps_the_type(dtype):
    assert dropout(torch.ones(10, dtype=dtype), 0.5).dtype == dtype


def test_only_in_training():
    layer, hidden = Dropout(0.5), torch.ones(1000)
    assert layer(hidden).eq(0).any()
    assert torch.equal(layer.eval()(hidden), hidden)
