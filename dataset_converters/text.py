"""Opening a source: packed or not; UTF-8, UTF-16 or Windows-1252; a clear error where the bytes are not text rows."""

from __future__ import annotations

import codecs
import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from dataset_converters.errors import ConversionError, describe_os_error
from dataset_converters.packed import DAMAGED, unpacked
from dataset_converters.utf16 import MARKS, NoUtf16, Utf16Stream

BLOCK = 8 << 20


class TextSource(io.RawIOBase):
    """A readable stream of UTF-8 bytes without byte-order mark, whatever the file's packing and encoding.

    UTF-16 is told by its byte-order mark. Otherwise the first bytes beyond ASCII decide between UTF-8 and Windows-1252
    for the whole file: almost every export is pure ASCII for megabytes, and a pass over the file just to find its
    encoding would double the reading.

    Args:
        path: a plain, gzip or zip file; told by its first bytes, not by its name.
        member: which file of a zip archive to read, as a test of its name; by default the only one that ends in .csv.
        progress: show a progress bar over the bytes of the file.

    Raises:
        ConversionError: not a readable file, empty, damaged, an HTML page, NUL bytes or undecodable bytes.
    """

    def __init__(self, path: str | os.PathLike, member: Callable[[str], bool] | None = None, progress: bool = False):
        super().__init__()
        self.path = str(path)
        self.lines_read = 0
        self._file = None
        self.encoding = None  # "utf-16", or "utf-8" or "cp1252" once a byte beyond ASCII was met
        self._pending = b""
        self._carry = b""
        self.ended = False
        self.ends_with_line = True
        self._bar = None
        if os.path.isdir(path):
            raise ConversionError(f"{path}: is a directory; name the file (or files) to convert")
        if os.path.exists(path) and not os.path.isfile(path):
            raise ConversionError(f"{path}: is a pipe or device; save it to a file first, it is read more than once")
        try:
            self._file = io.BufferedReader(io.FileIO(path))
            size = os.fstat(self._file.fileno()).st_size
            self._stream = unpacked(self.path, self._file, member)
            self._bar = tqdm(
                total=size, unit="B", unit_scale=True, desc=Path(path).name, disable=None if progress else True
            )
            self._start()
        except OSError as error:
            self.close()
            if isinstance(error, gzip.BadGzipFile):
                raise self._damaged() from error
            raise describe_os_error(path, error) from error
        except DAMAGED as error:
            self.close()
            raise self._damaged() from error
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        mark = self._raw_block(2)
        if mark in MARKS:
            self.encoding = "utf-16"
            self._stream = Utf16Stream(self._stream, MARKS[mark])
            mark = b""
        first = self._raw_block(BLOCK - len(mark), mark).removeprefix(codecs.BOM_UTF8)
        if not first.strip():
            raise ConversionError(f"{self.path}: is empty; download it again")
        if first.lstrip()[:1] == b"<":
            start = first.lstrip()[:40].decode("latin-1").splitlines()[0]
            raise ConversionError(
                f"{self.path}: row 1 is an HTML or XML page ({start!r}), not data; "
                "the server answered with an error page, download it again"
            )
        self._pending = self._clean(first)

    def _raw_block(self, size: int, head: bytes = b"") -> bytes:
        """`head` and about `size` bytes more, fewer at the end alone."""
        pieces, missing = [head], size
        try:
            # piece by piece: what a damaged file still gave counts for the row that the error names
            while missing > 0 and (piece := self._stream.read1(missing)):
                pieces.append(piece)
                missing -= len(piece)
        except DAMAGED as error:
            self.lines_read += _lines(pieces)
            raise self._damaged() from error
        except NoUtf16 as error:
            self.lines_read += _lines([*pieces, error.sound])
            raise ConversionError(f"{self.path}: row {self.lines_read + 1} {error}") from error
        except OSError as error:
            raise describe_os_error(self.path, error) from error
        self._bar.update(self._file.tell() - self._bar.n)
        return b"".join(pieces)

    def _damaged(self) -> ConversionError:
        return ConversionError(
            f"{self.path}: the compressed file is cut off or damaged after row {self.lines_read}; download it again"
        )

    def _clean(self, block: bytes) -> bytes:
        nul = block.find(b"\0")
        if nul >= 0:
            row = self.lines_read + block.count(b"\n", 0, nul) + 1
            raise ConversionError(f"{self.path}: row {row} holds a NUL byte; the file is damaged, download it again")
        text = self._decode(block)
        if block:
            self.ends_with_line = block.endswith(b"\n")
        self.lines_read += block.count(b"\n")
        return text

    def _decode(self, block: bytes) -> bytes:
        if self.encoding == "utf-16" or (not self._carry and block.isascii()):
            return block
        block = self._carry + block
        if self.encoding != "cp1252":
            try:
                _, used = codecs.utf_8_decode(block, "strict", self.ended)
                self._carry, block = block[used:], block[:used]
                if not block.isascii():
                    self.encoding = "utf-8"
                return block
            except UnicodeDecodeError as error:
                if self.encoding == "utf-8":
                    raise self._undecodable(block, error, "UTF-8, as the rows before it are") from error
        self.encoding, self._carry = "cp1252", b""
        try:
            return block.decode("cp1252").encode()
        except UnicodeDecodeError as error:
            raise self._undecodable(block, error, "UTF-8 or Windows-1252") from error

    def _undecodable(self, block: bytes, error: UnicodeDecodeError, encoding: str) -> ConversionError:
        row = self.lines_read + block.count(b"\n", 0, error.start) + 1
        byte = block[error.start]
        return ConversionError(
            f"{self.path}: row {row} holds byte 0x{byte:02X}, which is not {encoding}; save it as UTF-8"
        )

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes (all that is left for -1); `b""` at the end."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(BLOCK), b""))
        while not self._pending and not self.ended:
            block = self._raw_block(BLOCK)
            self.ended = not block
            self._pending = self._clean(block)
        # A block that has grown in UTF-8 goes in equal parts: pyarrow refuses one of a few bytes between two others.
        parts = max(-(-len(self._pending) // size), 1)
        part = -(-len(self._pending) // parts)
        head, self._pending = self._pending[:part], self._pending[part:]
        return head

    def first_line(self) -> str:
        """The first line, without its end; what is read afterwards starts on the second."""
        while b"\n" not in self._pending and not self.ended:
            block = self._raw_block(BLOCK)
            self.ended = not block
            self._pending += self._clean(block)
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode().rstrip("\r")

    def readinto(self, buffer) -> int:
        head = self.read(len(buffer))
        buffer[: len(head)] = head
        return len(head)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._bar is not None:
            self._bar.close()
        super().close()

    def lines(self):
        """Iterate over `(row number from 1, line without its end)`."""
        with io.TextIOWrapper(io.BufferedReader(self, BLOCK), encoding="utf-8") as stream:
            for row, line in enumerate(stream, 1):
                yield row, line.rstrip("\r\n")


def _lines(pieces: list[bytes]) -> int:
    return sum(piece.count(b"\n") for piece in pieces)
