"""A line on a virtual clock with the interlocks at it, for the tests of X-1 to X-19."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from vebus_protocol.bms import LAB, Permissions, Profile, built_in, encode
from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.schema import Link
from vebus_protocol.winmon import VersionReply
from vebus_tools.decoder import Decoder
from vebus_tools.emulator import Content, Timing
from vebus_tools.emulator.content import values_for
from vebus_tools.firmware import unit_of_text
from vebus_tools.interlocks import Condition, Facts, Interlocks, Mode, Reaction, Transport
from vebus_tools.records import Chunk, Record, Stamp, TimeSource
from vebus_tools.simulator import VirtualBus, load_scenario

MULTI, OTHER = 0x8383, 0x98F7
SYNC_S, BYTE_S = 0.02, 10 / 256_000
LEDS = "41 10 {on:02x} 00 00 90 0a 00 f4 01 40 01 77"
AC_INFO = "20 01 01 00 09 {phases:02x} 5c 5a 68 08 5c 5a 86 00 c3"
BMS_INFO = "20 00 00 00 00 83 b8 ff 12 00 00 00 00 00 00"
DMC_INFO = "20 00 00 00 00 80 b8 ff 12 00"
WRITE_RAM = "00 e6 37 02 83 64 00"

LINE = Transport(name="pty", simulated=True)
GOOD = Facts(
    terminal=True,
    port="/dev/ttyUSB0",
    typed="/dev/ttyUSB0",
    protected=True,
    units=(unit_of_text("2629492"),),
    bms_version=1245112,
    port_locked=True,
    bus_locked=True,
    transport=LINE,
    log_open=True,
    timing=Timing(shaped=False),
)
"""Everything in order for a simulated line at which the whole transmitting session works."""
NOTHING = Content(pre_alarm=False, low_cell=False, high_cell=False, error=True, remote_off=False, low_power=False)
ALL = replace(NOTHING, error=False)
LOW = replace(ALL, low_cell=True, pre_alarm=True)


@cache
def version_wire() -> bytes:
    """Version reply of a simulated Multi, as it stands on the bus."""
    bus, decoder = VirtualBus(load_scenario("quiet-house"), seed=1), Decoder(Link.RS485)
    for sent in bus.run(10.0):
        for record in decoder.feed(Chunk(data=sent.data, stamp=Stamp(sent.at_s, TimeSource.HOST), whole=True)):
            if record.chain and isinstance(record.chain[-1].message, VersionReply):
                return record.wire
    raise AssertionError("no version reply in 10 s")


class Desk:
    """Interlocks at a line; ``now`` only moves with what happens on it."""

    def __init__(self, mode: Mode = Mode.TRANSMIT, facts: Facts = GOOD, profile: Profile | None = None) -> None:
        self.profile = profile or built_in(LAB)
        self.interlocks = Interlocks(self.profile, mode, facts)
        self.now = 100.0
        self.number = 0
        self.counter = 0
        self.fresh = True
        self.alive = True
        self._decoder = Decoder(Link.RS485)
        self.interlocks.before(facts, self.now)

    # the line --------------------------------------------------------------------------------------------------------
    def records(self, wire: bytes) -> Iterator[Record]:
        yield from self._decoder.feed(Chunk(data=wire, stamp=Stamp(self.now, TimeSource.HOST), whole=True))

    def hear(self, payload: str | bytes, sender: int = MULTI, kind: int = 0xFE) -> None:
        """A frame of somebody else."""
        data = bytes.fromhex(payload) if isinstance(payload, str) else payload
        self.number = (self.number + 1) & 0x7F
        self.take(encode_frame(Frame(sender=sender, kind=kind, number=self.number, payload=data)))

    def take(self, wire: bytes) -> None:
        """Bytes as they are."""
        self.number = wire[3] if wire[3:4] and wire[3] < 0x80 else self.number
        for record in self.records(wire):
            self.now += len(record.wire) * BYTE_S
            self.interlocks.on_record(record, self.now)

    def sync(self, sender: int = MULTI) -> None:
        """The next sync frame, 20 ms later."""
        self.pass_time(SYNC_S)
        self.hear("55 ab 03 40", sender, kind=0xFD)

    def pass_time(self, seconds: float) -> None:
        """Time goes on, with what is alive."""
        self.now += seconds
        if self.alive:
            self.interlocks.heartbeat(self.now)
        if self.fresh:
            self.interlocks.data(self.now, self.now)
        self.interlocks.tick(self.now)

    def listen(self, seconds: float = 11.0) -> None:
        """A good bus: sync frames, LEDs, AC info of one phase."""
        self.hear(LEDS.format(on=0x05))
        self.hear(AC_INFO.format(phases=8))
        until = self.now + seconds
        while self.now < until:
            self.pass_time(SYNC_S)
            self.number = (self.number + 1) & 0x7F
            self.interlocks.on_sync(MULTI, self.number, self.now)

    def silence(self, seconds: float) -> None:
        """Nothing on the line."""
        until = self.now + seconds
        while self.now < until:
            self.pass_time(0.1)

    # the BMS ---------------------------------------------------------------------------------------------------------
    def frame(self, content: Content = NOTHING, **changes: int) -> bytes:
        """The next information frame."""
        spec = self.profile.frame("information")
        values = {**values_for(spec, content, self.counter), **changes}
        return encode(self.profile, "information", values, number=(self.number + 1) & 0x7F)

    def reply(self) -> bytes:
        """A version reply."""
        return encode(self.profile, "version_reply", {"version": 1245112}, number=(self.number + 1) & 0x7F)

    def why_not(self, wire: bytes) -> str:
        """Number of the interlock that holds a frame back; empty when it may go."""
        found = self.interlocks.may_send(wire, self.now)
        assert found.allowed is (found.interlock is None and not found.why)
        return "" if found.allowed else found.interlock.number if found.interlock else "stopped"

    def send(self, wire: bytes | None = None, *, back: bytes | None = None) -> str:
        """Send a frame if it may go, and let it come back; returns what held it back."""
        wire = self.frame() if wire is None else wire
        held = self.why_not(wire)
        if not held:
            self.interlocks.on_sent(wire, self.now)
            self.counter += 1
            back = wire if back is None else back
            self.interlocks.on_read_back(back, self.now + len(wire) * BYTE_S)
            self.take(back)
        return held

    def state(self, number: str) -> Condition:
        """How an interlock stands."""
        return next(one for one in self.interlocks.states(self.now) if one.interlock.number == number).condition

    def why(self, number: str) -> str:
        """Why it stands so."""
        return next(one for one in self.interlocks.states(self.now) if one.interlock.number == number).why

    @property
    def reaction(self) -> Reaction:
        """What the Multi did after the stop."""
        return self.interlocks.reaction

    @property
    def said(self) -> Permissions:
        """Permissions of the last frame."""
        return self.interlocks.transitions.said


def ready(mode: Mode = Mode.TRANSMIT, facts: Facts = GOOD, profile: Profile | None = None) -> Desk:
    """A desk that has listened long enough: a frame may go."""
    desk = Desk(mode, facts, profile)
    if mode is Mode.BENCH:
        desk.silence(11.0)
    else:
        desk.listen()
    return desk
