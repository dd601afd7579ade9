"""A Multi on the RS485 bus: keeps the sync, sends its cyclic frames, answers, and minds the frame numbers.

A machine without I/O or clock: `on_record` or `on_wire` tell it what the bus said, `poll` what it wants to send.  Slots
within a cycle are invented, because nobody has published the real ones; replies begin 25..43 ms after their request.
Sources: vebus-rs485.md 2.1, 2.3, 5, 6.
"""

from __future__ import annotations

from heapq import heappop, heappush

from vebus_protocol.enums import FrameKind, InfoRequestSelector, LongId, SenderId
from vebus_protocol.frame import END, FbFrame, ReceivedFrame, dissect_frame, looks_like_frame
from vebus_tools.records import Record, Transmission
from vebus_tools.simulator.cyclic import TICKS_PER_S, CyclicFrames
from vebus_tools.simulator.faults import FaultPlan
from vebus_tools.simulator.info import ac_info, accessory_info, dc_info
from vebus_tools.simulator.installation import Installation, stream
from vebus_tools.simulator.packing import WireEncoder
from vebus_tools.simulator.scenario import FaultKind, Side
from vebus_tools.simulator.winmon import Form, WinmonServer

__all__ = ["Multi"]

_TICK_S = 1.0 / TICKS_PER_S
_FIRST_COUNT = 200_000  # a capture that looks like the fourth period after a start shows this counter
_PHASE_S, _CYCLIC_S, _AFTER_SYNC_S = 0.0030, 0.0046, 0.0006
_PHASE_TICKS = round(_PHASE_S * TICKS_PER_S)
_REPLY_ROOM_S = 0.0013  # a reply that would run into the next sync frame waits until it is over
_FASTEST_S, _SLOWEST_S, _FIXED_S = 0.025, 0.041, 0.032  # with the wait above, replies begin within 25..43 ms
_LATE_S = 0.010
_CONDITION_EVERY, _CONDITION_AT, _TEMPERATURE_EVERY = 12, 5, 24
_SLOW_EVERY, _CHARGER_AT, _CONFIGURATION_AT = 50, 16, 34
_ASLEEP_STEP_S, _RESET_SILENCE_S = 0.1, 1.0
_FB_AT_START, _FB_AT_LOSS = (0x00, 0x01, 0x02), (0x10, 0x11)  # values invented: no literal FB frame is public
_LAST_NUMBER = 0x7F
_NO_BMS = frozenset((SenderId.MULTI, SenderId.MK3))
_WINMON, _INFO_REQUEST, _SWITCH = 0x00, 0x21, 0x3F
_PHASES: dict[int, int] = {
    InfoRequestSelector.AC_L1: 1,
    InfoRequestSelector.AC_L2: 2,
    InfoRequestSelector.AC_L3: 3,
    InfoRequestSelector.AC_L4: 4,
}
_NOTHING, _CONDITION, _CHARGER, _CONFIGURATION = range(4)


def _slow_frame(cycle: int) -> int:
    if cycle % _CONDITION_EVERY == _CONDITION_AT:
        return _CONDITION
    return {_CHARGER_AT: _CHARGER, _CONFIGURATION_AT: _CONFIGURATION}.get(cycle % _SLOW_EVERY, _NOTHING)


_PATTERN = tuple(_slow_frame(cycle) for cycle in range(_CONDITION_EVERY * _SLOW_EVERY))
_SYNC_TURN, _PHASE_TURN, _CYCLIC_TURN = range(3)
_SLOTS_S = {_PHASE_TURN: _PHASE_S, _CYCLIC_TURN: _CYCLIC_S}
_NEVER = float("inf")


def _fb_frame(value: int) -> bytes:
    frame = FbFrame(lead=0, kind=FrameKind.SPECIAL, value=value, complement=_LAST_NUMBER - value, end=END)
    return frame.build()


