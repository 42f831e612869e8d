"""Dropout, residual and LayerNorm in one, against torch's own in double precision and with the same draws."""

import pytest
import torch
from torch.nn import functional as F

from recbole_hail import native
from recbole_hail.networks import Sizes, residual
from recbole_hail.networks.dropout import dropout
from recbole_hail.networks.residual import ResidualNorm


def made(p=0.0, width=24):
    norm = ResidualNorm(Sizes(positions=4, heads=1, hidden_size=width, hidden_dropout=p))
    generator = torch.Generator().manual_seed(1)
    norm.weight.data.uniform_(0.5, 2.0, generator=generator)
    norm.bias.data.normal_(generator=generator)
    return norm


def drawn(*shape):
    generator = torch.Generator().manual_seed(2)
    return [(3 * torch.randn(shape, generator=generator) + 5).requires_grad_() for _ in range(2)]


def gradients(out, *leaves):
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
    return torch.autograd.grad((out * weights).sum(), leaves)


@pytest.mark.parametrize("shape", [(7, 24), (2, 3, 24), (1, 24), (0, 24), (300, 24), (5, 3), (9, 64)])
@pytest.mark.parametrize("p", [0.0, 1e-9, 0.2, 0.9])
@pytest.mark.parametrize("count", [1, 3])
def test_values_and_gradients(threads, monkeypatch, shape, p, count):
    threads(count)
    monkeypatch.setattr(residual, "LEAST", 48)
    norm, (hidden, update) = made(p, shape[-1]), drawn(*shape)
    torch.manual_seed(3)
    out = norm(hidden, update)
    torch.manual_seed(3)
    exact = [tensor.detach().double().requires_grad_() for tensor in (hidden, update, norm.weight, norm.bias)]
    added = exact[0] + dropout(exact[1], p)
    expected = F.layer_norm(added, norm.normalized_shape, exact[2], exact[3], norm.eps)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    found = gradients(out, hidden, update, norm.weight, norm.bias)
    for one, other in zip(found, gradients(expected, *exact), strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-4)


def test_nothing_is_dropped_in_evaluation():
    norm, (hidden, update) = made(0.5).eval(), drawn(4, 24)
    expected = F.layer_norm(hidden + update, (24,), norm.weight, norm.bias, norm.eps)
    torch.testing.assert_close(norm(hidden, update), expected)
    with torch.no_grad():
        torch.testing.assert_close(norm(hidden, update), expected)


def test_everything_can_be_dropped():
    norm, (hidden, update) = made(1.0), drawn(4, 24)
    torch.testing.assert_close(norm(hidden, update), F.layer_norm(hidden, (24,), norm.weight, norm.bias, norm.eps))


def test_rows_and_gradients_that_do_not_lie_one_after_the_other():
    norm, (hidden, update) = made(), drawn(24, 6)
    exact = [tensor.detach().double().t().requires_grad_() for tensor in (hidden, update)]
    out, expected = (
        norm(hidden.t(), update.t()),
        F.layer_norm(sum(exact), (24,), norm.weight.double(), norm.bias.double()),
    )
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    found = torch.autograd.grad(out[:, 3].sum(), (hidden, update))  # whose gradient is one number, repeated
    for one, other in zip(found, torch.autograd.grad(expected[:, 3].sum(), exact), strict=True):
        torch.testing.assert_close(one.double(), other.t(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(24,), (1, 24)])
def test_a_shape_that_c_does_not_know_is_left_to_torch(shape):
    """Its rows were once read beyond their end."""
    norm, (hidden, _), (_, update) = made(), drawn(*shape), drawn(5, 24)
    torch.testing.assert_close(norm(hidden, update), F.layer_norm(hidden + update, (24,), norm.weight, norm.bias))
    with pytest.raises(RuntimeError, match="normalized_shape"):
        norm(*drawn(5, 12))


def test_the_gradient_can_be_asked_for_twice():
    norm, (hidden, update) = made(0.5), drawn(4, 24)
    out = norm(hidden, update).square().sum()
    first = torch.autograd.grad(out, (hidden, update), retain_graph=True)
    assert all(map(torch.equal, first, torch.autograd.grad(out, (hidden, update))))


@pytest.mark.skipif(native.library() is None, reason="needs a C compiler: torch computes it otherwise")
def test_training_is_in_c():
    norm, (hidden, update) = made(0.5), drawn(4, 24)
    assert type(norm(hidden, update).grad_fn).__name__ == "_AddAndNormBackward"


def test_its_weights_have_the_names_of_a_layernorm():
    """Checkpoints of earlier versions have LayerNorm's."""
    assert list(made().state_dict()) == ["weight", "bias"]
