"""Learning-rate schedules as a factor on the learning rate, a function of the step."""

from collections.abc import Callable


def _linear(step: int, warmup: int, total: int) -> float:
    """Up to 1 over the warm-up, then straight down to 0, as in the authors' program."""
    if step < warmup:
        return (step + 1) / warmup
    return max(total - step, 0) / max(total - warmup, 1)


def _noam(step: int, warmup: int, total: int) -> float:
    """Up to 1 over the warm-up, then falling with the square root of the step (Vaswani et al., 2017, section 5.3).

    The paper says "Adam with NOAM decay"; here the peak is the learning rate itself.
    """
    warmup = max(warmup, 1)
    return min((step + 1) / warmup, (warmup / (step + 1)) ** 0.5)


def _constant(step: int, warmup: int, total: int) -> float:
    return min((step + 1) / warmup, 1.0) if warmup else 1.0


SCHEDULES: dict[str, Callable[[int, int, int], float]] = {"linear": _linear, "noam": _noam, "constant": _constant}


def learning_rate_factor(schedule: str, step: int, *, warmup_steps: int, total_steps: int) -> float:
    """The factor for step 0, 1, … of `total_steps`; `schedule` is one of SCHEDULES.

    The authors' 100 steps of warm-up are a thousandth of their training. A training of 100 would be nothing else and
    never come to its learning rate, so warm-up takes a fifth of the steps at most.
    """
    return SCHEDULES[schedule](step, min(warmup_steps, total_steps // 5), total_steps)
