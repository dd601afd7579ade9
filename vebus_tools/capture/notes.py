"""What a capture says beside its packets, as far as a format has a place for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vebus_protocol.schema import Link

__all__ = ["NO_NOTES", "CaptureNotes", "InterfaceNotes", "Statistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceNotes:
    """What a file says of its interfaces; ``rate`` is in bit/s (0: unknown), ``filter`` that of the capture."""

    description: str = ""
    hardware: str = ""
    filter: str = ""
    rate: int = 0


NO_NOTES = InterfaceNotes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Counts of an interface since its capture began; times in seconds since 1970, ``comment`` for people."""

    started: float
    ended: float
    received: int
    dropped: int
    accepted: int
    comment: str = ""


@dataclass(slots=True)
class CaptureNotes:
    """The notes of a capture, filled while it is read; those of an interface are there before its first packet.

    ``comments`` are those of its sections, ``others`` counts blocks that only Wireshark knows what to do with, such as
    statistics and names.
    """

    comments: list[str] = field(default_factory=list)
    interfaces: dict[tuple[Link, str], InterfaceNotes] = field(default_factory=dict)
    others: int = 0

    def add_comments(self, texts: Iterable[str]) -> None:
        """Add comments of a section; a file of many sections repeats them."""
        self.comments += [text for text in texts if text and text not in self.comments]
