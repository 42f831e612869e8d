"""What can be used instead, for each reason why a crime export's rows cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataset_converters.header import normal_name
from dataset_converters.layouts import Layout
from dataset_converters.times import CLOCK_FORMS, DATE_FORMS

_TIME_OF_DAY = "a time of day stands after the date or in a column of its own"
ADVICE = {
    "no date": DATE_FORMS,
    "unreadable date": DATE_FORMS,
    "no time of day": f"{_TIME_OF_DAY}; {CLOCK_FORMS}",
    "unreadable time of day": CLOCK_FORMS,
    "no complaint or case number": "each event needs a number; where an export has none, number its rows",
}
# What a column of times has in its name: English, German, Spanish and Portuguese, French.
_TIME_WORDS = ("time", "zeit", "uhr", "hora", "heure")


def advice_for(layout: Layout, header: Sequence[str], generator: Sequence[str]) -> Mapping[str, str]:
    """ADVICE; where a person names the columns and has named none of times, with those that may hold them.

    Args:
        header: the columns' names.
        generator: the roles that make up a generator.
    """
    if not layout.named or layout.clock:
        return ADVICE
    roles = (layout.number, layout.date, *(role for role, _ in layout.classes.values()), *generator)
    named = {alias for role in roles for alias in layout.roles.get(role, (role,))}
    others = [name.strip() for name in header if normal_name(name) not in named]
    likely = [name for name in others if any(word in name.lower() for word in _TIME_WORDS)]
    if likely:
        name_it = " or ".join(f'--time "{name}"' for name in likely)
    else:
        name_it = f"--time (other columns are {', '.join(others)[:300] or 'none'})"
    return {**ADVICE, "no time of day": f"{_TIME_OF_DAY}, to be named with {name_it}; {CLOCK_FORMS}"}
