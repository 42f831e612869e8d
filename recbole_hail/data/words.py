"""What the tokens of a dataset mean, from its .user and .item files, and tokens found by what people call them."""

import difflib
import re
import warnings
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd

from recbole_hail.errors import DataError

SLOT = "slot"
COORDINATES = ("latitude", "longitude")
_NAMES = ("title", "name", "description")  # what the column is called that says what an id stands for
NO_MEANING = (*COORDINATES, "events")
_DIGITS, _NO_LETTERS = re.compile("[0-9]+"), re.compile(r"[\W\d_]+")


class Words:
    """The tokens of one field, [PAD] first, with what a file says of them.

    Args:
        noun: "generator" or "element", for messages.
        tokens: RecBole's, by number.
        file: the `.user` or `.item` file; may be missing.
        separator: between its fields.
        encoding: of its text.
        field: the column of the tokens; the first where there is none of this name.
    """

    def __init__(
        self,
        noun: str,
        tokens: np.ndarray,
        file: Path,
        separator: str = "\t",
        encoding: str | None = None,
        field: str | None = None,
    ):
        self.noun, self.tokens = noun, [str(token) for token in tokens]
        self.columns = _columns(file, separator, encoding, field, self.tokens)
        self._numbers = {token: number for number, token in enumerate(self.tokens) if number}

    @cached_property
    def slots(self) -> list[str]:
        """The time slot of each, "" where there is none."""
        return self.columns.get(SLOT, [""] * len(self.tokens))

    @cached_property
    def names(self) -> list[str]:
        """What each is called: the token without its slot, or the column that names it, or the token."""
        by_name = next((values for name in _NAMES for column, values in self.columns.items() if name in column), None)
        found = []
        for number, token in enumerate(self.tokens):
            if self.slots[number] and token.startswith(f"{self.slots[number]}|"):
                found.append(unquote(token.split("|", 1)[1]))
            else:
                found.append((by_name and by_name[number]) or unquote(token))
        return found

    def described(self, number: int) -> str:
        """What the file says of one beside the words of its token: `precinct 44, borough BRONX` of `44|STREET`."""
        said = {part for part in unquote(self.tokens[number]).split("|") if not part.isdecimal()}
        values = [(name, unquote(column[number])) for name, column in self.columns.items() if name not in NO_MEANING]
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values if value and value not in said)

    def values(self, number: int) -> dict[str, str]:
        """What the file says of one, by column; but not its number of events, of which newer ones are no part."""
        columns = {name: unquote(column[number]) for name, column in self.columns.items() if name != "events"}
        return columns if number else {}

    @cached_property
    def coordinates(self) -> np.ndarray | None:
        """[tokens, 2], degrees, NaN where unknown; None where the file has no coordinates."""
        if not all(name in self.columns for name in COORDINATES):
            return None
        return np.stack([pd.to_numeric(pd.Series(self.columns[name]), errors="coerce") for name in COORDINATES], axis=1)

    def number(self, name: str) -> int | None:
        """The number of a token, or of what only one token is called, in upper or lower case; None if there is none."""
        number = self._numbers.get(name)
        if number is None:
            called = self._called.get(name.casefold(), [])
            number = called[0] if len(called) == 1 else None
        return number

    def token(self, name: str) -> str:
        """The token of what is called so; the name itself where the model knows none."""
        number = self.number(name)
        return name if number is None else self.tokens[number]

    def find(self, name: str) -> int:
        """`number`, also by the first words of a single token: `21-24h|ASSAULT 3` for one that goes on.

        Raises:
            DataError: there is none, or several; says which come nearest.
        """
        number = self.number(name)
        if number is not None:
            return number
        whole, _ = self._begun_by(name.casefold())
        if len(whole) == 1 and name.casefold() not in self._called:
            return whole[0]
        raise DataError(f"{self.noun}: the model knows no {name!r}; {self.advice(name)}")

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
        """The numbers of all that are called so."""
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


def words_of(config, dataset, noun: str) -> Words:
    """What a dataset's own files say of its "generator"s or "element"s."""
    field, suffix = {"generator": (dataset.uid_field, "user"), "element": (dataset.iid_field, "item")}[noun]
    file = Path(config["data_path"], f"{config['dataset']}.{suffix}")
    tokens = dataset.field2id_token[field]
    return Words(noun, tokens, file, config["field_separator"], config["encoding"], field)


def _columns(
    file: Path, separator: str, encoding: str | None, field: str | None, tokens: list[str]
) -> dict[str, list[str]]:
    """Values of each column but the tokens', by number of the token; "" where the file does not say."""
    if not file.is_file():
        return {}
    how = {"sep": separator, "encoding": encoding, "dtype": str, "keep_default_na": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # rows that end in a separator too many
            table = pd.read_csv(file, index_col=False, **how)
    except ValueError as error:  # undecodable text too
        raise DataError(f"{file}: cannot be read: {error}") from error
    table.columns = [str(column).split(":")[0] for column in table]
    key = field if field in table else table.columns[0]
    table = table.drop_duplicates(key).set_index(key).reindex(tokens).fillna("")
    return {column: table[column].tolist() for column in table}
