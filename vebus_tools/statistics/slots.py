"""``vebus,slots``: where in the cycle behind a sync frame each kind of message stands; cycles that replies take.

Source of the cycle: vebus-rs485.md 5 (20 ms at 50 Hz; nobody has published a unit at 60 Hz).
"""

from __future__ import annotations

from collections.abc import Iterator

from vebus_tools.statistics.answers import Questions
from vebus_tools.statistics.numbers import Spread
from vebus_tools.statistics.seen import Kind, Seen, byte_ns
from vebus_tools.statistics.tables import Cell, Column, Table
from vebus_tools.statistics.tap import Detail, Ending
from vebus_tools.timebase import SYNC_PERIOD_S

__all__ = ["BINS", "Slots"]

BINS = 20
"""Bins of the histogram, 1 ms each; what comes later than a cycle is counted apart."""

_MS = 1_000_000
_CYCLE_NS = round(SYNC_PERIOD_S * 1e9)
_BIN_NS = _CYCLE_NS // BINS
_MOST_CYCLES = 3
_COLUMNS = (
    Column(key="message", title="Message"),
    Column(key="sender", title="From"),
    Column(key="count", title="Count"),
    Column(key="min_ms", title="Min", unit="ms", decimals=3),
    Column(key="avg_ms", title="Avg", unit="ms", decimals=3),
    Column(key="max_ms", title="Max", unit="ms", decimals=3),
    Column(key="late", title="Late"),
    Column(key="overlaps", title="Overlaps"),
    Column(key="histogram", title="0 ms to 20 ms", bars=True),
)
_REPLIES = (
    Column(key="request", title="Replies to"),
    Column(key="sender", title="From"),
    Column(key="count", title="Count"),
    Column(key="same_cycle", title="Same cycle"),
    Column(key="one_later", title="1 later"),
    Column(key="two_later", title="2 later"),
    Column(key="more", title="3 or more"),
)
_NOTES = (
    "Min, Avg, Max, histogram: from the start of the sync frame, where it is less than 20 ms.",
    (
        "Late: 20 ms or more behind the last sync frame. "
        "Overlaps: begins more than a byte before the frame in front of it can have ended."
    ),
)
_ESTIMATED = (
    "The capture has no clock: frames are placed right behind each other, so that only their order is sure, "
    "and overlaps cannot show."
)


class _Slot:
    """Where one kind has been seen."""

    __slots__ = ("bins", "late", "overlaps", "phase")

    def __init__(self) -> None:
        self.phase = Spread()
        self.late = 0
        self.overlaps = 0
        self.bins = [0] * BINS


class Slots:
    """The tap."""

    look = True

    def __init__(self) -> None:
        """Start without records."""
        self._kinds: dict[Kind, _Slot] = {}
        self._replies: dict[Kind, list[int]] = {}
        self._questions = Questions()
        self._early = 0

    def take(self, seen: Seen, detail: Detail | None) -> None:
        """Count one record."""
        if not seen.good:
            return
        if detail is not None:
            self._reply(seen, detail)
        if not seen.cycle:
            self._early += 1
            return
        slot = self._kinds.get(seen.kind)
        if slot is None:
            slot = self._kinds[seen.kind] = _Slot()
        slot.overlaps += seen.silence_ns < -byte_ns(seen.kind.port[0])
        if 0 <= seen.phase_ns < _CYCLE_NS:
            slot.phase.add(seen.phase_ns)
            slot.bins[seen.phase_ns // _BIN_NS] += 1
        else:
            slot.late += 1

    def _reply(self, seen: Seen, detail: Detail) -> None:
        for _ in self._questions.given_up(seen.at_ns):
            pass
        _, answered = self._questions.take(seen, detail)
        if answered is not None and not answered.answered and seen.cycle:
            answered.answered = True
            counts = self._replies.setdefault(answered.kind, [0] * (_MOST_CYCLES + 1))
            counts[min(seen.cycle - answered.cycle, _MOST_CYCLES)] += 1

    def tables(self, ending: Ending) -> tuple[Table, ...]:
        """A table of kinds, and one of replies where there are any."""
        early = f"{self._early} frames in front of the first sync frame are left out."
        notes = (*_NOTES, *[early] * bool(self._early), *[_ESTIMATED] * ending.estimated)
        slots = Table(title="VE.Bus Slots", columns=_COLUMNS, rows=tuple(self._rows()), notes=notes)
        if not self._replies:
            return (slots,)
        return slots, Table(title="VE.Bus Replies by Cycle", columns=_REPLIES, rows=tuple(self._reply_rows()))

    def _reply_rows(self) -> Iterator[tuple[Cell, ...]]:
        for kind, counts in self._replies.items():
            yield kind.title, kind.sender, sum(counts), *counts

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        for kind, slot in self._kinds.items():
            count = slot.phase.count + slot.late
            numbers = slot.phase.summary(_MS)
            yield kind.title, kind.sender, count, *numbers, slot.late, slot.overlaps, tuple(slot.bins)
