"""All interlocks of one session as a fold over what is heard, sent, read back, and known."""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING

from vebus_protocol.bms import BUILT_IN, BmsFrame, Profile, Towards, built_in, decode
from vebus_protocol.enums import FrameKind
from vebus_protocol.errors import VEBusError
from vebus_protocol.frame import END, ESCAPE, MIN_FRAME, Frame, ReceivedFrame, decode_frame
from vebus_protocol.registry import decode_payload, direction_of
from vebus_protocol.schema import Direction, Link, Space
from vebus_tools.interlocks.checks import CHECKS, LASTING, PER_FRAME
from vebus_tools.interlocks.deadman import DeadMan
from vebus_tools.interlocks.facts import LONGEST_DATA_AGE_S, Facts
from vebus_tools.interlocks.line import Line
from vebus_tools.interlocks.rate import RateLimit
from vebus_tools.interlocks.reaction import ReactionWatch
from vebus_tools.interlocks.readback import ReadBack
from vebus_tools.interlocks.stops import ExitCode, Reaction, Stop
from vebus_tools.interlocks.table import INTERLOCKS, Condition, Decision, InterlockState, Mode, interlock
from vebus_tools.interlocks.transitions import OneSided

if TYPE_CHECKING:
    from vebus_tools.records import Record
    from vebus_tools.session import Context

__all__ = ["Interlocks"]

_GAP_S, _SLOT_S, _AHEAD_S = 0.00004, 0.001, 0.0003
_LAST_NUMBER = 0x7F
_PAYLOAD_AT = 4
_LARGEST_ESCAPED = 5
_KEPT_SENT, _KEPT_JUDGED = 16, 256
_CLEARED_S = 0.03
_LOOK_S = 0.02  # a stop may come so much later than what asks for it; no frame passes in between
_EXIT_CODES = {"X-6": ExitCode.SECOND_BMS, "X-9": ExitCode.COLLISIONS, "X-16": ExitCode.DONE}


