"""Reading a table of events in pieces: columns found by name, only those needed are parsed, bad rows named."""

from __future__ import annotations

import bisect
import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv as pa_csv

from dataset_converters.errors import ConversionError
from dataset_converters.header import Header, read_header
from dataset_converters.text import TextSource
from dataset_converters.watched_source import ReadingFailed, WatchedSource

# Larger blocks no longer fit the processor's cache and are parsed more slowly.
BLOCK_BYTES = 8 << 20
SHOWN = 5  # bad rows whose text is kept


@dataclass(frozen=True)
class BadRow:
    """A row without the right number of fields. `number` counts from 1, the header's row."""

    number: int
    fields: int
    expected: int
    text: str
    cut_off: bool = False

    def __str__(self) -> str:
        start = self.text[:60].split("\n")[0]
        if self.cut_off:
            what = f"is the last and is cut off ({self.fields} of {self.expected} fields)"
        elif self.fields == 1 and start.startswith('"') and self.text.rstrip().endswith('"'):
            what = f"is wholly in quotes, so it is 1 field instead of {self.expected}"
        elif '"' in self.text and "\n" in self.text:
            what = "opens a quote that is not closed"
        else:
            what = f"has {self.fields} fields instead of {self.expected}"
        return f"row {self.number} {what} ({start!r})"


class Batch:
    """Some rows of the table. `columns[role]` is a pyarrow array of strings, dictionary-encoded where asked for."""

    def __init__(self, columns: dict[str, pa.Array], length: int, first_good: int, reader: TableReader):
        self.columns = columns
        self.length = length
        self._first_good = first_good
        self._reader = reader

    def row_number(self, index: int) -> int:
        """The file's row number (its first line is row 1) of the row at `index` of this batch."""
        number = self._first_good + index + 1 + self._reader.header_rows
        return number + bisect.bisect_right(self._reader.good_before_bad, number)

    def where(self, index: int) -> str:
        """`file.csv row 12`."""
        return f"{self._reader.path} row {self.row_number(index)}"


class TableReader:
    """A delimited text file, read once from start to end.

    Args:
        path: plain, gz or zip.
        choose: given the header, names the columns wanted: role -> position.
        plain: roles whose values hardly repeat; the others are dictionary-encoded.
        header: the column names of a file that has no header row.
        delimiter: one character; None for that which the header shows (`read_header`).
        quotes: whether `"` encloses fields.
        skip_bad: collect rows with a wrong number of fields in `bad_rows` instead of raising at the first.
        member: see TextSource.

    Raises:
        ConversionError: unreadable, no header, no rows, or a bad row.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        choose: Callable[[Sequence[str]], dict[str, int]],
        *,
        plain: Sequence[str] = (),
        header: Sequence[str] | None = None,
        delimiter: str | None = None,
        quotes: bool = True,
        skip_bad: bool = False,
        member: Callable[[str], bool] | None = None,
        progress: bool = False,
    ):
        self.path = str(path)
        self.bad_rows: list[BadRow] = []
        self.good_before_bad: list[int] = []  # for each bad row, its number had the bad rows before it not been there
        self._quotes = quotes
        self._skip_bad = skip_bad
        self._plain = frozenset(plain)
        self._member = member
        self._source = TextSource(path, member=member, progress=progress)
        try:
            if header is None:
                found = read_header(self._source, choose, delimiter, quotes)
            else:
                found = Header(0, delimiter or ",", list(header))
            self.header_rows, self._delimiter, self.header = found.rows, found.separator, found.names
            self.positions = choose(self.header)
        except BaseException:
            self._source.close()
            raise

    @property
    def encoding(self) -> str | None:
        """See TextSource."""
        return self._source.encoding

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order.

        Raises:
            ConversionError: damaged or malformed; at the end, if there was no row at all.
        """
        done = 0
        source = WatchedSource(self._source.read)
        try:
            for record in self._records(source):  # a name for the reader would keep it, and what it holds
                columns = {role: record.column(f"c{at}") for role, at in self.positions.items()}
                self._judge()
                if record.num_rows:
                    yield Batch(columns, record.num_rows, done, self)
                done += record.num_rows
            self._judge()
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                fault = ConversionError(f"{self.path}: cannot be read as a table: {error}")
                raise (self._open_quote() or fault) from error
        except ReadingFailed:
            pass  # and to be let go of, before its cause is raised
        finally:
            source.wait()
            self._source.close()
        if source.error:
            raise source.error
        if self._quotes and not self._source.ends_with_line and (fault := self._open_quote()):
            raise fault
        if not done and not self.bad_rows:
            raise ConversionError(f"{self.path}: has a header but no rows; download it again")

    def _records(self, source: WatchedSource) -> Iterator[pa.RecordBatch]:
        names = [f"c{place}" for place in range(len(self.header))]
        text, repeated = pa.string(), pa.dictionary(pa.int32(), pa.string())
        types = {names[at]: text if role in self._plain else repeated for role, at in self.positions.items()}
        return pa_csv.open_csv(
            source.stream(),
            pa_csv.ReadOptions(block_size=BLOCK_BYTES, column_names=names, use_threads=False),
            pa_csv.ParseOptions(
                delimiter=self._delimiter,
                quote_char='"' if self._quotes else False,
                newlines_in_values=self._quotes,
                ignore_empty_lines=False,  # row numbers must stay those of the file
                invalid_row_handler=source.watch(self._on_bad_row),
            ),
            pa_csv.ConvertOptions(include_columns=list(types), column_types=types, strings_can_be_null=False),
        )

    def _on_bad_row(self, row) -> str:
        number = row.number + self.header_rows
        text = row.text[:4000] if len(self.bad_rows) < SHOWN else ""  # there may be millions
        self.good_before_bad.append(number - len(self.bad_rows))
        self.bad_rows.append(BadRow(number, row.actual_columns, row.expected_columns, text))
        return "skip"

    def _judge(self) -> None:
        if not self.bad_rows or self._skip_bad:
            return
        bad = self.bad_rows[0]
        at_end = self._source.ended and not self._source.ends_with_line and bad.number > self._source.lines_read
        if at_end and bad.fields < bad.expected and not ('"' in bad.text and "\n" in bad.text):
            bad = BadRow(bad.number, bad.fields, bad.expected, bad.text, cut_off=True)
        raise ConversionError(
            f"{self.path}: {bad}; repair the file or download it again, or leave such rows out with --tolerate 5%"
        )

    def _open_quote(self) -> ConversionError | None:
        """Reads the file again, slowly, to find the row whose quote is never closed."""
        row = 1
        with TextSource(self.path, member=self._member) as source:
            lines = (line + "\n" for _, line in source.lines())
            try:
                for _ in csv.reader(lines, delimiter=self._delimiter, strict=True):
                    row += 1
            except csv.Error:
                return ConversionError(
                    f"{self.path}: row {row} opens a quote that is not closed, or is cut off; "
                    "repair the file or download it again"
                )
        return None
