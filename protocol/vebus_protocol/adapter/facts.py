"""Facts that all adapter frames share: FF and the letter in front, the link, directions, fill bytes.

Sources: mk3.md 2.1, 2.4, 4 (velib, vendor document "MK2 Protocol" 3.14 as quoted by public projects).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from vebus_protocol.schema import DOCUMENTED, U8, Direction, Link, WireEnum, const, field

__all__ = ["FILL", "OPEN", "REPLY", "REQUEST", "AdapterCommand", "any_letter", "letter", "marker_byte"]


class AdapterCommand(WireEnum):
    """Letter of an adapter frame (mk3.md 4); no public source describes C and T."""

    A = (0x41, "A")
    C = (0x43, "C")
    D = (0x44, "D")
    F = (0x46, "F")
    H = (0x48, "H")
    L = (0x4C, "L")
    N = (0x4E, "N")
    R = (0x52, "R")
    S = (0x53, "S")
    T = (0x54, "T")
    V = (0x56, "V")
    W = (0x57, "W")
    X = (0x58, "X")
    Y = (0x59, "Y")
    Z = (0x5A, "Z")
    X_ADDRESSED = (0x78, "x")
    Y_ADDRESSED = (0x79, "y")
    Z_ADDRESSED = (0x7A, "z")


FILL: dict[str, Any] = {"rest_label": "Fill byte", "rest_known": True}
REQUEST: dict[str, Any] = {"links": (Link.MK3,), "direction": Direction.TO_DEVICE}
REPLY: dict[str, Any] = {"links": (Link.MK3,), "direction": Direction.FROM_DEVICE}
OPEN: dict[str, Any] = {"links": (Link.MK3,), "direction": Direction.BOTH}

marker_byte = partial(
    const, 0xFF, "Adapter frame", abbrev="mk3.marker", evidence=DOCUMENTED, source="mk3.md 2.1 (vendor document)"
)
letter = partial(const, label="Command", abbrev="mk3.cmd", enum=AdapterCommand, evidence=DOCUMENTED)
any_letter = partial(field, U8, "Command", abbrev="mk3.cmd", display="hex", enum=AdapterCommand)
