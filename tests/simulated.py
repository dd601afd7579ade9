"""Simulated buses and adapters for tests: short scenarios, everything decoded."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from vebus_protocol.frame import ReceivedFrame, dissect_frame
from vebus_protocol.mk3 import Mk3Frame, dissect_mk3_frame, encode_mk3_frame
from vebus_protocol.schema import Message
from vebus_tools.decoder import decode_frame_chain
from vebus_tools.framing import Mk3Splitter
from vebus_tools.simulator import Installation, Mk3Adapter, Scenario, TimedBytes, VirtualBus, load_scenario
from vebus_tools.simulator.scenario import Assistant, BatterySpec, DeviceSpec, Event, EventKind, HostSpec

ESS_DEVICE = DeviceSpec(assistants=(Assistant(id=0x005, words=(0, 0, 0, 0)),), load_wave_w=0.0)


def plain(**changes: object) -> Scenario:
    """A scenario without chance: one Multi with ESS, a host, mains."""
    return replace(load_scenario("exact"), **{"devices": (ESS_DEVICE,), **changes})  # type: ignore[arg-type]


def alone(**changes: object) -> Scenario:
    """The same without a host on the bus."""
    return plain(host=HostSpec(present=False), **changes)


def event(at_s: float, kind: EventKind, **values: object) -> Event:
    return replace(Event(at_s=at_s, kind=kind), **values)  # type: ignore[arg-type]


def battery(soc: float) -> BatterySpec:
    return BatterySpec(soc=soc)


@dataclass(frozen=True)
class Said:
    """One frame of a simulated bus, decoded."""

    sent: TimedBytes
    frame: ReceivedFrame
    messages: tuple[Message, ...]

    @property
    def last(self) -> Message:
        return self.messages[-1]


def decoded(sent: TimedBytes) -> Said:
    frame = dissect_frame(sent.data)
    return Said(sent, frame, tuple(placed.message for placed in decode_frame_chain(frame)))


def frames(bus: VirtualBus, until_s: float) -> Iterator[Said]:
    """All sync and data frames up to a time; the five-byte FB frames are left out."""
    for sent in bus.run(until_s):
        if sent.data[1] != 0xFB and len(sent.data) > 6:
            yield decoded(sent)


def digest(scenario: Scenario, seed: int, until_s: float) -> list[TimedBytes]:
    return list(VirtualBus(scenario, seed).run(until_s))


class Client:
    """A host behind a simulated adapter, on a fake wire with virtual time."""

    def __init__(self, scenario: Scenario, seed: int = 0) -> None:
        self.installation = Installation(scenario, seed)
        self.adapter = Mk3Adapter(self.installation, seed)
        self.now = 0.0
        self.out: list[TimedBytes] = []

    def wait(self, seconds: float) -> list[TimedBytes]:
        """Everything that the adapter says within this time."""
        until = self.now + seconds
        said = []
        while self.now < until:
            self.now = min(self.now + 0.01, until)
            said += self.adapter.poll(self.now)
        self.out += said
        return said

    def send(self, *payload: int) -> None:
        self.raw(encode_mk3_frame(Mk3Frame(payload=bytes(payload))))

    def raw(self, data: bytes) -> None:
        self.adapter.on_bytes(data, self.now)

    def ask(self, *payload: int, wait_s: float = 0.7) -> list[bytes]:
        """Payloads of the replies, without heartbeats."""
        self.send(*payload)
        return self.payloads(wait_s, without_v=payload[:2] != (0xFF, ord("V")))

    def payloads(self, wait_s: float = 0.7, *, without_v: bool = True) -> list[bytes]:
        found = [piece.frame.payload for piece in self.pieces(wait_s) if piece.frame is not None]
        return [payload for payload in found if not (without_v and payload[:2] == b"\xffV")]

    def pieces(self, wait_s: float = 0.7) -> list[Any]:
        splitter = Mk3Splitter()
        data = b"".join(sent.data for sent in self.wait(wait_s))
        return [*splitter.feed(data), *splitter.flush()]


def mk3_payload(wire: bytes) -> bytes:
    return dissect_mk3_frame(wire).payload