class Multi:
    """The only (or master) Multi of the bus; ``next_at`` is the time in s when `poll` has something to say."""

    def __init__(self, installation: Installation, seed: int = 0) -> None:
        """Boot at 0 s."""
        self.installation = installation
        self.next_at = 0.0
        self.ignored = 0  # frames with a wrong number
        self.replies = 0
        self.number = _LAST_NUMBER  # of the last frame on the bus
        self.faults = FaultPlan(installation.scenario.faults, Side.BUS, seed)
        self._device = installation.master
        self._frames = CyclicFrames(self._device)
        self._winmon = WinmonServer(self._device)
        self._sync = WireEncoder(SenderId.MULTI, FrameKind.SYNC, first=0x55)
        self._data = WireEncoder(SenderId.MULTI, FrameKind.DATA)
        self._latency = stream(seed, "latency") if installation.scenario.random.latency else None
        self._answers: list[tuple[float, int, bytes, tuple[bytes, ...]]] = []
        self._asked = 0
        self._turn = _SYNC_TURN
        self._cycle = 0
        self._tick = 0  # start of the next cycle, in 0.4 us since the start
        self._count = 0  # what the counters of this cycle begin with
        self._counter_base = -_FIRST_COUNT
        self._start_s = self._end_s = 0.0
        self._special: tuple[int, ...] = _FB_AT_START
        self._losses = self._device.converter.losses
        self._restarts = self._device.restarts

    @property
    def sync_at(self) -> float:
        """When its next sync frame begins, in s: it never waits for a free line; infinity while it sends none."""
        silent = self.installation.asleep or (self.faults and self.faults.holds(FaultKind.SILENCE, self._end_s))
        return _NEVER if silent else self._end_s

    # the bus speaks --------------------------------------------------------------------------------------------------

    def on_record(self, record: Record) -> None:
        """Take a decoded frame of somebody else."""
        if isinstance(record.frame, ReceivedFrame):
            self._heard(record.frame, record.stamp.at)

    def on_wire(self, data: bytes, at: float) -> None:
        """Take the bytes of one frame of somebody else, whose end was at ``at`` seconds; damaged ones are ignored."""
        if looks_like_frame(data):
            self._heard(dissect_frame(data), at)

    def _heard(self, frame: ReceivedFrame, at: float) -> None:
        if not frame.good:
            return
        if frame.number != (self.number + 1) & _LAST_NUMBER:
            self.ignored += 1
            return
        self.number = frame.number
        payload = frame.payload
        if frame.sender not in _NO_BMS and self.installation.bms.hear(frame, at):
            return
        if frame.sender == SenderId.MULTI or frame.kind != FrameKind.DATA or self.installation.asleep:
            return
        if payload[0] in (_WINMON, _INFO_REQUEST):
            self._reply_later(payload, at)
        elif payload[0] == _SWITCH and len(payload) > 1 and self.installation.host_may_switch:
            self._device.bus_switch(payload[1])

    def _reply_later(self, request: bytes, at: float) -> None:
        wait = self._latency.uniform(_FASTEST_S, _SLOWEST_S) if self._latency else _FIXED_S
        self._asked += 1
        heappush(self._answers, (at + wait, self._asked, request, ()))
        self._look_ahead()

    def _replies_to(self, request: bytes, now: float) -> list[bytes]:
        if request[0] == _INFO_REQUEST:
            found = self._info(request)
            return [] if found is None else [found]
        tid, body = request[1:2], request[2:]
        if not tid or not body or body[0] > _LAST_NUMBER:
            return []
        return [b"\0" + tid + reply for reply in self._winmon.answer(body, Form.BUS, now)]

    def _info(self, request: bytes) -> bytes | None:
        """Answer to a 21 frame: only for everybody, for nobody in particular (0), or for this device."""
        target, selector = int.from_bytes(request[1:5], "little"), request[5:6]
        if target not in (LongId.ANY, 0, self._device.spec.unique_number) or not selector:
            return None
        wanted, devices = selector[0], self.installation.devices
        if wanted == InfoRequestSelector.DC:
            return dc_info(devices)
        if wanted in _PHASES:
            found = self.installation.device_of(_PHASES[wanted])
            return ac_info(found, len(devices)) if found else None
        if wanted == InfoRequestSelector.AC_INPUT_CONFIGURATION:
            return self._frames.configuration()
        return accessory_info(wanted, self.installation.scenario.accessory)

    # the device speaks -----------------------------------------------------------------------------------------------

    def poll(self, now: float) -> list[Transmission]:
        """Everything that is due at ``now``, in order; numbers follow on the last frame of the bus."""
        due = []
        while self.next_at <= now:
            at = self.next_at
            due += [Transmission(earliest=at, latest=at + _LATE_S, data=data) for data in self._next(at)]
            self._look_ahead()
        return due

    def _next(self, at: float) -> list[bytes]:
        answers = self._answers
        if answers and self._reply_at(answers[0][0]) <= at:
            return self._reply(*heappop(answers)[1:], at)
        if self._turn == _SYNC_TURN:
            return self._begin(at)
        if self._turn == _PHASE_TURN:
            self._turn = _CYCLIC_TURN if _PATTERN[self._cycle % len(_PATTERN)] else _SYNC_TURN
            return [self._numbered(self._frames.phase(self._count + _PHASE_TICKS))]
        self._turn = _SYNC_TURN
        return [self._numbered(self._cyclic())]

    def _begin(self, at: float) -> list[bytes]:
        """Sync frame of a new cycle, or nothing while the device is silent."""
        installation, device = self.installation, self._device
        if installation.next_s <= at:
            installation.advance(at)
            self._frames.refresh()
        if installation.asleep or (self.faults and self.faults.holds(FaultKind.SILENCE, at)):
            return self._rest(_ASLEEP_STEP_S)
        if device.restarts != self._restarts:
            self._restarts = device.restarts
            return self._rest(_RESET_SILENCE_S)
        frames = [_fb_frame(value) for value in self._specials()]
        self._count = count = self._tick - self._counter_base
        self._tick += round(TICKS_PER_S / (device.converter.output_hz or installation.mains.nominal_hz))
        self._start_s, self._end_s = at, self._tick * _TICK_S
        self._turn = _PHASE_TURN
        self._cycle += 1
        self.number = number = (self.number + 1) & _LAST_NUMBER
        frames.append(self._sync(number, self._frames.sync(count)))
        return frames

    def _specials(self) -> tuple[int, ...]:
        special, self._special = self._special, ()
        if self._device.converter.losses != self._losses:
            self._losses = self._device.converter.losses
            return special + _FB_AT_LOSS
        return special

    def _rest(self, duration_s: float) -> list[bytes]:
        """Say nothing for some time; what comes after it is a boot."""
        self._tick += round(duration_s * TICKS_PER_S)
        self._start_s = self._end_s = self._tick * _TICK_S
        self._counter_base = self._tick - _FIRST_COUNT
        self._special = _FB_AT_START
        self._answers.clear()
        return []

    def _cyclic(self) -> bytes:
        kind = _PATTERN[self._cycle % len(_PATTERN)]
        if kind == _CONDITION:
            return self._frames.condition(with_temperature=self._cycle % _TEMPERATURE_EVERY == _CONDITION_AT)
        return self._frames.charger() if kind == _CHARGER else self._frames.configuration()

    def _reply(self, order: int, request: bytes, kept: tuple[bytes, ...], at: float) -> list[bytes]:
        """Frames of a reply that is due; ``kept`` is one that a fault made late."""
        payloads = list(kept) or self._replies_to(request, at)
        if self.faults and payloads and not kept:
            payloads = [self.faults.payload(payload, at) for payload in payloads]
            delay = self.faults.reply_delay(at)
            if delay:
                heappush(self._answers, (at + delay, order, request, tuple(payloads)))
            if delay is None or delay:
                return []
        self.replies += bool(payloads)
        return [self._numbered(payload) for payload in payloads]

    def _numbered(self, payload: bytes) -> bytes:
        self.number = number = (self.number + 1) & _LAST_NUMBER
        return self._data(number, payload)

    def _reply_at(self, due: float) -> float:
        """When a reply that is due can go out in this cycle: not in the way of the next sync frame."""
        return max(due, self._start_s + _AFTER_SYNC_S) if due <= self._end_s - _REPLY_ROOM_S else _NEVER

    def _look_ahead(self) -> None:
        at = self._end_s if self._turn == _SYNC_TURN else self._start_s + _SLOTS_S[self._turn]
        if self._answers:
            at = min(at, self._reply_at(self._answers[0][0]))
        self.next_at = at
