"""Lists of names as people have them: Python's, numpy's arrays, columns of a table."""

from collections.abc import Iterable
from numbers import Integral

from recbole_hail.errors import DataError


def is_list(value) -> bool:
    """Whether it holds several values, as lists, arrays and columns of a table do, text and numbers do not."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes) and getattr(value, "ndim", 1) > 0


def listed(noun: str, values) -> list:
    """`values` as a list.

    Raises:
        DataError: it is one name, whose letters would be taken for names; `noun` says what it should be.
    """
    if values is None:
        raise DataError(f"{noun}: None is no list; give one, as in ['A', 'B']")
    if not is_list(values):
        raise DataError(f"{noun}: {values!r} is no list; give one, as in [{values!r}]")
    return list(values)


def is_whole(number) -> bool:
    """Whether it is a whole number, numpy's too."""
    return isinstance(number, Integral) and not isinstance(number, bool)
