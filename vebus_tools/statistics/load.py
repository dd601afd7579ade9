"""``vebus,load``: how much of its time the line is busy, in intervals; escapes count, they take time too."""

from __future__ import annotations

from collections.abc import Iterator

from vebus_tools.statistics.io_stat import MAX_INTERVALS, interval_ns_of
from vebus_tools.statistics.seen import Port, Seen, byte_ns
from vebus_tools.statistics.tables import Cell, Column, Table
from vebus_tools.statistics.tap import Detail, Ending, estimated_notes

__all__ = ["BusLoad"]

_SECOND = 1_000_000_000
_COLUMNS = (
    Column(key="start", title="Start", unit="s", decimals=3),
    Column(key="end", title="End", unit="s", decimals=3),
    Column(key="frames", title="Frames"),
    Column(key="bytes", title="Bytes"),
    Column(key="load", title="Load", unit="%", decimals=2),
)


class BusLoad:
    """The tap."""

    look = False

    def __init__(self, interval: str = "1") -> None:
        """``interval`` in seconds.  Raises StatisticsError."""
        self._interval_ns = interval_ns_of(interval, "vebus,load")
        self._ports: dict[Port, dict[int, list[int]]] = {}
        self._later = 0

    def take(self, seen: Seen, detail: Detail | None) -> None:  # noqa: ARG002  (size and time are all that counts)
        """Count one record."""
        counts = self._ports.get(seen.kind.port)
        if counts is None:
            counts = self._ports[seen.kind.port] = {}
        number = max(0, seen.at_ns) // self._interval_ns if self._interval_ns else 0
        cell = counts.get(number)
        if cell is None:
            if number >= MAX_INTERVALS:
                self._later += 1
                return
            cell = counts[number] = [0, 0]
        cell[0] += seen.kind.frame
        cell[1] += seen.size

    def tables(self, ending: Ending) -> tuple[Table, ...]:
        """A table for each line."""
        return tuple(self._table(port, counts, ending) for port, counts in self._ports.items())

    def _table(self, port: Port, counts: dict[int, list[int]], ending: Ending) -> Table:
        rows = tuple(self._rows(counts, byte_ns(port[0]), ending.duration_ns))
        loads = [(row[4], row[0]) for row in rows if isinstance(row[4], float)]
        rate = _SECOND / byte_ns(port[0])
        notes = [f"100 % is {rate:.0f} bytes/s, escapes included."]
        if loads:
            most, at = max(loads, key=lambda found: found[0])
            mean = sum(cell[1] for cell in counts.values()) * byte_ns(port[0]) / max(ending.duration_ns, 1) * 100
            notes.append(f"Mean {mean:.2f} %, highest {most:.2f} % from {at:.3f} s on.")
        notes += [f"{self._later} records behind interval {MAX_INTERVALS} are left out."] * bool(self._later)
        name = f" of {port[1]}" if port[1] else ""
        return Table(title=f"VE.Bus Load{name}", columns=_COLUMNS, rows=rows, notes=(*notes, *estimated_notes(ending)))

    def _rows(self, counts: dict[int, list[int]], one_ns: float, duration_ns: int) -> Iterator[tuple[Cell, ...]]:
        interval_ns = self._interval_ns or max(duration_ns, 1)
        count = min(-(-duration_ns // interval_ns), MAX_INTERVALS) or 1
        for number in range(count):
            start_ns, end_ns = number * interval_ns, min((number + 1) * interval_ns, max(duration_ns, 1))
            cells = [counts.get(number, (0, 0))]
            if number == count - 1:  # the last record may begin where the next interval would
                cells += [cell for late, cell in counts.items() if late > number]
            frames, size = (sum(cell[at] for cell in cells) for at in (0, 1))
            passed_ns: float = end_ns - start_ns
            if number == count - 1:  # it ends where the last record begins
                passed_ns = max(passed_ns, size * one_ns)
            yield start_ns / _SECOND, end_ns / _SECOND, frames, size, size * one_ns / passed_ns * 100
