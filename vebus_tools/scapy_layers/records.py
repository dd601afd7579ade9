"""A Scapy packet as the rest of the toolkit sees it: the records of its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vebus_protocol.schema import Direction, Link
from vebus_tools.decoder import Decoder
from vebus_tools.records import Chunk, Record, Stamp, TimeSource

if TYPE_CHECKING:
    from scapy.packet import Packet

__all__ = ["record_of", "records_of"]

_DIRECTIONS = {1: Direction.FROM_DEVICE, 2: Direction.TO_DEVICE}  # of a packet in a pcapng file: inbound, outbound


def records_of(packet: Packet, link: Link) -> list[Record]:
    """One record for each frame, or run of bytes that belong to none, in a packet."""
    chunk = Chunk(
        data=bytes(packet),
        stamp=Stamp(float(packet.time), TimeSource.LOG, epoch=True),
        direction=_DIRECTIONS.get(packet.direction or 0),
        link=link,
        whole=True,
        interface=packet.sniffed_on if isinstance(packet.sniffed_on, str) else "",
    )
    return list(Decoder(link).feed(chunk))


def record_of(packet: Packet, link: Link) -> Record | None:
    """The record of a packet that is exactly one frame, else None."""
    found = records_of(packet, link)
    return found[0] if len(found) == 1 and found[0].frame is not None else None
