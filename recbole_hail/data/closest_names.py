"""Tokens found by what people call them, and those that come nearest to a name that is none's."""

import difflib
import re
from functools import cached_property
from urllib.parse import unquote

_DIGITS, _NO_LETTERS = re.compile("[0-9]+"), re.compile(r"[\W\d_]+")


class ClosestNames:
    """The names of the tokens of one field.

    Args:
        noun: "generator" or "element", for messages.
        tokens: by number, [PAD] first.
        slots: the time slot of each, "" where there is none.
        names: what each is called.
    """

    def __init__(self, noun: str, tokens: list[str], slots: list[str], names: list[str]):
        self.noun, self.tokens, self.slots, self.names = noun, tokens, slots, names

    def called(self, name: str) -> list[int]:
        """The numbers of all that are called so, in upper or lower case."""
        return self._called.get(name.casefold(), [])

    def begun_by_words(self, start: str) -> list[int]:
        """The numbers of all tokens that begin with these whole words."""
        return self._begun_by(start.casefold())[0]

    def advice(self, name: str) -> str:
        """What to give in place of a name that is not known: the nearest, or else those of the same first part."""
        if meant := self.did_you_mean(name, most=5):
            return meant
        first = name.partition("|")[0] + "|"
        if beside := self._begun_by(first.casefold())[1]:
            shown = ", ".join(map(self._with_title, beside[:5]))
            return f"its {self.noun}s that begin with {first!r} are such as {shown}"
        return f"its {self.noun}s are such as {self._with_title(1)}"

    def did_you_mean(self, name: str, most: int, *, slips: bool = False) -> str:
        """`did you mean 'A' or 'B'?`, of at most so many, a number with its title; "" where none is near.

        Args:
            slips: only what differs by a slip, for names in data: 17 is another place than 7, and an office in a
                district than a station there.
        """
        start = name.casefold()
        nearest = self._called.get(start) or next(filter(None, self._begun_by(start)), None) or self._like(start)
        if slips:
            nearest = [number for number in nearest if _is_slip(start, self._readable[number])]
        shown = " or ".join(map(self._with_title, nearest[:most]))
        return f"did you mean {shown}?" if shown else ""

    def _begun_by(self, start: str) -> tuple[list[int], list[int]]:
        """The tokens that begin with whole words, and with any letters."""
        begun = [number for number, token in enumerate(self._readable) if start and token.startswith(start)]
        # 1 is not the beginning of 12.
        whole = [number for number in begun if not self._readable[number][len(start) : len(start) + 1].isalnum()]
        return whole, begun

    def _like(self, name: str) -> list[int]:
        close = difflib.get_close_matches(name, self._called, n=6)  # of which several may be one's
        return list(dict.fromkeys(number for called in close for number in self._called[called]))[:3]

    def _with_title(self, number: int) -> str:
        """`'50' (Star Wars (1977))`; the token alone where it says as much."""
        token, name = repr(self.tokens[number]), self.names[number]
        return token if name.casefold() in self._readable[number] else f"{token} ({name})"

    @cached_property
    def _readable(self) -> list[str]:
        return ["", *(unquote(token).casefold() for token in self.tokens[1:])]

    @cached_property
    def _called(self) -> dict[str, list[int]]:
        found = {}
        for number in range(1, len(self.tokens)):
            printed = f"{self.slots[number]} {self.names[number]}".strip()  # as forecasts have it
            for name in {self._readable[number], self.names[number].casefold(), printed.casefold()}:
                found.setdefault(name, []).append(number)
        return found


def _is_slip(name: str, token: str) -> bool:
    """Whether all parts of both have the same numbers, and beside them nearly the same letters."""
    as_many = name.count("|") == token.count("|")
    pairs = zip(name.split("|"), token.split("|"), strict=True) if as_many else [(name, token)]
    return all(_numbers_in(one) == _numbers_in(other) and _nearly(one, other) for one, other in pairs)


def _numbers_in(name: str) -> list[int]:
    return [int(digits) for digits in _DIGITS.findall(name)]


def _nearly(one: str, other: str) -> bool:
    one, other = (_NO_LETTERS.sub("", name) for name in (one, other))
    return difflib.SequenceMatcher(None, one, other).ratio() >= 0.8
