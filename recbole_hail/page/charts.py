"""Charts as inline SVG that read without colour and on a phone: dashes, markers and labels beside what they name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise

from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.page.markup import Markup, text

WIDTH = 360  # units of the drawing, about the pixels of a phone; the style sheet lets it grow on wider screens
_LEFT, _RIGHT = 46, 74  # room for the numbers of the y axis, and for the labels at the ends of lines
_LINE = 13  # least distance of two labels
_DASHES = ("", "6 3", "2 3", "8 3 2 3", "4 2 1 2")
# Disc, square, triangle, diamond around 0, 0; every other one is hollow.
_SIGNS = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0Z",
    "M-3.2 -3.2H3.2V3.2H-3.2Z",
    "M0 -4.2L4.2 3.4H-4.2Z",
    "M0 -4.6L4.6 0L0 4.6L-4.6 0Z",
)
_NEAR = 1e-3  # of a value: what is nearer is shown by ticks that are this far apart in all
_MARKED = 7  # markers on a line, however many points it has
_LETTERS = 50  # of a label, as many as fit; tables have the whole name
_ids = count(1)


@dataclass(frozen=True)
class Series:
    """A series of points; x is shared by the lines of a chart in meaning, not in values."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def bars(rows: Sequence[tuple[str, float, str]], *, title: str) -> Markup:
    """Horizontal bars of (label, value, value in words), each with its label above and its words at its end."""
    top = max((value for _, value, _ in rows), default=0) or 1
    longest = max((len(words) for *_, words in rows), default=0)
    full = WIDTH - 7 * longest - 8
    parts = []
    for number, (label, value, words) in enumerate(rows):
        y = 36 * number
        width = max(full * value / top, 1)
        parts += [
            _text(0, y + 13, _cut(label)),
            f'<rect class="bar" x="0" y="{y + 18}" width="{width:.1f}" height="13"/>',
            _text(width + 5, y + 29, words, "number"),
        ]
    alt = "; ".join(f"{label}: {words}" for label, _, words in rows)
    return _drawing(36 * len(rows), parts, title, alt)


def intervals(rows: Sequence[tuple[str, Sequence[Estimate]]], *, marks: Sequence[str], title: str) -> Markup:
    """A row for each label with one mark for each of `marks`: a whisker from low to high and a sign at the mean.

    The numbers of a single mark stand to the right of all whiskers.
    """
    ends = [end for _, found in rows for mark in found for end in (mark.low, mark.high)]
    ticks = _ticks(min(ends), max(ends))
    right = WIDTH - (max(len(str(mark)) for _, (mark,) in rows) * 6.3 + 10 if len(marks) == 1 else 8)
    scale = _Scale(ticks[0], ticks[-1], 8, right)
    parts, y = [], 0
    for label, found in rows:
        parts.append(_text(0, y + 13, _cut(label)))
        if len(marks) == 1:
            parts.append(_text(WIDTH, y + 27, str(found[0]), "number", anchor="end"))
        for number, mark in enumerate(found):
            level = y + 23 + 14 * number
            low, high = scale(mark.low), scale(mark.high)
            parts += [
                f'<path class="line c{number}" d="M{low:.1f} {level}H{high:.1f}" stroke-dasharray="{_dash(number)}"/>',
                _sign(scale(mark.mean), level, number),
            ]
        y += 24 + 14 * len(found)
    grid = [f'<path class="grid" d="M{scale(tick):.1f} 0V{y}"/>' for tick in ticks]
    axis = [_text(scale(tick), y + 14, _short(tick), "number", anchor="middle") for tick in ticks]
    height = y + 20
    if len(marks) > 1:
        for number, name in enumerate(marks):
            axis += [_sign(8, height + 10, number), _text(20, height + 14, name)]
            height += 18
    alt = "; ".join(
        f"{label}: " + ", ".join(f"{name} {mark}" for name, mark in zip(marks, found, strict=True))
        for label, found in rows
    )
    return _drawing(height, [*grid, *parts, *axis], title, alt)


