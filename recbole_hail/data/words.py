"""What the tokens of a dataset mean, from its .user and .item files."""

import warnings
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd

from recbole_hail.data.closest_names import ClosestNames
from recbole_hail.errors import DataError

SLOT = "slot"
COORDINATES = ("latitude", "longitude")
_NAMES = ("title", "name", "description")  # what the column is called that says what an id stands for
NO_MEANING = (*COORDINATES, "events")


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

    @cached_property
    def closest(self) -> ClosestNames:
        return ClosestNames(self.noun, self.tokens, self.slots, self.names)

    def number(self, name: str) -> int | None:
        """The number of a token, or of what only one token is called, in upper or lower case; None if there is none."""
        number = self._numbers.get(name)
        if number is None:
            called = self.closest.called(name)
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
        begun = self.closest.begun_by_words(name)
        if len(begun) == 1 and not self.closest.called(name):
            return begun[0]
        raise DataError(f"{self.noun}: the model knows no {name!r}; {self.closest.advice(name)}")


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
