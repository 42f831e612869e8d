"""Newer events that are not newer: an export that overlaps the one a model was trained on."""

from collections.abc import Callable

from recbole_hail.data.inter_file import fields_of, inter_file, text_of
from recbole_hail.forecast.history_times import Event, iso_time


def not_newer(events: list[Event], config, named: Callable[[str], str] = str) -> str | None:
    """What to tell of events that come no later than their generator's newest in the dataset; None where all do.

    Only where the dataset and the events have a column `time`, as the converters write it: a timestamp may be anything
    that orders events, such as their numbers. `named` gives the token of what a generator is called.
    """
    newest = _newest(config)
    old = [event for event in events if _no_later(event.time, newest.get(named(event.generator), ""))]
    if not old:
        return None
    return (
        f"history: {len(old):,} of {len(events):,} events are no newer than their generator's newest in the dataset, "
        f"such as that on line {old[0].line}; events that the dataset already has count twice, "
        "and older ones stand in the wrong place"
    )


def _no_later(time: str, newest: str) -> bool:
    try:
        return iso_time(time) <= iso_time(newest)
    except (ValueError, TypeError):  # there is none, or one has a zone and the other has not
        return False


def _newest(config) -> dict[str, str]:
    """The newest time of each generator, by token; empty where the dataset has no such column."""
    file, generator = inter_file(config), config["USER_ID_FIELD"]
    fields = fields_of(file, config)
    if not {generator, "time"} <= fields.keys():
        return {}
    rows = text_of(file, fields, [generator, "time"], config)
    return rows.groupby(generator)["time"].max().to_dict()  # as text, for all have one form
