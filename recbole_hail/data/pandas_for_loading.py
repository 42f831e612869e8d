"""How RecBole's atomic files become tables: what is missing in them, which rows they have, and which cannot be read."""

import numpy as np
import pandas as pd


class PandasForLoading:
    """pandas for RecBole's dataset module, with missing sequences read as empty.

    RecBole fills them later, which pandas 3 does to a copy (see `reading`). It asks for the parser written in Python;
    the one in C reads the same values, ten times sooner and more. A place may be called "NA" or "None": only numbers
    are missing where pandas has a word for it, tokens where nothing is written. Rows that end in one separator more
    than the header are not read one column off.
    """

    def __getattr__(self, name):
        return getattr(pd, name)

    @staticmethod
    def read_csv(*args, delimiter, engine, dtype, **kwargs):
        engine = engine if len(delimiter) > 1 else "c"  # only the one in Python knows regular expressions
        _refuse_unnamed_fields(args[0], delimiter=delimiter, engine=engine, encoding=kwargs.get("encoding"))
        missing = {column: [""] if kind is str else _NO_NUMBER for column, kind in dtype.items()}
        how = {"delimiter": delimiter, "index_col": False, "keep_default_na": False, "na_values": missing, **kwargs}
        if engine != "c":
            frame = pd.read_csv(*args, engine=engine, dtype=dtype, **how)
        else:  # numbers that are whole, as times are, it reads much sooner as such than as exact fractions
            text = {column: kind for column, kind in dtype.items() if kind is str}
            frame = pd.read_csv(*args, engine=engine, float_precision="round_trip", dtype=text, **how)
            for column in frame.columns.difference(text):
                frame[column] = _numbers(frame[column])
        _refuse_swallowed_rows(args[0], frame, delimiter, kwargs.get("encoding"))
        sequences = [column for column in frame if str(column).endswith("_seq")]
        return frame.assign(**{column: frame[column].fillna("") for column in sequences}) if sequences else frame


# What stands for a missing number by itself, as in pandas.
_NO_NUMBER = ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "-NaN", "-nan", "NaN", "nan"]
_NO_NUMBER += ["<NA>", "N/A", "n/a", "NA", "NULL", "null", "None"]


def _refuse_unnamed_fields(file: str, **how) -> None:
    """ValueError where rows have more fields than the header has names, unless nothing is in them."""
    first = pd.read_csv(file, dtype=str, nrows=1000, **how)  # what is too much becomes an index at the left
    if isinstance(first.index, pd.RangeIndex):
        return
    more = first.index.nlevels
    if not first.iloc[:, -more:].isna().all(axis=None):
        raise ValueError(f"{file} has rows with more fields than its header names, by {more}; name all")


def _numbers(column):
    """A column of a file as float64; text stands in it where a number is none, or is too large for whole ones."""
    try:
        return (column.replace("", np.nan) if column.dtype.kind == "O" else column).astype(float)
    except ValueError as error:
        raise ValueError(f"{column.name}: {error}; write numbers, dates as seconds since 1970") from None


def _refuse_swallowed_rows(file: str, frame, delimiter: str, encoding: str | None) -> None:
    """ValueError where a quote at the start of a field has taken in all lines up to the next.

    A field that is meant to be of several lines has no delimiter in it.
    """
    with open(file, "rb") as content:
        if not any(b'"' in part for part in iter(lambda: content.read(1 << 20), b"")):
            return
    with open(file, encoding=encoding) as lines:
        rows = sum(bool(line.strip(" \r\n")) for line in lines) - 1
    if rows == len(frame):
        return
    words = (frame[name].astype(str).str for name in frame.columns if frame[name].dtype.kind not in "fiub")
    if any((text.contains("\n") & text.contains(delimiter, regex=len(delimiter) > 1)).any() for text in words):
        raise ValueError(
            f"{file} has {rows:,} rows, of which {len(frame):,} can be told apart, for a quote at the start of a field "
            'takes in what follows up to the next; take out such quotes (")'
        )
