"""Values of a column as small whole numbers: texts, the source's own numbers."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataset_converters.times import is_missing
from dataset_converters.tokens import natural_key

_WHOLE = re.compile(r"0*(\d+|\d{1,3}(?:,\d{3})+)(?:\.0*)?")
_NUMERIC_LIMIT = 10**15
MISSING_NUMBER = np.iinfo(np.int64).min


def plain_number(text: str) -> str:
    """`44` for `044`, `44.0` and `1035836` for `1,035,836`; any other text as it is."""
    match = _WHOLE.fullmatch(text)
    return match[1].replace(",", "") if match else text


class Vocabulary:
    """The different values of a text column, numbered from 0 in the order in which they are met.

    Args:
        whole_number: the values are numbers, so `44`, `044` and `44.0` are one.
        missing: values that mean missing besides those of `is_missing`.
    """

    def __init__(self, whole_number: bool = False, missing: frozenset[str] = frozenset()):
        self.texts: list[str] = []
        self.rewritten: set[str] = set()
        self.whole_number = whole_number
        self._codes: dict[str, int] = {}
        self._raw: dict[str, int] = {}
        self._missing = missing

    def code(self, text: str) -> int:
        """The number of a cleaned text, a new one if need be."""
        if text not in self._codes:
            self._codes[text] = len(self.texts)
            self.texts.append(text)
        return self._codes[text]

    def codes(self, values: pa.DictionaryArray | pa.StringArray) -> np.ndarray:
        """[n] int32 for n strings; -1 where missing."""
        if not isinstance(values, pa.DictionaryArray):
            values = values.dictionary_encode()
        table = np.empty(max(len(values.dictionary), 1), np.int32)
        for place, raw in enumerate(values.dictionary.to_pylist()):
            if raw not in self._raw:
                self._raw[raw] = self._clean(raw)
            table[place] = self._raw[raw]
        return table[values.indices.to_numpy()]

    def _clean(self, raw: str) -> int:
        text = raw.strip()
        if self.whole_number:
            text = plain_number(text)
        if is_missing(text) or text in self._missing:
            return -1
        if text != raw:
            self.rewritten.add(raw)
        return self.code(text)

    def in_order(self) -> tuple[list[str], np.ndarray]:
        """The texts in natural order, and for each old number its place there ([v] int32).

        Order of meeting depends on the order of the file's rows; this order does not.
        """
        order = sorted(range(len(self.texts)), key=lambda code: natural_key(self.texts[code]))
        return [self.texts[code] for code in order], np.array(order, np.int32).argsort().astype(np.int32)


class CaseNumbers:
    """The source's own numbers (`101109527`, `HZ103159`, `261173230H1`) as int64, the same for the same text."""

    def __init__(self):
        self._odd: dict[str, int] = {}

    def codes(self, texts: pa.StringArray) -> np.ndarray:
        """[n] int64 for n strings, MISSING_NUMBER where missing.

        Digits give their value, and so does a mix with capital letters (as a number to the base 36, above every plain
        number). What fits neither is numbered from -1 downwards; `in_order` puts those into a fixed order.
        """
        texts = pc.utf8_trim_whitespace(texts)
        try:
            values = pc.cast(texts, pa.int64()).to_numpy()
            if len(values) == 0 or (values.min() >= 0 and values.max() < _NUMERIC_LIMIT):
                return values.copy()
        except pa.ArrowInvalid:
            pass
        values, fits = _base_36(texts)
        for place in np.flatnonzero(~fits):
            values[place] = self._slow(texts[int(place)].as_py())
        return values

    def _slow(self, text: str) -> int:
        if is_missing(text):
            return MISSING_NUMBER
        text = plain_number(text)
        if text.isascii() and text.isdigit() and int(text) < _NUMERIC_LIMIT:
            return int(text)
        return self._odd.setdefault(text, -1 - len(self._odd))

    def in_order(self, codes: np.ndarray) -> np.ndarray:
        """`codes` [n] with the odd ones renumbered by their text, so that rows met in another order give the same."""
        if not self._odd:
            return codes
        place = {old: -1 - rank for rank, (_, old) in enumerate(sorted(self._odd.items()))}
        odd = np.flatnonzero(codes < 0)
        codes = codes.copy()
        codes[odd] = [place[int(code)] for code in codes[odd]]
        return codes


_DIGITS = np.full(256, -1, np.int64)
_DIGITS[np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)] = np.arange(1, 37)


def _base_36(texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """[n] int64 values and [n] booleans: at most 11 capital letters and digits, at least one of each.

    Digits count from 1 to 36, so that `07` and `7` differ. Letters alone are left to the slow way: they may be a word
    for a missing number.
    """
    _, offsets, data = texts.buffers()
    offsets = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    lengths = np.diff(offsets)
    fits = (lengths > 0) & (lengths <= 11)
    letters, digits = np.zeros(len(texts), bool), np.zeros(len(texts), bool)
    values = np.zeros(len(texts), np.int64)
    for place in range(int(lengths[fits].max(initial=0))):
        rows = np.flatnonzero(fits & (lengths > place))
        digit = _DIGITS[data[offsets[rows] + place]]
        values[rows] = values[rows] * 36 + digit
        letters[rows] |= digit > 10
        digits[rows] |= digit <= 10
        fits[rows[digit < 0]] = False
    return values + _NUMERIC_LIMIT, fits & letters & digits
