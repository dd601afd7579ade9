"""``vebus,period``: how often each kind of message comes, and how evenly."""

from __future__ import annotations

from collections.abc import Iterator

from vebus_tools.statistics.numbers import Spread
from vebus_tools.statistics.seen import Kind, Seen
from vebus_tools.statistics.tables import Cell, Column, Table
from vebus_tools.statistics.tap import Detail, Ending, estimated_notes

__all__ = ["Periods"]

_MS = 1_000_000
_SECOND = 1_000_000_000
_COLUMNS = (
    Column(key="message", title="Message"),
    Column(key="sender", title="From"),
    Column(key="count", title="Count"),
    Column(key="rate", title="Rate", unit="1/s", decimals=2),
    Column(key="period_ms", title="Period", unit="ms", decimals=3),
    Column(key="min_ms", title="Min", unit="ms", decimals=3),
    Column(key="max_ms", title="Max", unit="ms", decimals=3),
    Column(key="jitter_ms", title="Jitter", unit="ms", decimals=3),
)


class _Times:
    """When the records of one kind came."""

    __slots__ = ("intervals", "last_ns")

    def __init__(self, at_ns: int) -> None:
        self.last_ns = at_ns
        self.intervals = Spread()


class Periods:
    """The tap."""

    look = False

    def __init__(self) -> None:
        """Start without records."""
        self._kinds: dict[Kind, _Times] = {}

    def take(self, seen: Seen, detail: Detail | None) -> None:  # noqa: ARG002  (the time is all that counts)
        """Count one record."""
        times = self._kinds.get(seen.kind)
        if times is None:
            self._kinds[seen.kind] = _Times(seen.at_ns)
            return
        times.intervals.add(seen.at_ns - times.last_ns)
        times.last_ns = seen.at_ns

    def tables(self, ending: Ending) -> tuple[Table, ...]:
        """One table."""
        notes = (
            "Period: mean time from one frame of a kind to the next; Jitter: standard deviation of that time.",
            *estimated_notes(ending),
        )
        rows = tuple(self._rows(ending.duration_ns))
        return (Table(title="VE.Bus Periods", columns=_COLUMNS, rows=rows, notes=notes),)

    def _rows(self, duration_ns: int) -> Iterator[tuple[Cell, ...]]:
        for kind, times in self._kinds.items():
            count = times.intervals.count + 1
            least, mean, most = times.intervals.summary(_MS)
            deviation = times.intervals.deviation()
            rate = count * _SECOND / duration_ns if duration_ns else None
            jitter = None if deviation is None else deviation / _MS
            yield kind.title, kind.sender, count, rate, mean, least, most, jitter
