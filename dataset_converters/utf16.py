"""UTF-16, in which spreadsheets save "Unicode text", as UTF-8, piece by piece."""

from __future__ import annotations

import codecs

#: The first two bytes of a file -> its encoding.
MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_CUT_OFF = ("truncated data", "unexpected end of data")  # as the codecs say it of an end within a character


class NoUtf16(Exception):
    """Bytes that are no UTF-16, said as what their row does; `sound` is the UTF-8 that its piece had before them."""

    def __init__(self, sound: bytes, fault: str):
        super().__init__(fault)
        self.sound = sound


class Utf16Stream:
    """The UTF-8 bytes of a stream of UTF-16.

    Args:
        stream: what follows the byte-order mark; has `read1`.
        encoding: one of MARKS.
    """

    def __init__(self, stream, encoding: str):
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def read1(self, size: int) -> bytes:
        """The UTF-8 of at most `size` bytes, which may be half as many again; `b""` at the end alone.

        Raises:
            NoUtf16: half of a character, or the end within one.
        """
        while True:
            piece = self._stream.read1(size)
            try:
                text = self._decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                raise self._no_utf16(error) from error
            if text or not piece:  # a single byte is no text yet, and not the end
                return text.encode()

    def _no_utf16(self, error: UnicodeDecodeError) -> NoUtf16:
        sound = error.object[: error.start].decode(self._encoding).encode()
        shown = f"0x{error.object[error.start : error.end].hex().upper()}"
        if error.reason in _CUT_OFF:
            return NoUtf16(sound, f"is cut off within a character ({shown}); download it again")
        return NoUtf16(sound, f"holds bytes {shown}, which are not UTF-16; save it as UTF-8")
