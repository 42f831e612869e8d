"""The chance of a group of elements, by generator, as text, CSV and JSON."""

from dataclasses import asdict
from typing import NamedTuple

from recbole_hail.forecast.forecaster import Forecaster
from recbole_hail.forecast.output import Read, footer, indented, named, record_as_json, table_as_csv
from recbole_hail.forecast.predictions import GroupChance


class ElementGroup(NamedTuple):
    """Elements that were asked for by words of their names."""

    words: list[str]
    elements: list[int]  # their numbers
    said: str  # which these are, in a sentence


def group_as_text(forecaster: Forecaster, chances: list[GroupChance], group: ElementGroup, read: Read | None) -> str:
    """A row for each generator, what the group is, and the lines that end every forecast."""
    rows = [["chance", "before", "events", "generator"]]
    for one in chances:
        chance = "unknown" if one.probability is None else f"{100 * one.probability:.2f} %"
        rows.append([chance, f"{one.times_before:,}", f"{one.events:,}", named(one)])
    return "\n".join([*indented(rows), "", group.said, footer(forecaster, read)])


def group_as_csv(forecaster: Forecaster, chances: list[GroupChance], group: ElementGroup, read: Read | None) -> str:
    """A row for each generator of which an event is known."""
    known = [one for one in chances if one.probability is not None]
    rows = [(one, [one.generator, f"{one.probability:.6g}", one.times_before]) for one in known]
    return table_as_csv(["generator", "probability", "times_before"], rows)


def group_as_json(forecaster: Forecaster, chances: list[GroupChance], group: ElementGroup, read: Read | None) -> str:
    """All that is known of model, calibration, group and chances."""
    elements = sorted(forecaster.elements.tokens[number] for number in group.elements)
    of_group = {"words": group.words, "elements": elements}
    return record_as_json(forecaster, read, group=of_group, chances=list(map(asdict, chances)))


GROUP_FORMATS = {"text": group_as_text, "csv": group_as_csv, "json": group_as_json}
