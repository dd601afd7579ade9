"""What pcap and pcapng have in common: link types, times and the errors of a damaged file.

Sources: the IETF drafts draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng; the numbers for users' own protocols in
the list of link types at tcpdump.org.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vebus_protocol.schema import Link
from vebus_tools.records import CaptureError

if TYPE_CHECKING:
    from vebus_tools.capture.stream import ByteSource

__all__ = ["LINKS", "LINK_TYPES", "MAX_BLOCK", "cut_off", "damaged", "foreign"]

LINK_TYPES = {Link.RS485: 147, Link.MK3: 148}
"""USER0 for the bus, USER1 for the adapter link."""
LINKS = {number: link for link, number in LINK_TYPES.items()}
MAX_BLOCK = 1 << 24
"""Largest block or packet in bytes that is believed; keeps memory bounded when a length field is damaged."""


def cut_off(source: ByteSource, start: int) -> CaptureError:
    """The file ends within a block that begins at ``start``."""
    text = f"cut off at byte {source.offset}, within a block that begins at byte {start}; all before it was read"
    return CaptureError(f"{source.name}: {text}")


def damaged(source: ByteSource, start: int, what: str) -> CaptureError:
    """The block that begins at ``start`` cannot be what it says."""
    return CaptureError(f"{source.name}: damaged at byte {start}: {what}; all before it was read")


def foreign(source: ByteSource, start: int, number: int) -> CaptureError:
    """A packet of a link that carries no VE.Bus."""
    wanted = "147 (USER0, VE.Bus on RS485) and 148 (USER1, MK2/MK3) are read"
    return CaptureError(
        f"{source.name}: packet at byte {start} has link type {number}; {wanted} (editcap -T, text2pcap -l)"
    )
