"""Reading pcapng captures, as this toolkit, Wireshark and its tools write them.

What a file says beside its packets is kept as well.  Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vebus_tools.capture.candump import is_epoch
from vebus_tools.capture.linktypes import LINKS, MAX_BLOCK, cut_off, damaged, foreign
from vebus_tools.capture.notes import CaptureNotes, InterfaceNotes
from vebus_tools.capture.pcapng_numbers import (
    BYTE_ORDER_MAGIC,
    DIRECTIONS,
    ESTIMATED,
    MIN_BLOCK,
    PCAPNG_MAGIC,
    SKIPPED,
    Block,
    InterfaceOption,
    Option,
    PacketOption,
)
from vebus_tools.records import Chunk, Stamp, TimeSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vebus_tools.capture.stream import ByteSource

__all__ = ["read_pcapng"]

_ORDERS = {BYTE_ORDER_MAGIC.to_bytes(4, "little"): "<", BYTE_ORDER_MAGIC.to_bytes(4, "big"): ">"}


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
    notes: InterfaceNotes


@dataclass(slots=True, kw_only=True)
class _Section:
    notes: CaptureNotes
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

    def options(self, data: bytes) -> dict[int, list[bytes]]:
        """Options by code.  Raises struct.error."""
        found: dict[int, list[bytes]] = {}
        at = 0
        while at < len(data):
            code, size = self.unpack("HH", data[at : at + 4])
            if code == Option.END:
                break
            found.setdefault(code, []).append(data[at + 4 : at + 4 + size])
            at += 4 + size + -size % 4
        return found

    def stamp(self, high: int, low: int, interface: _Interface) -> Stamp:
        """Time of a packet, exact to the last bit that a float holds."""
        ticks = (high << 32 | low) + interface.offset_s * interface.ticks_per_s
        at = ticks / interface.ticks_per_s
        if self.estimated:
            return Stamp(at, TimeSource.BYTES)
        return Stamp(at, TimeSource.LOG, is_epoch(at))


def read_pcapng(source: ByteSource, notes: CaptureNotes | None = None) -> Iterator[Chunk]:
    """One chunk a packet; blocks of other kinds are passed over.  ``notes`` is filled on the way.

    Raises CaptureError for packets of foreign link types and for a damaged or cut file, after all that stands before.
    """
    section = _Section(notes=notes if notes is not None else CaptureNotes())
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
    if not MIN_BLOCK <= length <= MAX_BLOCK or length % 4:
        raise damaged(source, start, f"a block of {length} bytes")
    rest = source.exactly(length - len(head))
    if len(rest) < length - len(head):
        raise cut_off(source, start)
    if section.unpack("I", rest[-4:])[0] != length:
        raise damaged(source, start, "the two lengths of a block differ")
    return _Block(start=start, kind=kind, body=rest[:-4])


def _chunk(source: ByteSource, section: _Section, block: _Block) -> Chunk | None:
    if block.kind == Block.SECTION:
        _begin(section, block.body)
    elif block.kind == Block.INTERFACE:
        _describe(section, block.body)
    elif block.kind == Block.PACKET:
        number, high, low, size, _ = section.unpack("5I", block.body)
        stamp = section.stamp(high, low, section.interface(number))
        return _packet(source, section, block, _Packet(number, stamp, 20, size))
    elif block.kind == Block.OLD_PACKET:
        number, _, high, low, size, _ = section.unpack("HH4I", block.body)
        stamp = section.stamp(high, low, section.interface(number))
        return _packet(source, section, block, _Packet(number, stamp, 20, size))
    elif block.kind == Block.SIMPLE_PACKET:
        size = min(section.unpack("I", block.body)[0], section.interface(0).snap_length or MAX_BLOCK)
        return _packet(source, section, block, _Packet(0, None, 4, size))
    else:
        section.notes.others += 1
    return None


def _begin(section: _Section, body: bytes) -> None:
    comments = _texts(section.options(body[16:]), Option.COMMENT)
    section.interfaces.clear()
    section.estimated = bool(comments) and comments[0].startswith(ESTIMATED)
    section.notes.add_comments(text for text in comments if text != ESTIMATED)


def _describe(section: _Section, body: bytes) -> None:
    interface = _interface(section, body)
    section.interfaces.append(interface)
    link = LINKS.get(interface.link_type)
    if link is not None:
        section.notes.interfaces[link, interface.name] = interface.notes


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
    options = b"" if block.kind == Block.SIMPLE_PACKET else block.body[end + -end % 4 :]
    found = section.options(options)
    word = _first(found, PacketOption.FLAGS)
    flags = section.unpack("I", word)[0] if word else 0
    return Chunk(
        data=block.body[packet.start : end],
        stamp=packet.stamp,
        direction=DIRECTIONS.get(flags & 3),
        link=link,
        whole=True,
        interface=interface.name,
        comments=tuple(text for text in _texts(found, Option.COMMENT) if not text.startswith(SKIPPED)),
    )


def _interface(section: _Section, body: bytes) -> _Interface:
    link_type, _, snap_length = section.unpack("HHI", body)
    options = section.options(body[8:])
    resolution = (_first(options, InterfaceOption.RESOLUTION) or b"\x06")[0]
    offset, speed = _first(options, InterfaceOption.TIME_OFFSET), _first(options, InterfaceOption.SPEED)
    return _Interface(
        link_type=link_type,
        snap_length=snap_length,
        name=_text(options, InterfaceOption.NAME).rstrip("\0"),
        ticks_per_s=2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution,
        offset_s=section.unpack("q", offset)[0] if offset else 0,
        notes=InterfaceNotes(
            description=_text(options, InterfaceOption.DESCRIPTION),
            hardware=_text(options, InterfaceOption.HARDWARE),
            filter=_text(options, InterfaceOption.FILTER).removeprefix("\0"),
            rate=section.unpack("Q", speed)[0] if speed else 0,
        ),
    )


def _first(options: dict[int, list[bytes]], code: int) -> bytes:
    return options.get(code, [b""])[0]


def _text(options: dict[int, list[bytes]], code: int) -> str:
    return _first(options, code).decode("utf-8", "replace")


def _texts(options: dict[int, list[bytes]], code: int) -> list[str]:
    return [value.decode("utf-8", "replace") for value in options.get(code, [])]
