"""The districts of a map: which column of the .user file names them, and where their names are written."""

from collections import Counter
from collections.abc import Sequence
from urllib.parse import unquote

import numpy as np

from recbole_hail.data.words import NO_MEANING, Words
from recbole_hail.maps.layout import Name, fitted, touch

_TOGETHER = 2 / 3  # of the variance of all places, at most, within districts; within kinds of place it is about all
_FAR, _STEP = 48, 6  # pixels from the mean of its places to a name, at most and between those that are tried
_COVERED = 2  # dots that may lie on a name


def districts_of(generators: Words, numbers: np.ndarray) -> dict[str, list[str]]:
    """The columns that say in which district generators are, the finest first, and their values for `numbers` [N].

    Each value recurs for several places, and these lie together, which those of a kind of place do not.
    """
    known = np.flatnonzero(~np.isnan(generators.coordinates).any(axis=1))
    found = {
        name: values
        for name, values in generators.columns.items()
        if name not in NO_MEANING
        and _are_districts([values[number] for number in known], generators.coordinates[known])
    }
    names = sorted(found, key=lambda name: -len(set(found[name])))
    return {name.replace("_", " "): [found[name][number] for number in numbers] for name in names}


def _are_districts(values: list[str], places: np.ndarray) -> bool:
    counts = Counter(values)
    if "" in counts or len(counts) < 2 or min(counts.values()) < 2:
        return False
    member = np.unique(values, return_inverse=True)[1]
    within = ((places - _middles(values, places)[1][member]) ** 2).sum() / (len(places) - len(counts))
    return bool(within <= _TOGETHER * ((places - places.mean(0)) ** 2).sum() / (len(places) - 1))


def named_districts(
    columns: dict[str, list[str]], pixels: np.ndarray, moved: np.ndarray, sizes: np.ndarray, names: Sequence[Name]
) -> tuple[str, list[Name]] | None:
    """The first of `columns` that has room for half of its districts, else the one with room for most of them.

    Args:
        columns: of `districts_of`.
        pixels, moved: [N, 2], where dots belong and where they stand.
        sizes: [N], pixels across.
        names: what is printed of dots.
    """
    found = {column: spread_out(values, pixels, moved, sizes, names) for column, values in columns.items()}
    shares = {column: len(of_column) / len(set(columns[column])) for column, of_column in found.items()}
    column = max(shares, key=lambda column: min(shares[column], 0.5), default=None)
    return (column, found[column]) if column and found[column] else None


def spread_out(
    values: Sequence[str], pixels: np.ndarray, moved: np.ndarray, sizes: np.ndarray, names: Sequence[Name]
) -> list[Name]:
    """Each district's name once, as near as may be to the mean of its places; arguments as for `named_districts`.

    A name touches no other and hardly a dot, and is nearer to its own district than to any other; where there is no
    such place it is left out.
    """
    found, radii, reach = [], sizes / 2, np.arange(-_FAR, _FAR + 1, _STEP)
    steps = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2)
    steps = steps[np.argsort(np.linalg.norm(steps, axis=1), kind="stable")]
    districts, middles = _middles(values, pixels)
    for number, district in enumerate(districts):
        text, half = fitted(unquote(district))
        ways = middles[number] + steps  # [W, 2]
        own = np.linalg.norm(ways[:, None] - middles, axis=2).argmin(1) == number
        covers = (np.abs(ways[:, None] - moved) < half + radii[:, None]).all(2).sum(1)
        best = np.argsort(covers, kind="stable")  # the nearest of those that cover as few
        free = (Name(text, ways[way], half, near=False) for way in best if own[way] and covers[way] <= _COVERED)
        name = next((name for name in free if not any(touch(name, other) for other in (*names, *found))), None)
        if name:
            found.append(name)
    return found


def _middles(values: Sequence[str], places: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Each value once, and the mean [D, 2] of its `places` [N, 2]."""
    names, member, sizes = np.unique(values, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(member, weights=axis) for axis in places.T], axis=1)
    return names.tolist(), sums / sizes[:, None]
