"""Finding frames in a stream of bytes, for both links.

The result does not depend on how the stream is cut into chunks, memory is bounded, and every byte comes out in exactly
one piece: a frame, or a run of skipped bytes with the reason.  Rules: dossier vebus-rs485.md 2.4 and mk3.md 2.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from vebus_protocol.enums import FrameKind, SenderId
from vebus_protocol.frame import (
    END,
    MAX_WIRE_FRAME,
    MIN_FRAME,
    FbFrame,
    ReceivedFrame,
    dissect_frame,
    looks_like_frame,
)
from vebus_protocol.mk3 import (
    ADAPTER_MARKER,
    LED_FLAG,
    MAX_PAYLOAD,
    PADDING,
    ReceivedMk3Frame,
    dissect_mk3_frame,
)
from vebus_protocol.schema import Link
from vebus_tools.records import Received

__all__ = ["MAX_SKIPPED", "Mk3Splitter", "Piece", "Rs485Splitter", "Splitter", "splitter_for"]

MAX_SKIPPED = 256  # longest run of skipped bytes in one piece; keeps memory bounded on endless noise
_KNOWN_SENDERS = frozenset(sender.value for sender in SenderId)
_DESCRIBED_KINDS = (FrameKind.SYNC, FrameKind.DATA)
_RESERVED = (FrameKind.SPECIAL, 0xFC, *_DESCRIBED_KINDS)  # FB and FC are perhaps frame kinds too (vebus-rs485.md 2.2)
_KIND_AT = 2
_LAST_NUMBER = 0x7F
_FB_SIZE = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes ``data`` at ``offset`` of the stream: a frame, or skipped bytes (``frame`` is None) and why."""

    offset: int
    data: bytes
    frame: Received | None = None
    reason: str = ""


class Splitter(Protocol):
    """Bytes in, pieces out; the pieces are the same for every chunking of the same stream."""

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Take the next bytes of the stream and yield all pieces that are complete."""

    def flush(self) -> Iterator[Piece]:
        """End of the stream: yield what is pending.  The splitter goes on at the same offset afterwards."""


class _Skipped:
    """Collects neighbouring skipped bytes into pieces of at most MAX_SKIPPED bytes."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._offset = 0
        self._reason = ""

    def add(self, offset: int, data: bytes, reason: str) -> Iterator[Piece]:
        """Take skipped bytes; yields full pieces."""
        if not data:
            return
        if self._data and reason != self._reason:
            yield from self.take()
        if not self._data:
            self._offset, self._reason = offset, reason
        self._data += data
        while len(self._data) >= MAX_SKIPPED:
            yield Piece(self._offset, bytes(self._data[:MAX_SKIPPED]), None, self._reason)
            del self._data[:MAX_SKIPPED]
            self._offset += MAX_SKIPPED

    def take(self) -> Iterator[Piece]:
        """Yield what is collected."""
        if self._data:
            yield Piece(self._offset, bytes(self._data), None, self._reason)
            self._data.clear()


class Rs485Splitter:
    """Cuts the RS485 stream at every FF: no payload byte can be FF on the wire."""

    def __init__(self) -> None:
        """Start at offset 0 of a stream."""
        self._pending = bytearray()
        self._offset = 0
        self._skipped = _Skipped()

    def feed(self, data: bytes) -> Iterator[Piece]:
        """See Splitter.feed."""
        at = 0
        while at < len(data):
            end = data.find(END, at)
            room = 2 * MAX_WIRE_FRAME - len(self._pending)
            if end < 0 or end - at >= room:
                self._pending += data[at : at + room]
                at += room
                if len(self._pending) == 2 * MAX_WIRE_FRAME:
                    yield from self._skip(MAX_WIRE_FRAME, f"no end byte in {MAX_WIRE_FRAME} bytes")
                continue
            self._pending += data[at : end + 1]
            at = end + 1
            yield from self._segment()

    def flush(self) -> Iterator[Piece]:
        """See Splitter.flush."""
        yield from self._skip(len(self._pending), "cut off: no end byte")
        yield from self._skipped.take()

    def _skip(self, count: int, reason: str) -> Iterator[Piece]:
        yield from self._skipped.add(self._offset, bytes(self._pending[:count]), reason)
        del self._pending[:count]
        self._offset += count

    def _segment(self) -> Iterator[Piece]:
        segment = bytes(self._pending)
        at, frame = _find_frame(segment)
        if frame is None:
            yield from self._skip(len(segment), "no frame")
            return
        yield from self._skip(at, "in front of a frame")
        yield from self._skipped.take()
        yield Piece(self._offset, segment[at:], frame)
        self._offset += len(segment) - at
        self._pending.clear()


def _find_frame(segment: bytes) -> tuple[int, Received | None]:
    """Frame that ends with this segment, and where it begins: a good one, else a plausible damaged one.

    FB..FE stand on the wire only as the kind of a frame (vebus-rs485.md 2.2), so the last of them is the kind of the
    only frame that can be good: what stands in front is junk, also when all of it happens to have a right checksum.
    """
    last = max(segment.rfind(kind) for kind in _RESERVED)
    if FbFrame.has_pattern(segment[-_FB_SIZE:]):
        frame = FbFrame.from_wire(segment[-_FB_SIZE:])
        if frame.complement_ok or len(segment) == _FB_SIZE:
            return len(segment) - _FB_SIZE, frame
    at = last - _KIND_AT
    if at >= 0 and (found := _good_at(segment, at)):
        return at, found
    return _damaged(segment) or (0, _undescribed(segment))


