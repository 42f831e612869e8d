"""What converting a city's crime export is, whatever the city."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from dataset_converters.advice import advice_for
from dataset_converters.crime_events import crime_events, each_number_once, one_time_of_day
from dataset_converters.crime_rows import CrimeRows
from dataset_converters.degrees import unnamed_coordinates
from dataset_converters.errors import ConversionError
from dataset_converters.events import LAST_YEAR, SHORTEST, drop_rare, input_paths, positive, rare_generators
from dataset_converters.layouts import Layout
from dataset_converters.like import check_another, compared_with, names_like
from dataset_converters.report import Tally, build_report
from dataset_converters.times import date_order
from dataset_converters.writer import check_output, write_dataset

MUCH = 0.2  # of the events, that should not go without a word


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
    paths = input_paths(inputs)
    if slot_hours not in (1, 2, 3, 4, 6, 8, 12, 24):
        raise ConversionError(f"--slot-hours is {slot_hours!r}; it must divide the day: 1, 2, 3, 4, 6, 8, 12 or 24")
    if element not in layout.classes:
        raise ConversionError(f"--element is {element!r}; it must be one of {', '.join(layout.classes)}")
    if year is not None:
        positive("--year", year, most=LAST_YEAR)
    positive("--min-events", min_events)
    tally = Tally(tolerate)
    order = date_order(date_format)
    if like is not None:
        check_another(like, output)  # before check_output, which proposes --overwrite
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
        raise ConversionError(f"{', '.join(map(str, paths))}: no usable events in {year}; {rows.starts.span()}")
    collected, twice = each_number_once(rows.collected())
    tally.drop("complaint or case number met before", twice)
    events = crime_events(collected, layout.described, rows.generator, layout.classes[element], slot_hours, names)
    del collected  # hundreds of megabytes for a city's whole history
    events = drop_rare(events, tally, min_events, 1)
    newer = like is not None
    notes = [*rows.notes(newer), *one_time_of_day(events.time, slot_hours, newer)]
    notes += _many_rare(tally, min_events, len(events), like)
    if layout.named and not rows.has_coordinates and not newer:
        notes += unnamed_coordinates(paths[-1], rows.header)
    report = build_report(layout.city, paths, options, tally, len(events)) | {"notes": notes}
    if like is not None:
        report["compared"] = compared_with(like, events)
    return write_dataset(output, events, report, overwrite)


def _many_rare(tally: Tally, min_events: int, kept: int, like: str | os.PathLike | None) -> list[str]:
    """A note where generators that are left out for their few events had much of all."""
    gone = tally.dropped.get(rare_generators(min_events), 0)
    if gone <= MUCH * (gone + kept):
        return []
    coarser = "make up places of fewer columns or of larger areas with --generator, or convert more files"
    lower = f", or take --min-events {SHORTEST}" if min_events > SHORTEST else ""
    change = "take --min-events 1, for newer rows train nothing" if like else f"{coarser}{lower}"
    return [f"{gone / (gone + kept):.0%} of the events went with generators of fewer than {min_events}; {change}"]
