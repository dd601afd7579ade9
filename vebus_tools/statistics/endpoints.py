"""``endpoints,vebus``: who sends how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vebus_tools.statistics.seen import NO_SENDER, Port, Seen
from vebus_tools.statistics.tables import Cell, Column, Table
from vebus_tools.statistics.tap import Detail, Ending, estimated_notes

__all__ = ["Endpoints"]

_SECOND = 1_000_000_000
_COLUMNS = (
    Column(key="address", title="Address"),
    Column(key="id", title="Id"),
    Column(key="frames", title="Tx Frames"),
    Column(key="bytes", title="Tx Bytes"),
    Column(key="share", title="Share of bytes", unit="%", decimals=2),
    Column(key="first_s", title="First", unit="s", decimals=6),
    Column(key="last_s", title="Last", unit="s", decimals=6),
)
_NOTE = "Only senders: frames on the bus name no receiver. Damaged frames and bytes of no frame are left out."


@dataclass(slots=True)
class _Sent:
    first_ns: int
    last_ns: int = 0
    frames: int = 0
    bytes: int = 0


class Endpoints:
    """The tap."""

    look = False

    def __init__(self) -> None:
        """Start without senders."""
        self._found: dict[tuple[Port, str, int], _Sent] = {}

    def take(self, seen: Seen, detail: Detail | None) -> None:  # noqa: ARG002  (what was seen is enough)
        """Count one record."""
        if not seen.good:
            return
        who = seen.kind.port, seen.kind.sender, seen.sender
        sent = self._found.get(who)
        if sent is None:
            sent = self._found[who] = _Sent(seen.at_ns)
        sent.last_ns = seen.at_ns
        sent.frames += 1
        sent.bytes += seen.size

    def tables(self, ending: Ending) -> tuple[Table, ...]:
        """One table."""
        notes = (_NOTE, *estimated_notes(ending))
        return (Table(title="VE.Bus Endpoints", columns=_COLUMNS, rows=tuple(self._rows()), notes=notes),)

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        total = sum(sent.bytes for sent in self._found.values())
        for (_, name, sender), sent in self._found.items():
            ident = "" if sender == NO_SENDER else f"0x{sender:04x}"
            share = sent.bytes / total * 100 if total else None
            times = sent.first_ns / _SECOND, sent.last_ns / _SECOND
            yield name, ident, sent.frames, sent.bytes, share, *times
