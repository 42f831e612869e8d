"""Chicago: "Crimes - 2001 to Present"."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from dataset_converters.crime import convert_crime
from dataset_converters.layouts import CHICAGO


def chicago(
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
    """Converts Chicago's crime exports, of the portal or of SODA, into a RecBole dataset folder.

    Rows without Community Area (or with Community Area 0) are dropped, and so are rows without Location Description,
    except those of DECEPTIVE PRACTICE, whose location becomes `empty`: the rule of the paper's authors.

    Args:
        inputs: one file or several, plain, gz or zip.
        output: dataset folder to write, named like the dataset.
        year: only events that start in this year; None for all.
        slot_hours: length of the element's time slot, a divisor of 24.
        element: `offense` (Primary Type, the paper's), `pd` (IUCR, finer) or `law` (FBI Code).
        generator: columns that make up a generator, `community_area,location_description` by default; also district,
            beat, ward or any column of the file.
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
    return convert_crime(CHICAGO, **locals())