class Interlocks:
    """The interlocks of one session.  All times are in s on one clock that never jumps.

    ``stopped`` tells why nothing is sent any more, None while that is not so; ``notes`` are things to tell people.
    ``facts`` and the folds ``line``, ``rate``, ``read_back``, ``dead_man``, ``transitions``, ``watch`` are for reading.
    """

    def __init__(
        self,
        profile: Profile,
        mode: Mode,
        facts: Facts | None = None,
        *,
        slot_delay_s: float = 0.0,
        chance: random.Random | None = None,
    ) -> None:
        """Begin with nothing allowed; ``facts`` may come later, by `before`.

        ``slot_delay_s`` is the time from the end of a sync frame to the slot, ``chance`` makes pauses after collisions.
        """
        self.profile = profile
        self.mode = mode
        self.facts = facts or Facts()
        self.stopped: Stop | None = None
        self.notes: list[str] = []
        self.frames = 0
        self.opted_at: float | None = None
        self.forbidden = ""
        """What X-19 held back last."""
        self.line = Line(profile)
        known = (profile, *map(built_in, BUILT_IN))
        slow = [one.timing["interval_low_power"].seconds for one in known if "interval_low_power" in one.timing]
        self.longest_interval_s = max(slow, default=0.0)
        """Longest interval of any BMS that is known, in s."""
        interval = profile.timing.get("interval_normal")
        self.rate = RateLimit(interval.seconds if interval else 0.0)
        self.read_back = ReadBack(chance or random.Random())  # noqa: S311  (a pause, no secret)
        self.dead_man = DeadMan(min(self.facts.data_age_s, LONGEST_DATA_AGE_S))
        self.transitions = OneSided(self.facts.timing.hold_s)
        self.watch: ReactionWatch | None = None
        self._delay = slot_delay_s
        self._sent: deque[bytes] = deque(maxlen=_KEPT_SENT)
        self._judged: dict[bytes, BmsFrame | str] = {}
        self._lasting: dict[str, tuple[Condition, str]] = {}
        self._here = tuple(one for one in INTERLOCKS if mode in one.modes and one.number not in PER_FRAME)
        self._looked_at = float("-inf")
        self._cleared_until = float("-inf")
        self._counted: int | None = None
        self._noted: set[str] = set()

    # what comes in ---------------------------------------------------------------------------------------------------
    def before(self, facts: Facts, now: float) -> tuple[InterlockState, ...]:
        """Take what the edge found out; returns the interlocks that hold, WAITING ones included.

        TRIPPED and LATCHED ones are refusals, WAITING ones may still come to pass.
        """
        self.facts = facts
        self._forget()
        self.dead_man.oldest_s = min(facts.data_age_s, LONGEST_DATA_AGE_S)
        self.transitions.hold_s = facts.timing.hold_s
        self.opted_at = now if self.opted_at is None else self.opted_at
        self.line.begin(now)
        return tuple(one for one in self.states(now) if not one.condition.passes)

    def on_sync(self, sender: int, number: int, now: float) -> None:
        """A good sync frame ended now; its record may follow later, when there is time for it."""
        if self.mode is Mode.BENCH or sender not in self.line.inverters:
            self._forget()
        self.line.on_sync(sender, number, now)
        self._counted = number
        if self.mode is Mode.BENCH:
            self._look("X-2", now)

    def on_record(self, record: Record, now: float, context: Context | None = None) -> None:
        """Take what was heard, own frames that came back included."""
        own = self._own(record.wire)
        frame = record.frame
        sync = isinstance(frame, ReceivedFrame) and frame.kind == FrameKind.SYNC
        counted = isinstance(frame, ReceivedFrame) and sync and frame.number == self._counted
        self.line.observe(record, now, context, own=own, counted=counted)
        if sync:
            self._counted = None
        if not (sync and counted):
            self._forget()
        if self.line.other_bms:
            self._look("X-6", now)
        if self.mode is Mode.BENCH and self.line.syncs:
            self._look("X-2", now)
        if self.line.dmc:
            self._note(
                f"{self.line.dmc}: it alone switches on, off and charger-only (B-101), and no BMS can be updated"
            )

    def _own(self, wire: bytes) -> bool:
        """Whether a frame of ours came back; after a collision its address, which is not summed, may be damaged."""
        for sent in self._sent:
            if wire == sent or (self.read_back.difference and wire[2:] == sent[2:]):
                self._sent.remove(sent)
                return True
        return False

    def on_sent(self, wire: bytes, now: float) -> None:
        """A frame was handed to the line."""
        found = self._judge(wire)
        if not isinstance(found, BmsFrame):
            return
        self.frames += 1
        self._sent.append(wire)
        self.rate.took(now, information=found.spec.periodic, sync_at=self._cycle(now))
        if self.mode.transmits:
            self.read_back.sent(wire, now)
        if found.permissions is not None:
            self.transitions.took(found.permissions, found.values, now)
            early = self.transitions.low_cell_after_s
            if early is not None:
                self._note(f"low cell sent {early:.1f} s after the pre-alarm, and not after 30 s (X-14, B-22)")

    def on_read_back(self, data: bytes, now: float) -> None:
        """Bytes that came from the line while a sent frame waits for its echo, in order (X-9)."""
        before = self.read_back.collisions
        self.read_back.heard(data, now)
        if self.read_back.collisions != before:
            self._look("X-9", now)

    def heartbeat(self, now: float) -> None:
        """The controlling process lives (X-12)."""
        self.dead_man.heartbeat(now)

    def data(self, measured_at: float | None, now: float) -> None:
        """Battery data were measured at a time; None is a source that has nothing to say any more (X-12, X-13)."""
        self.dead_man.data(measured_at, now)

    def tick(self, now: float) -> None:
        """Time goes on: ages, missing echoes, the end of the session, the reaction after a stop."""
        self.line.begin(now)
        self.dead_man.tick(now)
        self.read_back.tick(now)
        if self.watch is not None:
            self.watch.look(now)
        if self.stopped is None and self.mode.transmits and self.frames and now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            for number in ("X-2", "X-3", "X-5", "X-9", "X-12", "X-15", "X-16"):
                self._look(number, now)

    def stop(
        self, why: str, now: float, number: str = "", *, latched: bool = False, exit_code: int = ExitCode.STOPPED
    ) -> None:
        """End the session for good; the first reason stays.  ``number`` is the interlock behind it."""
        if self.stopped is not None:
            return
        which = interlock(number) if number else None
        if not self.frames and exit_code in (ExitCode.STOPPED, ExitCode.SECOND_BMS):
            exit_code = ExitCode.REFUSED
        self.stopped = Stop(at_s=now, why=why, interlock=which, latched=latched, exit_code=exit_code)
        loss = self.profile.timing.get("loss_timeout")
        somebody = self.mode is not Mode.DRY_RUN and (self.mode is not Mode.BENCH or self.line.syncs)
        if self.frames and somebody and loss is not None:
            self.watch = ReactionWatch(now, loss.seconds, self.line)

    def _look(self, number: str, now: float) -> None:
        """Stop where this interlock has tripped."""
        condition, why = self._condition(number, now)
        if number == "X-9" and condition is Condition.TRIPPED:
            return  # a pause; the third one latches
        if condition in (Condition.TRIPPED, Condition.LATCHED):
            code = _EXIT_CODES.get(number, ExitCode.STOPPED)
            self.stop(why, now, number, latched=condition is Condition.LATCHED, exit_code=code)

    def _note(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self.notes.append(text)

    # what comes out --------------------------------------------------------------------------------------------------
    def may_send(self, wire: bytes, now: float) -> Decision:
        """Whether this frame may go on the line at this moment."""
        if self.stopped is not None:
            return Decision(allowed=False, interlock=self.stopped.interlock, why=self.stopped.why)
        held = self._held(now)
        if held is not None:
            return held
        found = self._judge(wire)
        if isinstance(found, str):
            self.forbidden = found
            return Decision(allowed=False, interlock=interlock("X-19"), why=found)
        for number, why in self._about(found, wire, now):
            if why:
                return Decision(allowed=False, interlock=interlock(number), why=why)
        return Decision(allowed=True)

    def _about(self, found: BmsFrame, wire: bytes, now: float) -> tuple[tuple[str, str], ...]:
        """What speaks against this frame, by interlock."""
        information = found.spec.periodic
        slot = self._slot_why(wire, now) if self.mode in interlock("X-8").modes else ""
        rate = self.rate.why_not(now, information=information, sync_at=self._cycle(now))
        more = ""
        if found.permissions is not None:
            more = self.transitions.why_not(found.permissions, now, self.dead_man.fresh_since_s)
        return ("X-8", slot), ("X-10", rate), ("X-13", more)

    def _cycle(self, now: float) -> float | None:
        return self.line.sync_at_s if self.line.syncs_now(now) else None

    def _slot_why(self, wire: bytes, now: float) -> str:
        line = self.line
        number = 0 if line.number is None else (line.number + 1) & _LAST_NUMBER
        if line.number is not None and wire[3] != number:
            return f"frame number {wire[3]}, the next on the bus is {number}"
        if not line.syncs_now(now) or line.sync_at_s is None:
            return "no sync frame, no slot" if self.mode is Mode.TRANSMIT else ""
        slot = max(line.sync_at_s + self._delay, line.free_at_s) + _GAP_S
        if not line.free_at_s - _AHEAD_S <= now <= slot + _SLOT_S + _AHEAD_S:
            return f"{1000 * (now - slot):.2f} ms from the slot"
        return ""

    def prepare(self, wire: bytes, now: float) -> None:
        """Look at a frame and the interlocks ahead of the slot, so that `may_send` is quick.

        What was found counts for 30 ms and until anything is heard but a sync frame; ages are looked at again.
        """
        self._judge(wire)
        self._cleared_until = float("-inf")
        if self._held(now) is None:
            ends = (self.opted_at or now) + self.facts.session_s
            self._cleared_until = min(now + _CLEARED_S, ends if self.mode.transmits else now + _CLEARED_S)

    def _held(self, now: float) -> Decision | None:
        """What holds back every frame at this moment, or None."""
        man = self.dead_man
        old = man.suspended_s or man.data_why(now) or man.heartbeat_why(now)
        if now <= self._cleared_until and not (old or self.read_back.difference):
            return None
        for one in self._here:
            condition, why = self._condition(one.number, now)
            if condition is not Condition.OK:
                return Decision(allowed=False, interlock=one, why=why)
        return None

    def _forget(self) -> None:
        """Something was learned that answers may depend on."""
        self._lasting.clear()
        self._cleared_until = float("-inf")

    def _judge(self, wire: bytes) -> BmsFrame | str:
        """The frame as the profile reads it, or why it is none that may be sent (X-19); the number does not matter."""
        found = self._known(wire)
        if found is not None:
            return found
        try:
            frame = decode_frame(wire)
        except VEBusError as problem:
            return f"no valid frame: {problem}"
        if len(self._judged) >= _KEPT_JUDGED:
            self._judged.clear()
        heard = Frame(sender=frame.sender, kind=frame.kind, number=frame.number, payload=frame.payload)
        self._judged[_stuffed(wire)] = found = _harmless(self.profile, heard)
        return found

    def _known(self, wire: bytes) -> BmsFrame | str | None:
        """The judgement about a frame that differs from a judged one in number and checksum alone, and is valid."""
        if len(wire) < MIN_FRAME or wire[3] > _LAST_NUMBER or wire.index(END) != len(wire) - 1:
            return None
        return self._judged.get(_stuffed(wire)) if (sum(wire) - wire[0] - wire[1]) & 0xFF == 0 else None

    def _condition(self, number: str, now: float) -> tuple[Condition, str]:
        if self.mode not in interlock(number).modes:
            return Condition.NOT_HERE, f"{self.mode.value}: {_NOT_HERE[self.mode]}"
        if number not in LASTING:
            return CHECKS[number](self, now)
        if number not in self._lasting:
            self._lasting[number] = CHECKS[number](self, now)
        return self._lasting[number]

    def states(self, now: float) -> tuple[InterlockState, ...]:
        """How each interlock stands, in order of their numbers."""
        found = ((one, *self._condition(one.number, now)) for one in INTERLOCKS)
        return tuple(InterlockState(interlock=one, condition=condition, why=why) for one, condition, why in found)

    def refusal(self, now: float) -> InterlockState | None:
        """The first interlock that refuses for good, or None; those that merely wait are none."""
        held = (one for one in self.states(now) if one.condition in (Condition.TRIPPED, Condition.LATCHED))
        return next(held, None)

    @property
    def reaction(self) -> Reaction:
        """What the Multi did after the stop (X-18)."""
        return Reaction.NOT_ASKED if self.watch is None else self.watch.found


_NOT_HERE = {
    Mode.DRY_RUN: "nothing is heard or sent",
    Mode.SIMULATE: "nothing real is connected",
    Mode.TRANSMIT: "",
    Mode.BENCH: "no inverter is on the line; the first sync frame ends the session",
}


def _stuffed(wire: bytes) -> bytes:
    """Address, kind and stuffed payload; the checksum is FA and a small number, or one byte."""
    escaped = wire[-3] == ESCAPE and wire[-2] <= _LARGEST_ESCAPED
    return wire[:3] + wire[_PAYLOAD_AT : -3 if escaped else -2]


def _harmless(profile: Profile, frame: Frame) -> BmsFrame | str:
    found = decode(profile, frame)
    if found is None or found.spec.towards is not Towards.FROM_BMS:
        return f"not a frame of the BMS in profile {profile.id}"
    if not (found.spec.periodic or found.spec.reply_to):
        return f"{found.spec.name} is neither an information frame nor a version reply"
    if found.broken:
        return f"{found.spec.name} breaks the rule {found.broken[0]}"
    chain = decode_payload(Space.PAYLOAD, frame.payload, Link.RS485, _PAYLOAD_AT)
    if chain and direction_of(chain) is not Direction.FROM_DEVICE:
        return f"{found.spec.name} reads as {chain[-1].message.INFO.title}, which a device may obey"
    return found
