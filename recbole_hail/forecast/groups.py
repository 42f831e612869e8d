"""Groups of elements whose chances are added up: those that have given words in slot or name."""

from recbole_hail.errors import SettingsError
from recbole_hail.forecast.forecaster import Forecaster

LISTED = 8  # names of elements that are listed


def elements_of_group(forecaster: Forecaster, *words: str) -> list[int]:
    """Numbers of the elements that have one of `words` in slot or name, in upper or lower case.

    Raises:
        SettingsError: for one of them there is no element.
    """
    names = [forecaster.name_of(number) for number in range(len(forecaster.elements.tokens))]
    found = set()
    for one in words:
        having = {number for number, name in enumerate(names) if number and one.casefold() in name.casefold()}
        if not having:
            several = "; give several as in --group=ASSAULT --group=RAPE" * ("," in one)
            raise SettingsError([f"group: no element has {one!r} in its name; they are such as {names[1]!r}{several}"])
        found |= having
    return sorted(found)


def summed(forecaster: Forecaster, *words: str) -> str:
    """Which elements the chances are of: their names, each once, with how many slots it has."""
    numbers, names, of_name = elements_of_group(forecaster, *words), forecaster.elements.names, {}
    for number in sorted(numbers, key=lambda number: (names[number].casefold(), number)):
        of_name.setdefault(names[number], []).append(number)
    named = [
        f"{name} ({len(found)} slots)" if len(found) > 1 else forecaster.name_of(found[0])
        for name, found in of_name.items()
    ]
    more = f"; and {len(named) - LISTED:,} more" if len(named) > LISTED else ""
    several = f"all {len(numbers):,} elements that have" if len(numbers) > 1 else "the one element that has"
    asked = " or ".join(words)
    return f"The chance covers {several} {asked!r} in slot or name: {'; '.join(named[:LISTED])}{more}."
