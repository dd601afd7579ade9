"""Writing pcapng captures that Wireshark and its tools read.

RS485 travels as link type USER0, the MK2/MK3 link as USER1; directions are in the packet flags (inbound = from the
device).  Times that were only estimated are marked in a comment of the section, and keep that mark when read back.
Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import TYPE_CHECKING

from vebus_protocol.schema import Direction, Link
from vebus_tools.capture.linktypes import LINK_TYPES
from vebus_tools.capture.notes import NO_NOTES, CaptureNotes, InterfaceNotes, Statistics
from vebus_tools.capture.output import CaptureWriter, Output
from vebus_tools.capture.pcapng_numbers import (
    BYTE_ORDER_MAGIC,
    DIRECTIONS,
    ESTIMATED,
    MIN_BLOCK,
    SKIPPED,
    Block,
    InterfaceOption,
    Option,
    PacketOption,
    SectionOption,
    StatisticsOption,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vebus_tools.records import Record

__all__ = ["PcapngWriter", "ticks_of"]

_FLAG_WORDS = {direction: word for word, direction in DIRECTIONS.items()}
_RESOLUTION_EXPONENT = 9
_MAX_TICKS = (1 << 64) - 1
_MAX_OPTION = 0xFFF0


class PcapngWriter(CaptureWriter):
    """Writes one packet a record, skipped bytes too (with the reason as comment), times with 9 decimals.

    Measured and estimated times stand in sections of their own, as only a section can be marked.  The format has no
    times before 0: they become 0.
    """

    def __init__(
        self,
        output: Output,
        application: str = "vebus-tools",
        *,
        notes: InterfaceNotes | CaptureNotes = NO_NOTES,
        comments: Iterable[str] = (),
    ) -> None:
        """Write to ``output``.

        ``application`` is noted in the file as the program that wrote it, ``comments`` with each section.  ``notes``
        are those of every interface, or of a capture that is being read and has its own for each, and comments.
        """
        super().__init__(output)
        self._application = application
        self._notes = notes
        self._comments = tuple(comments)
        self._remarks: list[str] = []
        self._estimated: bool | None = None
        self._interfaces: dict[tuple[Link, str], int] = {}

    def describe(self, link: Link, interface: str) -> None:
        """Write the head of a live capture before its first packet.  Raises as CaptureWriter.write."""
        if self._estimated is None:
            self._begin(estimated=False)
        self._interface(link, interface)

    def remark(self, text: str) -> None:
        """Attach a comment to the next packet."""
        self._remarks.append(text)

    def write(self, record: Record) -> None:
        """Append one packet.  Raises as CaptureWriter.write."""
        if self._estimated is not record.stamp.source.estimated:
            self._begin(estimated=record.stamp.source.estimated)
        number = self._interface(record.link, record.interface)
        self._output.write(_packet_block(number, record, self._remarks))
        self._remarks.clear()

    def statistics(self, facts: Statistics) -> None:
        """Append the counts of all interfaces described so far.  Raises as CaptureWriter.write."""
        for number in self._interfaces.values():
            self._output.write(_statistics_block(number, facts))

    def _interface(self, link: Link, name: str) -> int:
        number = self._interfaces.get((link, name))
        if number is None:
            number = self._interfaces[link, name] = len(self._interfaces)
            self._output.write(_interface_block(link, name, self._notes_of(link, name)))
        return number

    def _notes_of(self, link: Link, name: str) -> InterfaceNotes:
        notes = self._notes
        return notes.interfaces.get((link, name), NO_NOTES) if isinstance(notes, CaptureNotes) else notes

    def close(self) -> None:
        """Write what is left and close the file, which is a valid one also without packets.  Raises as ``write``."""
        if self._estimated is None:
            self._begin(estimated=False)
        super().close()

    def _begin(self, *, estimated: bool) -> None:
        self._estimated = estimated
        self._interfaces.clear()
        read = self._notes.comments if isinstance(self._notes, CaptureNotes) else ()
        texts = [*[ESTIMATED] * estimated, *read, *self._comments]
        comments = [(Option.COMMENT, _clipped(text)) for text in texts]
        options = _options([*comments, (SectionOption.APPLICATION, self._application.encode())])
        self._output.write(_block(Block.SECTION, struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1) + options))


def _interface_block(link: Link, name: str, notes: InterfaceNotes) -> bytes:
    texts = (
        (InterfaceOption.NAME, name),
        (InterfaceOption.DESCRIPTION, notes.description),
        (InterfaceOption.HARDWARE, notes.hardware),
    )
    options = [(code, _clipped(text)) for code, text in texts if text]
    if notes.rate:
        options.append((InterfaceOption.SPEED, struct.pack("<Q", notes.rate)))
    if notes.filter:
        options.append((InterfaceOption.FILTER, b"\0" + _clipped(notes.filter)))  # 0: the filter is text
    options.append((InterfaceOption.RESOLUTION, bytes((_RESOLUTION_EXPONENT,))))
    return _block(Block.INTERFACE, struct.pack("<HHI", LINK_TYPES[link], 0, 0) + _options(options))


def _statistics_block(number: int, facts: Statistics) -> bytes:
    started, ended = (struct.pack("<II", *divmod(ticks_of(at), 1 << 32)) for at in (facts.started, facts.ended))
    counts = (
        (StatisticsOption.RECEIVED, facts.received),
        (StatisticsOption.DROPPED, facts.dropped),
        (StatisticsOption.ACCEPTED, facts.accepted),
    )
    options = [
        *([(Option.COMMENT, _clipped(facts.comment))] if facts.comment else []),
        (StatisticsOption.STARTED, started),
        (StatisticsOption.ENDED, ended),
        *((code, struct.pack("<Q", count)) for code, count in counts),
    ]
    return _block(Block.STATISTICS, struct.pack("<I", number) + ended + _options(options))


def ticks_of(at: float) -> int:
    """Nanoseconds of a time in seconds, from 0 on."""
    # The shortest decimal number that is this float: what a person would write, not its binary neighbour.
    text = repr(at)
    whole, point, part = text.partition(".")
    if point and whole.isdecimal() and part.isdecimal() and len(part) <= _RESOLUTION_EXPONENT:  # nearly all there are
        ticks = int(whole + part.ljust(_RESOLUTION_EXPONENT, "0"))
    else:
        ticks = int(Decimal(text).scaleb(_RESOLUTION_EXPONENT).to_integral_value())
    return min(max(ticks, 0), _MAX_TICKS)


def _packet_block(number: int, record: Record, remarks: Iterable[str]) -> bytes:
    ticks = ticks_of(record.stamp.at)
    size = len(record.wire)
    data = record.wire + _PADDING[size % 4] + _packet_options(record, remarks)
    length = MIN_BLOCK + _PACKET_HEAD + len(data)
    head = _packed_head(Block.PACKET, length, number, ticks >> 32, ticks & 0xFFFFFFFF, size, size)
    return head + data + length.to_bytes(4, "little")


def _packet_options(record: Record, remarks: Iterable[str]) -> bytes:
    skipped = record.frame is None and record.reason
    if not (remarks or skipped or record.comments):
        return _FLAG_OPTIONS[record.direction]
    texts = (*record.comments, *remarks)
    options: list[tuple[int, bytes]] = [(Option.COMMENT, _clipped(text)) for text in texts]
    if skipped:
        options.append((Option.COMMENT, f"{SKIPPED}{record.reason}".encode()))
    if record.direction in _FLAG_WORDS:
        options.append((PacketOption.FLAGS, struct.pack("<I", _FLAG_WORDS[record.direction])))
    return _options(options)


def _clipped(text: str) -> bytes:
    """UTF-8, at most as long as an option can be, and cut between characters."""
    return text.encode()[:_MAX_OPTION].decode("utf-8", "ignore").encode()


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    parts = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join([*parts, bytes(4)]) if parts else b""


def _block(kind: int, body: bytes) -> bytes:
    length = MIN_BLOCK + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


_PADDING = tuple(bytes(-size % 4) for size in range(4))
_PACKET_HEAD = 20
_packed_head = struct.Struct("<7I").pack
_FLAG_OPTIONS = {
    direction: _options(
        [(PacketOption.FLAGS, struct.pack("<I", _FLAG_WORDS[direction]))] if direction in _FLAG_WORDS else []
    )
    for direction in Direction
}
"""Options of a packet without comments, made once: a recorder writes thousands of them a second."""
