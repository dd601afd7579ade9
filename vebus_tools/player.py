"""Replay: records get new times, and go out at these times to ends that others have opened.

Never to a serial port: an end is a pty, a TCP server, or a recording.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from vebus_tools.link import End, wait_for
from vebus_tools.records import Record, Stamp, TimeSource

__all__ = ["Pace", "Player", "Scheduled", "schedule"]

PATIENCE_S = 5.0
"""How long in seconds a reader may block the replay before bytes are dropped."""

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast: ``gap_s`` from the start of one record to the next in place of the times of the capture.

    ``skip_s`` leaves out longer silences; ``at_once`` waits for nothing.  ``byte_s`` is the time of a byte on the line:
    a record is never sooner than the end of the one before.
    """

    byte_s: float
    gap_s: float | None = None
    skip_s: float | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A record to send; ``at_s`` is when its first byte is on the line, in seconds since the start of the replay."""

    at_s: float
    record: Record


def schedule(rounds: Iterable[Iterable[Record]], pace: Pace) -> Iterator[Scheduled]:
    """Times for all records of all rounds; a round begins when the one before has ended."""
    at = free = 0.0
    for records in rounds:
        before: float | None = None
        for record in records:
            if before is not None:
                at += _step(record.stamp.at - before, pace)
            at = free if pace.at_once or before is None else max(at, free)
            before = record.stamp.at
            free = at + len(record.wire) * pace.byte_s
            yield Scheduled(at, record)


def _step(silence_s: float, pace: Pace) -> float:
    if pace.gap_s is not None:
        return pace.gap_s
    if silence_s < 0 or (pace.skip_s is not None and silence_s > pace.skip_s):
        return 0.0
    return silence_s


def restamped(scheduled: Scheduled, number: int, start: Stamp, pace: Pace) -> Record:
    """The record as a recording of the replay has it; ``start`` is the time of its beginning."""
    made = pace.gap_s is not None or pace.at_once
    source = TimeSource.BYTES if made else scheduled.record.stamp.source
    stamp = Stamp(start.at + scheduled.at_s, source, start.epoch and not made)
    return replace(scheduled.record, number=number, stamp=stamp)


class Player:
    """Sends scheduled records to ends, each when its last byte would be there on a real line."""

    def __init__(self, ends: Sequence[End], pace: Pace, stopped: Callable[[], bool]) -> None:
        """Without ends nothing is waited for; ``stopped`` is asked all the time whether to end."""
        self._ends = ends
        self._pace = pace
        self._stopped = stopped
        self._start = 0.0

    def wait_for_listener(self) -> None:
        """Wait until somebody has opened an end."""
        while self._ends and not self._stopped() and not any(end.present() for end in self._ends):
            self._serve(_LOOK_S)
        self._start = time.monotonic()

    def send(self, scheduled: Scheduled) -> bool:
        """Wait until it is time, and send; False when it was stopped before."""
        data = scheduled.record.wire
        due = self._start + scheduled.at_s + len(data) * self._pace.byte_s
        while self._ends and not self._pace.at_once and (left := due - time.monotonic()) > 0 and not self._stopped():
            self._serve(min(left, _LOOK_S))
        if self._stopped():
            return False
        for end in self._ends:
            end.write(data, PATIENCE_S)
        return True

    def drain(self) -> None:
        """Wait until the listeners have taken everything."""
        for end in self._ends:
            end.drain(PATIENCE_S)

    def _serve(self, wait_s: float) -> None:
        """Wait, and throw away what listeners say: a recording does not answer."""
        until = time.monotonic() + wait_s
        while (left := until - time.monotonic()) > 0:
            for end in wait_for(self._ends, left):
                end.read()
            if self._stopped():
                return
