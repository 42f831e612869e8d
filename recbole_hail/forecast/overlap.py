"""Newer events that are not newer: an export that overlaps the one a model was trained on."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from recbole_hail.forecast.history_file import Event


def not_newer(events: list[Event], config, named: Callable[[str], str] = str) -> str | None:
    """What to tell of events that come no later than their generator's newest in the dataset; None where all do.

    Only where the dataset and the events have a column `time`, as the converters write it: a timestamp may be anything
    that orders events, such as their numbers. `named` gives the token of what a generator is called.
    """
    newest = _newest(config)
    if newest is None or not any(event.time for event in events):
        return None
    times = pd.to_datetime(pd.Series([event.time for event in events]), format="ISO8601", errors="coerce", utc=True)
    known = pd.Series([named(event.generator) for event in events]).map(newest)
    late = (times <= known).to_numpy()
    if not late.any():
        return None
    first = events[late.argmax()]
    return (
        f"history: {late.sum():,} of {len(events):,} events are no newer than their generator's newest in the dataset, "
        f"such as that of line {first.line}; what the dataset has already counts twice"
    )


def _newest(config) -> pd.Series | None:
    """The newest time of each generator, by token; None where the dataset has no readable times."""
    file = Path(config["data_path"], f"{config['dataset']}.inter")
    how = {"sep": config["field_separator"], "encoding": config["encoding"], "dtype": str, "keep_default_na": False}
    names = {column.split(":")[0]: column for column in pd.read_csv(file, nrows=0, **how).columns}
    if not {config["USER_ID_FIELD"], "time"} <= names.keys():
        return None
    columns = [names[config["USER_ID_FIELD"]], names["time"]]
    rows = pd.read_csv(file, usecols=columns, **how)[columns]
    times = pd.to_datetime(rows[columns[1]], format="ISO8601", errors="coerce", utc=True)
    return times.groupby(rows[columns[0]]).max()
