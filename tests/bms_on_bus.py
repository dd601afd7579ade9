"""The emulated BMS as a speaker of the virtual bus, and information frames by hand, for tests of the Multi."""

from collections.abc import Iterable, Mapping

from vebus_protocol.bms import LAB, Profile, built_in, encode
from vebus_protocol.frame import dissect_frame, looks_like_frame
from vebus_protocol.schema import Link
from vebus_tools.battery import Bank, uniform_sample
from vebus_tools.emulator import EmulatedBms, Terminals
from vebus_tools.records import Finding, Group, Record, Severity, Stamp, TimeSource, Transmission
from vebus_tools.simulator import Installation, Scenario, VirtualBus
from vebus_tools.simulator.bus import BYTE_S

BANK = Bank(system_v=48, series=4)
VERSION = 1245112
PROFILE = built_in(LAB)
NORMAL: Mapping[str, int] = {
    "discharge_allowed": 1,
    "charge_allowed": 1,
    "pre_alarm": 0,
    "low_cell": 0,
    "high_cell": 0,
    "bms_error": 0,
    "remote_off": 0,
    "reserved": 0,
    "high_cell_level": 0x20,
    "link_mode": 0,
    "counter": 0,
}
LOW: Mapping[str, int] = {**NORMAL, "low_cell": 1, "pre_alarm": 1, "discharge_allowed": 0}
HIGH: Mapping[str, int] = {**NORMAL, "high_cell": 1, "charge_allowed": 0, "high_cell_level": 0x90}
BOTH: Mapping[str, int] = {**LOW, "high_cell": 1, "charge_allowed": 0, "high_cell_level": 0x90}
REMOTE_OFF: Mapping[str, int] = {**NORMAL, "remote_off": 1, "discharge_allowed": 0, "charge_allowed": 0}
BMS_ERROR: Mapping[str, int] = {**NORMAL, "bms_error": 1, "discharge_allowed": 0, "charge_allowed": 0}
CONTRADICTORY: Mapping[str, int] = {**NORMAL, "low_cell": 1}


class BmsSpeaker:
    """An emulated BMS with a uniform bank; set ``cell_v`` and ``celsius``, or ``talking`` to False for no data."""

    def __init__(self, name: str = "bms", *, slot_delay_s: float = 0.002, profile: Profile = PROFILE) -> None:
        self.name = name
        self.bms = EmulatedBms(profile, version=VERSION, cells=BANK.cells, slot_delay_s=slot_delay_s)
        self.bms.change(supply_v=52.0, vebus=True, battery_v=52.0, terminals=Terminals(joined=True))
        self.cell_v, self.celsius, self.talking = 3.3, 20.0, True
        self.heard: list[bytes] = []
        self.next_at = 0.0

    def poll(self, now: float) -> list[Transmission]:
        sample = uniform_sample(BANK, now, voltage_v=self.cell_v, temperature_c=self.celsius)
        self.bms.feed(sample if self.talking else None)
        found = self.bms.poll(now)
        slot = self.bms.next_at
        self.next_at = slot if slot is not None and slot > now else now + 0.02
        return found

    def on_wire(self, data: bytes, at: float) -> None:
        self.heard.append(data)
        if looks_like_frame(data):
            self.bms.on_record(_record(data, at - len(data) * BYTE_S))
        slot = self.bms.next_at
        if slot is not None and slot > at:
            self.next_at = min(self.next_at, slot)


def _record(data: bytes, at_s: float) -> Record:
    """What a decoder makes of a frame, without its messages: the BMS looks at frame and damage alone."""
    frame = dissect_frame(data)
    damage = () if frame.good else (Finding(Severity.ERROR, Group.CHECKSUM, "damaged"),)
    stamp = Stamp(at_s, TimeSource.HOST)
    return Record(number=0, stamp=stamp, link=Link.RS485, offset=0, wire=data, frame=frame, findings=damage)


class Repeater:
    """Sends one information frame a second by hand, in the slot behind a sync frame; None is silence.

    It knows numbers and slots as a BMS has to, and nothing else.
    """

    def __init__(self, values: Mapping[str, int] | None = NORMAL, *, every_s: float = 1.0, name: str = "bms") -> None:
        self.name = name
        self.values = values
        self.every_s = every_s
        self.next_at = float("inf")
        self._number = 0
        self._due_at = 0.0

    def poll(self, now: float) -> Iterable[Transmission]:
        self.next_at = float("inf")
        if self.values is None or now < self._due_at:
            return []
        self._due_at = now + self.every_s
        wire = encode(PROFILE, "information", self.values, number=(self._number + 1) & 0x7F)
        return [Transmission(earliest=now, latest=now + 0.001, data=wire)]

    def on_wire(self, data: bytes, at: float) -> None:
        if len(data) < 7:
            return
        self._number = data[3] & 0x7F
        if data[2] == 0xFD and at + 0.002 >= self._due_at:
            self.next_at = at + 0.002


def bus_with(speaker: Repeater | BmsSpeaker, scenario: Scenario, seed: int = 1) -> VirtualBus:
    """A bus with a BMS that is there from the start."""
    bus = VirtualBus(scenario, seed)
    bus.attach(speaker)
    return bus


def hear(installation: Installation, values: Mapping[str, int], at_s: float) -> None:
    """Let the units hear an information frame, without a bus."""
    installation.bms.hear(dissect_frame(encode(PROFILE, "information", values, number=1)), at_s)


def run(bus: VirtualBus, until_s: float) -> None:
    """Let time pass."""
    for _ in bus.run(until_s):
        pass
