"""Classic pcap files: one link type for all packets, and neither directions nor comments.

Source: draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from vebus_protocol.schema import Link
from vebus_tools.capture.candump import is_epoch
from vebus_tools.capture.linktypes import LINK_TYPES, LINKS, MAX_BLOCK, cut_off, damaged, foreign
from vebus_tools.capture.output import CaptureWriter, Output
from vebus_tools.capture.pcapng import ticks_of
from vebus_tools.records import CaptureError, Chunk, Stamp, TimeSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vebus_tools.capture.stream import ByteSource
    from vebus_tools.records import Record

__all__ = ["PCAP_MAGICS", "PcapWriter", "read_pcap"]

_MICRO, _NANO = 10**6, 10**9
PCAP_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", _MICRO),
    b"\xa1\xb2\xc3\xd4": (">", _MICRO),
    b"\x4d\x3c\xb2\xa1": ("<", _NANO),
    b"\xa1\xb2\x3c\x4d": (">", _NANO),
}
"""First four bytes of a file -> byte order (as ``struct`` writes it) and ticks in a second."""

_NANO_MAGIC = b"\x4d\x3c\xb2\xa1"
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


class PcapWriter(CaptureWriter):
    """Writes one packet a record, times with 9 decimals; the file has one link type, that of the first record.

    The format has no times before 0: they become 0.
    """

    def __init__(self, output: Output) -> None:
        """Write to ``output``; the head of the file comes with the first record."""
        super().__init__(output)
        self._link: Link | None = None

    def write(self, record: Record) -> None:
        """Append one packet.  Raises as CaptureWriter.write, and CaptureError for a record of another link."""
        if self._link is None:
            self._begin(record.link)
        elif record.link is not self._link:
            text = "a pcap file holds one link, and this capture has bus and adapter; write pcapng"
            raise CaptureError(f"{self._output.name}: {text}")
        seconds, ticks = divmod(ticks_of(record.stamp.at), _NANO)
        size = len(record.wire)
        self._output.write(struct.pack("<4I", seconds & 0xFFFF_FFFF, ticks, size, size) + record.wire)

    def close(self) -> None:
        """Write what is left and close the file, which is a valid one also without packets.  Raises as ``write``."""
        if self._link is None:
            self._begin(Link.RS485)
        super().close()

    def _begin(self, link: Link) -> None:
        self._link = link
        self._output.write(_NANO_MAGIC + struct.pack("<HHiIII", 2, 4, 0, 0, MAX_BLOCK, LINK_TYPES[link]))
