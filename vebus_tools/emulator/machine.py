"""The emulated BMS as a machine: records in, transmissions out.

No I/O and no clock; whether a byte is ever sent is not decided here.  Slots: right behind a sync frame, with the number
last + 1; on a line without sync frames when the interval has passed (U-30).  It speaks only from fresh data, takes a
permission back at the first frame that the rate allows, and falls silent for good when it hears another BMS (U-23).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vebus_protocol.bms import BUILT_IN, Medium, Profile, ProfileError, Towards, built_in, decode_payload, encode
from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import Frame, ReceivedFrame
from vebus_tools.battery import Limits, Sample, SignalState, advance
from vebus_tools.emulator.content import Content, content_of, information_frame, values_for
from vebus_tools.emulator.inputs import Inputs
from vebus_tools.emulator.outputs import Led, Outputs, outputs_of
from vebus_tools.emulator.regions import Life, LinkMode, State, Timing, step
from vebus_tools.records import Record, Severity, Transmission

__all__ = ["BYTE_S", "EmulatedBms", "Event", "Offer"]

BYTE_S = 10 / 256_000
"""Time of one byte on the line in s."""
_GAP_S, _SLOT_S = 0.00004, 0.001
_AHEAD_S = 0.0002  # a frame is handed over this long before its slot, no sooner: until then its number may change
_SYNC_GONE_S = 0.1  # five cycles of 20 ms without a sync frame: the line has no slots
_LAST_NUMBER = 0x7F
_KEPT_EVENTS, _KEPT_SENT = 1000, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at a time in s; ``requirements`` names what asked for it."""

    at_s: float
    text: str
    requirements: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A frame that is due, without its number; ``latest`` in s is when its data are too old.

    ``content`` is what an information frame says, None for a version reply.
    """

    name: str
    values: Mapping[str, int]
    latest: float
    content: Content | None = None


class EmulatedBms:
    """One BMS; the caller sets its inputs, feeds battery samples, and polls.

    Raises ProfileError for a profile that the emulator cannot speak.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        version: int,
        cells: int | None = None,
        limits: Limits | None = None,
        timing: Timing | None = None,
        slot_delay_s: float = 0.0,
    ) -> None:
        """``version`` is what the presence poll is answered with, ``cells`` how many values a sample has to have.

        ``slot_delay_s`` is the time in s from the end of a sync frame to the slot; that of a BMS is not known (W-4).
        """
        self.profile = profile
        self.version = version
        self.limits = limits or Limits()
        self.timing = timing or Timing()
        self.inputs = Inputs()
        self.state = State()
        self.stopped = ""
        """Why it has fallen silent for good; empty while it has not."""
        self.frames = 0
        self.events: deque[Event] = deque(maxlen=_KEPT_EVENTS)
        self._spec = information_frame(profile)
        self._reply = next((one for one in profile.frames if one.reply_to and one.towards is Towards.FROM_BMS), None)
        self._cells = cells
        self._delay = slot_delay_s + _GAP_S
        self._sample: Sample | None = None
        self._signals = SignalState()
        self._said: Content | None = None
        self._said_at: float | None = None
        self._asked = False
        self._polled_at: float | None = None
        self._number = 0
        self._slot_at: float | None = None
        self._sync_at: float | None = None
        self._sent: deque[bytes] = deque(maxlen=_KEPT_SENT)
        if profile.link.address is None:
            raise ProfileError(f"{profile.id}: the sender id is not known, so nothing can be emulated with it")
        if not profile.may_reach(Medium.MEMORY):
            raise ProfileError(f"{profile.id}: a profile of class {profile.provenance.sort.value} is for decoding only")

    # inputs ----------------------------------------------------------------------------------------------------------
    def change(self, **inputs: Any) -> None:  # noqa: ANN401  (the attributes of Inputs)
        """Set inputs by their names in `Inputs`, all but the signals."""
        self.inputs = replace(self.inputs, **inputs)

    def feed(self, sample: Sample | None) -> None:
        """Take a battery sample; None is a source that has nothing to say any more."""
        self._sample = sample

    def on_record(self, record: Record) -> None:
        """Take what was heard: number and slot, presence polls, other BMS.  Damaged frames say nothing."""
        frame = record.frame
        if not isinstance(frame, ReceivedFrame) or any(one.severity is Severity.ERROR for one in record.findings):
            return
        if frame.number <= _LAST_NUMBER:
            self._number = frame.number
        end = record.stamp.at + len(record.wire) * BYTE_S
        if frame.kind == FrameKind.SYNC:
            self._sync_at, self._slot_at = end, end + self._delay
            return
        if self._slot_at is not None:  # who finds the line busy waits
            self._slot_at = max(self._slot_at, end + _GAP_S)
        if frame.kind == self.profile.link.kind:
            self._on_data(frame, record.wire, end)

    def _on_data(self, frame: ReceivedFrame, wire: bytes, at: float) -> None:
        if wire in self._sent:  # half duplex: our own bytes come back
            self._sent.remove(wire)
            return
        heard = Frame(sender=frame.sender, kind=frame.kind, number=frame.number, payload=frame.payload)
        known = (self.profile, *map(built_in, BUILT_IN))
        if heard.sender == self.profile.link.address or any(decode_payload(one, heard.payload) for one in known):
            self._stop(at, f"another BMS is on the bus (sender {heard.sender:04x})")
        polled = decode_payload(self.profile, heard.payload, Towards.TO_BMS)
        if polled and self._reply and polled.spec.name == self._reply.reply_to:
            self._asked = True

    def _stop(self, at: float, reason: str) -> None:
        if not self.stopped:
            self.stopped = reason
            self.events.append(Event(at_s=at, text=f"stopped for good: {reason}", requirements="X-6 U-23"))

    # state -----------------------------------------------------------------------------------------------------------
    @property
    def outputs(self) -> Outputs:
        """Outputs and LEDs as of the last poll; the status LED is dark once it has fallen silent for good (B-64)."""
        found = outputs_of(self.state, self.inputs)
        return replace(found, status_led=Led.DARK) if self.stopped else found

    @property
    def content(self) -> Content | None:
        """What the last information frame said; None before the first one."""
        return self._said

    def _advance(self, now: float) -> Content | None:
        """Let the regions see this moment; returns what is to be said, if anything."""
        if self._polled_at is not None and not 0 <= now - self._polled_at <= self.limits.max_age_s:
            self._step(None, now)  # nobody looked for so long (suspended, say): what lasts starts anew
        self._polled_at = now
        self._step(self._sample, now)
        started = self.state.started("run")
        if self.state.life is not Life.RUN or started is None or now - started < self._time("boot"):
            return None
        return content_of(self.state, self.inputs)

    def _step(self, sample: Sample | None, now: float) -> None:
        self._signals, signals = advance(self._signals, sample, self.limits, now, self._cells)
        self.inputs = replace(self.inputs, signals=signals)
        self.state, taken = step(self.state, self.inputs, now, self.timing)
        for row in taken:
            text = f"{row.origin.value} -> {row.target.value}"
            self.events.append(Event(at_s=now, text=text, requirements=row.requirements))

    def _time(self, name: str) -> float:
        found = self.profile.timing.get(name)
        return found.seconds if found else 0.0

    # sending ---------------------------------------------------------------------------------------------------------
    def poll(self, now: float) -> list[Transmission]:
        """What is to be sent at ``now``, at most one frame; call it after each record and whenever time has passed."""
        content = self._advance(now)
        slot = self._slot(now)
        offer = None if slot is None else self._offer(content, slot)
        if offer is None or slot is None:
            return []
        self._number = (self._number + 1) & _LAST_NUMBER
        wire = encode(self.profile, offer.name, offer.values, number=self._number)
        self.took(offer, wire, slot)
        return [Transmission(earliest=slot, latest=min(slot + _SLOT_S, offer.latest), data=wire)]

    def offer(self, now: float, slot: float) -> Offer | None:
        """What it would send in a slot ahead, for a caller that knows the number of the sync frame before we do.

        A caller that sends it says so with `took`; until then the offer stands.
        """
        return self._offer(self._advance(now), slot)

    def took(self, offer: Offer, wire: bytes, at: float) -> None:
        """An offer was sent at a time in s, as these bytes."""
        if offer.content is not None:
            self._said, self._said_at = offer.content, at
            self.frames += 1
        else:
            self._asked = False
        self._slot_at = None  # one frame a sync cycle
        self._sent.append(wire)

    def _offer(self, content: Content | None, slot: float) -> Offer | None:
        latest = self._expiry()
        if self.stopped or content is None or latest < slot:
            return None
        if self._spec is not None and self._due(content, slot):
            values = values_for(self._spec, content, self.frames)
            return Offer(name=self._spec.name, values=values, latest=latest, content=content)
        if self._asked and self._reply is not None and self.state.link is LinkMode.NORMAL:
            # in low power a poll stays open: hosts see no version then (bms-wire.md 5.4, inferred)
            return Offer(name=self._reply.name, values={"version": self.version}, latest=latest)
        return None

    @property
    def next_at(self) -> float | None:
        """When to poll for the slot that is ahead, in s; None while there is none.  Polling more often does no harm."""
        return None if self._slot_at is None else self._slot_at - _AHEAD_S

    @property
    def due_at(self) -> float:
        """Before this time in s there is nothing to send, however often it is polled."""
        if self._asked or self._said_at is None:
            return float("-inf")
        return self._said_at + self._time("interval_normal")

    def _due(self, content: Content, slot: float) -> bool:
        """Whether the interval has passed from slot to slot (X-10).

        It is the shorter one for a content that takes a permission back (X-13).
        """
        if self._said_at is None or self._said is None:
            return True
        strict = content.stricter_than(self._said)
        name = "interval_low_power" if content.low_power and not strict else "interval_normal"
        return slot - self._said_at >= self._time(name)

    def _expiry(self) -> float:
        """When the data that a frame is made from are too old."""
        return self._sample.at_s + self.limits.max_age_s if self._sample else float("-inf")

    def _slot(self, now: float) -> float | None:
        """When the first byte may go out: in the slot behind the last sync frame, or now where there are none."""
        if self._slot_at is not None and now <= self._slot_at + _SLOT_S:
            return self._slot_at if now >= self._slot_at - _AHEAD_S else None
        silent = self._sync_at is None or now - self._sync_at > _SYNC_GONE_S
        return now if silent else None
