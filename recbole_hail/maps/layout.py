"""Where dots and names stand on a map, so that none hides another on a narrow screen and none is far from its place.

All is reckoned in pixels of a phone's drawing. A wider screen draws dots and names as large and the land larger, so
that what is apart here is apart there too, where it goes with the land.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 290, 520  # pixels between the axes on a phone
EDGE = 24  # pixels from the outermost places to the axes
FARTHEST = 20  # pixels from its place to a dot
LARGEST, SMALLEST = (30, 26, 22, 19, 16, 14, 12, 10, 8), 4  # pixels across
_LEAST_SPAN = 0.005  # degrees
_KM = 111.2  # of a degree of latitude
_ROUNDS = 120
_MOST = 0.5  # share of the drawing that dots may cover
_GOLDEN = np.pi * (3 - 5**0.5)
_LETTERS, _LINE = 30, 16  # of a name, and pixels of its height
_DISTANCES = (3, 8, 14, 22, 30, 42, 55, 70, 85, 100, 120, 140, 160)  # of a name from its dot
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
_DIRECTIONS += tuple(
    (x * right, y * up) for x, y in ((1, 2), (2, 1), (1, 4), (4, 1)) for up in (1, -1) for right in (1, -1)
)
_THROUGH = 3  # unnamed dots, across which a line is as hard to follow as across another line
_NARROW = " ,.:;|'ijl"


@dataclass(frozen=True)
class Name:
    """What is printed of a dot, cut, at `middle`, with half its width and height, [2] each in pixels."""

    text: str  # of several lines, perhaps
    middle: np.ndarray
    half: np.ndarray
    near: bool  # stays beside its dot however large the land is drawn


@dataclass(frozen=True)
class Frame:
    """How degrees of latitude and longitude become pixels around the middle of the drawing, to the right and up."""

    middle: np.ndarray  # [2], degrees
    cosine: float  # a degree of longitude is shorter than one of latitude
    scale: float  # pixels of a degree of latitude

    def pixels(self, places: np.ndarray) -> np.ndarray:
        """[N, 2] of latitude and longitude -> [N, 2] of x and y."""
        return (places - self.middle)[:, ::-1] * [self.cosine, 1] * self.scale

    def degrees(self, pixels: np.ndarray) -> np.ndarray:
        return (pixels / [self.cosine, 1] / self.scale)[:, ::-1] + self.middle

    def kilometres(self, pixels: float) -> float:
        return float(pixels / self.scale * _KM)


def frame_of(places: np.ndarray) -> Frame:
    """That in which all of `places` [N, 2] fit a phone."""
    middle = (places.min(0) + places.max(0)) / 2
    cosine = float(np.cos(np.radians(middle[0])))
    high, wide = np.maximum(np.ptp(places, axis=0), _LEAST_SPAN) * [1, cosine]
    return Frame(middle, cosine, min((WIDTH - 2 * EDGE) / wide, (HEIGHT - 2 * EDGE) / high))


def arranged(pixels: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dots at `pixels` [N, 2] whose areas go with their chances [N]: pixels across [N], and where they stand [N, 2].

    They are as large as lets none lie on another and none be farther than `FARTHEST` from its place. Where even the
    smallest are too many for that, some lie on others.
    """
    share, room = np.sqrt(chance / max(chance.max(), 1e-30)), _MOST * np.prod(np.ptp(pixels, axis=0) + 2 * EDGE)
    for largest in LARGEST:
        sizes = np.maximum(largest * share, SMALLEST)
        if np.pi / 4 * (sizes**2).sum() > room and largest > LARGEST[-1]:
            continue
        moved = apart(pixels, sizes)
        by = np.linalg.norm(moved - pixels, axis=1, keepdims=True)
        if by.max() <= FARTHEST:
            return sizes, moved
    return sizes, pixels + (moved - pixels) * np.minimum(1, FARTHEST / np.maximum(by, 1e-9))


