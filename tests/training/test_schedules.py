import math

import pytest

from recbole_hail.training.schedules import SCHEDULES, learning_rate_factor


def factors(schedule, steps, *, warmup_steps, total_steps):
    return [learning_rate_factor(schedule, step, warmup_steps=warmup_steps, total_steps=total_steps) for step in steps]


def test_linear_climbs_over_the_warm_up_and_falls_to_0():
    steps = [0, 1, 3, 4, 6, 12, 18, 20, 30]
    expected = [0.25, 0.5, 1.0, 1.0, 0.875, 0.5, 0.125, 0.0, 0.0]
    assert factors("linear", steps, warmup_steps=4, total_steps=20) == pytest.approx(expected)


def test_linear_without_warm_up_starts_at_1():
    assert factors("linear", range(5), warmup_steps=0, total_steps=4) == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0])
    assert factors("linear", range(2), warmup_steps=0, total_steps=1) == [1.0, 0.0]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warm_up_is_a_fifth_of_a_short_run_at_most(schedule):
    """75 steps under the 100 of warm-up never came to three quarters of their learning rate."""
    assert factors(schedule, range(75), warmup_steps=100, total_steps=75).index(1.0) == 14
    assert factors(schedule, range(3), warmup_steps=10, total_steps=3)[0] == 1.0


def test_noam_climbs_to_1_and_falls_with_the_root_of_the_step():
    steps = [0, 1, 3, 15, 35]
    expected = [0.25, 0.5, 1.0, math.sqrt(4 / 16), math.sqrt(4 / 36)]
    assert factors("noam", steps, warmup_steps=4, total_steps=20) == pytest.approx(expected)


def test_noam_without_warm_up_starts_at_1():
    assert factors("noam", [0, 1, 3], warmup_steps=0, total_steps=9) == pytest.approx(
        [1.0, math.sqrt(1 / 2), math.sqrt(1 / 4)]
    )


def test_constant_climbs_and_stays():
    assert factors("constant", [0, 1, 2, 99], warmup_steps=2, total_steps=10) == pytest.approx([0.5, 1.0, 1.0, 1.0])
    assert factors("constant", [0, 99], warmup_steps=0, total_steps=5) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 1, 7, 30])
def test_a_factor_lies_between_0_and_1_and_is_never_0_within_the_run(schedule, warmup):
    values = factors(schedule, range(20), warmup_steps=warmup, total_steps=20)
    warmup = min(warmup, 4)
    assert all(0 < value <= 1 for value in values)
    assert values[:warmup] == sorted(values[:warmup])
    assert values[warmup:] == sorted(values[warmup:], reverse=True)


def test_the_schedules_are_the_three_that_the_setting_offers():
    assert set(SCHEDULES) == {"linear", "noam", "constant"}
