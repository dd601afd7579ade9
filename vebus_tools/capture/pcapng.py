"""pcapng captures, as Wireshark and its tools read and write them.

RS485 travels as link type USER0, the MK2/MK3 link as USER1; directions are in the packet flags (inbound = from the
device).  Times that were only estimated are marked in a comment of the section, and keep that mark when read back.
Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from vebus_protocol.schema import Direction, Link
from vebus_tools.capture.candump import is_epoch
from vebus_tools.capture.linktypes import LINK_TYPES, LINKS, MAX_BLOCK, cut_off, damaged, foreign
from vebus_tools.capture.output import CaptureWriter, Output
from vebus_tools.records import Chunk, Stamp, TimeSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vebus_tools.capture.stream import ByteSource
    from vebus_tools.records import Record

__all__ = ["ESTIMATED", "PCAPNG_MAGIC", "InterfaceNotes", "PcapngWriter", "Statistics", "read_pcapng"]

PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
ESTIMATED = "Times are estimated, not measured."
"""Comment of a section whose time stamps were reconstructed."""

_SECTION = 0x0A0D0D0A
_INTERFACE = 1
_OLD_PACKET = 2
_SIMPLE_PACKET = 3
_STATISTICS = 5
_ENHANCED_PACKET = 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_ORDERS = {_BYTE_ORDER_MAGIC.to_bytes(4, "little"): "<", _BYTE_ORDER_MAGIC.to_bytes(4, "big"): ">"}
_MIN_BLOCK = 12  # type, length, length again

_END, _COMMENT = 0, 1  # options of every block
_APPLICATION = 4  # of a section
_NAME, _DESCRIPTION, _SPEED, _RESOLUTION, _FILTER, _TIME_OFFSET, _HARDWARE = 2, 3, 8, 9, 11, 14, 15  # of an interface
_STARTED, _ENDED, _RECEIVED, _DROPPED, _ACCEPTED = 2, 3, 4, 5, 6  # of statistics
_FLAGS = 2  # of a packet

_DIRECTIONS = {1: Direction.FROM_DEVICE, 2: Direction.TO_DEVICE}  # inbound, outbound
_FLAG_WORDS = {direction: word for word, direction in _DIRECTIONS.items()}


# --- reading ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    start: int
    kind: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interface:
    link_type: int
    snap_length: int
    name: str
    ticks_per_s: int
    offset_s: int


@dataclass(slots=True, kw_only=True)
class _Section:
    order: str = "<"
    estimated: bool = False
    interfaces: list[_Interface] = field(default_factory=list)

    def interface(self, number: int) -> _Interface:
        """One interface of the section.  Raises IndexError."""
        if number >= len(self.interfaces):
            raise IndexError(f"interface {number} was not described before")
        return self.interfaces[number]

    def unpack(self, layout: str, data: bytes) -> tuple[int, ...]:
        """Numbers at the start of ``data`` in the byte order of the section.  Raises struct.error."""
        return struct.unpack_from(self.order + layout, data)

    def options(self, data: bytes) -> dict[int, bytes]:
        """Options by code; of several with one code the first.  Raises struct.error."""
        found: dict[int, bytes] = {}
        at = 0
        while at < len(data):
            code, size = self.unpack("HH", data[at : at + 4])
            if code == _END:
                break
            found.setdefault(code, data[at + 4 : at + 4 + size])
            at += 4 + size + -size % 4
        return found

    def stamp(self, high: int, low: int, interface: _Interface) -> Stamp:
        """Time of a packet, exact to the last bit that a float holds."""
        ticks = (high << 32 | low) + interface.offset_s * interface.ticks_per_s
        at = ticks / interface.ticks_per_s
        if self.estimated:
            return Stamp(at, TimeSource.BYTES)
        return Stamp(at, TimeSource.LOG, is_epoch(at))


def read_pcapng(source: ByteSource) -> Iterator[Chunk]:
    """One chunk a packet; blocks of other kinds are passed over.

    Raises CaptureError for packets of foreign link types and for a damaged or cut file, after all that stands before.
    """
    section = _Section()
    while source.peek(1):
        block = _next_block(source, section)
        try:
            chunk = _chunk(source, section, block)
        except (struct.error, IndexError, OverflowError) as problem:
            raise damaged(source, block.start, f"block of type {block.kind}: {problem}") from problem
        if chunk is not None and chunk.data:
            yield chunk


def _next_block(source: ByteSource, section: _Section) -> _Block:
    start = source.offset
    head = source.exactly(8)
    if len(head) == 8 and head.startswith(PCAPNG_MAGIC):
        mark = source.peek(4)
        if len(mark) == 4 and mark not in _ORDERS:
            raise damaged(source, start, f"a section with the byte order mark {mark.hex(' ')}")
        section.order = _ORDERS.get(mark, section.order)
    elif start == 0 and not PCAPNG_MAGIC.startswith(head[:4]):
        raise damaged(source, start, f"begins with {head[:4].hex(' ')}, a pcapng file with {PCAPNG_MAGIC.hex(' ')}")
    if len(head) < 8:
        raise cut_off(source, start)
    kind, length = section.unpack("II", head)
    if not _MIN_BLOCK <= length <= MAX_BLOCK or length % 4:
        raise damaged(source, start, f"a block of {length} bytes")
    rest = source.exactly(length - len(head))
    if len(rest) < length - len(head):
        raise cut_off(source, start)
    if section.unpack("I", rest[-4:])[0] != length:
        raise damaged(source, start, "the two lengths of a block differ")
    return _Block(start=start, kind=kind, body=rest[:-4])


def _chunk(source: ByteSource, section: _Section, block: _Block) -> Chunk | None:
    if block.kind == _SECTION:
        section.interfaces.clear()
        section.estimated = section.options(block.body[16:]).get(_COMMENT, b"").startswith(ESTIMATED.encode())
    elif block.kind == _INTERFACE:
        section.interfaces.append(_interface(section, block.body))
    elif block.kind == _ENHANCED_PACKET:
        number, high, low, size, _ = section.unpack("5I", block.body)
        stamp = section.stamp(high, low, section.interface(number))
        return _packet(source, section, block, _Packet(number, stamp, 20, size))
    elif block.kind == _OLD_PACKET:
        number, _, high, low, size, _ = section.unpack("HH4I", block.body)
        stamp = section.stamp(high, low, section.interface(number))
        return _packet(source, section, block, _Packet(number, stamp, 20, size))
    elif block.kind == _SIMPLE_PACKET:
        size = min(section.unpack("I", block.body)[0], section.interface(0).snap_length or MAX_BLOCK)
        return _packet(source, section, block, _Packet(0, None, 4, size))
    return None


@dataclass(frozen=True, slots=True)
class _Packet:
    interface: int
    stamp: Stamp | None
    start: int
    size: int


def _packet(source: ByteSource, section: _Section, block: _Block, packet: _Packet) -> Chunk:
    interface = section.interface(packet.interface)
    link = LINKS.get(interface.link_type)
    if link is None:
        raise foreign(source, block.start, interface.link_type)
    end = packet.start + packet.size
    if end > len(block.body):
        raise damaged(source, block.start, f"a packet of {packet.size} bytes in a block of {len(block.body)}")
    options = b"" if block.kind == _SIMPLE_PACKET else block.body[end + -end % 4 :]
    word = section.options(options).get(_FLAGS)
    flags = section.unpack("I", word)[0] if word else 0
    return Chunk(
        data=block.body[packet.start : end],
        stamp=packet.stamp,
        direction=_DIRECTIONS.get(flags & 3),
        link=link,
        whole=True,
        interface=interface.name,
    )


def _interface(section: _Section, body: bytes) -> _Interface:
    link_type, _, snap_length = section.unpack("HHI", body)
    options = section.options(body[8:])
    resolution = (options.get(_RESOLUTION) or b"\x06")[0]
    offset = options.get(_TIME_OFFSET)
    return _Interface(
        link_type=link_type,
        snap_length=snap_length,
        name=options.get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace"),
        ticks_per_s=2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution,
        offset_s=section.unpack("q", offset)[0] if offset else 0,
    )


# --- writing ---------------------------------------------------------------------------------------------------------
_RESOLUTION_EXPONENT = 9
_MAX_TICKS = (1 << 64) - 1
_MAX_OPTION = 0xFFF0


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceNotes:
    """What a file says of its interfaces; ``rate`` is in bit/s (0: unknown), ``filter`` that of the capture."""

    description: str = ""
    hardware: str = ""
    filter: str = ""
    rate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Counts of an interface since its capture began; times in seconds since 1970, ``comment`` for people."""

    started: float
    ended: float
    received: int
    dropped: int
    accepted: int
    comment: str = ""


