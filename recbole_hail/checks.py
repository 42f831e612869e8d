"""Tests of single settings, each with the advice that its message gives."""

from collections.abc import Callable, Iterable
from math import inf

from recbole_hail.settings import did_you_mean


def check(config, checks: Iterable[tuple[str, Callable, str | Callable]]) -> list[str]:
    """Setting, value and advice of every (setting, test, advice) whose test fails or cannot take the value.

    The advice may be one that is made for the value.
    """
    wrong = ((name, config[name], advice) for name, holds, advice in checks if not _holds(holds, config[name]))
    return [f"{name}: {value!r} {advice(value) if callable(advice) else advice}" for name, value, advice in wrong]


def _holds(test: Callable, value) -> bool:
    try:
        return bool(test(value))
    except (TypeError, AttributeError, KeyError):
        return False


def number(low: float, high: float, *, open_above: bool = False) -> Callable:
    """A test for a number in [low, high], or in [low, high)."""

    def test(value):
        return not isinstance(value, bool) and low <= value and (value < high if open_above else value <= high)

    return test


# Tests with their advice, as `one_of` and `at_least` give them.
switch = (lambda value: isinstance(value, bool)), "must be True or False"
not_negative = number(0, inf, open_above=True), "must not be negative, nor infinite"
positive = (lambda value: not isinstance(value, bool) and 0 < value < inf), "must be a positive number"
up_to_1 = number(0, 1), "must lie in [0, 1]"
below_1 = number(0, 1, open_above=True), "must lie in [0, 1)"


def whole(low: int) -> Callable:
    """A test for a whole number of at least `low`."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low


def one_of(names) -> tuple[Callable, Callable]:
    """A test for one of the names, and the advice that lists them and says which is meant."""

    def advice(value) -> str:
        return f"must be one of {', '.join(names)}{did_you_mean(str(value), names)}"

    return lambda value: value in names, advice


def at_least(low: int) -> tuple[Callable, str]:
    """A test for a whole number of at least `low`, and the advice."""
    return whole(low), f"must be a whole number of at least {low}"


def optional(test: Callable) -> Callable:
    """The test, or nothing at all."""
    return lambda value: value is None or test(value)
