"""Agreement between peers: what share of questions all of them, some or none answer rightly (paper, Fig. 1b)."""

from itertools import combinations
from typing import NamedTuple

import numpy as np

SHARES = ("all right", "some right", "none right")


def right(ranks: np.ndarray) -> np.ndarray:
    """Whether an answer is right: no candidate is scored as high as the target.

    Args:
        ranks: int [..., 3], candidates scored higher than the target, the same, and in all.

    Returns:
        bool [...].
    """
    ranks = np.asarray(ranks)
    return (ranks[..., 0] == 0) & (ranks[..., 1] == 0)


def shared_answers(ranks: np.ndarray, views: list[str]) -> np.ndarray | None:
    """Which of `SHARES` each question belongs to: bool [N, 3], one True in a row; arguments and None as `agreement`."""
    peers = _peers(views)
    if len(peers) < 2 or not len(ranks):
        return None
    answers = right(np.asarray(ranks)[:, peers])  # [N, T]
    every, some = answers.all(axis=1), answers.any(axis=1)
    return np.stack([every, some & ~every, ~some], axis=1)


def agreement(ranks: np.ndarray, views: list[str]) -> dict[str, float] | None:
    """Shares of the questions that all peers, some but not all, and no peer answer rightly; they sum to 1.

    "some right" is the share of inconsistent answers of the paper's section 1: with two peers, exactly one is right.

    Args:
        ranks: int [N, views, 3], as `rank_targets` gives them.
        views: their names; those of peers are "peer 1", "peer 2", …, and any other, such as "mean", is left out.

    Returns:
        The shares by `SHARES`; None where there are fewer than two peers or no questions.
    """
    found = shared_answers(ranks, views)
    return None if found is None else dict(zip(SHARES, found.mean(axis=0).tolist(), strict=True))


class Pair(NamedTuple):
    """Shares of the questions for two peers: the first four sum to 1."""

    first: str
    second: str
    both: float  # answer rightly
    only_first: float
    only_second: float
    neither: float
    differ: float  # put different elements first


def pairs(ranks: np.ndarray, firsts: np.ndarray, views: list[str]) -> list[Pair]:
    """How every two peers answer the same questions.

    Args:
        ranks: int [N, views, 3], as for `agreement`.
        firsts: [N, views], the element that each puts first.
        views: as for `agreement`.
    """
    answers = right(ranks)  # [N, views]
    found = []
    for a, b in combinations(_peers(views), 2):
        one, other = answers[:, a], answers[:, b]
        kinds = (one & other, one & ~other, ~one & other, ~one & ~other, firsts[:, a] != firsts[:, b])
        found.append(Pair(views[a], views[b], *(float(kind.mean()) for kind in kinds)))
    return found


def _peers(views: list[str]) -> list[int]:
    """Which of the views are a peer's."""
    return [index for index, view in enumerate(views) if view.startswith("peer ")]
