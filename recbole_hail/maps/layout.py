"""Where dots and names stand on a map, so that none hides another on a narrow screen and none is far from its place.

All is reckoned in pixels of a phone's drawing. A wider screen draws dots and names as large and the land larger, so
that what is apart here is apart there too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 280, 540  # pixels between the axes on a phone
EDGE = np.array([24, 44])  # pixels from the outermost places to the axes; below a dot there is room for its name
FARTHEST = 20  # pixels from its place to a dot
LARGEST, SMALLEST = (30, 26, 22, 19, 16, 14, 12, 10, 8), 4  # pixels across
_LEAST_SPAN = 0.005  # degrees
_KM = 111.2  # of a degree of latitude
_ROUNDS = 120
_MOST = 0.5  # share of the drawing that dots may cover
_GOLDEN = np.pi * (3 - 5**0.5)
_LETTERS, _LINE = 30, 16  # of a name, and pixels of its height
_DISTANCES = (3, 8, 14, 22, 30, 42, 55)  # pixels from a dot to its name
_TURNS = (0, 180, 90, 270, *(turn for base in (45, 27, 63, 14, 76) for turn in (base, 180 - base, -base, 180 + base)))
_WAYS = np.round([(np.cos(turn), np.sin(turn)) for turn in np.radians(_TURNS)], 3)  # from a dot to its name
_DOTTED = 13  # points that a line is taken for
_APART = 4  # pixels between two lines, and a line and a name
_NARROW = " ,.:;|'ijl"


@dataclass(frozen=True)
class Name:
    """What is printed beside a dot: from `point` on, a corner of it or the middle of an edge, to the side of `way`."""

    text: str  # cut, of several lines, perhaps
    point: np.ndarray  # [2], pixels
    way: np.ndarray  # [2] of -1, 0 and 1: to the left or right of the point, below or above it
    half: np.ndarray  # [2], pixels of half its width and height
    line: np.ndarray  # [M, 2], points on the line to it, that are as good as dots; none where there is no line

    @property
    def middle(self) -> np.ndarray:
        return self.point + self.way * self.half


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
    return Frame(middle, cosine, min((WIDTH - 2 * EDGE[0]) / wide, (HEIGHT - 2 * EDGE[1]) / high))


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


def beside(texts: Sequence[str], pixels: np.ndarray, sizes: np.ndarray) -> dict[int, Name]:
    """The names of the first of the dots at `pixels` [N, 2] with these sizes [N], by their numbers.

    Neither a name nor the line to it touches another dot, name or line. Where the lines of a text find no room near
    the dot, its first stands alone; where that finds none either the dot goes without.
    """
    found: dict[int, Name] = {}
    for number, text in enumerate(texts):
        start, radius = pixels[number], sizes[number] / 2
        for name in around(text, start, radius) + around(text.split("\n")[0], start, radius):
            if not is_clear(name, found.values(), pixels, sizes / 2):
                continue
            crossed = np.linalg.norm(pixels[:, None] - name.line, axis=2).min(1) < sizes / 2 + 1
            if crossed.sum() == 1:  # its own
                found[number] = name
                break
    return found


def around(
    text: str, start: np.ndarray, radius: float, distances: Sequence[float] = _DISTANCES, lines: bool = True
) -> list[Name]:
    """Where the name of a dot at `start` may stand in a phone's drawing, the nearest first.

    A name hangs on a point of the land near the dot. On a wider screen dots, lines and names that it is clear of move
    away from that point, so it stays clear of them, and the nearest dot stays the nearest.
    """
    text, half = fitted(text)
    sides, away = np.tile(np.sign(_WAYS), (len(distances), 1)), np.repeat(distances, len(_WAYS))[:, None] + radius
    points = start + np.tile(_WAYS, (len(distances), 1)) * away
    inside = (abs(points + sides * half) + half <= [WIDTH / 2, HEIGHT / 2]).all(1)
    along = np.linspace(0, 1, _DOTTED if lines else 0)[:, None]
    return [
        Name(text, point, side, half, start + along * (point - start))
        for point, side in zip(points[inside], sides[inside], strict=True)
    ]


def is_clear(name: Name, others: Iterable[Name], pixels: np.ndarray, radii: np.ndarray) -> bool:
    """Whether a name touches no dot, and neither it nor its line another name or line."""
    return bool((gaps(name, pixels) >= radii).all()) and not any(_touch(name, other) for other in others)


def _touch(name: Name, other: Name) -> bool:
    return bool(
        (abs(other.middle - name.middle) < other.half + name.half + 2).all()
        or (gaps(name, other.line) < _APART).any()
        or (gaps(other, name.line) < _APART).any()
        or (np.linalg.norm(name.line[:, None] - other.line, axis=2) < _APART).any()
    )


def gaps(name: Name, pixels: np.ndarray) -> np.ndarray:
    """[N], pixels between a name and `pixels` [N, 2]; 0 on it."""
    return np.linalg.norm(np.maximum(abs(pixels - name.middle) - name.half, 0), axis=1)


def fitted(text: str) -> tuple[str, np.ndarray]:
    """A name whose lines fit a phone, and half its width and height."""
    lines = [line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…" for line in text.split("\n")]
    width = max(sum(map(_width, line)) for line in lines)
    return "\n".join(lines), np.array([4 + width, _LINE * len(lines)]) / 2


def _width(letter: str) -> float:
    return 8.5 if letter.isupper() else 4 if letter in _NARROW else 6.5
