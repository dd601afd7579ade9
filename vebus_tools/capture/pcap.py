"""Classic pcap files, read only: one link type for all packets and no directions.

Source: draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from vebus_tools.capture.candump import is_epoch
from vebus_tools.capture.linktypes import LINKS, MAX_BLOCK, cut_off, damaged, foreign
from vebus_tools.records import Chunk, Stamp, TimeSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vebus_tools.capture.stream import ByteSource

__all__ = ["PCAP_MAGICS", "read_pcap"]

_MICRO, _NANO = 10**6, 10**9
PCAP_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", _MICRO),
    b"\xa1\xb2\xc3\xd4": (">", _MICRO),
    b"\x4d\x3c\xb2\xa1": ("<", _NANO),
    b"\xa1\xb2\x3c\x4d": (">", _NANO),
}
"""First four bytes of a file -> byte order (as ``struct`` writes it) and ticks in a second."""

_FILE_HEADER_SIZE = 24


def read_pcap(source: ByteSource) -> Iterator[Chunk]:
    """One chunk a packet.  Raises CaptureError for foreign link types and for a damaged or cut file."""
    header = source.exactly(_FILE_HEADER_SIZE)
    if len(header) < _FILE_HEADER_SIZE:
        raise cut_off(source, 0)
    order, ticks_per_s = PCAP_MAGICS[header[:4]]
    link_type = int(struct.unpack(f"{order}I", header[20:])[0]) & 0xFFFF
    packet_header = struct.Struct(f"{order}4I")
    while source.peek(1):
        start = source.offset
        head = source.exactly(packet_header.size)
        if len(head) < packet_header.size:
            raise cut_off(source, start)
        seconds, ticks, size, _ = packet_header.unpack(head)
        if size > MAX_BLOCK:
            raise damaged(source, start, f"a packet of {size} bytes")
        data = source.exactly(size)
        if len(data) < size:
            raise cut_off(source, start)
        if link_type not in LINKS:
            raise foreign(source, start, link_type)
        at = (seconds * ticks_per_s + ticks) / ticks_per_s
        if data:
            yield Chunk(data=data, stamp=Stamp(at, TimeSource.LOG, is_epoch(at)), link=LINKS[link_type], whole=True)
