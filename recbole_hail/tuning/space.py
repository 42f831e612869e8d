"""Search spaces: RecBole's files of one setting a line, checked before anything is trained."""

import ast
import itertools
import json
import math
import random
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from recbole_hail.errors import SettingsError
from recbole_hail.settings import closest_name, converted

_FEW = 30  # multiples that are all checked
_ROUNDING = 1e-6  # of a step, for 3 * 0.1 is more than 0.3
_BOUNDS = {"uniform": 2, "quniform": 3, "loguniform": 2}


@dataclass(frozen=True)
class Dimension:
    """The choices of a setting, or the bounds that Hyperopt's `kind` of the same name draws between.

    The bounds of loguniform are logarithms, the third of quniform is the step.
    """

    kind: str
    values: list

    def value(self, drawn: float):
        """The setting for what Hyperopt has drawn; of choices it draws the index."""
        if self.kind == "choice":
            return self.values[int(drawn)]
        if self.kind == "quniform":
            drawn = self._within(drawn)
            if all(isinstance(bound, int) for bound in self.values):
                return int(drawn)
        low, high = self._bounds()
        return float(min(max(float(f"{drawn:.4g}"), low), high))  # what is told of a trial is what was trained

    def drawn(self, value) -> float:
        """Undoes `value`."""
        return self.values.index(value) if self.kind == "choice" else value

    def _within(self, drawn: float) -> float:
        """Hyperopt rounds to multiples of the step, up to half of one beyond the bounds."""
        low, high, step = self.values
        slack = step * _ROUNDING
        return drawn + step if drawn < low - slack else drawn - step if drawn > high + slack else drawn

    def _bounds(self) -> tuple[float, float]:
        low, high = self.values[:2]
        return (math.exp(low), math.exp(high)) if self.kind == "loguniform" else (low, high)

    def tried(self) -> list:
        """What is checked before a search: all choices, the settings at both bounds, all multiples where few.

        Raises:
            OverflowError: a bound of loguniform is no logarithm of a number.
        """
        if self.kind == "choice":
            return self.values
        low, high = self._bounds()
        if self.kind != "quniform":
            return [low, high]
        step = self.values[2]
        multiples = range(math.ceil(low / step - _ROUNDING), math.floor(high / step + _ROUNDING) + 1)
        shown = multiples if len(multiples) <= _FEW else (multiples[0], multiples[-1])
        return [self.value(step * number) for number in shown]


Space = dict[str, Dimension]


def read_space(file: Path) -> Space:
    """RecBole's space file; SettingsError names all lines that cannot be used."""
    space, found = {}, []
    try:
        text_of_file = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError([f"params_file: {file} is not text in utf-8; convert it"]) from None
    for number, line in enumerate(text_of_file.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, kind, text = [*line.split(maxsplit=2), "", ""][:3]
        values = _values(kind, text)
        if values and name in space:
            found.append(f"params_file: line {number} of {file} has {name} again; write it once")
        elif values:
            space[name] = Dimension(kind, values)
        else:
            found.append(
                f"params_file: line {number} of {file} is {line!r}; write a setting, a kind (choice, uniform, "
                "quniform, loguniform) and a list of choices or the bounds, as in: alpha choice [0.1,0.5]"
            )
    if not space and not found:
        found.append(f"params_file: {file} has no setting to search; write one a line, as in: alpha choice [0.1,0.5]")
    if found:
        raise SettingsError(found)
    return space


def _values(kind: str, text: str) -> list | None:
    """The choices or bounds that `text` lists; None where it does not."""
    try:
        values = ast.literal_eval(text if kind == "choice" else f"[{text}]")
        if isinstance(values, str):
            return None
        if kind == "choice":  # as a trial gets them; RecBole's own spaces have lists and switches in quotes
            values = converted(dict(enumerate(values))).values()
        values = json.loads(json.dumps(list(values)))  # as a file of trials gives them back
    except (ValueError, SyntaxError, TypeError):
        return None
    if kind == "choice":
        return [value for place, value in enumerate(values) if value not in values[:place]]  # a trial is made once
    numbers = all(isinstance(value, int | float) for value in values)
    bounds = numbers and len(values) == _BOUNDS.get(kind) and values[0] < values[1]
    return values if bounds and (kind != "quniform" or values[2] > 0) else None


def check_space(space: Space, known: set[str], config_of: Callable[[dict], object], asked: Container[str] = ()) -> None:
    """Tries every choice and every bound by itself.

    Args:
        known: the settings that the model knows.
        asked: those that say what is asked of it, and of which data: scores of different questions do not compare.
        config_of: makes a Config of settings, or raises SettingsError.

    Raises:
        SettingsError: with all problems found.
    """
    found = []
    for name, dimension in space.items():
        if name not in known:
            close = closest_name(name, known)
            advice = f"did you mean {close}?" if close else "take it out of the space"
            found.append(f"params_file: {name} is not a setting of this model; {advice}")
            continue
        if name in asked:
            found.append(
                f"params_file: {name} changes the question, and scores of different questions do not compare; "
                f"take it out of the space, and give --{name}= for all trials"
            )
            continue
        found += [f"params_file: {problem}" for problem in _problems_of(name, dimension, config_of)]
    if found:
        raise SettingsError(list(dict.fromkeys(found)))


def _problems_of(name: str, dimension: Dimension, config_of: Callable[[dict], object]) -> list[str]:
    try:
        tried = dimension.tried()
    except OverflowError:
        return [f"{name}: the bounds of loguniform are logarithms, as in -7,-4, and no number has {dimension.values}"]
    if not tried:
        return [f"{name}: no multiple of {dimension.values[2]} lies within {dimension.values[:2]}; give other bounds"]
    found = []
    for value in tried:
        try:
            config_of({name: value})
        except SettingsError as error:
            found += error.problems
    return found


def is_grid(space: Space) -> bool:
    return all(dimension.kind == "choice" for dimension in space.values())


def grid(space: Space, seed: int) -> list[dict]:
    """All combinations of choices, in an order drawn from `seed`, so that the first of them are spread over all."""
    choices = (dimension.values for dimension in space.values())
    points = [dict(zip(space, values, strict=True)) for values in itertools.product(*choices)]
    random.Random(seed).shuffle(points)
    return points
