"""Text as matrices of bytes: numbers to digits, values to texts by tables, rows to lines.

A place that a shorter text leaves empty holds 0; `joined` takes all zeros out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["Bytes", "Ints", "TextTable", "decimal", "joined", "padded", "zero_filled"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_SPACE, _ZERO = ord(" "), ord("0")
_GROUP, _GROUP_DIGITS = 10_000, 4
_DIGITS = np.array([f"{number:04d}".encode() for number in range(_GROUP)], dtype="S4").view(np.uint8).reshape(-1, 4)
_ZEROS = bytes((0,))


def zero_filled(values: Ints, digits: int) -> Bytes:
    """Decimal digits with leading zeros, a row for each value; values must fit."""
    groups = -(-digits // _GROUP_DIGITS)
    found = np.empty((len(values), groups * _GROUP_DIGITS), dtype=np.uint8)
    left = values
    for at in range(groups - 1, -1, -1):
        found[:, at * _GROUP_DIGITS : (at + 1) * _GROUP_DIGITS] = _DIGITS[left % _GROUP]
        left = left // _GROUP
    return found[:, groups * _GROUP_DIGITS - digits :]


def decimal(values: Ints, least: int) -> Bytes:
    """Decimal numbers from 0, right-aligned in ``least`` places, wider where a number is longer."""
    most = int(values.max()) if len(values) else 0
    digits = max(len(str(most)), least)
    found = zero_filled(values, digits).copy()
    for at in range(digits - 1):
        pad = _SPACE if digits - at <= least else 0
        found[values < 10 ** (digits - 1 - at), at] = pad
    return found


def padded(texts: Iterable[bytes]) -> Bytes:
    """Texts as rows of one width."""
    array = np.array(list(texts), dtype=np.bytes_)
    width = array.dtype.itemsize
    return array.view(np.uint8).reshape(len(array), width)


def joined(matrix: Bytes) -> bytes:
    """All rows one behind the other, without the empty places."""
    return matrix.tobytes().translate(None, _ZEROS)


class TextTable:
    """Texts by a key of few bits, each made when it first occurs; a text may have marks, which get a number each."""

    def __init__(self, bits: int, make: Callable[[int], tuple[str, tuple[str, ...]]]) -> None:
        """``make`` gives text and marks of a key."""
        self._make = make
        self._place = np.full(1 << bits, -1, dtype=np.int32)
        self._texts: list[bytes] = []
        self._marks: list[int] = []
        self._numbers: dict[tuple[str, ...], int] = {}
        self._rows = np.zeros((0, 1), dtype=np.uint8)
        self._row_marks = np.zeros(0, dtype=np.int64)

    def look_up(self, keys: Ints) -> tuple[Bytes, Ints]:
        """Rows of text of these keys, and the numbers of their marks."""
        places = self._place[keys]
        if (places < 0).any():
            for key in np.unique(keys[places < 0]).tolist():
                self._add(key)
            self._rows = padded(self._texts) if any(self._texts) else np.zeros((len(self._texts), 1), dtype=np.uint8)
            self._row_marks = np.array(self._marks, dtype=np.int64)
            places = self._place[keys]
        return take_rows(self._rows, places), self._row_marks[places]

    def marks(self, number: int) -> tuple[str, ...]:
        """The marks with this number."""
        return next(marks for marks, own in self._numbers.items() if own == number)

    def _add(self, key: int) -> None:
        text, marks = self._make(key)
        self._place[key] = len(self._texts)
        self._texts.append(text.encode())
        self._marks.append(self._numbers.setdefault(marks, len(self._numbers)))


def take_rows(rows: Bytes, places: npt.NDArray[np.integer]) -> Bytes:
    """Rows by their places; whole rows move at once."""
    width = rows.shape[1]
    found: Bytes = np.ascontiguousarray(rows).view(f"V{width}").ravel()[places].view(np.uint8).reshape(-1, width)
    return found
