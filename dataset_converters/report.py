"""What a conversion did with every row, for `<name>.json` and for the table that is printed."""

from __future__ import annotations

import copy
import hashlib
import itertools
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from dataset_converters.errors import ConversionError

UNUSABLE_LIMIT = 0.05
SHOWN = 5
BLOCK = 8 << 20  # bytes read at a time
CANDIDATES = 100  # among which models are ranked, unless they are told otherwise


class Tally:
    """Counts rows read, rows dropped by a rule and rows that cannot be used; keeps the first few of the latter.

    Args:
        tolerate: how many unusable rows are accepted: a count (`200`), a share (`8%`), or None for 5 %.
    """

    def __init__(self, tolerate: int | str | None = None):
        self.read = 0
        self.dropped: dict[str, int] = {}
        self.unusable: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}  # by reason
        self.tolerate = None if tolerate is None else _tolerance(tolerate)

    def drop(self, reason: str, count: int) -> None:
        """Adds `count` rows that a rule leaves out."""
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + int(count)

    def reject(self, reason: str, count: int, examples: Iterable[str] = ()) -> None:
        """Adds `count` rows that cannot be used; `examples` read like `file.csv row 12: 'value'`."""
        if not count:
            return
        self.unusable[reason] = self.unusable.get(reason, 0) + int(count)
        held = self._examples.setdefault(reason, [])
        held += (f"{example}: {reason}" for example in itertools.islice(examples, SHOWN - len(held)))

    def snapshot(self) -> tuple:
        """The counts so far, for `restore` when a file has to be read again."""
        return copy.deepcopy((self.read, self.dropped, self.unusable, self._examples))

    def restore(self, counts: tuple) -> None:
        """Goes back to the counts of a snapshot."""
        self.read, self.dropped, self.unusable, self._examples = counts

    def check(self, advice: Mapping[str, str] = MappingProxyType({})) -> None:
        """Checks that no more rows are unusable than are tolerated, and not all of them.

        Args:
            advice: reason for which rows cannot be used -> what can be used instead.

        Raises:
            ConversionError: they are.
        """
        bad = sum(self.unusable.values())
        share = bad / self.read if self.read else 0.0
        kind, limit = self.tolerate or ("share", UNUSABLE_LIMIT)
        if bad and (bad == self.read or (bad > limit if kind == "count" else share > limit)):
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self._commonest_first().items())
            raise ConversionError(
                f"{bad:,} of {self.read:,} rows ({share:.1%}) cannot be used: {reasons}; first: "
                f"{'; '.join(self._examples_shown())}; {self._remedy(bad, advice)}"
            )

    def _remedy(self, bad: int, advice: Mapping[str, str]) -> str:
        """What to do: where most rows are unusable it is their form that is wrong, and few would be left."""
        if bad * 2 <= self.read:
            return f"add --tolerate {bad} to leave them out"
        told = [advice[reason] for reason in self._commonest_first() if reason in advice]
        return "; ".join(dict.fromkeys(told)) or "is this the file that the command converts?"

    def _commonest_first(self) -> dict[str, int]:
        return dict(sorted(self.unusable.items(), key=lambda pair: -pair[1]))

    def _examples_shown(self) -> list[str]:
        """SHOWN of them: of each reason one before a second of any, those of the commonest first."""
        held = [self._examples[reason] for reason in self._commonest_first()]
        turns = sorted((turn, reason) for reason, examples in enumerate(held) for turn in range(len(examples)))
        return [held[reason][turn] for reason, turn in sorted((reason, turn) for turn, reason in turns[:SHOWN])]

    def as_dict(self, kept: int) -> dict:
        """The `rows` part of the report; `read` is the sum of all the others."""
        return {
            "read": self.read,
            "kept": kept,
            "dropped": dict(self.dropped),
            "unusable": self._commonest_first(),
            "examples_of_unusable": [text for reason in self._commonest_first() for text in self._examples[reason]],
        }


def _tolerance(text: int | str) -> tuple[str, float]:
    match = re.fullmatch(r"\s*(\d+)\s*|\s*(\d+(?:\.\d+)?)\s*%\s*", str(text))
    if not match:
        raise ConversionError(f"--tolerate is {text!r}; give a number of rows like 200 or a share like 8%")
    return ("count", int(match[1])) if match[1] else ("share", float(match[2]) / 100)


def build_report(source: str, paths: Iterable[str | Path], options: dict, tally: Tally, kept: int) -> dict:
    """The report without what the writer adds: source, inputs with size and SHA-256, options, rows."""
    return {
        "source": source,
        "inputs": [fingerprint(path) for path in paths],
        "options": options,
        "rows": tally.as_dict(kept),
    }


def fingerprint(path: str | os.PathLike) -> dict:
    """`{"file": name, "bytes": size, "sha256": hex}` of a source, for the report."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            size += len(block)
    return {"file": Path(path).name, "bytes": size, "sha256": digest.hexdigest()}


def summary(report: dict) -> str:
    """The report as a few lines for people."""
    names = [held["file"] for held in report["inputs"]]
    more = f" and {len(names) - 3} more" if len(names) > 4 else ""
    lines = [f"{report['name']}  (from {', '.join(names[:3] if more else names)}{more})"]
    rows = report["rows"]
    lines.append(f"  rows read {rows['read']:,}, events kept {rows['kept']:,}")
    if "days" in report:
        lines.append(f"  events of {' to '.join(report['days'])}")
    for kind in ("dropped", "unusable"):
        lines += [f"  {kind:<9}{count:>11,}  {reason}" for reason, count in rows[kind].items() if count]
    lines += [f"    {example}" for example in rows["examples_of_unusable"]]
    lines += [f"  note: {note}" for note in [*report.get("notes", []), *few_elements(report)]]
    return "\n".join([*lines, statistics_table(report["statistics"])])


def few_elements(report: dict) -> list[str]:
    """A note where there are fewer elements than CANDIDATES, but for newer rows (`--like`), which train nothing."""
    elements = report["statistics"]["all"]["elements"]
    if elements >= CANDIDATES or report["options"].get("like"):
        return []
    return [
        f"{elements:,} elements; ranking among {CANDIDATES} candidates needs as many, so train with --candidates=full"
    ]


def statistics_table(statistics: dict) -> str:
    """Table 1's figures, with and without the last two elements, and the repeat rate."""
    both = [statistics["all"], statistics["without_last_two"]]
    lines = [f"  {'':<12}{'all':>14}{'without last two':>20}"]
    for key in ("generators", "elements", "events", "max", "min", "mean", "std"):
        shown = [f"{part[key]:,.2f}" if key in ("mean", "std") else f"{part[key]:,}" for part in both]
        lines.append(f"  {key:<12}{shown[0]:>14}{shown[1]:>20}")
    if statistics["repeat_rate"] is not None:
        lines.append(f"  last element already in the generator's history: {statistics['repeat_rate']:.1%}")
    return "\n".join(lines)
