"""Which generators the command line asks for, by name or pattern, and what of a history is not known."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from recbole_hail.data.words import Words
from recbole_hail.errors import DataError
from recbole_hail.forecast.output import and_more, counted
from recbole_hail.forecast.predictions import Forecast, GroupChance

NAMED = 5  # generators in a warning
LISTED = 10  # names in a warning that says how often each came
_WILD = re.compile(r"[*?\[]")


def generators_asked(words: Words, names: Iterable[str], newer: Iterable[str]) -> list[str]:
    """Tokens of what is called `names`, each once; a name with `*`, `?` or `[…]` that is nobody's is a pattern.

    Args:
        newer: generators with newer events, which the model need not know.

    Raises:
        DataError: a pattern matches no token; with the closest names.
    """
    newer, found = list(newer), []
    for name in map(words.token, names):
        if not _WILD.search(name) or words.number(name) is not None or name in newer:
            found.append(name)
            continue
        matching = [token for token in (*words.tokens[1:], *newer) if fnmatchcase(token.casefold(), name.casefold())]
        if not matching:
            advice = words.closest.advice(re.sub(r"[*?\[\]]", "", name))
            raise DataError(f"generator: {name!r} matches none of the model's {len(words.tokens) - 1:,}; {advice}")
        found += matching
    return list(dict.fromkeys(found))


def unknown_generators(words: Words, newer: Sequence[str]) -> list[str]:
    """A line on those of a history's generators that the dataset has not; none where it has all."""
    unknown = [name for name in newer if words.number(name) is None]
    if not unknown:
        return []
    named = [_with(name, words.closest.did_you_mean(name, most=1, slips=True)) for name in unknown[:NAMED]]
    return [
        f"history: {len(unknown):,} of {len(newer):,} generators are not in the dataset; only their newer "
        f"events are known: {and_more(named, len(unknown))}"
    ]


def skipped_elements(words: Words, forecasts: Sequence[Forecast | GroupChance]) -> list[str]:
    """What was skipped, in a line; none where all elements were known. `words` are those of the elements."""
    counts = Counter(element for forecast in forecasts for element in forecast.skipped)
    if not counts:
        return []
    skipped = counted(counts.total())
    return [f"history: left out {skipped} whose element the model does not know: {with_counts(words, counts)}"]


def with_counts(words: Words, counts: Counter) -> str:
    """The most frequent of what is not known, how often each came, and what may be meant."""
    most = counts.most_common(LISTED)
    named = [_with(name, f"{count:,}", words.closest.did_you_mean(name, most=2, slips=True)) for name, count in most]
    return and_more(named, len(counts))


def _with(name: str, *notes: str) -> str:
    said = "; ".join(filter(None, notes))
    return f"{name!r} ({said})" if said else repr(name)
