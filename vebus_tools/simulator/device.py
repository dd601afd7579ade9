"""One simulated Multi as the things around it see it: switch, settings, RAM, version, identity, LEDs.

The machines in front of it (`multi` on the bus, `adapter` behind an MK3) bring requests and carry answers away.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vebus_protocol.enums import BusSwitch, ChargeSubState, LowBatteryStatus, SwitchPosition
from vebus_protocol.variables import SettingId
from vebus_tools.simulator.battery import Battery
from vebus_tools.simulator.converter import Converter
from vebus_tools.simulator.mains import Mains
from vebus_tools.simulator.ram import Ram
from vebus_tools.simulator.scenario import DeviceSpec
from vebus_tools.simulator.settings import Settings

if TYPE_CHECKING:
    from random import Random

__all__ = ["START_UP_S", "Device"]

START_UP_S = 2.0  # our guess of how long a device is in state 1
_LONG_ESS_TIMEOUT_S, _SHORT_ESS_TIMEOUT_S = 72.0, 15.0  # vebus-rs485.md 5, by firmware
_FIRST_SHORT_TIMEOUT = 508
_LED_MAINS, _LED_ABSORPTION, _LED_BULK, _LED_FLOAT = 0x01, 0x02, 0x04, 0x08
_LED_INVERTER, _LED_OVERLOAD, _LED_LOW_BATTERY = 0x10, 0x20, 0x40
_SWITCHES: dict[int, SwitchPosition] = {
    BusSwitch.OFF: SwitchPosition.OFF,
    BusSwitch.CHARGER_ONLY: SwitchPosition.CHARGER_ONLY,
    BusSwitch.INVERTER_ONLY: SwitchPosition.INVERTER_ONLY,
    BusSwitch.ON: SwitchPosition.ON,
}
_PHASE_LEDS = {
    ChargeSubState.BULK: (_LED_BULK, 0),
    ChargeSubState.ABSORPTION: (_LED_ABSORPTION, 0),
    ChargeSubState.REPEATED_ABSORPTION: (_LED_ABSORPTION, 0),
    ChargeSubState.FLOAT: (_LED_FLOAT, 0),
    ChargeSubState.STORAGE: (_LED_FLOAT, 0),
}
_FORCED = (0, _LED_BULK | _LED_ABSORPTION | _LED_FLOAT)  # all three blinking = forced charging (mk3.md 12)
_ALARM_LOW_BATTERY, _ALARM_OVERLOAD = 0x20, 0x40
_REGISTER_ALWAYS = 0x44  # front switch up, on-board remote: invert (vebus-rs485.md 6.6: 77 and 55 were seen)
_CHARGE, _INVERT = 0x11, 0x22  # asked for and resulting
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
        self.error = 0
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
    def low_battery(self) -> LowBatteryStatus:
        """Status byte of types 41 and 80."""
        return LowBatteryStatus.BATTERY_LOW if self.converter.low_battery else LowBatteryStatus.OK

    def leds(self) -> tuple[int, int]:
        """LED bytes on and blink (mk3.md 12)."""
        now = self.converter
        on = blink = 0
        if now.connected:
            on |= _LED_MAINS
        elif now.mains_present and now.charge_allowed:
            blink |= _LED_MAINS
        if now.running and not now.connected:
            on |= _LED_INVERTER
        if now.charging:
            steady, blinking = _PHASE_LEDS.get(now.charger.phase, _FORCED)
            on, blink = on | steady, blink | blinking
        if now.overload:
            blink |= _LED_OVERLOAD
        if now.low_battery:
            on |= _LED_LOW_BATTERY
        return on, blink

    def alarms(self) -> int:
        """Alarm byte of the adapter's L reply (mk3.md 12)."""
        low = _ALARM_LOW_BATTERY if self.converter.low_battery else 0
        return low | (_ALARM_OVERLOAD if self.converter.overload else 0)

    def switch_register(self) -> int:
        """Switch register of type 41; asked for and resulting state are the same here."""
        now = self.converter
        charge, invert = _CHARGE if now.charge_allowed else 0, _INVERT if now.invert_allowed else 0
        return _REGISTER_ALWAYS | charge | invert

    def limits(self) -> tuple[float, float, float]:
        """Input current limits in A: smallest, largest, in force."""
        row = self.settings.rows[SettingId.INPUT_LIMIT_1]
        lowest, highest = (float(row.scale.value(raw) or 0) for raw in (row.minimum, row.maximum))
        return lowest, highest, min(max(self.converter.input_limit_a, lowest), highest)

    def charge_set_point(self) -> tuple[float, float]:
        """Voltage in V and current in A that the charger wants; type 70 shows them by our reading."""
        settings = self.settings.charging
        return self.converter.charger.target_v(settings), settings.bulk_a
