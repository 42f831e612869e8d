"""What converting a city's crime export is, whatever the city."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from dataset_converters.advice import advice_for
from dataset_converters.crime_rows import CrimeRows
from dataset_converters.errors import ConversionError
from dataset_converters.events import LAST_YEAR, drop_rare, positive
from dataset_converters.layouts import Layout
from dataset_converters.like import names_like
from dataset_converters.meaning import crime_events, each_number_once, one_time_of_day
from dataset_converters.report import Tally, build_report
from dataset_converters.times import date_order
from dataset_converters.writer import check_output, write_dataset


def convert_crime(
    layout: Layout,
    inputs: str | os.PathLike | Iterable[str | os.PathLike],
    output: str | os.PathLike,
    *,
    year: int | None,
    slot_hours: int,
    element: str,
    generator: str | Sequence[str] | None,
    min_events: int,
    date_format: str | None,
    tolerate: int | str | None,
    like: str | os.PathLike | None,
    overwrite: bool,
    progress: bool,
) -> dict:
    """The body of `nyc`, `chicago` and `city`, which say what the options mean."""
    paths = [Path(path) for path in ([inputs] if isinstance(inputs, str | os.PathLike) else inputs)]
    if not paths:
        raise ConversionError("no input file is named")
    if slot_hours not in (1, 2, 3, 4, 6, 8, 12, 24):
        raise ConversionError(f"--slot-hours is {slot_hours!r}; it must divide the day: 1, 2, 3, 4, 6, 8, 12 or 24")
    if element not in layout.classes:
        raise ConversionError(f"--element is {element!r}; it must be one of {', '.join(layout.classes)}")
    if year is not None:
        positive("--year", year, most=LAST_YEAR)
    positive("--min-events", min_events)
    tally = Tally(tolerate)
    order = date_order(date_format)
    check_output(output, overwrite)

    options = {
        "year": year,
        "slot_hours": slot_hours,
        "element": element,
        "generator": list(layout.generator_roles(generator)),
        "min_events": min_events,
        "date_format": order,
        "tolerate": tolerate,
    }
    if layout.named:
        options["columns"] = dict(layout.named)
    names = {}
    if like is not None:
        names = names_like(like, layout.city, options, layout.classes[element][0])
        options["like"] = os.fspath(like)

    rows = CrimeRows(layout, options["generator"], element, year, tally)
    for path in paths:
        rows.read_file(path, order, progress)
    tally.check(advice_for(layout, rows.header, rows.generator))
    if year is not None and not len(rows):
        raise ConversionError(f"{', '.join(map(str, paths))}: no usable events in {year}; {rows.span()}")
    collected, twice = each_number_once(rows.collected())
    tally.drop("complaint or case number met before", twice)
    events = crime_events(collected, layout.described, rows.generator, layout.classes[element], slot_hours, names)
    del collected  # hundreds of megabytes for a city's whole history
    events = drop_rare(events, tally, min_events, 1)
    notes = [*rows.notes(), *one_time_of_day(events.time, slot_hours)]
    report = build_report(layout.city, paths, options, tally, len(events)) | {"notes": notes}
    return write_dataset(output, events, report, overwrite)
