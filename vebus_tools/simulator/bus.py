"""The virtual RS485 bus: one line, a virtual clock, and everybody who speaks on it.

    bus = VirtualBus(load_scenario("quiet-house"), seed=1)
    for sent in bus.run(10.0):
        print(sent.at_s, sent.sender, sent.data.hex(" "))

Time only moves inside `run`; other participants put their bytes on the line with `inject`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

from vebus_protocol.bms import Profile
from vebus_protocol.frame import Frame, ReceivedFrame, dissect_frame, encode_frame
from vebus_tools.framing import Rs485Splitter
from vebus_tools.records import Transmission
from vebus_tools.simulator.faults import garbled
from vebus_tools.simulator.host import BusHost
from vebus_tools.simulator.installation import Installation
from vebus_tools.simulator.multi import Multi
from vebus_tools.simulator.reacting import Reaction, Transition
from vebus_tools.simulator.scenario import FaultKind, Scenario

__all__ = ["BYTE_S", "HOST", "INJECTED", "MULTI", "NOISE", "BusCounters", "TimedBytes", "VirtualBus"]

BYTE_S = 10 / 256_000
"""Time of one byte on the line in s: 256000 baud, 8N1."""
MULTI, HOST, NOISE, INJECTED = "multi", "host", "noise", "injected"
_NEVER = float("inf")
_SYNC_KIND, _LAST_NUMBER = 0xFD, 0x7F
_ESCAPED = 0xFA
_SMALLEST = 7


class TimedBytes(NamedTuple):
    """Bytes on a line: time of the first one in s since the start, and who sent them.

    A tuple and no dataclass: a day of bus makes ten million of them.
    """

    at_s: float
    data: bytes
    sender: str


@dataclass(slots=True, kw_only=True)
class BusCounters:
    """What went over the line so far."""

    senders: dict[str, int] = field(default_factory=lambda: {MULTI: 0, HOST: 0})
    bytes: int = 0
    damaged: int = 0
    collisions: int = 0
    noise: int = 0
    injected: int = 0
    late: int = 0
    """Frames that found the line busy for so long that they were given up."""

    @property
    def frames(self) -> int:
        """Frames of the simulated participants, damaged ones included."""
        return sum(self.senders.values())


class VirtualBus:
    """A bus with one Multi and, if the scenario says so, a host; the same scenario and seed give the same bytes."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 0,
        installation: Installation | None = None,
        profile: Profile | None = None,
    ) -> None:
        """``installation`` is given when an adapter shares it, then with its own profile.

        ``profile`` is how the Multi reads a BMS, lab-sim-1 unless given.  Raises ProfileError.
        """
        self.installation = Installation(scenario, seed, profile) if installation is None else installation
        self.multi = Multi(self.installation, seed)
        self.counters = BusCounters()
        self.now_s = 0.0
        self._host = BusHost(self.installation)
        self._splitter = Rs485Splitter()
        self._injected: list[tuple[float, int, bytes, str]] = []
        self._order = 0
        self._free_at = 0.0
        self._last = b""

    @property
    def number(self) -> int:
        """Number of the last frame on the bus."""
        return self.multi.number

    @property
    def next_at(self) -> float:
        """Time in s of what comes next; never after it as long as nobody injects."""
        planned = min(self.multi.next_at, self._host.next_at)
        return min(planned, self._injected[0][0]) if self._injected else planned

    def reactions(self) -> tuple[Reaction, ...]:
        """How every unit reacts to the BMS at the moment, in the order of the scenario."""
        return self.installation.reactions()

    def transitions(self) -> tuple[Transition, ...]:
        """Edges of their states since the last call, oldest first."""
        return self.installation.transitions()

    def pass_on(self, payload: bytes) -> None:
        """Let the MK3 on the bus send a payload for somebody behind it, with the right number and in its slot."""
        self._host.pass_on(payload)

    def inject(self, data: bytes, at: float | None = None, sender: str = INJECTED) -> None:
        """Put bytes of another participant on the line at a time in s, or as soon as possible."""
        if data:
            self._order += 1
            heappush(self._injected, (max(self.now_s, at or 0.0), self._order, bytes(data), sender))

    def run(self, until_s: float) -> Iterator[TimedBytes]:
        """All bytes whose first one falls before ``until_s``, in order of time; call again to go on."""
        multi, host, counters, faults = self.multi, self._host, self.counters, bool(self.multi.faults)
        while True:
            speaker: Multi | BusHost = host if host.next_at < multi.next_at else multi
            at = speaker.next_at
            if self._injected and self._injected[0][0] <= at:
                at = self._injected[0][0]
                if at >= until_s:
                    break
                yield self._inject_now(at)
                continue
            if at >= until_s:
                break
            self.now_s = at
            listener: Multi | BusHost = host if speaker is multi else multi
            name = MULTI if speaker is multi else HOST
            for sent in speaker.poll(at):
                start, data = sent.earliest, sent.data
                if faults or start < self._free_at:
                    yield from self._send(sent, speaker)
                    continue
                self._free_at = end = start + len(data) * BYTE_S
                self._last = b""
                counters.senders[name] += 1
                counters.bytes += len(data)
                yield TimedBytes(start, data, name)
                listener.on_wire(data, end)
        self.now_s = max(self.now_s, until_s)

    def _send(self, sent: Transmission, speaker: Multi | BusHost) -> Iterator[TimedBytes]:
        data, is_multi = sent.data, speaker is self.multi
        start = sent.earliest
        if start < self._free_at:  # who finds the line busy waits; only the sync frame never does
            if data[2] == _SYNC_KIND and self._last:
                data = garbled(data, self._last)
                self.counters.collisions += 1
                self.counters.damaged += 1
            start = self._free_at
        self._last = b""
        if start > sent.latest:
            self.counters.late += 1
            return
        if self.multi.faults:
            yield from self._faulty(data, start, is_multi=is_multi)
            return
        yield self._out(start, data, MULTI if is_multi else HOST)
        self._tell(data, is_multi=is_multi)

    def _out(self, start: float, data: bytes, sender: str) -> TimedBytes:
        self._free_at = start + len(data) * BYTE_S
        counters = self.counters
        counters.bytes += len(data)
        counters.senders[sender] += 1
        return TimedBytes(start, data, sender)

    def _tell(self, data: bytes, *, is_multi: bool) -> None:
        (self._host if is_multi else self.multi).on_wire(data, self._free_at)

    def _faulty(self, data: bytes, start: float, *, is_multi: bool) -> Iterator[TimedBytes]:
        """The same with all faults of the scenario applied."""
        faults, sender = self.multi.faults, MULTI if is_multi else HOST
        if is_multi and faults.holds(FaultKind.SILENCE, start):
            return
        kind = data[4] if len(data) >= _SMALLEST else None
        if kind is None:
            yield self._out(start, data, sender)
            return
        if faults.strikes(FaultKind.WRONG_NUMBER, start, kind):
            data = _renumbered(data)
        checksum_at = len(data) - (3 if data[-3] == _ESCAPED and data[-2] <= 5 else 2)
        for what, part in faults.on_wire(data, start, kind, checksum_at):
            if what == NOISE:
                self.counters.noise += len(part)
                self.counters.bytes += len(part)
                self._free_at = start + len(part) * BYTE_S
                yield TimedBytes(start, part, NOISE)
                start = self._free_at
                continue
            self.counters.damaged += part != data
            yield self._out(start, part, sender)
            self._tell(part, is_multi=is_multi)

    def _inject_now(self, at: float) -> TimedBytes:
        _, _, data, sender = heappop(self._injected)
        self.now_s = max(self.now_s, at)
        if at < self._free_at:
            data = garbled(data, b"\x5a")
            self.counters.collisions += 1
            self.counters.damaged += 1
            at = self._free_at
        self._last = data
        self.counters.injected += len(data)
        self.counters.bytes += len(data)
        self._free_at = at + len(data) * BYTE_S
        for piece in self._splitter.feed(data):
            if isinstance(piece.frame, ReceivedFrame):
                self.multi.on_wire(piece.data, self._free_at)
                self._host.on_wire(piece.data, self._free_at)
        return TimedBytes(at, data, sender)


def _renumbered(data: bytes) -> bytes:
    """The same frame with a number that is not its turn, and the checksum that belongs to it."""
    frame = dissect_frame(data)
    number = (frame.number + 5) & _LAST_NUMBER
    return encode_frame(Frame(sender=frame.sender, kind=frame.kind, number=number, payload=frame.payload))
