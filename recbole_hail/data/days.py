"""Which days the events of a dataset are of, where its times say so."""

from datetime import date, datetime, timezone
from pathlib import Path

import pandas as pd

from recbole_hail.data.requirements import fields_of

# Seconds since 1970 that are days of 1973 to 2099. Smaller numbers may be ranks, years, or days written as 20240131.
_EARLIEST, _LATEST = 1e8, 4.1e9


def days_of(config) -> tuple[str, str] | None:
    """The first and the last day in the .inter file, as ISO dates; None where times are ranks or anything else.

    Days are those of a column `time` in ISO form, as the converters write it, or of timestamps that are plainly seconds
    or milliseconds since 1970, in UTC.
    """
    file = Path(config["data_path"], f"{config['dataset']}.inter")
    if not file.is_file():  # benchmark files have other names
        return None
    kinds = fields_of(file, config)
    for name, days in (("time", _of_text), (config["TIME_FIELD"], _of_numbers)):
        if name in kinds and (found := days(_column(file, f"{name}:{kinds[name]}", config))):
            return found
    return None


def _column(file: Path, name: str, config) -> pd.Series:
    how = {"sep": config["field_separator"], "encoding": config["encoding"], "dtype": str, "keep_default_na": False}
    return pd.read_csv(file, usecols=[name], **how)[name]


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