_NO_NOTES = InterfaceNotes()


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
        notes: InterfaceNotes = _NO_NOTES,
        comments: Iterable[str] = (),
    ) -> None:
        """Write to ``output``.

        ``application`` is noted in the file as the program that wrote it, ``notes`` with each interface, ``comments``
        with each section.
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
            self._output.write(_interface_block(link, name, self._notes))
        return number

    def close(self) -> None:
        """Write what is left and close the file, which is a valid one also without packets.  Raises as ``write``."""
        if self._estimated is None:
            self._begin(estimated=False)
        super().close()

    def _begin(self, *, estimated: bool) -> None:
        self._estimated = estimated
        self._interfaces.clear()
        texts = [ESTIMATED] * estimated + list(self._comments)
        comments = [(_COMMENT, _clipped(text)) for text in texts]
        options = _options([*comments, (_APPLICATION, self._application.encode())])
        self._output.write(_block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1) + options))


def _interface_block(link: Link, name: str, notes: InterfaceNotes) -> bytes:
    texts = ((_NAME, name), (_DESCRIPTION, notes.description), (_HARDWARE, notes.hardware))
    options = [(code, _clipped(text)) for code, text in texts if text]
    if notes.rate:
        options.append((_SPEED, struct.pack("<Q", notes.rate)))
    if notes.filter:
        options.append((_FILTER, b"\0" + _clipped(notes.filter)))  # 0: the filter is text
    options.append((_RESOLUTION, bytes((_RESOLUTION_EXPONENT,))))
    return _block(_INTERFACE, struct.pack("<HHI", LINK_TYPES[link], 0, 0) + _options(options))


def _statistics_block(number: int, facts: Statistics) -> bytes:
    started, ended = (struct.pack("<II", *divmod(_ticks(at), 1 << 32)) for at in (facts.started, facts.ended))
    counts = ((_RECEIVED, facts.received), (_DROPPED, facts.dropped), (_ACCEPTED, facts.accepted))
    options = [
        *([(_COMMENT, _clipped(facts.comment))] if facts.comment else []),
        (_STARTED, started),
        (_ENDED, ended),
        *((code, struct.pack("<Q", count)) for code, count in counts),
    ]
    return _block(_STATISTICS, struct.pack("<I", number) + ended + _options(options))


def _ticks(at: float) -> int:
    # The shortest decimal number that is this float: what a person would write, not its binary neighbour.
    text = repr(at)
    whole, point, part = text.partition(".")
    if point and whole.isdecimal() and part.isdecimal() and len(part) <= _RESOLUTION_EXPONENT:  # nearly all there are
        ticks = int(whole + part.ljust(_RESOLUTION_EXPONENT, "0"))
    else:
        ticks = int(Decimal(text).scaleb(_RESOLUTION_EXPONENT).to_integral_value())
    return min(max(ticks, 0), _MAX_TICKS)


def _packet_block(number: int, record: Record, remarks: Iterable[str]) -> bytes:
    ticks = _ticks(record.stamp.at)
    size = len(record.wire)
    data = record.wire + _PADDING[size % 4] + _packet_options(record, remarks)
    length = _MIN_BLOCK + _PACKET_HEAD + len(data)
    head = _packed_head(_ENHANCED_PACKET, length, number, ticks >> 32, ticks & 0xFFFFFFFF, size, size)
    return head + data + length.to_bytes(4, "little")


def _packet_options(record: Record, remarks: Iterable[str]) -> bytes:
    skipped = record.frame is None and record.reason
    if not remarks and not skipped:
        return _FLAG_OPTIONS[record.direction]
    options = [(_COMMENT, _clipped(text)) for text in remarks]
    if skipped:
        options.append((_COMMENT, f"skipped: {record.reason}".encode()))
    if record.direction in _FLAG_WORDS:
        options.append((_FLAGS, struct.pack("<I", _FLAG_WORDS[record.direction])))
    return _options(options)


def _clipped(text: str) -> bytes:
    """UTF-8, at most as long as an option can be, and cut between characters."""
    return text.encode()[:_MAX_OPTION].decode("utf-8", "ignore").encode()


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    parts = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join([*parts, bytes(4)]) if parts else b""


def _block(kind: int, body: bytes) -> bytes:
    length = _MIN_BLOCK + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


_PADDING = tuple(bytes(-size % 4) for size in range(4))
_PACKET_HEAD = 20
_packed_head = struct.Struct("<7I").pack
_FLAG_OPTIONS = {
    direction: _options([(_FLAGS, struct.pack("<I", _FLAG_WORDS[direction]))] if direction in _FLAG_WORDS else [])
    for direction in Direction
}
"""Options of a packet without comments, made once: a recorder writes thousands of them a second."""
