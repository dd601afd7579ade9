"""``conv,vebus``: who talks with whom.

A frame on the bus names no receiver, so that it counts as a talk with the bus; requests and the replies that fit them
prove a pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vebus_protocol.schema import Link
from vebus_tools.statistics.answers import Asked, Questions
from vebus_tools.statistics.seen import Port, Seen
from vebus_tools.statistics.tables import Cell, Column, Table
from vebus_tools.statistics.tap import Detail, Ending, estimated_notes

__all__ = ["Conversations"]

_SECOND = 1_000_000_000
_BUS = "Bus"
_COLUMNS = (
    Column(key="a", title="Address A"),
    Column(key="b", title="Address B"),
    Column(key="frames_to_a", title="<- Frames"),
    Column(key="bytes_to_a", title="<- Bytes"),
    Column(key="frames_to_b", title="-> Frames"),
    Column(key="bytes_to_b", title="-> Bytes"),
    Column(key="frames", title="Frames"),
    Column(key="bytes", title="Bytes"),
    Column(key="start_s", title="Start", unit="s", decimals=6),
    Column(key="duration_s", title="Duration", unit="s", decimals=6),
)
_NOTE = (
    "Frames on the bus name no receiver: a pair is proven by requests with fitting replies, all other frames go to the "
    "bus. Damaged frames are left out."
)


@dataclass(slots=True)
class _Talk:
    """Frames and bytes from the first to the second partner, and back."""

    first_ns: int
    last_ns: int
    there: tuple[int, int] = (0, 0)
    back: tuple[int, int] = (0, 0)


_Pair = tuple[Port, str, str]


class Conversations:
    """The tap."""

    look = True

    def __init__(self) -> None:
        """Start without frames."""
        self._talks: dict[_Pair, _Talk] = {}
        self._questions = Questions()

    def take(self, seen: Seen, detail: Detail | None) -> None:
        """Count one record."""
        if detail is None or not seen.good:
            return
        for given_up in self._questions.given_up(seen.at_ns):
            self._unanswered(given_up)
        asked, answered = self._questions.take(seen, detail)
        port, name = seen.kind.port, seen.kind.sender
        if answered is not None:
            self._count(port, name, answered.kind.sender, seen.at_ns, seen.size)
            if not answered.answered:
                answered.answered = True
                self._count(port, answered.kind.sender, name, answered.at_ns, answered.size)
        elif asked is None:
            self._count(port, name, _other(port, name), seen.at_ns, seen.size)

    def _unanswered(self, asked: Asked) -> None:
        if not asked.answered:
            asked.answered = True
            name = asked.kind.sender
            self._count(asked.kind.port, name, _other(asked.kind.port, name), asked.at_ns, asked.size)

    def _count(self, port: Port, source: str, destination: str, at_ns: int, size: int) -> None:
        swapped = (port, destination, source) in self._talks
        pair = (port, destination, source) if swapped else (port, source, destination)
        talk = self._talks.setdefault(pair, _Talk(at_ns, at_ns))
        talk.first_ns, talk.last_ns = min(talk.first_ns, at_ns), max(talk.last_ns, at_ns)
        if swapped:
            talk.back = talk.back[0] + 1, talk.back[1] + size
        else:
            talk.there = talk.there[0] + 1, talk.there[1] + size

    def tables(self, ending: Ending) -> tuple[Table, ...]:
        """One table, the pairs with most frames first."""
        for asked in tuple(self._questions.waiting()):
            self._unanswered(asked)
        notes = (_NOTE, *estimated_notes(ending))
        return (Table(title="VE.Bus Conversations", columns=_COLUMNS, rows=tuple(self._rows()), notes=notes),)

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        talks = sorted(self._talks.items(), key=lambda pair: -(pair[1].there[0] + pair[1].back[0]))
        for (_, source, destination), talk in talks:
            total = talk.there[0] + talk.back[0], talk.there[1] + talk.back[1]
            start, duration = talk.first_ns / _SECOND, (talk.last_ns - talk.first_ns) / _SECOND
            yield source, destination, *talk.back, *talk.there, *total, start, duration


def _other(port: Port, name: str) -> str:
    if port[0] is Link.RS485:
        return _BUS
    return {"Host": "MK3", "MK3": "Host"}.get(name, "?")
