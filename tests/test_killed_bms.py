"""The emulated BMS dies at a random moment: after the loss time-out the simulated Multi is in emergency mode or off.

VEBUS_KILL_SEEDS=1000 pytest tests/test_killed_bms.py        # all seeds; the test command runs a part of them
"""

import os
from dataclasses import replace

import pytest

from tests.bms_on_bus import BANK, VERSION, BmsSpeaker, run
from tests.damaged_streams import seeded
from tests.simulated import alone
from tests.traceability import covers
from vebus_protocol.bms import LAB, Profile, built_in
from vebus_tools.battery import Cell, Sample, uniform_sample
from vebus_tools.emulator import EmulatedBms, Terminals, Timing
from vebus_tools.records import Transmission
from vebus_tools.simulator import Installation, State, VirtualBus
from vebus_tools.simulator.bus import BYTE_S
from vebus_tools.simulator.installation import STEP_S
from vebus_tools.simulator.scenario import BmsSpec, DeviceSpec, MainsSpec

SEEDS = int(os.environ.get("VEBUS_KILL_SEEDS", "40"))
LOSS_S = 0.5
LATEST_KILL_S = 2.5
SILENT = {State.EMERGENCY, State.OFF}


def quick_profile() -> Profile:
    """The laboratory profile with short times."""
    lab = built_in(LAB)
    seconds = {"interval_normal": 0.1, "interval_low_power": 0.15, "loss_timeout": LOSS_S, "boot": 0.0}
    timing = {name: replace(one, seconds=seconds.get(name, one.seconds)) for name, one in lab.timing.items()}
    return replace(lab, timing=timing)


class MortalSpeaker(BmsSpeaker):
    """Dies at a time in s, in the middle of a frame if that is when; its cells are those of a seed."""

    def __init__(self, dies_at: float, sample: Sample, terminals: Terminals) -> None:
        super().__init__()
        self.bms = EmulatedBms(
            quick_profile(),
            version=VERSION,
            cells=BANK.cells,
            timing=Timing(hold_s=0.2, shaped=False),
            slot_delay_s=0.002,
        )
        self.bms.change(supply_v=52.0, vebus=True, battery_v=52.0, terminals=terminals)
        self.dies_at = dies_at
        self.last_whole_s: float | None = None
        self._sample = sample

    def poll(self, now: float) -> list[Transmission]:
        if now >= self.dies_at:
            self.next_at = float("inf")
            return []
        self.bms.feed(replace(self._sample, at_s=now))
        found = [one for one in (self._cut(one) for one in self.bms.poll(now)) if one is not None]
        slot = self.bms.next_at
        self.next_at = slot if slot is not None and slot > now else now + 0.02
        return found

    def _cut(self, sent: Transmission) -> Transmission | None:
        """As much of a frame as leaves before it dies."""
        whole = max(0, int((self.dies_at - sent.earliest) / BYTE_S))
        if whole >= len(sent.data):
            self.last_whole_s = sent.latest + len(sent.data) * BYTE_S
            return sent
        return replace(sent, data=sent.data[:whole]) if whole else None

    def on_wire(self, data: bytes, at: float) -> None:
        super().on_wire(data, at)
        if at >= self.dies_at:
            self.next_at = float("inf")


def lived_and_died(seed: int) -> tuple[VirtualBus, MortalSpeaker]:
    """A bus on which a BMS of this seed lived for a while and died."""
    chance = seeded(seed)
    sample = uniform_sample(BANK, 0.0)
    if chance.random() < 0.5:  # one cell out of order
        bad = Cell(voltage_v=chance.uniform(2.6, 4.2), temperature_c=chance.uniform(-5.0, 60.0))
        at = chance.randrange(BANK.cells)
        sample = replace(sample, cells=(*sample.cells[:at], bad, *sample.cells[at + 1 :]))
    terminals = Terminals(joined=chance.random() < 0.9)
    speaker = MortalSpeaker(chance.uniform(0.0, LATEST_KILL_S), sample, terminals)
    mains = MainsSpec(present=chance.random() < 0.5)
    scenario = alone(devices=(DeviceSpec(load_wave_w=0.0),), mains=mains, bms=BmsSpec(expected=True))
    bus = VirtualBus(scenario, seed, Installation(scenario, seed, quick_profile()))
    bus.attach(speaker)
    return bus, speaker


@covers("X-12", "X-18", trips=False)
@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_a_killed_bms_leaves_the_multi_in_emergency_mode_or_off(first: int) -> None:
    lively = 0
    for seed in range(first, min(first + 20, SEEDS)):
        bus, speaker = lived_and_died(seed)
        run(bus, speaker.dies_at)
        before = {one.state for one in bus.reactions()}
        lively += not before <= SILENT
        quiet_since = speaker.last_whole_s or 0.0
        run(bus, max(speaker.dies_at, quiet_since + LOSS_S + 2 * STEP_S))
        (reaction,) = bus.reactions()
        assert reaction.state in SILENT, f"seed {seed}: {reaction.state}"
        assert not reaction.inverting, f"seed {seed}"
        assert reaction.permitted_charge_a <= 5.0 or not reaction.charging, f"seed {seed}"
    assert lively >= 5, "most of them were at work when it died"
