"""The two sides of a simulation with their ends and recordings: what comes goes in, what is said goes out."""

from __future__ import annotations

import termios
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from vebus_protocol.schema import Direction, Link
from vebus_tools.capture import open_writer
from vebus_tools.capture.rawfile import RawWriter
from vebus_tools.link import End, PtyEnd
from vebus_tools.records import Record, Stamp, TimeSource
from vebus_tools.simulator import Mk3Adapter, TimedBytes, VirtualBus
from vebus_tools.simulator.adapter import ADAPTER
from vebus_tools.simulator.bus import BYTE_S, HOST, MULTI

__all__ = ["AdapterSide", "BusSide", "Recorder"]

_NEVER = float("inf")
_CLIENT = "client"
_BIG = 1 << 16
_DIRECTIONS = {
    MULTI: Direction.FROM_DEVICE,
    HOST: Direction.TO_DEVICE,
    ADAPTER: Direction.FROM_DEVICE,
    _CLIENT: Direction.TO_DEVICE,
}
_SPEEDS = {termios.B2400: 2400, termios.B115200: 115_200}
_INPUT_SPEED = 4  # place in what tcgetattr returns


class Recorder:
    """Writes timed bytes to a capture, one record each."""

    def __init__(
        self,
        target: str,
        form: str | None,
        link: Link,
        started: float | None,
        directions: Mapping[str, Direction] = _DIRECTIONS,
    ) -> None:
        """``started`` is the wall clock at 0 s, None in virtual time; ``directions`` go by sender.

        Raises CaptureError.
        """
        self._writer = open_writer(target, form)
        self._link = link
        self._started = started
        self._directions = directions
        self._number = self._offset = 0
        self._bare = started is None and isinstance(self._writer, RawWriter)
        self._waiting = bytearray()

    def write(self, sent: TimedBytes) -> None:
        """Append one piece.  Raises CaptureError, BrokenPipeError."""
        if self._bare:  # without times and borders, many pieces may as well be one
            self._waiting += sent.data
            if len(self._waiting) < _BIG:
                return
            sent = TimedBytes(sent.at_s, bytes(self._waiting), sent.sender)
            self._waiting.clear()
        self._append(sent)

    def _append(self, sent: TimedBytes) -> None:
        self._number += 1
        if self._started is None:
            stamp = Stamp(sent.at_s, TimeSource.LOG)
        else:
            stamp = Stamp(self._started + sent.at_s, TimeSource.HOST, epoch=True)
        record = Record(
            number=self._number,
            stamp=stamp,
            link=self._link,
            offset=self._offset,
            wire=sent.data,
            frame=None,
            direction=self._directions.get(sent.sender, Direction.BOTH),
            interface="simulation",
        )
        self._offset += len(sent.data)
        self._writer.write(record)

    def close(self) -> None:
        """Finish the file.  Raises CaptureError."""
        if self._waiting:
            self._append(TimedBytes(0.0, bytes(self._waiting), MULTI))
        self._writer.close()


class BusSide:
    """The RS485 side."""

    def __init__(
        self,
        bus: VirtualBus,
        ends: list[End],
        recorder: Recorder | None,
        *,
        live: bool,
        source: Callable[[float], Iterator[TimedBytes]] | None = None,
    ) -> None:
        """``live``: bytes reach the ends when they would be over on a real line; ``source`` runs the bus."""
        self.ends = ends
        self._bus = bus
        self._source = source or bus.run
        self._recorder = recorder
        self._live = live
        self._late: deque[TimedBytes] = deque()

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self.ends or self._recorder)

    @property
    def next_at(self) -> float:
        """When there is something to do, in s."""
        if not self.wanted:
            return _NEVER
        return min(self._bus.next_at, _over(self._late[0]) if self._late else _NEVER)

    def advance(self, now: float) -> None:
        """Send everything up to ``now``."""
        if not self.wanted:
            return
        recorder = self._recorder
        for sent in self._source(now):
            if recorder is not None:
                recorder.write(sent)
            if self.ends:
                self._late.append(sent)
        while self._late and _over(self._late[0]) <= now:
            sent = self._late.popleft()
            for place, end in enumerate(self.ends):
                if sent.sender != f"{_CLIENT} {place}":  # who sent it hears everybody else
                    end.write(sent.data)

    def heard(self, end: End, data: bytes, now: float) -> None:
        """Put what somebody said on the line."""
        self._bus.inject(data, now, f"{_CLIENT} {self.ends.index(end)}")

    def summary(self) -> Iterator[str]:
        """Counters for people."""
        counters = self._bus.counters
        senders = ", ".join(f"{count} {name}" for name, count in sorted(counters.senders.items()))
        yield (
            f"bus: {self._bus.now_s:.3f} s, {counters.frames} frames ({senders}), {counters.bytes} bytes,"
            f" {counters.damaged} damaged, {counters.collisions} collisions, {counters.noise} bytes of noise,"
            f" {counters.injected} bytes from outside, {self._bus.multi.ignored} frames with a wrong number ignored,"
            f" {counters.late} given up on a busy line"
        )
        yield from _unheard("bus", self.ends)


class AdapterSide:
    """The MK2/MK3 side."""

    def __init__(self, adapter: Mk3Adapter, ends: list[End], recorder: Recorder | None) -> None:
        """All ends share one adapter, as if their cables were soldered together."""
        self.ends = ends
        self._adapter = adapter
        self._recorder = recorder

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self.ends or self._recorder)

    @property
    def next_at(self) -> float:
        """When there is something to do, in s."""
        return self._adapter.next_at if self.wanted else _NEVER

    def advance(self, now: float) -> None:
        """Send everything up to ``now``."""
        if not self.wanted:
            return
        for sent in self._adapter.poll(now):
            if self._recorder is not None:
                self._recorder.write(sent)
            for end in self.ends:
                end.write(sent.data)

    def heard(self, end: End, data: bytes, now: float) -> None:
        """Hand over what the host said, with its baud rate where a pty tells it."""
        if not data:
            return
        if self._recorder is not None:
            self._recorder.write(TimedBytes(now, data, _CLIENT))
        self._adapter.on_bytes(data, now, speed=_speed(end))

    def summary(self) -> Iterator[str]:
        """Counters for people."""
        adapter = self._adapter
        yield (
            f"mk3: {adapter.frames_in} frames of the host, {adapter.frames_out} frames to it,"
            f" {adapter.ignored} damaged ones ignored, now at {adapter.speed} baud"
        )
        yield from _unheard("mk3", self.ends)


def _over(sent: TimedBytes) -> float:
    return sent.at_s + len(sent.data) * BYTE_S


def _speed(end: End) -> int | None:
    """Baud rate that the program at the other side of a pty has set, if it is one of an adapter's."""
    if not isinstance(end, PtyEnd):
        return None
    return _SPEEDS.get(termios.tcgetattr(end.fileno())[_INPUT_SPEED])


def _unheard(what: str, ends: list[End]) -> Iterator[str]:
    for end in ends:
        if end.unheard:
            yield f"{what} {end.name}: {end.unheard} bytes went out with nobody there to take them"
