"""All that is simulated behind the wires: mains, battery, devices, and the events of the scenario over time.

Advances in fixed steps, so that the same scenario and seed give the same numbers however often somebody asks.
"""

from __future__ import annotations

from collections import deque
from random import Random

from vebus_protocol.bms import LAB, Profile, built_in
from vebus_protocol.enums import SetChargeState, SwitchPosition
from vebus_tools.firmware import Assistant
from vebus_tools.simulator.battery import Battery
from vebus_tools.simulator.bms_watch import BmsWatch
from vebus_tools.simulator.converter import nominal_voltage
from vebus_tools.simulator.device import Device
from vebus_tools.simulator.mains import Mains
from vebus_tools.simulator.panels import BmsModel, Panel, bms_model, may_switch
from vebus_tools.simulator.reacting import Reacting, Reaction, Transition, assistant_of
from vebus_tools.simulator.scenario import Event, EventKind, Scenario

__all__ = ["STEP_S", "Installation", "stream"]

STEP_S = 0.1
_KEPT_TRANSITIONS = 1000
_KEPT_ALIVE_S = 10.0  # so that panels can read the off state (vebus-rs485.md 5, venus#1044)
_SWITCHES = {
    "charger-only": SwitchPosition.CHARGER_ONLY,
    "inverter-only": SwitchPosition.INVERTER_ONLY,
    "on": SwitchPosition.ON,
    "off": SwitchPosition.OFF,
}
_OF_THE_MAINS = frozenset((EventKind.AC_LOST, EventKind.AC_BACK, EventKind.AC_INPUT, EventKind.MAINS))
_OF_THE_BATTERY = frozenset((EventKind.AMBIENT, EventKind.SOC, EventKind.BATTERY))
_FORCED = {
    "equalise": SetChargeState.EQUALISE,
    "absorption": SetChargeState.ABSORPTION,
    "float": SetChargeState.FLOAT,
}


def stream(seed: int, purpose: str) -> Random:
    """Random numbers for one purpose only, so that one part of a simulation never shifts another."""
    return Random(f"{seed}/{purpose}")  # noqa: S311  (a simulation, nothing secret)


