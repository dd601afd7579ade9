"""Adapter frames that carry winmon bodies, and those that nobody has described.

Sources: mk3.md 4, 7.1, 22 (velib, vendor document, victron-mk3, a three-phase fork of multiplus2).
"""

from __future__ import annotations

from vebus_protocol.adapter.facts import OPEN, REQUEST, any_letter, marker_byte
from vebus_protocol.schema import CONFIRMED, DOCUMENTED, INFERRED, UNKNOWN, Message, Space, message

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "WinmonCommand",
    "WinmonAddressed",
    "UndescribedCommand",
    "UnknownAdapterCommand",
]


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: (0x57, 0x58, 0x59, 0x5A)},
    title="Winmon",
    abbrev="mk3.winmon",
    carries=Space.WINMON,
    summary=("cmd",),
    evidence=DOCUMENTED,
    source="mk3.md 7.1 (velib, vendor document, victron-mk3)",
    **OPEN,
)
class WinmonCommand(Message):
    """Carrier of a winmon request or reply for the selected address; a reply has the letter of its request."""

    marker: int = marker_byte()
    cmd: int = any_letter(
        meaning="W is the old form with two data bytes; X, Y and Z differ only so that a late reply is told apart",
        evidence=DOCUMENTED,
        source="mk3.md 7.1 (velib, vendor document)",
    )


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: (0x78, 0x79, 0x7A)},
    title="Winmon, addressed",
    abbrev="mk3.winmon",
    carries=Space.WINMON,
    summary=("cmd",),
    evidence=INFERRED,
    source="mk3.md 7.1 (three-phase fork of multiplus2)",
    **REQUEST,
)
class WinmonAddressed(Message):
    """Carrier of a winmon request for one address; the reply has the upper-case letter.

    The device address is the last data byte, so it is counted to the request's body: behind its fields, or as the last
    id of a list.
    """

    marker: int = marker_byte()
    cmd: int = any_letter(
        meaning="the last byte of the body is the device address, the reply has the upper-case letter",
        evidence=INFERRED,
        source="mk3.md 7.1 (three-phase fork of multiplus2)",
    )


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: (0x43, 0x54)},
    title="Undescribed adapter command",
    abbrev="mk3.undescribed",
    summary=("cmd",),
    evidence=UNKNOWN,
    source="mk3.md 4, 22",
    **OPEN,
)
class UndescribedCommand(Message):
    """C and T: named, but described by no source."""

    marker: int = marker_byte()
    cmd: int = any_letter(evidence=UNKNOWN, source="mk3.md 4, 22")


@message(
    Space.ADAPTER,
    {0: 0xFF},
    title="Undescribed adapter command",
    abbrev="mk3.unknown",
    summary=("cmd",),
    evidence=UNKNOWN,
    source="mk3.md 4",
    **OPEN,
)
class UnknownAdapterCommand(Message):
    """A letter that nobody has described, or a described one with an unexpected length."""

    marker: int = marker_byte()
    cmd: int = any_letter(evidence=CONFIRMED, source="mk3.md 4")
