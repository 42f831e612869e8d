import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.losses import denoising_mask


def dropped(losses, beta, slots=None):
    return (~denoising_mask(torch.tensor(losses), beta, slots)).nonzero().flatten().tolist()


def test_a_position_goes_only_if_it_is_among_the_hardest_of_every_peer():
    first = [9.0, 8.0, 1.0, 2.0]
    second = [1.0, 8.0, 9.0, 2.0]
    assert dropped([first, second], 0.5) == [1]
    assert dropped([first, first], 0.5) == [0, 1]
    assert dropped([first, second, [0.0, 0.0, 5.0, 6.0]], 0.5) == []


@pytest.mark.parametrize(
    ("beta", "count"), [(0.0, 0), (0.09, 0), (0.1, 1), (0.19, 1), (0.2, 2), (0.3, 3), (0.7, 7), (0.99, 9)]
)
def test_the_share_is_rounded_down(beta, count):
    assert dropped([[float(i) for i in range(10)]] * 2, beta) == list(range(10 - count, 10))


def test_a_share_that_is_whole_but_for_rounding_is_whole():
    assert 0.29 * 100 < 29
    assert len(dropped([[float(i) for i in range(100)]] * 2, 0.29)) == 29


def test_slots_are_what_the_share_is_taken_of():
    losses = [[1.0, 2.0, 3.0, 4.0]] * 2
    assert dropped(losses, 0.1) == []
    assert dropped(losses, 0.1, slots=20) == [2, 3]
    assert dropped(losses, 0.5, slots=2) == [3]
    assert dropped(losses, 0.5, slots=400) == [0, 1, 2, 3]  # never more than there are


def test_equal_losses_rank_in_order_of_position():
    assert dropped([[1.0] * 5] * 2, 0.4) == [0, 1]
    assert dropped([[2.0, 3.0, 3.0, 3.0, 1.0]] * 2, 0.4) == [1, 2]
    assert dropped([[1.0, 2.0] * 2000] * 2, 0.25) == list(range(1, 2000, 2))  # where a sort may be unstable


def test_beta_0_keeps_all_and_an_empty_batch_has_no_mask():
    assert denoising_mask(torch.rand(3, 8), 0.0).tolist() == [True] * 8
    assert denoising_mask(torch.rand(2, 0), 0.5).shape == (0,)


def test_the_mask_is_boolean_and_carries_no_gradient():
    losses = torch.rand(2, 6, requires_grad=True)
    mask = denoising_mask(losses, 0.5)
    assert mask.dtype == torch.bool
    assert not mask.requires_grad


@settings(max_examples=150, deadline=None)
@given(
    st.data(),
    st.integers(1, 3),
    st.integers(1, 12),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.none(), st.integers(0, 40)),
)
def test_equals_equation_8_and_never_drops_more_than_the_share(reference, data, peers, positions, beta, slots):
    loss = st.one_of(st.floats(0, 20, width=32), st.sampled_from([1.0, 2.0]))  # ties are common
    rows = data.draw(st.lists(st.lists(loss, min_size=positions, max_size=positions), min_size=peers, max_size=peers))
    losses = torch.tensor(rows)
    mask = denoising_mask(losses, beta, slots)
    assert mask.tolist() == reference.kept(losses, beta, slots)
    assert (~mask).sum() <= beta * (positions if slots is None else slots) + 1e-9


@pytest.mark.parametrize("beta", [-0.01, 1.0, 1.5, float("nan")])
def test_beta_outside_its_range_is_named(beta):
    with pytest.raises(ValueError, match=rf"beta: {beta} must lie in \[0, 1\)"):
        denoising_mask(torch.rand(2, 3), beta)
