"""Estimated times of a whole batch, the same to the last bit as those of `Timebase` for a stream without stamps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vebus_protocol.schema import Link
from vebus_protocol.status import AcPhase
from vebus_protocol.sync import SyncFrame
from vebus_tools.bulk.framing import Ints
from vebus_tools.bulk.stream import Batch, Group
from vebus_tools.decoder import decode_frame_chain, findings_of
from vebus_tools.framing import Piece
from vebus_tools.generated import plan_of
from vebus_tools.records import Severity, TimeSource
from vebus_tools.timebase import BYTE_TIME_S, COUNTER_MODULUS, COUNTER_TICK_S, LOST_SYNCS_S, SYNC_PERIOD_S

__all__ = ["SOURCES", "Clock", "Floats"]

Floats = npt.NDArray[np.float64]

SOURCES = (
    TimeSource.START,
    TimeSource.BYTES,
    TimeSource.SYNC,
    TimeSource.COUNTER,
    TimeSource.LOG,
    TimeSource.HOST,
)
"""What the numbers of the second array of `Clock.stamps` mean; the last two are those of packets with stamps."""

_PLAIN, _SYNC, _COUNTER = 0, 1, 2
_BYTES_SOURCE, _SYNC_SOURCE, _COUNTER_SOURCE = 1, 2, 3
_HEADER = 4


class Clock:
    """Gives the records of one RS485 stream their times, batch after batch."""

    def __init__(self, baud: int | None = None) -> None:
        """Start at 0 s; ``baud`` in bit/s, else the usual rate."""
        self._byte_s = 10 / baud if baud else BYTE_TIME_S[Link.RS485]
        self._next = 0.0
        self._started = False
        self._sync: float | None = None
        self._counter: tuple[int, float, float | None] | None = None

    def stamps(self, batch: Batch, groups: list[Group]) -> tuple[Floats, npt.NDArray[np.uint8]]:
        """Seconds since the start of the stream, and the index in SOURCES of what each time rests on."""
        kinds, counters = _kinds(batch, groups)
        costs = batch.size * self._byte_s
        at, sources = self._walk(costs.tolist(), kinds.tolist(), counters.tolist())
        if len(sources) and not self._started:
            sources[0] -= sources[0] == _BYTES_SOURCE
            self._started = True
        return np.array(at, dtype=np.float64), np.array(sources, dtype=np.uint8)

    def _walk(self, costs: list[float], kinds: list[int], counters: list[int]) -> tuple[list[float], list[int]]:
        found: list[float] = []
        sources: list[int] = []
        now, sync, counter = self._next, self._sync, self._counter
        for cost, kind, value in zip(costs, kinds, counters, strict=True):
            source = _BYTES_SOURCE
            if kind == _SYNC:
                if sync is not None and sync + SYNC_PERIOD_S > now:
                    now, source = sync + SYNC_PERIOD_S, _SYNC_SOURCE
                sync = now
            elif kind == _COUNTER:
                if counter is not None:
                    before, at, then_sync = counter
                    then = at + (value - before) % COUNTER_MODULUS * COUNTER_TICK_S
                    if then > now and (then_sync == sync or then - now < LOST_SYNCS_S):
                        now, source = then, _COUNTER_SOURCE
                counter = (value, now, sync)
            found.append(now)
            sources.append(source)
            now += cost
        self._next, self._sync, self._counter = now, sync, counter
        return found, sources


def _kinds(batch: Batch, groups: list[Group]) -> tuple[npt.NDArray[np.uint8], Ints]:
    """Which records move the clock, and the counters of those that carry one."""
    kinds = np.zeros(len(batch), dtype=np.uint8)
    counters = np.zeros(len(batch), dtype=np.int64)
    for group in groups:
        first = group.parts.plans[0][0].declared if group.parts and group.parts.plans else None
        if first is SyncFrame:
            kinds[group.rows] = _SYNC
        elif first is AcPhase:
            kinds[group.rows] = _COUNTER
            counters[group.rows] = _counter_of(group)
    for row, piece in batch.others.items():
        kinds[row], counters[row] = _kind_of(piece)
    return kinds, counters


def _counter_of(group: Group) -> Ints:
    slot = plan_of(AcPhase, len(group.planes) - _HEADER - 2).raw_specs["counter"]
    value = np.zeros(len(group.rows), dtype=np.int64)
    for at in range(slot.size):
        value |= group.planes[_HEADER + slot.offset + at].astype(np.int64) << 8 * at
    return value


def _kind_of(piece: Piece) -> tuple[int, int]:
    chain = decode_frame_chain(piece.frame)
    if not chain or any(found.severity is Severity.ERROR for found in findings_of(piece, chain)):
        return _PLAIN, 0
    first = chain[0].message
    if isinstance(first, AcPhase):
        return _COUNTER, first.counter
    return (_SYNC if isinstance(first, SyncFrame) else _PLAIN), 0
