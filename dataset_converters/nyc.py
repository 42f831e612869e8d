"""New York City: NYPD Complaint Data, historic and year to date."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from dataset_converters.crime import convert_crime
from dataset_converters.layouts import NYC


def nyc(
    inputs: str | os.PathLike | Iterable[str | os.PathLike],
    output: str | os.PathLike,
    *,
    year: int | None = None,
    slot_hours: int = 3,
    element: str = "offense",
    generator: str | Sequence[str] | None = None,
    min_events: int = 5,
    date_format: str | None = None,
    tolerate: int | str | None = None,
    like: str | os.PathLike | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> dict:
    """Converts NYPD complaint exports, of the portal or of SODA, into a RecBole dataset folder.

    Args:
        inputs: one file or several (historic and year to date), plain, gz or zip.
        output: dataset folder to write, named like the dataset.
        year: only events that start in this year; None for all.
        slot_hours: length of the element's time slot, a divisor of 24.
        element: `offense` (KY_CD, the paper's), `pd` (PD_CD, finer) or `law` (LAW_CAT_CD, three values).
        generator: columns that make up a generator, `precinct,premises` by default; also borough, location,
            jurisdiction, patrol_borough or any column of the file.
        min_events: generators with fewer events are dropped.
        date_format: `mdy` or `dmy`, for files that mix date forms.
        tolerate: how many unusable rows are accepted, a count or a share like `8%`; rows with a wrong number of
            fields are an error unless this is given. By default 5 % of the rows may lack a readable date or number.
        like: folder of a dataset made by this command with the same options, whose names for offences are kept: for
            rows that are newer than those a model was trained on.
        overwrite: replace an existing dataset.
        progress: show a progress bar.

    Returns:
        the report that is also written to `<name>.json`.

    Raises:
        ConversionError: what is wrong, in which file and row, and what to do.
    """
    return convert_crime(NYC, **locals())
