"""The simulated bus, or the simulated adapter, as a line in memory: a thread runs it in real time.

This is the one line on which a Scapy socket finds its turn by itself: the simulation puts a frame into a gap, with the
number that follows the last one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from vebus_protocol.schema import Link
from vebus_tools.link import LinkError, memory_pair, wait_for
from vebus_tools.simulator import DEFAULT_SCENARIO, Installation, Mk3Adapter, VirtualBus, load_scenario
from vebus_tools.simulator.bus import BYTE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vebus_tools.simulator import TimedBytes

__all__ = ["SIMULATED", "Outgoing", "SimulatedLine"]

SIMULATED = "sim:"
"""Prefix of a port that is the built-in simulation; the name of a scenario may follow."""

_CLIENT = "scapy"
_LONGEST_WAIT_S = 0.005
_GAP_S = 0.0001
_NUMBERS = 0x80


class Outgoing(Protocol):
    """A frame that waits for its turn."""

    def data(self, number: int) -> bytes:
        """Its bytes when this frame number is next."""

    def sent(self, number: int) -> None:
        """It went out with this number."""


class _Side(Protocol):
    """What the thread runs: bytes that are over on the line come out, frames go in."""

    @property
    def next_at(self) -> float: ...

    def run(self, now: float) -> Iterator[bytes]: ...

    def put(self, frame: Outgoing, now: float) -> bool: ...


class _BusSide:
    def __init__(self, bus: VirtualBus) -> None:
        self._bus = bus
        self._late: deque[TimedBytes] = deque()
        self._free_at = 0.0

    @property
    def next_at(self) -> float:
        return min(self._bus.next_at, _over(self._late[0]) if self._late else self._bus.next_at)

    def run(self, now: float) -> Iterator[bytes]:
        for sent in self._bus.run(now):
            self._free_at = _over(sent)
            self._late.append(sent)
        while self._late and _over(self._late[0]) <= now:
            sent = self._late.popleft()
            if sent.sender != _CLIENT:
                yield sent.data

    def put(self, frame: Outgoing, now: float) -> bool:
        """Put a frame on the line, unless somebody is speaking or is about to."""
        number = (self._bus.number + 1) % _NUMBERS
        data = frame.data(number)
        if now < self._free_at + _GAP_S or self._bus.next_at < now + len(data) * BYTE_S + _GAP_S:
            return False
        self._bus.inject(data, now, _CLIENT)
        frame.sent(number)
        return True


class _AdapterSide:
    def __init__(self, adapter: Mk3Adapter) -> None:
        self._adapter = adapter

    @property
    def next_at(self) -> float:
        return self._adapter.next_at

    def run(self, now: float) -> Iterator[bytes]:
        for sent in self._adapter.poll(now):
            yield sent.data

    def put(self, frame: Outgoing, now: float) -> bool:
        frame.sent(0)
        self._adapter.on_bytes(frame.data(0), now)
        return True


def _over(sent: TimedBytes) -> float:
    return sent.at_s + len(sent.data) * BYTE_S


class SimulatedLine:
    """A simulation in this process; nothing that is sent to it can leave the process."""

    def __init__(self, scenario: str = "", link: Link = Link.RS485, seed: int = 0) -> None:
        """Start the thread.  Raises ScenarioError for a scenario that is not there."""
        installation = Installation(load_scenario(scenario or DEFAULT_SCENARIO), seed)
        self._side: _Side
        if link is Link.RS485:
            self._side = _BusSide(VirtualBus(installation.scenario, seed, installation))
        else:
            self._side = _AdapterSide(Mk3Adapter(installation, seed))
        self._near, self._far = memory_pair()
        self._posted: deque[Outgoing] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulated line", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Descriptor that is readable when something was said."""
        return self._near.fileno()

    def read(self, timeout_s: float) -> bytes | None:
        """What was said, perhaps nothing; None when it is closed."""
        if self._stopping.is_set():
            return None
        wait_for([self._near], timeout_s)
        return self._near.read()

    def post(self, frame: Outgoing) -> None:
        """Send a frame when its turn comes.  Raises LinkError when it is closed."""
        if self._stopping.is_set():
            raise LinkError("the simulation is closed")
        self._posted.append(frame)

    def close(self) -> None:
        """Stop the simulation; a second time does nothing."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._thread.join()
            self._near.close()
            self._far.close()

    def _run(self) -> None:
        start = time.monotonic()
        while not self._stopping.is_set():
            now = time.monotonic() - start
            for data in self._side.run(now):
                self._far.write(data)
            if self._posted and self._side.put(self._posted[0], now):
                self._posted.popleft()
                continue
            wait = self._side.next_at - (time.monotonic() - start)
            self._stopping.wait(min(max(wait, 0.0), _LONGEST_WAIT_S))
