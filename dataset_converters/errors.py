"""The one exception that converters raise for anything a person can put right."""

from __future__ import annotations

import os


class ConversionError(ValueError):
    """A source, option or folder that cannot be used. One line: the file, the row, the value, and what to do."""


def describe_os_error(path: str | os.PathLike, error: OSError) -> ConversionError:
    """The same failure as one line that names the file."""
    return ConversionError(f"{path}: {error.strerror or error}")
