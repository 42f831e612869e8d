"""Which days the events of a dataset are of, where its times say so."""

import os
from collections.abc import Iterable
from datetime import date, datetime, timezone

import pandas as pd

from recbole_hail.data.inter_file import fields_of, inter_file, text_of

# Seconds since 1970 that are days of 1973 to 2099. Smaller numbers may be ranks, years, or days written as 20240131.
_EARLIEST, _LATEST = 1e8, 4.1e9


def days_of(config) -> tuple[str, str] | None:
    """The first and the last day in the .inter file, as ISO dates; None where times are ranks or anything else.

    Days are those of a column `time` in ISO form, as the converters write it, or of timestamps that are plainly seconds
    or milliseconds since 1970, in UTC.
    """
    file = inter_file(config)
    if not os.path.isfile(file):  # benchmark files have other names
        return None
    fields = fields_of(file, config)
    for name, days in (("time", _of_text), (config["TIME_FIELD"], _of_numbers)):
        if name in fields and (found := days(text_of(file, fields, [name], config)[name])):
            return found
    return None


def days_of_times(times: Iterable[str]) -> tuple[str, str] | None:
    """As `days_of`, of times as text, of which there is one at least."""
    times = pd.Series(list(times), dtype=str)
    return _of_text(times) or _of_numbers(times)


def _of_text(times: pd.Series) -> tuple[str, str] | None:
    days = times.str[:10]
    if not days.str.fullmatch(r"\d{4}-\d\d-\d\d").all():
        return None
    try:
        return tuple(date.fromisoformat(day).isoformat() for day in (days.min(), days.max()))
    except ValueError:  # such as month 13
        return None


def _of_numbers(times: pd.Series) -> tuple[str, str] | None:
    numbers = pd.to_numeric(times, errors="coerce")
    for unit in (1, 1000):
        seconds = numbers / unit
        if seconds.between(_EARLIEST, _LATEST).all():
            return tuple(
                datetime.fromtimestamp(end, tz=timezone.utc).date().isoformat()
                for end in (seconds.min(), seconds.max())
            )
    return None
