"""One transmitting session as a machine: bytes and news in, at most one frame a slot out.  The loop around it does I/O.

Order of a cycle: everything slow (decoding, regions, what is due next) happens behind a sync frame, so that when the
next one comes there is only a number to put in, the interlocks to ask, and the log to write.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import TYPE_CHECKING

from vebus_protocol.bms import encode_payload
from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import END, Frame, encode_frame
from vebus_protocol.schema import Link
from vebus_tools.decoder import Decoder
from vebus_tools.emulator import EmulatedBms
from vebus_tools.generated import quick_chain
from vebus_tools.interlocks import ExitCode, Facts, Interlocks, Mode, Reaction, Stop
from vebus_tools.interlocks.checks import needed_listening_s
from vebus_tools.records import Chunk, Stamp, TimeSource
from vebus_tools.session import Session as Exchanges
from vebus_tools.transmitter.plan import Outcome, Snapshot, Traffic

if TYPE_CHECKING:
    from vebus_tools.emulator import Event, Offer
    from vebus_tools.transmitter.log import Log
    from vebus_tools.transmitter.plan import Feed, Plan

__all__ = ["Phase", "Session", "sync_number"]

BYTE_S = 10 / 256_000
SYNC_PERIOD_S = 0.02
WAIT_S = 30.0
"""How much longer than the listening time everything may take that is waited for."""
_SYNC_MARKER, _LAST_NUMBER = 0x55, 0x7F
_SHORTEST_SYNC = 7
_AHEAD = 4  # frames that are made before it is known which number comes: a few others may speak before the sync frame
_LOOK_S = 0.05  # how often all interlocks are looked at for phases and log; each frame asks them besides


class Phase(enum.Enum):
    """Where a session is."""

    LISTENING = "listening"
    SENDING = "sending"
    WATCHING = "watching"
    OVER = "over"


def sync_number(data: bytes) -> int | None:
    """Number of the frame, where these bytes are one good sync frame and nothing else."""
    if len(data) < _SHORTEST_SYNC or data[2] != FrameKind.SYNC or data[4] != _SYNC_MARKER or data[-1] != END:
        return None
    if data[3] > _LAST_NUMBER or data.index(END) != len(data) - 1:
        return None
    return data[3] if (sum(data) - data[0] - data[1] - _SYNC_MARKER) & 0xFF == 0 else None


class Session:
    """Emulated BMS, interlocks and log of one session.  All times are in s of one clock that never jumps."""

    def __init__(self, plan: Plan, facts: Facts, log: Log) -> None:
        """Raises ProfileError for a profile that the emulator cannot speak; CaptureError comes from the log later."""
        self.plan = plan
        limits = replace(plan.limits, max_age_s=min(plan.limits.max_age_s, plan.data_age_s))
        self.bms = EmulatedBms(
            plan.profile,
            version=plan.version,
            cells=plan.cells,
            limits=limits,
            timing=plan.timing,
            slot_delay_s=plan.slot_delay_s,
        )
        self.bms.change(**plan.inputs)
        mode = Mode.BENCH if plan.bench else Mode.TRANSMIT
        self.interlocks = Interlocks(plan.profile, mode, facts, slot_delay_s=plan.slot_delay_s)
        self.phase = Phase.LISTENING
        self._log = log
        self._decoder = Decoder(Link.RS485, plan.baud, chain=quick_chain)
        self._exchanges = Exchanges()
        self._offer: Offer | None = None
        self._whole = True
        self._number = 0
        self._began: float | None = None
        self._looked_at = float("-inf")
        self._payload = b""
        self._wires: dict[int, bytes] = {}
        self._traffic: list[Traffic] = []
        self._events: list[Event] = []
        self._told_notes = 0
        self._told_states: dict[str, str] = {}

    # what comes in ---------------------------------------------------------------------------------------------------
    def quick_sync(self, data: bytes, now: float) -> bool:
        """Whether these bytes are one whole sync frame; the interlocks know of it then, `on_bytes` may follow later."""
        number = sync_number(data) if self._whole else None
        if number is None:
            return False
        self.interlocks.on_sync(data[0] << 8 | data[1], number, now)
        return True

    def on_bytes(self, data: bytes, now: float, *, read_back: bool = True) -> None:
        """Bytes were read; ``read_back`` is false for those that were read before the last frame was sent."""
        if read_back:
            self.interlocks.on_read_back(data, now)
        self._whole = data.endswith(b"\xff")
        self._traffic.append(Traffic(at_s=now, data=data))
        stamp = Stamp(now, TimeSource.HOST)
        for record in self._decoder.feed(Chunk(data=data, stamp=stamp)):
            self._log.heard(record.wire, now)
            self.interlocks.on_record(record, now, self._exchanges.observe(record))
            self.bms.on_record(record)

    def on_feed(self, feed: Feed, now: float) -> None:
        """The controlling process said something."""
        self.interlocks.heartbeat(now)
        if feed.inputs:
            self.bms.change(**feed.inputs)
        if feed.lost:
            self.bms.feed(None)
            self.interlocks.data(None, now)
        elif feed.sample is not None:
            self.bms.feed(feed.sample)
            self.interlocks.data(feed.sample.at_s, now)
        if feed.stop:
            self.stop(feed.stop, now, exit_code=ExitCode.DONE)

    def stop(self, why: str, now: float, number: str = "", *, exit_code: int = ExitCode.STOPPED) -> None:
        """End it; the first reason stays."""
        self.interlocks.stop(why, now, number, exit_code=exit_code)

    def before(self, facts: Facts, now: float) -> None:
        """The edge found out more."""
        self.interlocks.before(facts, now)

    # time ------------------------------------------------------------------------------------------------------------
    def step(self, now: float) -> None:
        """Time goes on: phases, what is due next, what is to be logged."""
        self._began = now if self._began is None else self._began
        self.interlocks.tick(now)
        look = now - self._looked_at >= _LOOK_S
        if look and self.phase is Phase.LISTENING and self.interlocks.stopped is None:
            self._listen(now)
        if self.interlocks.stopped is not None and self.phase in (Phase.LISTENING, Phase.SENDING):
            self.phase = Phase.WATCHING
            self._log.remark(f"stopped: {self.interlocks.stopped}", now)
        if self.phase is Phase.WATCHING and self.interlocks.reaction.known:
            self.phase = Phase.OVER
        self.prepare(now)
        if look:
            self._looked_at = now
            self._log_changes(now)

    def _listen(self, now: float) -> None:
        states = self.interlocks.states(now)
        held = [one for one in states if not one.condition.passes]
        refusal = self.interlocks.refusal(now)
        patience = max(needed_listening_s(self.interlocks), self.plan.listen_s) + WAIT_S
        late = self._began is not None and now - self._began > patience
        if refusal is None and late and held:
            refusal = held[0]
        if refusal is not None:
            number = refusal.interlock.number
            self.interlocks.stop(refusal.why, now, number, exit_code=self._refusal_code(number))
        elif not held and self._began is not None and now - self._began >= self.plan.listen_s:
            self.phase = Phase.SENDING
            self._log.remark("every interlock lets frames pass", now)

    def _refusal_code(self, number: str) -> int:
        from vebus_tools.firmware import judge_system

        if number != "X-3":
            return ExitCode.REFUSED
        facts = self.interlocks.facts
        units = (*facts.units, *self.interlocks.line.heard.units(facts.assistant, facts.label))
        return judge_system(units).verdict.exit_code

    def prepare(self, now: float) -> None:
        """Find out what is due in the next slot."""
        self._offer = None
        line = self.interlocks.line
        synced = line.syncs_now(now) and line.sync_at_s is not None
        slot = (line.sync_at_s or now) + SYNC_PERIOD_S + self.plan.slot_delay_s if synced else now
        offer = self.bms.offer(now, max(now, slot))
        if self.phase is Phase.SENDING and offer is not None:
            self._offer = offer
            payload = encode_payload(self.plan.profile, offer.name, offer.values)
            if payload != self._payload:
                self._payload = payload
                self._wires.clear()
            number = self._next_number()
            for ahead in range(number, number + _AHEAD):
                self._made(ahead & _LAST_NUMBER)
            self.interlocks.prepare(self._wires[number], now)

    # sending ---------------------------------------------------------------------------------------------------------
    @property
    def due(self) -> bool:
        """Whether a frame waits for its slot."""
        return self._offer is not None

    def frame(self, now: float) -> bytes | None:
        """The frame to send at this moment, after every interlock was asked, and the log written; None for none."""
        offer = self._offer
        if offer is None or self.phase is not Phase.SENDING or now > offer.latest:
            return None
        wire = self._made(self._next_number())
        if not self.interlocks.may_send(wire, now).allowed:
            return None
        self._log.sent(wire, now)
        return wire

    def _next_number(self) -> int:
        heard = self.interlocks.line.number
        return (self._number if heard is None else heard) + 1 & _LAST_NUMBER

    def _made(self, number: int) -> bytes:
        """The frame with this number."""
        if number not in self._wires:
            link = self.plan.profile.link
            sender = link.address or 0  # the emulator refuses a profile without one
            frame = Frame(sender=sender, kind=link.kind, number=number, payload=self._payload)
            self._wires[number] = encode_frame(frame)
        return self._wires[number]

    def sent(self, wire: bytes, now: float) -> None:
        """What `frame` returned was handed to the line."""
        offer, self._offer = self._offer, None
        self._number = wire[3]
        self.interlocks.on_sent(wire, now)
        self._traffic.append(Traffic(at_s=now, data=wire, sent=True))
        if offer is not None:
            self.bms.took(offer, wire, now)

    # what comes out --------------------------------------------------------------------------------------------------
    def _log_changes(self, now: float) -> None:
        for one in self.interlocks.states(now):
            name = one.condition.value
            if self._told_states.get(one.interlock.number) != name:
                self._told_states[one.interlock.number] = name
                self._log.remark(str(one), now)
        while self.bms.events:
            event = self.bms.events.popleft()
            self._log.remark(f"BMS: {event.text} {event.requirements}".rstrip(), event.at_s)
            self._events.append(event)
        for text in self.interlocks.notes[self._told_notes :]:
            self._log.remark(text, now)
        self._told_notes = len(self.interlocks.notes)

    def snapshot(self, now: float) -> Snapshot:
        """How it stands; traffic and events are those since the last one."""
        traffic, self._traffic = tuple(self._traffic), []
        events, self._events = tuple(self._events), []
        return Snapshot(
            at_s=now,
            phase=self.phase.value,
            state=self.bms.state,
            inputs=self.bms.inputs,
            outputs=self.bms.outputs,
            content=self.bms.content,
            frames=self.interlocks.frames,
            interlocks=self.interlocks.states(now),
            reaction=self.interlocks.reaction,
            notes=tuple(self.interlocks.notes),
            events=events,
            traffic=traffic,
            stopped=self.interlocks.stopped,
        )

    def outcome(self, now: float) -> Outcome:
        """How it ended."""
        stop = self.interlocks.stopped or Stop(at_s=now, why="the program ended")
        reaction = self.interlocks.reaction
        alone = self.plan.bench and not self.interlocks.line.syncs  # two adapters on a desk: nobody can react
        silent = reaction is Reaction.NONE and stop.exit_code == ExitCode.DONE and not alone
        return Outcome(
            exit_code=ExitCode.NO_REACTION if silent else stop.exit_code,
            stop=stop,
            frames=self.interlocks.frames,
            reaction=reaction,
            interlocks=self.interlocks.states(now),
            notes=tuple(self.interlocks.notes),
            log=self.plan.log,
        )
