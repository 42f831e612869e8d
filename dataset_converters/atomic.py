"""Reading RecBole's atomic files as they are, to check them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from dataset_converters.errors import ConversionError
from dataset_converters.table import Batch, TableReader
from dataset_converters.tokens import READ_AS_MISSING

TYPES = ("token", "token_seq", "float", "float_seq")


class Atomic:
    """The columns of one atomic file, each a dictionary-encoded array of strings; `types` by field name."""

    def __init__(self, path: Path, reader: TableReader, batches: Sequence[Batch]):
        self.name = path.name
        self.bad_rows = reader.bad_rows
        self.types = dict(head.split(":") for head in reader.header)
        self._columns = {}
        for name in self.types:
            chunks = pa.chunked_array([batch.columns[name] for batch in batches]).unify_dictionaries()
            self._columns[name] = pa.DictionaryArray.from_arrays(
                np.concatenate([chunk.indices.to_numpy() for chunk in chunks.chunks]), chunks.chunk(0).dictionary
            )

    def codes(self, name: str) -> np.ndarray:
        """[n] int32, places in `values(name)`."""
        return self._columns[name].indices.to_numpy()

    def values(self, name: str) -> list[str]:
        """The different values of a column."""
        return self._columns[name].dictionary.to_pylist()

    def floats(self, name: str) -> np.ndarray:
        """[n] float64; NaN where a value is no number."""
        return pd.to_numeric(pd.Series(self.values(name), dtype=object), errors="coerce").to_numpy(float)[
            self.codes(name)
        ]

    def row(self, index: int) -> int:
        """The file's row number (the header is row 1) of the row at `index`."""
        number = int(index) + 2
        for bad in self.bad_rows:
            number += bad.number <= number
        return number

    def first_row_of(self, name: str, code: int) -> int:
        """The row in which a value is met first."""
        return self.row(np.argmax(self.codes(name) == code))

    def fault_of(self, name: str, *, needed: bool) -> str | None:
        """The first value of a column that RecBole would refuse or misread; None where there is none.

        Args:
            needed: no value may be missing.
        """
        kind = self.types[name]
        for code, value in enumerate(self.values(name)):
            fault = None
            if value.startswith('"'):
                fault = "starts with a quote, which RecBole takes for the start of a quoted field"
            elif needed and kind == "token" and value in READ_AS_MISSING:
                fault = "is read as a missing value by RecBole"
            elif kind == "float" and (value or needed) and not _is_finite(value):
                fault = "is not a number"
            elif kind == "float_seq" and not all(map(_is_finite, value.split())):
                fault = "is not numbers with blanks between"
            if fault:
                return f"{self.name}: row {self.first_row_of(name, code)}: {name} {value!r} {fault}"
        return None


def _is_finite(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def packing(path: Path) -> str | None:
    """What stands before the text that RecBole, unlike the converters, does not see through."""
    with open(path, "rb") as stream:
        start = stream.read(4)
    if start.startswith(b"\xef\xbb\xbf"):
        return "starts with a byte-order mark, which RecBole takes for a part of the first field's name"
    return "is compressed; RecBole reads plain text" if start.startswith((b"\x1f\x8b", b"PK")) else None


def fields(path: Path, header: Sequence[str], needed: Sequence[str]) -> dict[str, int]:
    """The place of every field in the header; ConversionError where it is none of an atomic file, or lacks one."""
    positions = {}
    for place, head in enumerate(header):
        name, _, kind = head.partition(":")
        if kind not in TYPES or not name or name in positions:
            raise ConversionError(
                f"{path.name}: row 1 has the field {head!r}; fields are different names with one of the types "
                f"{', '.join(TYPES)}, as in user_id:token, with tabs between"
            )
        positions[name] = place
    absent = [name for name in needed if name not in positions]
    if absent:
        raise ConversionError(f"{path.name}: row 1 lacks {', '.join(absent)}; it has {', '.join(header)}")
    return positions
