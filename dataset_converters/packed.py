"""What a file holds under its packing: plain, gzip or zip."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable

from dataset_converters.errors import ConversionError

DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"  # .xls


def unpacked(path: str, file: io.BufferedReader, member: Callable[[str], bool] | None):
    """The stream of the bytes within `file`, at its start; packing is told by the first bytes, not by the name.

    Args:
        path: what messages call the file.
        member: see TextSource.

    Raises:
        ConversionError: a workbook, not exactly one data file in an archive, or one that cannot be unpacked here.
        DAMAGED: the directory of an archive cannot be read.
    """
    magic = file.read(4)
    file.seek(0)
    if magic == _OLD_WORKBOOK:
        raise _workbook(path, "an old Excel workbook")
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(file)
    if magic == b"PK\x03\x04":
        archive = zipfile.ZipFile(file)
        try:
            names = archive.namelist()
            if "[Content_Types].xml" in names:
                raise _workbook(path, "an Excel workbook")
            if "mimetype" in names and "content.xml" in names:
                raise _workbook(path, "a LibreOffice document")
            return archive.open(_pick(path, names, member))
        except (RuntimeError, NotImplementedError) as error:  # a password, or a compression Python lacks
            raise ConversionError(f"{path}: {error}; unpack it and convert the file inside") from error
    return file


def _workbook(path: str, what: str) -> ConversionError:
    return ConversionError(f"{path}: is {what}, not a CSV; open it there and save the sheet as CSV UTF-8")


def _pick(path: str, names: list[str], member: Callable[[str], bool] | None) -> str:
    names = [name for name in names if not name.endswith("/") and not name.startswith("__MACOSX")]
    wanted = [name for name in names if (member or (lambda n: n.lower().endswith(".csv")))(name)]
    if not wanted and member is None and len(names) == 1:
        wanted = names
    if len(wanted) != 1:
        held = ", ".join(names[:8]) or "nothing"
        raise ConversionError(
            f"{path}: needs exactly one data file in the archive, found {len(wanted)} (it holds {held}); "
            "unpack it and name the files to convert"
        )
    return wanted[0]
