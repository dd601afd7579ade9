"""The virtual RS485 bus: one line, a virtual clock, and everybody who speaks on it.

    bus = VirtualBus(load_scenario("quiet-house"), seed=1)
    for sent in bus.run(10.0):
        print(sent.at_s, sent.sender, sent.data.hex(" "))

Time only moves inside `run`.  Others take part with `attach`, or put single bytes on the line with `inject`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

from vebus_protocol.bms import Profile
from vebus_protocol.frame import Frame, ReceivedFrame, dissect_frame, encode_frame, looks_like_frame
from vebus_tools.framing import Rs485Splitter
from vebus_tools.records import Transmission
from vebus_tools.simulator.faults import garbled
from vebus_tools.simulator.host import BusHost
from vebus_tools.simulator.installation import Installation
from vebus_tools.simulator.multi import Multi
from vebus_tools.simulator.reacting import Reaction, Transition
from vebus_tools.simulator.scenario import FaultKind, Scenario
from vebus_tools.simulator.speakers import Speaker, Speakers

__all__ = ["BYTE_S", "HOST", "INJECTED", "MULTI", "NOISE", "BusCounters", "TimedBytes", "VirtualBus"]

BYTE_S = 10 / 256_000
"""Time of one byte on the line in s: 256000 baud, 8N1."""
MULTI, HOST, NOISE, INJECTED = "multi", "host", "noise", "injected"
_NEVER = float("inf")
_SYNC_KIND, _LAST_NUMBER = 0xFD, 0x7F
_ESCAPED = 0xFA


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
        self._speakers = Speakers()
        self._listeners: list[Callable[[ReceivedFrame, float], None]] = []
        self._splitter = Rs485Splitter()
        self._injected: list[tuple[float, int, bytes, str]] = []
        self._order = 0
        self._free_at = self._until_s = 0.0
        self._last = b""

    @property
    def number(self) -> int:
        """Number of the last frame on the bus."""
        return self.multi.number

    @property
    def next_at(self) -> float:
        """Time in s of what comes next; never after it as long as nobody injects."""
        planned = min(self.multi.next_at, self._host.next_at, self._speakers.next_at)
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

    def attach(self, speaker: Speaker) -> None:
        """Plug somebody in, from the next `run` on.  Raises ValueError when the name is taken, or one of ours."""
        if speaker.name in (MULTI, HOST, NOISE, INJECTED):
            raise ValueError(f"{speaker.name!r} is the name of a part of the bus")
        self._speakers.attach(speaker)

    def detach(self, speaker: Speaker) -> None:
        """Pull somebody out; what was handed over but not sent is gone."""
        self._speakers.detach(speaker)

    def listen(self, callback: Callable[[ReceivedFrame, float], None]) -> None:
        """Have frames of participants from outside told, with the time in s of their end."""
        self._listeners.append(callback)

    def inject(self, data: bytes, at: float | None = None, sender: str = INJECTED) -> None:
        """Put bytes of another participant on the line at a time in s, or as soon as possible."""
        if data:
            self._order += 1
            heappush(self._injected, (max(self.now_s, at or 0.0), self._order, bytes(data), sender))

    def run(self, until_s: float) -> Iterator[TimedBytes]:
        """All bytes whose first one falls before ``until_s``, in order of time; call again to go on."""
        self._until_s = until_s
        yield from self._run_among_speakers(until_s) if self._speakers else self._run()
        self.now_s = max(self.now_s, until_s)

    def _run_among_speakers(self, until_s: float) -> Iterator[TimedBytes]:
        speakers = self._speakers
        while True:
            self._until_s = min(speakers.next_at, until_s)
            for sent in self._run():
                speakers.hear(sent.data, sent.at_s + len(sent.data) * BYTE_S)
                self._until_s = min(speakers.next_at, until_s)  # a frame that was heard may change its plans
                yield sent
            due = max(self.now_s, speakers.next_at)  # nobody is asked about the past
            if due >= until_s:
                return
            self.now_s = due
            speakers.poll(due, BYTE_S)
            for together in speakers.due(due, BYTE_S):
                for sent in self._speak(together):
                    speakers.hear(sent.data, sent.at_s + len(sent.data) * BYTE_S)
                    yield sent

    def _run(self) -> Iterator[TimedBytes]:
        """What happens before ``_until_s``, which may move meanwhile."""
        multi, host, counters, faults = self.multi, self._host, self.counters, bool(self.multi.faults)
        while True:
            speaker: Multi | BusHost = host if host.next_at < multi.next_at else multi
            at = speaker.next_at
            if self._injected and self._injected[0][0] <= at:
                at = self._injected[0][0]
                if at >= self._until_s:
                    break
                yield self._inject_now(at)
                continue
            if at >= self._until_s:
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
        yield from self._carry(data, start, MULTI if is_multi else HOST)

    def _speak(self, together: Mapping[str, Transmission]) -> Iterator[TimedBytes]:
        """Frames of speakers; two that begin at once, and one that runs into a sync frame, are damaged."""
        (name, sent), *others = together.items()
        start, data = max(sent.earliest, self.now_s, self._free_at), sent.data
        if start > sent.latest:
            self.counters.late += 1
            return
        self._last = data
        if others:
            data = garbled(data, others[0][1].data)
        elif start + len(data) * BYTE_S > self.multi.sync_at:
            data = garbled(data, b"\x5a")  # and the sync frame is damaged when its turn comes
        if data != sent.data:
            self.counters.collisions += bool(others)
            self.counters.damaged += 1 + len(others)
        yield from self._carry(data, start, name)

    def _carry(self, data: bytes, start: float, sender: str) -> Iterator[TimedBytes]:
        if self.multi.faults:
            yield from self._faulty(data, start, sender)
            return
        yield self._out(start, data, sender)
        self._tell(data, sender)

    def _out(self, start: float, data: bytes, sender: str) -> TimedBytes:
        self._free_at = start + len(data) * BYTE_S
        counters = self.counters
        counters.bytes += len(data)
        counters.senders[sender] = counters.senders.get(sender, 0) + 1
        return TimedBytes(start, data, sender)

    def _tell(self, data: bytes, sender: str) -> None:
        if sender in (MULTI, HOST):
            (self._host if sender == MULTI else self.multi).on_wire(data, self._free_at)
            return
        for frame in self._speakers.frames(sender, data):
            self._tell_all(frame)

    def _tell_all(self, data: bytes) -> None:
        """A frame of somebody from outside."""
        self.multi.on_wire(data, self._free_at)
        self._host.on_wire(data, self._free_at)
        for listener in self._listeners:
            listener(dissect_frame(data), self._free_at)

    def _faulty(self, data: bytes, start: float, sender: str) -> Iterator[TimedBytes]:
        """The same with all faults of the scenario applied."""
        faults = self.multi.faults
        if sender == MULTI and faults.holds(FaultKind.SILENCE, start):
            return
        if not looks_like_frame(data):
            yield self._out(start, data, sender)
            self._tell(data, sender)
            return
        kind = data[4]
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
            self._tell(part, sender)

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
                self._tell_all(piece.data)
        return TimedBytes(at, data, sender)


def _renumbered(data: bytes) -> bytes:
    """The same frame with a number that is not its turn, and the checksum that belongs to it."""
    frame = dissect_frame(data)
    number = (frame.number + 5) & _LAST_NUMBER
    return encode_frame(Frame(sender=frame.sender, kind=frame.kind, number=number, payload=frame.payload))
