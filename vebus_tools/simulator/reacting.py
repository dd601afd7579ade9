"""The reaction of the simulated units over time, and how it reads: for a live panel, a log, a test.

for change in bus.transitions():
    print(f"{change.at_s:.1f} s  {change.origin.value} -> {change.target.value}  {change.requirements}")
for reaction in bus.reactions():
    print(reaction.state.value, reaction.permitted_charge_a, reaction.inverting, reaction.lit)
"""

from __future__ import annotations

from dataclasses import dataclass

from vebus_protocol.enums import SwitchPosition, VEBusErrorCode
from vebus_tools.firmware import Assistant, Verdict, judge, unit_of_version
from vebus_tools.simulator.bms_watch import BmsWatch
from vebus_tools.simulator.device import Device
from vebus_tools.simulator.leds import led_names
from vebus_tools.simulator.reaction import DOES, Moment, State, effect_of, step
from vebus_tools.simulator.scenario import BMS_ASSISTANT, ESS, DeviceSpec, MainsDetector

__all__ = ["Reacting", "Reaction", "Transition", "assistant_of"]

_HELD = (State.HELD_PASSTHRU, State.HELD_OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One edge that was taken at a time in s: ``unit`` is the short address of the device."""

    at_s: float
    unit: int
    origin: State
    target: State
    requirements: str

    @property
    def does(self) -> str:
        """What the unit does in the new state."""
        return DOES[self.target]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What one unit does because of the BMS at this moment.

    ``since_s`` is when the state began, ``requirements`` what asked for it.  ``permitted_charge_a`` in A and
    ``permitted_charge_v`` in V are limits, ``battery_a`` (charging positive) and ``battery_v`` what is measured at the
    unit.  ``ac`` is usable AC input, ``connected`` a closed transfer switch.  ``leds_on`` and ``leds_blink`` are the
    LED bytes of mk3.md 12, ``error`` the VE.Bus error.  ``frame_age_s`` is the age of the last frame of the BMS.
    """

    unit: int
    state: State
    since_s: float
    requirements: str
    verdict: Verdict
    inverting: bool
    charging: bool
    permitted_charge_a: float
    permitted_charge_v: float
    battery_v: float
    battery_a: float
    ac: bool
    connected: bool
    on: bool
    """Whether the unit counts as on; the BMS goes to low power while it does not (B-62; how it learns that: U-3)."""
    leds_on: int
    leds_blink: int
    alarms: int
    error: int
    frame_age_s: float | None

    @property
    def does(self) -> str:
        """What the unit does in its state."""
        return DOES[self.state]

    @property
    def lit(self) -> tuple[str, ...]:
        """Names of the LEDs that are on."""
        return led_names(self.leds_on & ~self.leds_blink)

    @property
    def blinking(self) -> tuple[str, ...]:
        """Names of the LEDs that blink."""
        return led_names(self.leds_blink)

    @property
    def error_text(self) -> str:
        """The VE.Bus error in words; empty without one."""
        return VEBusErrorCode.text_of(self.error) or "" if self.error else ""


def assistant_of(spec: DeviceSpec) -> Assistant:
    """Which assistant of those that the firmware rules ask for a unit has; the unit itself knows."""
    ids = {one.id for one in spec.assistants}
    if ESS in ids:
        return Assistant.ESS
    return Assistant.VE_BUS_BMS if BMS_ASSISTANT in ids else Assistant.NONE


class Reacting:
    """One unit and its state."""

    def __init__(self, device: Device) -> None:
        """Without a BMS, until `advance` sees one."""
        self.device = device
        self.state = State.WITHOUT_BMS
        self.requirements = ""
        self.since_s = 0.0
        self._restarts = device.restarts
        self._judged: tuple[int, Verdict] | None = None

    @property
    def verdict(self) -> Verdict:
        """What the firmware rules say of this unit."""
        version, spec = self.device.version, self.device.spec
        if self._judged is None or self._judged[0] != version:
            unit = unit_of_version(spec.model, version, "simulated unit", assistant_of(spec))
            self._judged = (version, judge(unit).verdict)
        return self._judged[1]

    def advance(self, watch: BmsWatch, now: float) -> tuple[Transition, ...]:
        """Let the unit see what the BMS said by ``now``."""
        if not watch.expected and not watch.seen:
            return ()
        at = self._moment(watch, now)
        origin = self.state
        self.state, rows = step(origin, at)
        self.device.pre_alarm = watch.last is not None and at.found and watch.last.pre_alarm
        self.device.converter.effect = effect_of(self.state, at)
        made = []
        for row in rows:
            made.append(
                Transition(
                    at_s=round(now, 6),
                    unit=self.device.spec.address,
                    origin=origin,
                    target=row.target,
                    requirements=row.requirements,
                )
            )
            origin = row.target
        if rows:
            self.since_s, self.requirements = now, rows[-1].requirements
        return tuple(made)

    def _moment(self, watch: BmsWatch, now: float) -> Moment:
        device, heard = self.device, watch.last
        restarted, self._restarts = device.restarts != self._restarts, device.restarts
        return Moment(
            verdict=self.verdict,
            expected=watch.expected,
            seen=watch.seen,
            found=watch.found(now),
            discharge=heard is not None and heard.permissions.discharge,
            charge=heard is not None and heard.permissions.charge,
            balance=heard is not None and not heard.nothing,
            remote_off=heard is not None and heard.remote_off,
            ac=device.converter.usable_ac,
            wakes=device.spec.mains_detector is not MainsDetector.MISSING,
            restarted=restarted,
        )

    def reaction(self, watch: BmsWatch, now: float) -> Reaction:
        """How it reads at a time in s."""
        device, converter = self.device, self.device.converter
        amps, volts = converter.charge_limits
        on, blink = device.leds()
        return Reaction(
            unit=device.spec.address,
            state=self.state,
            since_s=self.since_s,
            requirements=self.requirements,
            verdict=self.verdict,
            inverting=converter.inverting,
            charging=converter.charging,
            permitted_charge_a=amps,
            permitted_charge_v=volts,
            battery_v=converter.battery_v,
            battery_a=converter.dc_a,
            ac=converter.usable_ac,
            connected=converter.connected,
            on=converter.running and self.state not in _HELD and converter.switch is not SwitchPosition.OFF,
            leds_on=on,
            leds_blink=blink,
            alarms=device.alarms(),
            error=device.vebus_error,
            frame_age_s=watch.age(now),
        )
