"""The emulated BMS as a participant of a line: heard bytes in, frames out, with battery, interlocks and faults.

Time comes in; the line asks for `next_at`, calls `poll` then, and `on_wire` for everything that somebody else said.
"""

from __future__ import annotations

from collections import deque

from vebus_protocol.bms import Profile
from vebus_protocol.frame import dissect_frame, looks_like_frame
from vebus_protocol.schema import Link
from vebus_tools.battery import Sample
from vebus_tools.decoder import Decoder
from vebus_tools.emulator import EmulatedBms, Terminals, Timing
from vebus_tools.interlocks import Facts, Interlocks, Mode
from vebus_tools.records import Chunk, Record, Stamp, TimeSource, Transmission
from vebus_tools.rehearsal.cells import Source, bank_voltage
from vebus_tools.rehearsal.faults import Faults
from vebus_tools.rehearsal.multi import MultiWatch
from vebus_tools.rehearsal.news import Narrator, News, Sort
from vebus_tools.rehearsal.script import Setup

__all__ = ["BMS", "Participant"]

BMS = "bms"
"""Name of the sender on the line."""
BYTE_S = 10 / 256_000
_TICKS_PER_S = 16  # a power of two: sums of ticks stay exact, so frames of a dry run are exactly an interval apart
_AHEAD_S = 0.001  # the slot itself is a little later than the poll for it
_KEPT_NEWS = 10_000
_SYNC, _PHASE = 0xFD, 0xE4