def apart(pixels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """`pixels` [N, 2] moved about as little as keeps dots of these sizes [N] from lying on one another."""
    from scipy.spatial import cKDTree  # imports much, which only maps need

    radii = (sizes + 1) / 2
    turn = _GOLDEN * np.arange(len(pixels))  # dots at one point have no direction from one another
    moved = pixels + 0.01 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for back in np.linspace(0.1, 0, _ROUNDS):  # each dot is drawn to its place too, less and less
        moved += back * (pixels - moved)
        pairs = cKDTree(moved).query_pairs(2 * radii.max(), output_type="ndarray")
        between = moved[pairs[:, 0]] - moved[pairs[:, 1]]
        distance = np.maximum(np.linalg.norm(between, axis=1), 1e-9)
        overlap = radii[pairs].sum(1) - distance
        pairs, push = pairs[overlap > 0.1], (between * (overlap / distance / 2)[:, None])[overlap > 0.1]
        ends, count = pairs.T.ravel(), np.bincount(pairs.ravel(), minlength=len(moved))
        for axis in (0, 1):
            step = np.bincount(ends, weights=np.concatenate([push[:, axis], -push[:, axis]]), minlength=len(moved))
            moved[:, axis] += step / np.maximum(count, 1)  # the mean, for the sum would overshoot
    return moved


def beside(texts: Sequence[str], pixels: np.ndarray, sizes: np.ndarray) -> list[Name]:
    """The names of the first of the dots at `pixels` [N, 2] with these sizes [N].

    Where the lines of a text find no room, its first stands alone. Names end with the first that finds none: a name
    that is missing would make the next one look likelier. Only the very first may cover other dots. A line to a name
    goes through no other name, and crosses dots and other lines only where there is no place, near or far, that it
    reaches without.
    """
    found = []
    for text, start, size in zip(texts, pixels, sizes, strict=False):
        tried = (_best(part, start, size, found, pixels, sizes, len(texts)) for part in (text, text.split("\n")[0]))
        name = next(filter(None, tried), None)
        if name is None:
            break
        found.append(name)
    return found


def _best(
    text: str, start: np.ndarray, size: float, found: list[Name], pixels: np.ndarray, sizes: np.ndarray, named: int
) -> Name | None:
    """Where the name of the dot at `start` stands beside those that are `found`; None where there is no room."""
    ways = [name for name in _around(text, start, size / 2) if not any(touch(name, other) for other in found)]
    worst = []
    for name in ways:
        bad, crossed = _in_the_way(name, start, pixels, sizes / 2, named)
        crossings = [_crossings(name, start, *other) for other in zip(found, pixels, strict=False)]
        lines, through = np.sum(crossings, axis=0) if found else (0, 0)
        worst.append((bad + through, crossed + _THROUGH * lines))
    best = min(range(len(ways)), key=worst.__getitem__, default=None)
    return None if best is None or (found and worst[best][0]) else ways[best]


def _around(text: str, start: np.ndarray, radius: float) -> list[Name]:
    """Where a name may stand, the nearest first; what would leave the drawing is moved into it."""
    text, half = fitted(text)
    most, found = np.array([WIDTH, HEIGHT]) / 2, []
    for distance in _DISTANCES:
        for way in map(np.array, _DIRECTIONS):
            away = way / abs(way).max() * half + way / np.linalg.norm(way) * (radius + distance)
            middle = np.clip(start + away, half - most, most - half)
            found.append(Name(text, middle, half, near=distance == _DISTANCES[0]))
    return found


def fitted(text: str) -> tuple[str, np.ndarray]:
    """A name whose lines fit a phone, and half its width and height."""
    lines = [line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…" for line in text.split("\n")]
    width = max(sum(map(_width, line)) for line in lines)
    return "\n".join(lines), np.array([4 + width, _LINE * len(lines)]) / 2


def _width(letter: str) -> float:
    return 8.5 if letter.isupper() else 4 if letter in _NARROW else 6.5


def _in_the_way(name: Name, start: np.ndarray, pixels: np.ndarray, radii: np.ndarray, named: int) -> tuple[int, int]:
    """How many dots a name would cover, and how many others the line to it from its dot at `start` would cross.

    A line across one of the first `named` is as bad as what is covered: one could not say whose name it leads to.
    """
    covered = (np.abs(pixels - name.middle) < name.half + radii[:, None]).all(1).sum()
    way = name.middle - start
    along = np.clip((pixels - start) @ way / max(way @ way, 1e-9), 0, 1)
    crossed = np.linalg.norm(start + along[:, None] * way - pixels, axis=1) < radii
    return int(covered + crossed[:named].sum()) - 1, int(crossed.sum()) - 1  # its own is one of them


def touch(name: Name, other: Name) -> bool:
    return bool((np.abs(other.middle - name.middle) < other.half + name.half + 2).all())


def _crossings(name: Name, start: np.ndarray, other: Name, its_start: np.ndarray) -> tuple[int, int]:
    """How often the lines to two names, from their dots at the starts, cross one another, and the other's name."""
    line, its_line = (start, name.middle), (its_start, other.middle)
    through = any(_cross(*line, *across) for across in _diagonals(other))
    under = any(_cross(*its_line, *across) for across in _diagonals(name))
    return int(_cross(*line, *its_line)), int(through) + int(under)


def _diagonals(name: Name) -> list[tuple[np.ndarray, np.ndarray]]:
    """What crosses a rectangle crosses one of them."""
    return [(name.middle - half, name.middle + half) for half in (name.half, name.half * [1, -1])]


def _cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    """Whether the line from `a` to `b` crosses that from `c` to `d`."""

    def side(start, end, point):  # of the line that a point lies on, by its sign
        (x, y), (right, up) = end - start, point - start
        return x * up - y * right

    return bool(side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0)
