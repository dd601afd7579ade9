"""A simulated MK2/MK3 adapter: bytes of a host in, timed bytes out, in front of an installation.

A machine without I/O or clock.  Everything that the recipe of mk3.md 18 asks for: both speeds, heartbeat, split and
combined winmon, appended LEDs, second checksum, sleep and wake, several devices by address and phase.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from vebus_protocol.enums import InfoType
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.mk3 import MAX_PAYLOAD, Mk3Frame, ReceivedMk3Frame, encode_mk3_frame
from vebus_tools.framing import Mk3Splitter
from vebus_tools.simulator.adapter_commands import Commands, Reply, bus_payload
from vebus_tools.simulator.adapter_state import Memory
from vebus_tools.simulator.bus import NOISE, TimedBytes, VirtualBus
from vebus_tools.simulator.faults import FaultPlan
from vebus_tools.simulator.installation import Installation, stream
from vebus_tools.simulator.scenario import FaultKind, Side
from vebus_tools.simulator.winmon import Form

__all__ = ["ADAPTER", "Mk3Adapter"]

ADAPTER = "adapter"
_BITS_PER_BYTE = 10
_NEVER = float("inf")
_STALE_S = 0.3  # a frame that stops is dropped: 6 ticks of 50 ms in the vendor's library (mk3.md 2.5)
_WATCH_S = 0.1
_SLOT_S = 0.022  # a request waits for its slot behind the next sync frame
_BOOT_UP = bytes(2)  # type 00; its body is not described (mk3.md 2.6)
_LED_BYTES = 2
_INFO, _INFO_REQUEST, _SELECTOR_AT = b"\x20", 0x21, 5
_ACCESSORIES = (bytes((InfoType.BMS,)), bytes((InfoType.DMC,)))
_ANSWER_S = 1.0  # a host takes an accessory that has not answered by then for absent (bms-wire.md 4.1)


class Mk3Adapter:
    """One adapter; ``next_at`` is the time in s when `poll` may have something."""

    def __init__(self, installation: Installation, seed: int = 0, bus: VirtualBus | None = None) -> None:
        """Powered, no address selected, 2400 baud.

        With a ``bus`` that has the same installation, what goes to its Multi is also seen there.
        """
        scenario = installation.scenario
        self.ignored = 0  # frames with a wrong checksum
        self.frames_in = self.frames_out = 0
        self.faults = FaultPlan(scenario.faults, Side.ADAPTER, seed)
        self._installation = installation
        self._bus = bus
        self._asked: dict[bytes, float] = {}  # selector of a poll for an accessory -> when
        if bus is not None:
            bus.listen(self._on_bus)
        self._latency = stream(seed, "adapter latency") if scenario.random.latency else None
        self._spec = scenario.adapter
        self._splitter = Mk3Splitter()
        self._queue: list[tuple[float, int, bytes]] = []
        self._sending: list[TimedBytes] = []
        self._order = 0
        self._free_at = self._last_out = 0.0
        self._last_in = -_NEVER
        self._powered = True
        self._last_watch = 0.0
        self._commands = self._fresh()
        self._restarts = self._count_restarts()

    @property
    def speed(self) -> int:
        """Baud rate of the serial side: 2400 or 115200."""
        return self._commands.memory.speed

    @property
    def next_at(self) -> float:
        """When `poll` may have something to say: at most 0.1 s ahead, for restarts and sleep."""
        if self._sending:
            return self._sending[0].at_s
        beat = self._last_out + self._spec.heartbeat_s if self._spec.heartbeat_s else _NEVER
        ready = self._queue[0][0] if self._queue else _NEVER
        return min(beat, ready, self._last_watch + _WATCH_S)

    def _fresh(self) -> Commands:
        form = Form.COMBINED if self._spec.combined else Form.SPLIT
        return Commands(self._installation, Memory(version=self._spec.version, form=form), self._latency)

    def _count_restarts(self) -> int:
        return sum(device.restarts for device in self._installation.devices)

    # the host speaks -------------------------------------------------------------------------------------------------

    def on_bytes(self, data: bytes, now: float, *, speed: int | None = None) -> None:
        """Take bytes of the host; ``speed`` is its baud rate where that is known, and has to be ours then."""
        self._watch(now)
        if not self._powered or (speed is not None and speed != self.speed):
            return
        if now - self._last_in > _STALE_S:
            for _ in self._splitter.flush():  # what never became a frame
                self.ignored += 1
        self._last_in = now
        for piece in self._splitter.feed(data):
            if isinstance(piece.frame, ReceivedMk3Frame):
                self._received(piece.frame, now)

    def _received(self, frame: ReceivedMk3Frame, now: float) -> None:
        plain_accepted = frame.plain_instead and self._spec.accept_plain_checksum
        if not (frame.checksum_ok or plain_accepted):
            self.ignored += 1
            return
        self.frames_in += 1
        if frame.payload[0] == _INFO_REQUEST:
            self._asked[frame.payload[_SELECTOR_AT : _SELECTOR_AT + 1]] = now
        on_bus = None if self._bus is None else bus_payload(frame.payload, self._commands.memory.address or 0)
        if self._bus is not None and on_bus is not None:
            self._bus.pass_on(on_bus)
        for reply in self._commands.handle(frame.payload, now, self._form(now)):
            self._reply(reply, now + (_SLOT_S if on_bus is not None else 0.0))
        self._installation.standby_pulled = self._commands.memory.standby_pulled

    def _on_bus(self, frame: ReceivedFrame, at: float) -> None:
        """Bring the host the answer of an accessory on the bus: the same payload in both worlds (bms-wire.md 3)."""
        kind = frame.payload[_SELECTOR_AT : _SELECTOR_AT + 1]
        if not self._powered or not frame.good or frame.payload[:1] != _INFO or kind not in _ACCESSORIES:
            return
        asked = self._asked.pop(kind, -_NEVER)
        if at - asked <= _ANSWER_S:
            self._enqueue(at, frame.payload[:MAX_PAYLOAD])

    def _form(self, now: float) -> Form:
        form = self._commands.memory.form
        if self.faults.holds(FaultKind.OTHER_FORM, now):
            return Form.COMBINED if form is Form.SPLIT else Form.SPLIT
        return form

    def _reply(self, reply: Reply, now: float) -> None:
        delay = self.faults.reply_delay(now)
        if delay is None:
            return
        payload = self.faults.payload(reply.payload, now)
        if self.faults.strikes(FaultKind.HEARTBEAT_INSTEAD, now, payload[0]):
            payload = self._commands.memory.version_frame()
        self._enqueue(now + reply.delay_s + delay, payload)

    def _enqueue(self, at: float, payload: bytes) -> None:
        self._order += 1
        heappush(self._queue, (at, self._order, payload))

    # the adapter speaks ----------------------------------------------------------------------------------------------

    def poll(self, now: float) -> list[TimedBytes]:
        """Bytes that are out on the serial line by ``now``; each stamp is the time when its last byte is out."""
        self._watch(now)
        out: list[TimedBytes] = []
        while self._start_one(now) or (self._sending and self._sending[0].at_s <= now):
            while self._sending and self._sending[0].at_s <= now:
                out.append(self._sending.pop(0))
            if self._sending:
                break
        return out

    def _start_one(self, now: float) -> bool:
        """Put the next waiting frame on the line; at most one is on it."""
        if self._sending or not self._powered:
            return False
        if self._queue and self._queue[0][0] <= now:
            ready, _, payload = heappop(self._queue)
        else:
            beat = self._last_out + self._spec.heartbeat_s
            if not self._spec.heartbeat_s or beat > now:
                return False
            self._last_out = beat
            if self.faults.holds(FaultKind.NO_HEARTBEAT, beat):
                return True
            ready, payload = beat, self._commands.memory.version_frame()
        self._sending.extend(self._timed(payload, max(ready, self._free_at)))
        return True

    def _timed(self, payload: bytes, start: float) -> Iterator[TimedBytes]:
        if self.faults.holds(FaultKind.SILENCE, start):
            self._last_out = start
            return
        memory, kind = self._commands.memory, payload[0]
        wanted = self.faults.strikes(FaultKind.LED_APPENDED, start, kind) is not None or memory.append_leds
        leds = self._installation.master.leds() if wanted and len(payload) + _LED_BYTES <= MAX_PAYLOAD else None
        data = encode_mk3_frame(Mk3Frame(payload=payload, leds=leds))
        self.frames_out += 1
        for what, part in self.faults.on_wire(data, start, kind, len(data) - 1):
            start += len(part) * _BITS_PER_BYTE / memory.speed
            self._free_at = self._last_out = start
            yield TimedBytes(start, part, NOISE if what == NOISE else ADAPTER)

    def _watch(self, now: float) -> None:
        """Let time pass for the installation: sleep takes the adapter's power, a restart is announced."""
        self._installation.advance(now)
        self._last_watch = now
        if self._installation.asleep and self._powered:
            self._powered = False
            self._queue.clear()
            self._sending.clear()
            self._splitter = Mk3Splitter()
            self._commands = self._fresh()
        elif not self._installation.asleep and not self._powered:
            self._powered = True
            self._free_at = self._last_out = now
            self._enqueue(now, self._commands.memory.version_frame())
        restarts = self._count_restarts()
        if restarts != self._restarts:
            self._restarts = restarts
            if self._powered:
                self._enqueue(now, _BOOT_UP)
