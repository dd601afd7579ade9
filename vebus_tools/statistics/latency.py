"""``vebus,latency``: how long replies take, for each kind of request, and which requests got none."""

from __future__ import annotations

from collections.abc import Iterator

from vebus_tools.session import REPLY_WINDOW_S
from vebus_tools.statistics.answers import Questions
from vebus_tools.statistics.numbers import Spread
from vebus_tools.statistics.seen import Kind, Seen
from vebus_tools.statistics.tables import Cell, Column, Table
from vebus_tools.statistics.tap import Detail, Ending, estimated_notes

__all__ = ["ReplyLatency"]

_MS = 1_000_000
_COLUMNS = (
    Column(key="request", title="Request"),
    Column(key="sender", title="From"),
    Column(key="requests", title="Count"),
    Column(key="answered", title="Answered"),
    Column(key="unanswered", title="No reply"),
    Column(key="open", title="Open"),
    Column(key="min_ms", title="Min", unit="ms", decimals=3),
    Column(key="avg_ms", title="Avg", unit="ms", decimals=3),
    Column(key="max_ms", title="Max", unit="ms", decimals=3),
    Column(key="jitter_ms", title="Jitter", unit="ms", decimals=3),
)


class _Requests:
    """Counts of one kind of request."""

    def __init__(self) -> None:
        self.count = 0
        self.unanswered = 0
        self.open = 0
        self.latency = Spread()


class ReplyLatency:
    """The tap."""

    look = True

    def __init__(self) -> None:
        """Start without requests."""
        self._questions = Questions()
        self._kinds: dict[Kind, _Requests] = {}

    def take(self, seen: Seen, detail: Detail | None) -> None:
        """Count one record."""
        if detail is None:
            return
        for given_up in self._questions.given_up(seen.at_ns):
            self._kinds[given_up.kind].unanswered += given_up.needed and not given_up.answered
        asked, answered = self._questions.take(seen, detail)
        if asked is not None:
            self._kinds.setdefault(asked.kind, _Requests()).count += 1
        elif answered is not None and not answered.answered:
            answered.answered = True
            self._kinds[answered.kind].latency.add(seen.at_ns - answered.at_ns)

    def tables(self, ending: Ending) -> tuple[Table, ...]:
        """One table."""
        notes = (
            f"A reply counts within {REPLY_WINDOW_S:.0f} s; Open: the capture ends earlier.",
            *estimated_notes(ending),
        )
        return (Table(title="VE.Bus Reply Latency", columns=_COLUMNS, rows=tuple(self._rows()), notes=notes),)

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        waiting: dict[Kind, int] = {}
        for asked in self._questions.waiting():
            if asked.needed:
                waiting[asked.kind] = waiting.get(asked.kind, 0) + 1
        for kind, found in self._kinds.items():
            deviation = found.latency.deviation()
            yield (
                kind.title,
                kind.sender,
                found.count,
                found.latency.count,
                found.unanswered,
                waiting.get(kind, 0),
                *found.latency.summary(_MS),
                None if deviation is None else deviation / _MS,
            )
