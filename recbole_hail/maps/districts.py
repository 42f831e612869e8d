"""The districts of a map: which column of the .user file names them, and where their names are written."""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import chain
from urllib.parse import unquote

import numpy as np

from recbole_hail.data.words import NO_MEANING, Words
from recbole_hail.maps.layout import Name, around, fitted, gaps, is_clear

_TOGETHER = 2 / 3  # of the variance of all places, at most, within districts; within kinds of place it is about all
_BESIDE = (3, 8, 14)  # pixels from a dot of a district to its name
_NEARER = 4  # pixels, at least, to a dot of its district than to one of another


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
    columns: dict[str, list[str]], pixels: np.ndarray, moved: np.ndarray, sizes: np.ndarray, names: Collection[Name]
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
    values: Sequence[str], pixels: np.ndarray, moved: np.ndarray, sizes: np.ndarray, names: Collection[Name]
) -> list[Name]:
    """Each district's name once, beside one of its dots; arguments as for `named_districts`.

    Of the places where it touches nothing and dots of other districts are farther away, it takes that nearest to the
    mean of its own; where there is none it is left out.
    """
    from scipy.spatial import cKDTree  # imports much, which only maps need

    found, radii, tree = [], sizes / 2, cKDTree(moved)
    districts, middles = _middles(values, pixels)
    for district, middle in zip(districts, middles, strict=True):
        own, text = np.array([value == district for value in values]), unquote(district)
        of_dots = (around(text, moved[dot], radii[dot], _BESIDE, lines=False) for dot in np.flatnonzero(own))
        ways = list(chain.from_iterable(of_dots))
        spots = np.array([name.middle for name in ways]).reshape(-1, 2)
        away, nearest = tree.query(spots)
        hopeless = away < radii[nearest] + fitted(text)[1].min()  # in a crowd that is nearly all, and quickly said
        for way in np.argsort(np.linalg.norm(spots - middle, axis=1), kind="stable"):
            name = ways[way]
            if not hopeless[way] and is_clear(name, [*names, *found], moved, radii) and _is_of(name, own, moved, radii):
                found.append(name)
                break
    return found


def _is_of(name: Name, own: np.ndarray, moved: np.ndarray, radii: np.ndarray) -> bool:
    """Whether a name is clearly nearer to a dot of its `own` [N] than to any other."""
    away = gaps(name, moved) - radii
    return bool(away[own].min() + _NEARER <= away[~own].min(initial=np.inf))


def _middles(values: Sequence[str], places: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Each value once, and the mean [D, 2] of its `places` [N, 2]."""
    names, member, sizes = np.unique(values, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(member, weights=axis) for axis in places.T], axis=1)
    return names.tolist(), sums / sizes[:, None]
