import math

import pytest
import torch
from torch.nn import functional as F

from recbole_hail import native
from recbole_hail.networks import activations
from recbole_hail.networks.activations import gelu

needs_compiler = pytest.mark.skipif(native.library() is None, reason="needs a C compiler: torch computes it otherwise")


def value_and_gradient(function, x):
    leaf = x.detach().clone().requires_grad_()
    value = function(leaf)
    return value, torch.autograd.grad((value * torch.linspace(0.5, 2, x.numel()).to(x).view(x.shape)).sum(), leaf)[0]


def test_known_values():
    """x times the standard normal distribution's share below x, and the derivative of that."""
    x = torch.tensor([0.0, 1.0, -1.0, 3.0], requires_grad=True)
    share = [0.5, 0.8413447460685429, 0.15865525393145707, 0.9986501019683699]
    torch.testing.assert_close(gelu(x), torch.tensor([s * v for s, v in zip(share, (0, 1, -1, 3), strict=True)]))
    density = [math.exp(-v * v / 2) / math.sqrt(2 * math.pi) for v in (0, 1, -1, 3)]
    slope = [s + v * d for s, v, d in zip(share, (0, 1, -1, 3), density, strict=True)]
    torch.testing.assert_close(torch.autograd.grad(gelu(x).sum(), x)[0], torch.tensor(slope))


@needs_compiler  # torch's own loses digits on AVX-512, and overflows beyond half of the largest float32
@pytest.mark.parametrize("count", [1, 2])
def test_as_exact_as_float32_is_everywhere(threads, monkeypatch, count):
    threads(count)
    monkeypatch.setattr(activations, "LEAST", 1000)
    x = torch.cat([torch.linspace(-15, 15, 40_001), torch.tensor([1e-30, -1e-30, 100.0, -100.0, 3e38, -3e38])])
    for one, other in zip(value_and_gradient(gelu, x), value_and_gradient(F.gelu, x.double()), strict=True):
        error = (one.double() - other).abs()
        assert (error <= 4e-7 * other.abs().clamp(min=1.0)).all()


@needs_compiler
def test_in_c_all_the_digits_count_where_little_is_left_of_x():
    tail = torch.linspace(-9, -1, 5_001)
    exact = tail.double() / 2 * torch.erfc(tail.double() / -math.sqrt(2))  # F.gelu loses them in the sum 1 + erf
    torch.testing.assert_close(gelu(tail.clone().requires_grad_()).double(), exact, rtol=1e-5, atol=0)


@needs_compiler
def test_only_training_keeps_a_derivative():
    x = torch.ones(3, requires_grad=True)
    assert type(gelu(x).grad_fn).__name__ == "_GeluBackward"
    with torch.no_grad():
        assert torch.equal(gelu(x), F.gelu(x))


@needs_compiler  # torch's own makes infinity no number on AVX-512
def test_what_is_no_number_stays_none():
    x = torch.tensor([math.nan, math.inf, 1.0], requires_grad=True)
    found = gelu(x)
    assert found[0].isnan() and found[1] == math.inf and found[2].isfinite()


@pytest.mark.parametrize("make", [lambda x: x.t(), lambda x: x.double(), lambda x: x[:, ::2], lambda x: x[:0]])
def test_any_layout_and_type(make):
    x = make(torch.randn(6, 8, generator=torch.Generator().manual_seed(0)))
    for one, other in zip(value_and_gradient(gelu, x), value_and_gradient(F.gelu, x.double()), strict=True):
        assert one.dtype == x.dtype and one.shape == x.shape
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-6)