def _good_at(segment: bytes, at: int) -> ReceivedFrame | None:
    wire = segment[at:]
    if not MIN_FRAME <= len(wire) <= MAX_WIRE_FRAME or wire[_KIND_AT + 1] > _LAST_NUMBER:
        return None
    frame = dissect_frame(wire)
    believed = at == 0 or frame.kind in _DESCRIBED_KINDS or frame.sender in _KNOWN_SENDERS
    return frame if frame.good and believed else None


def _damaged(segment: bytes) -> tuple[int, ReceivedFrame] | None:
    """The last header of a known sender, else a header of anybody at the very beginning."""
    for at in range(len(segment) - MIN_FRAME, -1, -1):
        if len(segment) - at > MAX_WIRE_FRAME:
            break
        if segment[at + _KIND_AT] not in _DESCRIBED_KINDS or not looks_like_frame(segment[at:]):
            continue
        if at == 0 or segment[at] << 8 | segment[at + 1] in _KNOWN_SENDERS:
            return at, dissect_frame(segment[at:])
    return None


def _undescribed(segment: bytes) -> ReceivedFrame | None:
    """A frame of a known sender and of a kind that nobody has described, accepted only with a right checksum."""
    frame = _good_at(segment, 0)
    return frame if frame and frame.sender in _KNOWN_SENDERS else None


_MK3_FIRST = frozenset((0x00, 0x20, 0x21, 0x38, 0x3C, 0x3D, 0x3F, 0x40, 0x41, ADAPTER_MARKER))  # mk3.md 2.6
_LETTERS = frozenset(b"ACDFHLNRSTVWXYZxyz")  # mk3.md 4
_MIN_PAYLOAD = 2


class Mk3Splitter:
    """Finds MK2/MK3 frames by length, first payload byte and checksum; there is no start byte."""

    def __init__(self) -> None:
        """Start at offset 0 of a stream, taken as the start of a frame."""
        self._pending = bytearray()
        self._offset = 0
        self._skipped = _Skipped()
        self._in_step = True

    def feed(self, data: bytes) -> Iterator[Piece]:
        """See Splitter.feed."""
        yield from self._advance(data, last=False)

    def flush(self) -> Iterator[Piece]:
        """See Splitter.flush."""
        yield from self._advance(b"", last=True)
        yield from self._skipped.take()
        self._in_step = True

    def _advance(self, data: bytes, *, last: bool) -> Iterator[Piece]:
        buffer, at = bytes(self._pending) + data, 0
        while at < len(buffer):
            frame, complete = self._frame_at(buffer, at, last=last)
            if not complete:
                break
            if frame is None:
                reason = "stray 0x55" if buffer[at] == PADDING else "no frame"
                yield from self._skipped.add(self._offset + at, buffer[at : at + 1], reason)
                self._in_step = buffer[at] == PADDING and self._in_step
                at += 1
                continue
            yield from self._skipped.take()
            yield Piece(self._offset + at, frame.wire, frame)
            self._in_step = True
            at += len(frame.wire)
        self._pending = bytearray(buffer[at:])
        self._offset += at

    def _frame_at(self, buffer: bytes, at: int, *, last: bool) -> tuple[ReceivedMk3Frame | None, bool]:
        """Frame that begins here, or None; the second value is False while more bytes are needed to tell."""
        size = _frame_size(buffer[at])
        if not size:
            return None, True
        if at + size > len(buffer):
            return None, last
        frame = dissect_mk3_frame(buffer[at : at + size])
        if self._in_step and _has_checksum(frame):
            return frame, True
        if _holds_frame(frame.wire):  # a cut-off frame that takes the next one with it
            return None, True
        if self._in_step and _plausible(frame):
            return self._damaged(frame, buffer, at + size, last=last)
        return (frame if _has_checksum(frame) and frame.payload[0] in _MK3_FIRST else None), True

    @staticmethod
    def _damaged(
        frame: ReceivedMk3Frame, buffer: bytes, following: int, *, last: bool
    ) -> tuple[ReceivedMk3Frame | None, bool]:
        """A frame with a wrong checksum counts as one only when a good frame, or the end, follows at once."""
        if following == len(buffer):
            return frame, last
        size = _frame_size(buffer[following])
        if not size:
            return None, True
        if following + size > len(buffer):
            return None, last
        after = dissect_mk3_frame(buffer[following : following + size])
        return (frame if _is_proof(after) else None), True


def _frame_size(length: int) -> int:
    """Bytes of a frame that begins with this length byte; 0 when no frame can."""
    payload, leds = length & 0x7F, 2 if length & LED_FLAG else 0
    return payload + 2 if _MIN_PAYLOAD + leds <= payload <= MAX_PAYLOAD else 0


def _has_checksum(frame: ReceivedMk3Frame) -> bool:
    return frame.checksum_ok or frame.plain_instead


def _holds_frame(wire: bytes) -> bool:
    """Whether another good frame lies whole inside this one; by chance that is rarer than a wrong start."""
    for at in range(1, len(wire) - _MIN_PAYLOAD - 1):
        size = _frame_size(wire[at])
        if not size or at + size > len(wire) or wire[at + 1] not in _MK3_FIRST:
            continue
        frame = dissect_mk3_frame(wire[at : at + size])
        if frame.checksum_ok and _plausible(frame):
            return True
    return False


def _is_proof(frame: ReceivedMk3Frame) -> bool:
    """Whether what stands here can only be a frame; a zero in front is too common to tell (the boot-up notice)."""
    return frame.payload[0] != 0 and _has_checksum(frame) and _plausible(frame) and not _holds_frame(frame.wire)


def _plausible(frame: ReceivedMk3Frame) -> bool:
    first = frame.payload[0]
    return first in _MK3_FIRST and (first != ADAPTER_MARKER or frame.payload[1] in _LETTERS)


def splitter_for(link: Link) -> Splitter:
    """A fresh splitter for this link."""
    return Rs485Splitter() if link is Link.RS485 else Mk3Splitter()
