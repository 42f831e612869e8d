"""What converting a file of ratings is, whatever its layout."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from dataset_converters.events import drop_rare, positive
from dataset_converters.ratings import Ratings
from dataset_converters.report import Tally, build_report
from dataset_converters.writer import check_output, write_dataset


def convert_ratings(
    layout: str,
    read: Callable[[Path, Ratings, Tally, bool], None],
    *,
    inputs: str | os.PathLike,
    output: str | os.PathLike,
    min_events: int,
    min_item_events: int,
    tolerate: int | str | None,
    overwrite: bool,
    progress: bool,
    meanings: Callable[[Path], tuple[pd.DataFrame | None, pd.DataFrame | None]] = lambda path: (None, None),
    repeat: bool = False,
) -> dict:
    """The body of `movielens` and `amazon`, which say what the other options mean.

    Args:
        layout: its name in the report.
        read: adds the rows of the file; told whether to show a progress bar.
        meanings: what the ids of users and of items mean, as `Ratings.events` takes it.
        repeat: whether users and items with few events are dropped round after round.
    """
    path = Path(inputs)
    positive("--min-events", min_events)
    positive("--min-item-events", min_item_events)
    tally = Tally(tolerate)
    check_output(output, overwrite)
    ratings = Ratings(tally)
    read(path, ratings, tally, progress)
    tally.check()
    events = drop_rare(ratings.events(*meanings(path)), tally, min_events, min_item_events, repeat)
    options = {"min_events": min_events, "min_item_events": min_item_events, "tolerate": tolerate}
    return write_dataset(output, events, build_report(layout, [path], options, tally, len(events)), overwrite)
