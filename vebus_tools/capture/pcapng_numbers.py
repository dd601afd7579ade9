"""Numbers of the pcapng format.  Source: draft-ietf-opsawg-pcapng, sections 3 and 4."""

import enum

from vebus_protocol.schema import Direction

__all__ = [
    "BYTE_ORDER_MAGIC",
    "DIRECTIONS",
    "ESTIMATED",
    "MIN_BLOCK",
    "PCAPNG_MAGIC",
    "SKIPPED",
    "Block",
    "InterfaceOption",
    "Option",
    "PacketOption",
    "SectionOption",
    "StatisticsOption",
]

PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
BYTE_ORDER_MAGIC = 0x1A2B3C4D
MIN_BLOCK = 12
"""Bytes of the smallest block: type, length, length again."""

ESTIMATED = "Times are estimated, not measured."
"""Our comment of a section whose time stamps were reconstructed."""

SKIPPED = "skipped: "
"""Beginning of our comment of bytes that are no frame; the reason follows."""

DIRECTIONS = {1: Direction.FROM_DEVICE, 2: Direction.TO_DEVICE}
"""Low bits of the packet flags: inbound, outbound."""


class Block(enum.IntEnum):
    """Types of blocks."""

    INTERFACE = 1
    OLD_PACKET = 2
    SIMPLE_PACKET = 3
    STATISTICS = 5
    PACKET = 6
    SECTION = 0x0A0D0D0A


class Option(enum.IntEnum):
    """Options of every block."""

    END = 0
    COMMENT = 1


class SectionOption(enum.IntEnum):
    """Options of a section."""

    APPLICATION = 4


class InterfaceOption(enum.IntEnum):
    """Options of an interface."""

    NAME = 2
    DESCRIPTION = 3
    SPEED = 8
    RESOLUTION = 9
    FILTER = 11
    TIME_OFFSET = 14
    HARDWARE = 15


class PacketOption(enum.IntEnum):
    """Options of a packet."""

    FLAGS = 2


class StatisticsOption(enum.IntEnum):
    """Options of statistics."""

    STARTED = 2
    ENDED = 3
    RECEIVED = 4
    DROPPED = 5
    ACCEPTED = 6
