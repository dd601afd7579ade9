"""One simulated Multi as the things around it see it: switch, settings, RAM, version, identity, LEDs.

The machines in front of it (`multi` on the bus, `adapter` behind an MK3) bring requests and carry answers away.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vebus_protocol.enums import BusSwitch, ChargeSubState, LowBatteryStatus, SwitchPosition
from vebus_protocol.variables import SettingId
from vebus_tools.simulator import leds
from vebus_tools.simulator.battery import Battery
from vebus_tools.simulator.converter import Converter
from vebus_tools.simulator.mains import Mains
from vebus_tools.simulator.ram import Ram
from vebus_tools.simulator.reaction import Charging
from vebus_tools.simulator.scenario import DeviceSpec
from vebus_tools.simulator.settings import Settings

if TYPE_CHECKING:
    from random import Random

__all__ = ["START_UP_S", "Device"]

START_UP_S = 2.0  # our guess of how long a device is in state 1
_LONG_ESS_TIMEOUT_S, _SHORT_ESS_TIMEOUT_S = 72.0, 15.0  # vebus-rs485.md 5, by firmware
_FIRST_SHORT_TIMEOUT = 508
_SWITCHES: dict[int, SwitchPosition] = {
    BusSwitch.OFF: SwitchPosition.OFF,
    BusSwitch.CHARGER_ONLY: SwitchPosition.CHARGER_ONLY,
    BusSwitch.INVERTER_ONLY: SwitchPosition.INVERTER_ONLY,
    BusSwitch.ON: SwitchPosition.ON,
}
_PHASE_LEDS = {
    ChargeSubState.BULK: (leds.BULK, 0),
    ChargeSubState.ABSORPTION: (leds.ABSORPTION, 0),
    ChargeSubState.REPEATED_ABSORPTION: (leds.ABSORPTION, 0),
    ChargeSubState.FLOAT: (leds.FLOAT, 0),
    ChargeSubState.STORAGE: (leds.FLOAT, 0),
}
_FORCED = (0, leds.BULK | leds.ABSORPTION | leds.FLOAT)  # all three blinking = forced charging (mk3.md 12)
_REGISTER_ALWAYS = 0x44  # front switch up, on-board remote: invert (vebus-rs485.md 6.6: 77 and 55 were seen)
_ASKED_CHARGE, _ASKED_INVERT, _CHARGE, _INVERT = 0x01, 0x02, 0x10, 0x20  # asked for, and resulting
_SIGN = 0x8000
_NO_FEED_IN = 0x02
_PASSWORD_S = 30.0


class Device:
    """State of one Multi."""

    def __init__(self, spec: DeviceSpec, mains: Mains, battery: Battery, noise: Random) -> None:
        """Running, with the settings of its model."""
        self.spec = spec
        self.version = spec.version
        self.settings = Settings(spec)
        self.converter = Converter(spec, self.settings, mains, battery, noise)
        self.ram = Ram(spec, self.converter, battery)
        self.battery = battery
        self.snapshot: tuple[int, ...] | None = None
        self.panel_seen = False
        self.error = 0  # of the scenario
        self.pre_alarm = False
        self.restarts = 0
        self._set_point_until = 0.0
        self._access_until = 0.0

    @property
    def firmware(self) -> int:
        """The last three digits of the version."""
        return self.version % 1000

    @property
    def ess_timeout_s(self) -> float:
        """How long an ESS set point holds without a refresh."""
        return _SHORT_ESS_TIMEOUT_S if self.firmware >= _FIRST_SHORT_TIMEOUT else _LONG_ESS_TIMEOUT_S

    def tick(self, now: float) -> None:
        """Let time pass: an old set point expires."""
        if self.converter.set_point_w is not None and now >= self._set_point_until:
            self.converter.set_point_w = None

    # what a host can change -------------------------------------------------------------------------------------------

    def write_set_point(self, raw: int, now: float) -> None:
        """Take an ESS set point: raw u16, read as signed W, positive toward the AC input."""
        self.converter.set_point_w = float(raw - 2 * _SIGN if raw >= _SIGN else raw)
        self._set_point_until = now + self.ess_timeout_s

    def bus_switch(self, position: int) -> bool:
        """Obey a 3F frame; False for a position that nobody has described."""
        found = _SWITCHES.get(position)
        if found is None:
            return False
        self.converter.switch = found
        self.panel_seen = True
        return True

    def reset(self, now: float) -> None:
        """Restart: start-up state, unstored settings are gone."""
        self.converter.restart(now, START_UP_S)
        self.snapshot = None
        self.restarts += 1

    def update_firmware(self, version: int, now: float) -> None:
        """Another firmware, and the restart that comes with it."""
        self.version = version
        self.spec = replace(self.spec, version=version)
        self.reset(now)

    def freeze(self, ids: tuple[int, ...]) -> None:
        """Take a snapshot of these RAM variables together; one that does not exist spoils it."""
        values = [self.ram.raw(variable) for variable in ids]
        self.snapshot = None if None in values or not values else tuple(value for value in values if value is not None)

    def unlock(self, password: bytes, now: float) -> bool:
        """Compare an access password; the level then holds for 30 s."""
        if not self.spec.password or password.rstrip(b"\0") != self.spec.password.encode():
            return False
        self._access_until = now + _PASSWORD_S
        return True

    def unlocked(self, now: float) -> bool:
        """Whether a password was accepted not long ago."""
        return now < self._access_until

    # what it shows ----------------------------------------------------------------------------------------------------

    @property
    def vebus_error(self) -> int:
        """VE.Bus error 0..31: that of the BMS reaction before that of the scenario."""
        return self.converter.effect.error or self.error

    @property
    def low_battery(self) -> LowBatteryStatus:
        """Status byte of types 41 and 80; a pre-alarm shows there too (inferred, bms-wire.md 5.3)."""
        return LowBatteryStatus.BATTERY_LOW if self._low_battery or self.pre_alarm else LowBatteryStatus.OK

    @property
    def _low_battery(self) -> bool:
        return self.converter.low_battery or self.converter.effect.low_battery

    def leds(self) -> tuple[int, int]:
        """LED bytes on and blink (mk3.md 12)."""
        now = self.converter
        on = blink = 0
        if now.effect.leds is not None:
            return now.effect.leds
        if now.connected:
            on |= leds.MAINS
        elif now.mains_present and now.charge_allowed:
            blink |= leds.MAINS
        if now.running and not now.connected:
            on |= leds.INVERTER
        if now.charging:
            steady, blinking = _PHASE_LEDS.get(now.charger.phase, _FORCED)
            on, blink = on | steady, blink | blinking
        if now.overload:
            blink |= leds.OVERLOAD
        if self._low_battery:
            on |= leds.LOW_BATTERY
        return on, blink

    def alarms(self) -> int:
        """Alarm byte of the adapter's L reply (mk3.md 12)."""
        low = leds.ALARM_LOW_BATTERY if self._low_battery else 0
        low |= leds.PRE_ALARM_LOW_BATTERY if self.pre_alarm else 0
        return low | (leds.ALARM_OVERLOAD if self.converter.overload else 0)

    def switch_register(self) -> int:
        """Switch register of type 41: what the switch asks for, and what the BMS leaves of it."""
        now = self.converter
        asked = (_ASKED_CHARGE if now.charge_allowed else 0) | (_ASKED_INVERT if now.invert_asked else 0)
        may_charge = now.charge_allowed and now.effect.charging is not Charging.NONE
        return _REGISTER_ALWAYS | asked | (_CHARGE if may_charge else 0) | (_INVERT if now.invert_allowed else 0)

    def limits(self) -> tuple[float, float, float]:
        """Input current limits in A: smallest, largest, in force."""
        row = self.settings.rows[SettingId.INPUT_LIMIT_1]
        lowest, highest = (float(row.scale.value(raw) or 0) for raw in (row.minimum, row.maximum))
        return lowest, highest, min(max(self.converter.input_limit_a, lowest), highest)

    def charge_set_point(self) -> tuple[float, float]:
        """Voltage in V and current in A that the charger wants; type 70 shows them by our reading."""
        amps, volts = self.converter.charge_limits
        return volts, amps