class Installation:
    """Time, devices and what happens to them."""

    def __init__(self, scenario: Scenario, seed: int = 0, profile: Profile | None = None) -> None:
        """Start at 0 s; ``profile`` is the language of the BMS, lab-sim-1 unless given.  Raises ProfileError."""
        self.scenario = scenario
        specs = scenario.devices
        self.mains = Mains(scenario.mains, frozenset(spec.phase for spec in specs))
        self.battery = Battery(scenario.battery, nominal_voltage(specs[0].model)[0])
        self.devices = tuple(
            Device(spec, self.mains, self.battery, stream(seed, f"measurement {spec.address}")) for spec in specs
        )
        for device in self.devices:
            device.converter.noise_scale = scenario.random.measurement
            device.converter.reduced_share = scenario.bms.reduced_share
        expected = scenario.bms.expected or any(assistant_of(spec) is Assistant.VE_BUS_BMS for spec in specs)
        self.bms = BmsWatch(profile or built_in(LAB), expected=expected, recovery_s=scenario.bms.recovery_s)
        self._reacting = tuple(map(Reacting, self.devices))
        self._transitions: deque[Transition] = deque(maxlen=_KEPT_TRANSITIONS)
        self.host_set_point_w: float | None = None
        self.standby_pulled = False
        self.asleep = False
        self._wakes = 0
        self._off_since: float | None = None
        self._events = sorted(scenario.events, key=lambda event: event.at_s)
        self._done = 0
        self._steps = 0
        self._now = 0.0
        self.next_s = 0.0  # when the next step is due
        self.advance(0.0)

    @property
    def master(self) -> Device:
        """The first device: the only one that speaks on the bus."""
        return self.devices[0]

    def device_at(self, address: int) -> Device | None:
        """Device with this short address."""
        return next((device for device in self.devices if device.spec.address == address), None)

    def device_of(self, phase: int) -> Device | None:
        """First device on this phase."""
        return next((device for device in self.devices if device.spec.phase == phase), None)

    @property
    def host_may_switch(self) -> bool:
        """Whether on / off / charger-only of a GX device or adapter counts: a DMC beside a BMS rules alone (B-101)."""
        if not self.bms.expected and not self.bms.seen:
            return True
        accessory = self.scenario.accessory
        version = self.bms.version or accessory.bms_version
        model = BmsModel.V2 if version is None else bms_model(version)
        return may_switch(Panel.GX, model, dmc=accessory.dmc_version is not None)

    def reactions(self) -> tuple[Reaction, ...]:
        """How every unit reacts to the BMS, as of the last step; one each, in the order of ``devices``."""
        return tuple(one.reaction(self.bms, self._now) for one in self._reacting)

    def transitions(self) -> tuple[Transition, ...]:
        """Edges of all units since the last call, oldest first; of very many only the last thousand."""
        made = tuple(self._transitions)
        self._transitions.clear()
        return made

    def advance(self, now: float) -> None:
        """Let everything happen up to ``now`` (seconds, may repeat, never goes back)."""
        while self.next_s <= now:
            self._step(self.next_s)
            self._steps += 1
            self.next_s = self._steps * STEP_S

    def _step(self, now: float) -> None:
        while self._done < len(self._events) and self._events[self._done].at_s <= now:
            self._happen(self._events[self._done], now)
            self._done += 1
        self._now = now
        if self.bms.expected or self.bms.seen:
            for one in self._reacting:
                self._transitions.extend(one.advance(self.bms, now))
        units = len(self.devices)
        power = 0.0
        for device in self.devices:
            device.tick(now)
            power += device.converter.plan(now, STEP_S, units)
        self.battery.draw(power, STEP_S)
        for device in self.devices:
            device.converter.settle(STEP_S)
        self._sleep(now)

    def _sleep(self, now: float) -> None:
        """Fall asleep some time after everything is off; AC, a switch, the standby line or a wake event ends it."""
        off = all(not device.converter.running and not device.converter.mains_present for device in self.devices)
        off = off and all(device.converter.switch is SwitchPosition.OFF for device in self.devices)
        woken, self._wakes = bool(self._wakes), 0
        if not off or self.standby_pulled or woken:
            self._off_since = None
            self.asleep = False
            return
        self._off_since = now if self._off_since is None else self._off_since
        self.asleep = now - self._off_since >= _KEPT_ALIVE_S

    def _happen(self, event: Event, now: float) -> None:
        if event.kind in _OF_THE_MAINS:
            _to_mains(self.mains, event)
        elif event.kind in _OF_THE_BATTERY:
            _to_battery(self.battery, event)
        elif event.kind is EventKind.WAKE:
            self._wakes += 1
        elif event.kind is EventKind.SET_POINT:
            self.host_set_point_w = None if event.text else event.value
        else:
            for device in self.devices:
                if event.phase in (0, device.spec.phase):
                    _to_device(device, event, now)


def _to_mains(mains: Mains, event: Event) -> None:
    if event.kind is EventKind.AC_LOST:
        mains.lose(event.phase)
    elif event.kind is EventKind.AC_BACK:
        mains.bring_back(event.phase)
    elif event.kind is EventKind.AC_INPUT:
        mains.input = int(event.value)
    else:
        mains.voltage_v = event.value or mains.voltage_v
        mains.frequency_hz = event.other or mains.frequency_hz


def _to_battery(battery: Battery, event: Event) -> None:
    if event.kind is EventKind.AMBIENT:
        battery.ambient_c = event.value
    elif event.kind is EventKind.SOC:
        battery.charge = event.value
    else:
        battery.connected = bool(event.value)


def _to_device(device: Device, event: Event, now: float) -> None:
    converter = device.converter
    if event.kind is EventKind.LOAD:
        converter.load_w = event.value
    elif event.kind is EventKind.CHARGER:
        converter.charger.force(_FORCED[event.text])
    elif event.kind is EventKind.FIRMWARE:
        device.update_firmware(int(event.value), now)
    elif event.kind is EventKind.SWITCH:
        converter.switch = _SWITCHES[event.text]
    elif event.kind is EventKind.INPUT_LIMIT:
        converter.limit_a = event.value
    elif event.kind is EventKind.RESET:
        device.reset(now)
    elif event.kind is EventKind.ERROR:
        device.error = int(event.value)