def lines(found: Sequence[Series], *, title: str, x_name: str, marked: float | None = None) -> Markup:
    """Lines with their names at their ends; `marked` is an x with a vertical line of its own."""
    bottom, foot = 170, 204
    every_x, every_y = [x for line in found for x in line.x], [y for line in found for y in line.y]
    x_ticks, y_ticks = _ticks(0, max(every_x)), _ticks(min(every_y), max(every_y))
    x_scale, y_scale = _Scale(0, max(every_x), _LEFT, WIDTH - _RIGHT), _Scale(y_ticks[0], y_ticks[-1], bottom, 10)
    parts = []
    for tick in y_ticks:
        parts.append(f'<path class="grid" d="M{_LEFT} {y_scale(tick):.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(_text(_LEFT - 6, y_scale(tick) + 4, _short(tick), "number", anchor="end"))
    for tick in x_ticks:
        if tick <= max(every_x):
            parts.append(_text(x_scale(tick), bottom + 16, _short(tick), "number", anchor="middle"))
    parts.append(_text((_LEFT + WIDTH - _RIGHT) / 2, foot - 2, x_name, anchor="middle"))
    if marked is not None:
        parts.append(f'<path class="mark" d="M{x_scale(marked):.1f} 10V{bottom}" stroke-dasharray="1 3"/>')
    for number, line in enumerate(found):
        places = [(x_scale(x), y_scale(y)) for x, y in zip(line.x, line.y, strict=True)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path class="line c{number % 3}" d="M{path}" stroke-dasharray="{_dash(number)}"/>')
        step = max(len(places) // _MARKED, 1)
        parts += [_sign(x, y, number) for x, y in places[::-1][::step]]
    ends = _spread([y_scale(line.y[-1]) for line in found], lowest=bottom - 4)  # above the numbers of the x axis
    for number, (line, y) in enumerate(zip(found, ends, strict=True)):
        parts += [_sign(WIDTH - _RIGHT + 12, y, number), _text(WIDTH - _RIGHT + 20, y + 4, line.name)]
    alt = "; ".join(
        f"{line.name}: {line.y[0]:.4g} at {x_name} {line.x[0]:g}, {line.y[-1]:.4g} at {line.x[-1]:g}" for line in found
    )
    return _drawing(foot + 2, parts, title, alt)


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        return self.start + (self.end - self.start) * ((value - self.low) / span if span else 0.5)


def _ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers that hold [low, high], and are told apart by few digits."""
    least = _NEAR * max(abs(low), abs(high))
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    span = (high - low) or 1.0
    magnitude = 10.0 ** math.floor(math.log10(span))
    step = next(size * magnitude for size in (0.2, 0.25, 0.5, 1, 2) if span / (size * magnitude) <= 5)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return [float(f"{number * step:.10g}") for number in range(first, last + 1)]  # free of the product's rounding


def _spread(places: list[float], lowest: float) -> list[float]:
    """The places moved down, and up from `lowest`, as little as keeps `_LINE` between them, in their order."""
    moved = list(places)
    order = sorted(range(len(places)), key=places.__getitem__)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + _LINE)
    below = lowest + _LINE
    for place in reversed(order):
        moved[place] = below = min(moved[place], below - _LINE)
    return moved


def _cut(label: str) -> str:
    return label if len(label) <= _LETTERS else f"{label[: _LETTERS - 1]}…"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def _dash(number: int) -> str:
    return _DASHES[number % len(_DASHES)]


def _sign(x: float, y: float, number: int) -> str:
    kind = "hollow" if number % 2 else "full"
    shape = _SIGNS[number % len(_SIGNS)]
    return f'<path class="sign {kind} c{number % 3}" transform="translate({x:.1f} {y:.1f})" d="{shape}"/>'


def _text(x: float, y: float, words: str, kind: str = "label", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(words)}</text>'


def _drawing(height: float, parts: Sequence[str], title: str, alt: str) -> Markup:
    """The SVG with its title and description for those who do not see it."""
    number = next(_ids)
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="t{number} d{number}">'
        f'<title id="t{number}">{text(title)}</title><desc id="d{number}">{text(alt)}</desc>{"".join(parts)}</svg>'
    )
