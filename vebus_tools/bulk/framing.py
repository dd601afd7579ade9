"""Cutting megabytes at the end bytes: frames, unstuffing and checksums as whole-array operations.

A segment (all bytes up to an FF) is taken here only when it is exactly one good frame of kind FD or FE, by the same
rules as `Rs485Splitter`: header, length, no reserved byte behind the kind, every escape explained, checksum right.
All other segments go to that splitter, so that nothing is lost and nothing is judged twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import END, ESCAPE, HEADER_SIZE, MAX_WIRE_FRAME, MIN_FRAME, SYNC_MARKER

__all__ = ["Bytes", "Ints", "Mask", "Segments", "planes_of", "segments"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_KIND, _NUMBER = 2, 3
_LAST_NUMBER = 0x7F
_LAST_SHORT_SUM = 5  # FA 01 .. FA 05 stand for checksums FB .. FF
_FIRST_ESCAPED, _LAST_ESCAPED = 0x7A, 0x7F
_TRAILER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """All complete segments of a buffer, in order; arrays have one element for each.

    ``start`` and ``size`` are places and lengths in the buffer, end byte included.  ``good`` says that a segment is one
    good frame; of those, the unstuffed form stands at ``plain_start`` of ``plain`` with ``plain_size`` bytes, and
    ``escapes`` counts its stuffed payload bytes.  ``used`` is where the last segment ends.
    """

    start: Ints
    size: Ints
    good: Mask
    plain: Bytes
    plain_start: Ints
    plain_size: Ints
    escapes: Ints
    used: int


def segments(data: Bytes) -> Segments:
    """Cut a buffer; bytes behind the last FF are left to the caller."""
    ends = np.flatnonzero(data == END)
    start = np.empty_like(ends)
    start[:1] = 0
    start[1:] = ends[:-1] + 1
    size = ends - start + 1
    good = (size >= MIN_FRAME) & (size <= MAX_WIRE_FRAME)
    safe = np.where(good, start, 0)
    if len(data) > _NUMBER:
        kind = data[safe + _KIND]
        good &= (kind == FrameKind.SYNC) | (kind == FrameKind.DATA)
        good &= data[safe + _NUMBER] <= _LAST_NUMBER
    _refuse_reserved(data, start, ends, good)
    stuffed = _with_escapes(data, start, ends, good)
    plain = _Unstuffed(data, start, size, good, stuffed)
    _check_plain_sums(data, start, size, good, stuffed)
    return Segments(
        start=start,
        size=size,
        good=good,
        plain=plain.bytes,
        plain_start=plain.start,
        plain_size=plain.size,
        escapes=plain.escapes,
        used=int(ends[-1]) + 1 if len(ends) else 0,
    )


def _refuse_reserved(data: Bytes, start: Ints, ends: Ints, good: Mask) -> None:
    """FB..FE behind the kind: the frame begins later, or is damaged."""
    reserved = (data > ESCAPE) & (data != END)
    reserved[start[good] + _KIND] = False
    places = np.flatnonzero(reserved)
    if len(places):
        at = np.searchsorted(ends, places)
        inside = at < len(ends)
        at, places = at[inside], places[inside]
        good[at[places - start[at] > _KIND]] = False


def _with_escapes(data: Bytes, start: Ints, ends: Ints, good: Mask) -> Mask:
    """Which segments hold an FA that is not a checksum in one byte."""
    places = np.flatnonzero(data[:-1] == ESCAPE)
    places = places[data[places + 1] != END]
    at = np.searchsorted(ends, places)
    inside = at < len(ends)
    at, places = at[inside], places[inside]
    good[at[places - start[at] < HEADER_SIZE]] = False  # a header is never stuffed: that is for the splitter to judge
    found = np.zeros(len(ends), dtype=np.bool_)
    found[at] = True
    return found & good


def _check_plain_sums(data: Bytes, start: Ints, size: Ints, good: Mask, stuffed: Mask) -> None:
    """Checksums of the frames without escapes, a length at a time."""
    rows = np.flatnonzero(good & ~stuffed)
    if not len(rows):
        return
    order = rows[np.argsort(size[rows].astype(np.uint8), kind="stable")]
    lengths, firsts = np.unique(size[order], return_index=True)
    for length, group in zip(lengths.tolist(), np.split(order, firsts[1:]), strict=True):
        planes = planes_of(data, start[group], length)
        total = np.add.reduce(planes[_KIND:-_TRAILER], axis=0, dtype=np.uint8)
        sync = (planes[_KIND] == FrameKind.SYNC) & (planes[HEADER_SIZE] == SYNC_MARKER)
        good[group] = planes[-_TRAILER] == 1 - total + sync * np.uint8(SYNC_MARKER)


def planes_of(data: Bytes, start: Ints, length: int) -> Bytes:
    """Byte ``j`` of every row as row ``j``: ``length`` arrays, contiguous, from rows that begin at ``start``."""
    if not len(start):
        return np.empty((length, 0), dtype=np.uint8)
    windows = np.ndarray((len(data) - length + 1,), f"V{length}", data, strides=(1,))
    rows: Bytes = windows[start].view(np.uint8).reshape(-1, length)
    return np.ascontiguousarray(rows.T)


class _Unstuffed:
    """Plain form of the frames with escapes, behind the buffer itself; clears ``good`` where an escape is wrong."""

    def __init__(self, data: Bytes, start: Ints, size: Ints, good: Mask, stuffed: Mask) -> None:
        self.start, self.size = start.copy(), size.copy()
        self.escapes = np.zeros(len(start), dtype=np.int64)
        self.bytes = data
        rows = np.flatnonzero(stuffed)
        if len(rows):
            self._unstuff(data, start[rows], size[rows], rows, good)

    def _unstuff(self, data: Bytes, start: Ints, size: Ints, rows: Ints, good: Mask) -> None:
        first = np.cumsum(size) - size
        wire = data[np.arange(int(size.sum()), dtype=np.int64) + np.repeat(start - first, size)]
        escape = np.flatnonzero(wire == ESCAPE)
        frame = np.searchsorted(first, escape, side="right") - 1
        from_end = first[frame] + size[frame] - escape  # 1 is the end byte
        following = wire[escape + 1]
        last_two = (from_end == 3) & (following <= _LAST_SHORT_SUM) & (size[frame] > MIN_FRAME)
        pair = (from_end > 3) & (following >= _FIRST_ESCAPED) & (following <= _LAST_ESCAPED)
        wrong = ~last_two & ~pair & (from_end != _TRAILER)
        short = escape[last_two]
        value = wire[first + size - _TRAILER]
        value[frame[last_two]] += np.uint8(ESCAPE)
        good[rows] = (value == self._expected(wire, first, size, short)) & (
            np.bincount(frame[wrong], minlength=len(rows)) == 0
        )
        wire[escape[pair] + 1] |= 0x80
        wire[short + 1] += np.uint8(ESCAPE)
        dropped = np.concatenate((escape[pair], short))
        kept = np.ones(len(wire), dtype=np.bool_)
        kept[dropped] = False
        escapes = np.bincount(frame[pair], minlength=len(rows))
        sizes = size - escapes - np.bincount(frame[last_two], minlength=len(rows))
        self.start[rows] = len(data) + np.cumsum(sizes) - sizes
        self.size[rows] = sizes
        self.escapes[rows] = escapes
        self.bytes = np.concatenate((data, wire[kept]))

    @staticmethod
    def _expected(wire: Bytes, first: Ints, size: Ints, short: Ints) -> Bytes:
        """Checksums that should be there; ``short`` are the places of FA in front of a checksum in two bytes."""
        end = first + size
        total = np.add.reduceat(wire, first, dtype=np.uint8)
        total -= wire[first] + wire[first + 1] + wire[end - 1] + wire[end - _TRAILER]
        total[np.searchsorted(first, short, side="right") - 1] -= np.uint8(ESCAPE)
        sync = (wire[first + _KIND] == FrameKind.SYNC) & (wire[first + HEADER_SIZE] == SYNC_MARKER)
        expected: Bytes = 1 - total + sync * np.uint8(SYNC_MARKER)
        return expected
