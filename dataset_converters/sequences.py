"""Sequence files as published with papers: `generator element` per line, or `user item item item …` per line."""

from __future__ import annotations

import csv
import itertools
import os
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dataset_converters.errors import ConversionError
from dataset_converters.events import Events, drop_rare, input_paths, positive
from dataset_converters.report import Tally, build_report
from dataset_converters.text import TextSource
from dataset_converters.tokens import token
from dataset_converters.writer import check_output, write_dataset

LAYOUTS = ("auto", "pairs", "lines")
HEADER = {"user", "user_id", "userid", "generator", "item", "item_id", "itemid", "element", "items", "elements"}
FIRST_LINES = 100


def sequences(
    inputs: str | os.PathLike | Iterable[str | os.PathLike],
    output: str | os.PathLike,
    *,
    layout: str = "auto",
    min_events: int = 1,
    overwrite: bool = False,
    progress: bool = False,
) -> dict:
    """Converts files of chronological sequences without times.

    Args:
        inputs: one file or several, plain, gz or zip; several are read as if they were one.
        output: dataset folder to write, named like the dataset.
        layout: `pairs` (`generator element` per line), `lines` (`user item item …` per line), or `auto`: pairs if
            every line has two words, else lines; a file that looks like a table (`table_separator`) is refused.
        min_events: generators with fewer events are dropped.
        overwrite: replace an existing dataset.
        progress: show a progress bar.

    Returns:
        the report that is also written to `<name>.json`.

    Raises:
        ConversionError: what is wrong, where, and what to do.
    """
    paths = input_paths(inputs)
    if layout not in LAYOUTS:
        raise ConversionError(f"--layout is {layout!r}; it must be one of {', '.join(LAYOUTS)}")
    positive("--min-events", min_events)
    check_output(output, overwrite)
    reader = _Reader(layout)
    for path in paths:
        reader.read(path, progress)
    tally = Tally()
    tally.read = len(reader.user)
    events = drop_rare(reader.events(), tally, min_events, 1)
    options = {"layout": reader.layout, "min_events": min_events}
    return write_dataset(output, events, build_report("sequences", paths, options, tally, len(events)), overwrite)


def table_separator(lines: Sequence[str]) -> str | None:
    """The separator of a table whose fields blanks would cut apart or run together, or None.

    Names in a sequence file may hold commas, but hardly the same number of them in every line. So two lines or more
    that all fall into the same number of fields are a table: at commas or semicolons, two fields or more. Tabs may
    stand between the words of a sequence file; they make a table only where fields are in quotes, or where three
    fields or more have a blank within one.
    """
    if len(lines) < 2:
        return None
    for separator in ",;\t":
        try:
            rows = list(csv.reader(lines, delimiter=separator))
        except csv.Error:  # a field of megabytes, as a long sequence is
            continue
        fields = len(rows[0])
        if fields < 2 or any(len(row) != fields for row in rows):
            continue
        quoted = any(line.startswith('"') or f'{separator}"' in line for line in lines)
        cut = fields > 2 and any(" " in field.strip() for row in rows for field in row)
        if separator != "\t" or quoted or cut:
            return separator
    return None


class _Reader:
    """Collects events; starts with pairs in `auto`, and changes to lines at the first line that is no pair."""

    def __init__(self, layout: str):
        self.layout = "pairs" if layout == "auto" else layout
        self._auto = layout == "auto"
        self.user, self.item = array("i"), array("i")
        self._users: dict[str, int] = {}
        self._items: dict[str, int] = {}

    def read(self, path: Path, progress: bool) -> None:
        before = len(self.user)
        with TextSource(path, member=None, progress=progress) as source:
            lines = source.lines()
            first = list(itertools.islice(lines, FIRST_LINES))
            if self._auto:
                self._refuse_a_table(path, [line for _, line in first if line.strip()])
            for row, line in itertools.chain(first, lines):
                words = line.split()
                if not words:
                    continue
                if row == 1 and all(word.split(":")[0].lower() in HEADER for word in words):
                    raise ConversionError(f"{path}: row 1 is a header ({line.strip()[:60]!r}); delete it")
                if len(words) != 2 and self.layout == "pairs":
                    self._change_layout(path, row, words)
                if len(words) < 2:
                    raise ConversionError(
                        f"{path}: row {row} holds {words[0]!r} alone, without an element; repair or delete it"
                    )
                self._add(path, row, words)
        if len(self.user) == before:
            raise ConversionError(f"{path}: holds no events")

    @staticmethod
    def _refuse_a_table(path: Path, lines: list[str]) -> None:
        if separator := table_separator(lines):
            raise ConversionError(
                f"{path}: is a table with {separator!r} between its fields ({lines[0][:60]!r}), no sequences; convert "
                "a city's export with nyc, chicago or city, ratings with movielens or amazon; put blanks between the "
                "words of sequences, or say that the lines are right with --layout pairs or --layout lines"
            )

    def _change_layout(self, path: Path, row: int, words: list[str]) -> None:
        # As `user item item …` every earlier line was a whole user; a user met twice shows that they were pairs.
        if not self._auto or len(self._users) < len(self.user) or len(words) < 2:
            raise ConversionError(
                f"{path}: row {row} holds {len(words)} words ({' '.join(words)[:40]!r}); a line is `generator element` "
                "or else `user item item …` with one line a user; repair the row, or name the layout with --layout"
            )
        self.layout = "lines"

    def _add(self, path: Path, row: int, words: list[str]) -> None:
        known = len(self._users)
        user = self._users.setdefault(words[0], known)
        if self.layout == "lines" and user < known:
            raise ConversionError(
                f"{path}: row {row}: {words[0]!r} has a line of its own already; each user has one line"
            )
        for word in words[1:]:
            self.user.append(user)
            self.item.append(self._items.setdefault(word, len(self._items)))

    def events(self) -> Events:
        """Events whose `tie` is their place in the file."""
        return Events(
            user=np.frombuffer(self.user, np.int32),
            item=np.frombuffer(self.item, np.int32),
            users=pd.DataFrame({"user_id:token": [token(word) for word in self._users]}),
            items=pd.DataFrame({"item_id:token": [token(word) for word in self._items]}),
            tie=np.arange(len(self.user)),
        )
