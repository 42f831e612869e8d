"""From what a person can download to a RecBole dataset folder: one call per command of `python -m dataset_converters`."""

from dataset_converters.errors import ConversionError
from dataset_converters.sequences import sequences

__all__ = ["ConversionError", "sequences"]
