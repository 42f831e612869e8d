"""Converts what a person can download to a RecBole dataset folder.

One Python call per command of `python -m dataset_converters`, with the same options.
"""

from dataset_converters.amazon import amazon
from dataset_converters.check import check
from dataset_converters.chicago import chicago
from dataset_converters.city import city
from dataset_converters.download import DOWNLOADABLE, commands_for, download
from dataset_converters.errors import ConversionError
from dataset_converters.movielens import movielens
from dataset_converters.nyc import nyc
from dataset_converters.sample import sample
from dataset_converters.sequences import sequences

__all__ = [
    "DOWNLOADABLE",
    "ConversionError",
    "amazon",
    "check",
    "chicago",
    "city",
    "commands_for",
    "download",
    "movielens",
    "nyc",
    "sample",
    "sequences",
]
