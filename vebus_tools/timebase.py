"""Time stamps for streams: estimated from byte positions, or back-dated from the arrival of a chunk.

A raw file has no times.  Its time base is reconstructed: every byte takes its time on the line, sync frames are at
least one sync period apart, and the 0.4 us counter of E4 frames bridges longer silence.  All of it is marked as
estimated.
Sources: vebus-rs485.md sections 5 and 6.9, mk3.md section 1.
"""

from __future__ import annotations

import itertools
from collections import deque

from vebus_protocol.registry import Placed
from vebus_protocol.schema import Link
from vebus_protocol.status import AcPhase
from vebus_protocol.sync import SyncFrame
from vebus_tools.records import Chunk, Stamp, TimeSource

__all__ = ["BYTE_TIME_S", "SYNC_PERIOD_S", "Arrivals", "Timebase"]

BYTE_TIME_S = {Link.RS485: 10 / 256_000, Link.MK3: 10 / 2_400}
SYNC_PERIOD_S = 0.020  # at 50 Hz; nobody has published a 60 Hz unit
COUNTER_TICK_S = 0.4e-6
COUNTER_MODULUS = 1 << 24
LOST_SYNCS_S = 0.25  # with syncs in between, the counter may only add this much: longer steps are a restarted counter


class Arrivals:
    """When the bytes of one stream were received, as far as its chunks say so; forgets what lies behind."""

    def __init__(self) -> None:
        """Start at offset 0."""
        self._end = 0
        self._known: deque[tuple[int, Stamp]] = deque()

    def note(self, chunk: Chunk) -> None:
        """Take the next chunk of the stream."""
        self._end += len(chunk.data)
        if chunk.stamp is None or chunk.whole:
            self._known.clear()
        if chunk.stamp is not None:
            self._known.append((self._end, chunk.stamp))

    def earliest(self, offset: int, byte_s: float, *, whole: bool) -> tuple[float, Stamp] | None:
        """The earliest that the arrivals allow, and the arrival that it rests on.

        A byte was on the line before all that came with it or later.
        """
        while len(self._known) > 1 and self._known[0][0] <= offset:
            self._known.popleft()
        if not self._known:
            return None
        end, stamp = self._known[0]
        at = stamp.at if whole else stamp.at - (end - offset) * byte_s
        for end, later in itertools.islice(self._known, 1, None):
            if later.at - (end - offset) * byte_s < at:
                at, stamp = later.at - (end - offset) * byte_s, later
        return at, stamp


class Timebase:
    """Gives each piece of a stream its time; never goes backwards, except where a log does."""

    def __init__(self, link: Link, baud: int | None = None) -> None:
        """Start at 0 s, or at the stamp of the first chunk that has one; ``baud`` in bit/s, else the usual rate."""
        self._byte_s = 10 / baud if baud else BYTE_TIME_S[link]
        self._next = 0.0
        self._started = False
        self._sync: float | None = None
        self._counter: tuple[int, float, float | None] | None = None

    def stamp(
        self, offset: int, size: int, chain: tuple[Placed, ...], arrivals: Arrivals, *, whole: bool = False
    ) -> Stamp:
        """Time of the first byte of a piece at ``offset`` with ``size`` bytes; ``chain`` only of undamaged frames."""
        measured = arrivals.earliest(offset, self._byte_s, whole=whole)
        if measured is not None:
            at, arrival = measured
            self._next = at if whole or not self._started else max(at, self._next)
            self._started = True
            return Stamp(self._next, arrival.source, arrival.epoch, arrival.error_s)
        stamp = self._estimated(chain)
        self._next = stamp.at + size * self._byte_s
        return stamp

    def _estimated(self, chain: tuple[Placed, ...]) -> Stamp:
        source = TimeSource.BYTES if self._started else TimeSource.START
        self._started = True
        first = chain[0].message if chain else None
        if isinstance(first, SyncFrame):
            return self._at_sync(source)
        if isinstance(first, AcPhase):
            return self._at_counter(first.counter, source)
        return Stamp(self._next, source)

    def _at_sync(self, source: TimeSource) -> Stamp:
        if self._sync is not None and self._sync + SYNC_PERIOD_S > self._next:
            self._next, source = self._sync + SYNC_PERIOD_S, TimeSource.SYNC
        self._sync = self._next
        return Stamp(self._next, source)

    def _at_counter(self, counter: int, source: TimeSource) -> Stamp:
        if self._counter is not None:
            before, at, sync = self._counter
            then = at + (counter - before) % COUNTER_MODULUS * COUNTER_TICK_S
            believable = sync == self._sync or then - self._next < LOST_SYNCS_S
            if then > self._next and believable:
                self._next, source = then, TimeSource.COUNTER
        self._counter = (counter, self._next, self._sync)
        return Stamp(self._next, source)