class Participant:
    """One emulated BMS on a line."""

    name = BMS

    def __init__(
        self,
        setup: Setup,
        profile: Profile,
        source: Source,
        mode: Mode,
        faults: Faults,
        *,
        multi: MultiWatch | None = None,
    ) -> None:
        """``multi`` tells whether the Multi runs; without it the inputs of the BMS say so.  Raises ProfileError."""
        timing = Timing(hold_s=setup.hold_s, shaped=not mode.transmits)
        self.bms = EmulatedBms(
            profile,
            version=setup.version,
            cells=setup.bank.cells,
            limits=setup.limits,
            timing=timing,
            slot_delay_s=setup.slot_delay_s,
        )
        self.bms.change(vebus=True, terminals=Terminals(joined=True), aux_v=setup.aux_v)
        facts = Facts(limits=setup.limits, timing=timing, data_age_s=setup.limits.max_age_s)
        self.interlocks = Interlocks(profile, mode, facts, slot_delay_s=setup.slot_delay_s)
        self.source = source
        self.sample: Sample | None = None
        self.supply_v: float | None = None
        """Voltage at Battery + that somebody set; None while it is that of the battery."""
        self.silent = ""
        """Why nothing is sent any more."""
        self.handed = 0
        """Frames that every interlock let pass, and no fault swallowed."""
        self.held_back = 0
        self.last_sent_s: float | None = None
        self.news: deque[News] = deque(maxlen=_KEPT_NEWS)
        self._setup = setup
        self._faults = faults
        self._multi = multi
        self._decoder = Decoder(Link.RS485)
        self._narrator = Narrator()
        self._ticks = 0
        self._polled_at = -1.0
        self._refused = ""

    # the line asks ---------------------------------------------------------------------------------------------------
    @property
    def next_at(self) -> float:
        """Time in s of the next poll."""
        wanted = self._ticks / _TICKS_PER_S
        slot = self.bms.next_at
        if slot is not None and slot > self._polled_at and slot + _AHEAD_S >= self.bms.due_at:
            wanted = min(wanted, slot)
        return wanted

    def poll(self, now: float) -> list[Transmission]:
        """What goes on the line at a time in s."""
        self._polled_at = now
        looking = self._ticks / _TICKS_PER_S <= now
        while self._ticks / _TICKS_PER_S <= now:
            self._ticks += 1
        if looking:
            self.look(now)
        found = [piece for one in self._wanted(now) for piece in self._allowed(one, now)]
        if looking or found:
            self.tell(now)
        return found

    def on_wire(self, data: bytes, end_s: float) -> None:
        """Bytes of somebody else, or our own, whose last one ended at a time in s."""
        stamp = Stamp(end_s - len(data) * BYTE_S, TimeSource.HOST)
        record = _plain(data, stamp)
        records = self._decoder.feed(Chunk(data=data, stamp=stamp, whole=True)) if record is None else [record]
        for one in records:
            self.interlocks.on_record(one, end_s)
            self.bms.on_record(one)

    # what it does then -----------------------------------------------------------------------------------------------
    def look(self, now: float) -> None:
        """Take the newest cell values, and what follows from them."""
        self.sample = sample = self.source.sample(now)
        if sample is not None:
            volts = bank_voltage(self._setup.bank, sample)
            self.bms.change(battery_v=volts, supply_v=volts if self.supply_v is None else self.supply_v)
        if self._multi is not None:
            self.bms.change(multi_on=self._multi.on)
        self.bms.feed(sample)
        self.interlocks.heartbeat(now)
        self.interlocks.data(None if sample is None else sample.at_s, now)
        self.interlocks.tick(now)

    def _wanted(self, now: float) -> list[Transmission]:
        """What the BMS would send; nothing once it has been stopped, while its state goes on."""
        found = self.bms.poll(now)
        if not self.silent:
            stop = self.interlocks.stopped
            self.silent = str(stop) if stop else self.bms.stopped
            if self.silent:
                self.add(now, Sort.STOP, f"silent for good: {self.silent}")
        return [] if self.silent else found

    def _allowed(self, wanted: Transmission, now: float) -> list[Transmission]:
        """The frame with the faults that strike it, unless an interlock holds it back."""
        decision = self.interlocks.may_send(wanted.data, wanted.earliest)
        if not decision.allowed:
            self._hold_back(f"{decision.interlock}: {decision.why}", now)
            return []
        self._refused = ""
        self.interlocks.on_sent(wanted.data, wanted.earliest)
        pieces, names = self._faults.apply(wanted.data, wanted.earliest)
        self.handed += bool(pieces)
        if names:
            self.add(now, Sort.FAULT, f"{' and '.join(names)} strikes frame {wanted.data.hex(' ')}")
        late = wanted.latest - wanted.earliest
        return [
            Transmission(
                earliest=wanted.earliest + piece.after_s,
                latest=wanted.earliest + piece.after_s + late,
                data=piece.data,
            )
            for piece in pieces
        ]

    def _hold_back(self, why: str, now: float) -> None:
        self.held_back += 1
        if why != self._refused:
            self._refused = why
            self.add(now, Sort.INTERLOCK, f"a frame is held back by {why}")

    # what is told ----------------------------------------------------------------------------------------------------
    def add(self, at_s: float, sort: Sort, text: str, requirements: str = "") -> None:
        """Tell something."""
        self.news.append(News(at_s=at_s, sort=sort, text=text, requirements=requirements))

    def tell(self, now: float) -> None:
        """Tell what changed since the last time; of a BMS that was stopped nothing more."""
        if self._multi is not None:
            self.news.extend(self._multi.news())
        bms = self.bms
        if self.silent:
            return
        self.news.extend(self._narrator.observe(now, bms.state, bms.inputs, bms.outputs, self.sample))

    def stop(self, why: str, now: float) -> None:
        """Send nothing any more."""
        if not self.silent:
            self.silent = why
            self.interlocks.stop(why, now)


def _plain(data: bytes, stamp: Stamp) -> Record | None:
    """A good sync or phase frame without its fields, which nobody here looks at: they are most of a bus."""
    if not looks_like_frame(data) or (data[2] != _SYNC and data[4] != _PHASE):
        return None
    frame = dissect_frame(data)
    if not frame.good:
        return None
    return Record(number=1, stamp=stamp, link=Link.RS485, offset=0, wire=data, frame=frame)
