"""Charger and inverter of one simulated Multi: where power flows, and what the device then measures.

Signs are those of the RAM variables (mk3.md 9): ``inverter_w`` positive = AC to DC, ``mains_w`` positive = toward the
AC input, ``output_w`` positive = load, and their sum is 0.  Efficiency, slopes and delays are our model.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vebus_protocol.enums import ChargeSubState, ConditionStatus, DeviceState, SwitchPosition
from vebus_protocol.variables import SettingId
from vebus_tools.simulator.battery import Battery
from vebus_tools.simulator.charger import Charger
from vebus_tools.simulator.energy import EnergyMeter
from vebus_tools.simulator.mains import Mains, wave
from vebus_tools.simulator.reaction import EMERGENCY_A, FREE, Charging
from vebus_tools.simulator.scenario import DeviceSpec
from vebus_tools.simulator.settings import Settings

if TYPE_CHECKING:
    from random import Random

__all__ = ["Converter", "nominal_voltage"]

_EFFICIENCY = 0.94
_IDLE_DC_W = 11.0
_CHARGING_W = 20.0
_SLOPE_W_S = 1500.0
_W_PER_VA = 0.8
_NOISE_AC_V, _NOISE_DC_V, _NOISE_W = 0.12, 0.015, 6.0
_LOAD_PERIOD_S = 7.3
_DAY_S = 86_400.0
_LOSS_SHOWN_S, _RETURN_SHOWN_S = 0.5, 1.0


def nominal_voltage(model: str) -> tuple[float, float]:
    """Battery voltage and apparent power in VA out of a model name such as "MultiPlus-II 48/5000"."""
    found = re.search(r"(\d+)/(\d+)", model)
    return (float(found[1]), float(found[2])) if found else (48.0, 5000.0)


class Converter:
    """One phase with its load; `plan` decides, the battery answers, `settle` measures."""

    def __init__(self, spec: DeviceSpec, settings: Settings, mains: Mains, battery: Battery, noise: Random) -> None:
        """Switched on; connected to the mains when they are there."""
        self.spec = spec
        self.settings = settings
        self.charger = Charger()
        self.energy = EnergyMeter()
        self.set_point_w: float | None = None
        self.switch = SwitchPosition.ON
        self.load_w = spec.load_w
        self.limit_a: float | None = None
        self.noise_scale = 0.0
        self.nominal_v, rating_va = nominal_voltage(spec.model)
        self.rating_w = rating_va * _W_PER_VA
        self.effect = FREE
        self.reduced_share = 1.0
        self.starting_until_s = 0.0
        self.losses = 0
        self.low_battery = False
        self.overload = False
        self._mains, self._battery, self._noise = mains, battery, noise
        self._units = 1
        self.connected = self.usable_ac
        self._back_since: float | None = None
        self._lost_at = self._connected_at = -_DAY_S
        self._now = 0.0
        self._power_w = 0.0
        self._limited = False
        self._measure_nothing()

    def _measure_nothing(self) -> None:
        self.inverter_w = self.mains_w = self.output_w = 0
        self.inverter_now_w = self.mains_now_w = self.output_now_w = 0
        self.mains_v = self.mains_hz = self.output_v = self.output_hz = self.mains_a = self.output_a = 0.0
        self.battery_v = self.dc_a = self.dc_w = 0.0

    @property
    def charge_allowed(self) -> bool:
        """Whether the switch lets the charger work."""
        return self.switch in (SwitchPosition.ON, SwitchPosition.CHARGER_ONLY)

    @property
    def invert_asked(self) -> bool:
        """Whether the switch lets the inverter work."""
        return self.switch in (SwitchPosition.ON, SwitchPosition.INVERTER_ONLY)

    @property
    def invert_allowed(self) -> bool:
        """Whether the switch and the BMS let the inverter work."""
        return self.invert_asked and self.effect.invert

    @property
    def running(self) -> bool:
        """Whether the AC output has voltage."""
        return self.connected or self._may_invert

    @property
    def inverting(self) -> bool:
        """Whether it takes from the battery for the AC side: alone, or beside the mains."""
        return self.inverter_w < 0 if self.connected else self._may_invert

    @property
    def _may_invert(self) -> bool:
        return self._battery_good and self._now >= self.starting_until_s

    @property
    def mains_present(self) -> bool:
        """Whether the AC input has voltage."""
        return self.spec.phase not in self._mains.missing

    @property
    def ac_input(self) -> int:
        """AC input that is fed, 1 or 2."""
        return min(self._mains.input, self.spec.ac_inputs)

    @property
    def usable_ac(self) -> bool:
        """Whether the AC input can be used: with an empty battery, a unit with two needs AC on input 1 (B-123)."""
        if not self.mains_present:
            return False
        if self.ac_input == 1:
            return True
        full = self._battery.open_v >= self.settings.value(SettingId.LOW_BATTERY_CUT_OFF)
        return self._battery.connected and not self.low_battery and full

    @property
    def charge_limits(self) -> tuple[float, float]:
        """Most charge current in A and highest charge voltage in V, by the settings and the BMS (B-117, B-120)."""
        settings, charging = self.settings.charging, self.effect.charging
        target = self.charger.target_v(settings)
        if charging is Charging.NONE:
            return 0.0, target
        if charging is Charging.EMERGENCY:
            return min(EMERGENCY_A / self._units, settings.bulk_a), self.nominal_v
        return settings.bulk_a * (self.reduced_share if charging is Charging.REDUCED else 1.0), target

    @property
    def input_limit_a(self) -> float:
        """Input current limit in force, in A."""
        return self.settings.value(SettingId.INPUT_LIMIT_1) if self.limit_a is None else self.limit_a

    def load_at(self, now: float) -> float:
        """What the consumers want, in W: daily profile or fixed load, and a slow wave on it."""
        profile = self.spec.load_profile
        load = _interpolated(profile, now % _DAY_S) if profile else 0.0
        return max(load + self.load_w + wave(now, _LOAD_PERIOD_S) * self.spec.load_wave_w, 0.0)

    # one step ---------------------------------------------------------------------------------------------------------

    def plan(self, now: float, duration_s: float, units: int) -> float:
        """Decide what to do for the next moment; returns the DC power in W, charging positive."""
        self._now, self._units = now, units
        self._relay(now)
        load = self.load_at(now) if self.running else 0.0
        if self.connected:
            wanted = self._parallel(load)
            most = _SLOPE_W_S * duration_s
            self._power_w += min(max(wanted - self._power_w, -most), most)
            if self.effect is not FREE:  # a restriction knows no slope
                self._power_w = min(max(self._power_w, self._lowest_w), self._charging_w())
        else:
            self._power_w = -load if self._may_invert else 0.0
        self._planned_load = load
        power = self._power_w
        feeds_itself = self.running and self.effect.invert and self._battery.connected
        idle_w = _IDLE_DC_W if feeds_itself else 0.0  # otherwise the AC side feeds it
        self.dc_w = power * _EFFICIENCY if power > 0 else power / _EFFICIENCY - idle_w
        return self.dc_w

    def _relay(self, now: float) -> None:
        able = self.usable_ac and self.effect.relay and self.charge_allowed and now >= self.starting_until_s
        if not able:
            if self.connected and not self.mains_present:
                self._lost_at = now
                self.losses += 1
            self.connected = False
            self._back_since = None
        elif not self.connected:
            self._back_since = now if self._back_since is None else self._back_since
            if now - self._back_since >= self._mains.spec.connect_delay_s:
                self.connected = True
                self._connected_at = now
                self._power_w = 0.0

    @property
    def _lowest_w(self) -> float:
        return -self.rating_w if self._battery_good else 0.0

    @property
    def _battery_good(self) -> bool:
        """Whether the inverter may work, and there is something to work with."""
        return self.invert_allowed and not self.low_battery and self._battery.connected

    def _parallel(self, load: float) -> float:
        """Power of the converter beside the mains: set point or charger, within limit and rating."""
        if self.set_point_w is not None:
            wanted = -self.set_point_w - load
        elif self.settings.charger_off:
            wanted = 0.0
        else:
            wanted = self._charging_w()
        room = self.input_limit_a * self._mains.voltage_at(self._now, self.spec.phase) - load
        self._limited = room < wanted
        wanted = min(wanted, room)
        assisted = self.set_point_w is not None or (room < 0 and self.settings.power_assist)
        lowest = self._lowest_w if assisted else 0.0
        highest = max(self.settings.charging.bulk_a * self._battery.voltage_v / _EFFICIENCY, 0.0)
        return min(max(wanted, lowest), highest)

    def _charging_w(self) -> float:
        most, target = self.charge_limits
        share = self._battery.current_at(target) / self._units
        amps = min(max(share, 0.0), most)
        return amps * (self._battery.open_v + self._battery.resistance_ohm * amps * self._units) / _EFFICIENCY

    def settle(self, duration_s: float) -> None:
        """Take measurements: all of them follow from the same few numbers."""
        now, scale = self._now, self.noise_scale
        self.battery_v = self._battery.voltage_v + self._jitter(_NOISE_DC_V * scale)
        self.dc_a = self.dc_w / self.battery_v if self.battery_v else 0.0
        self.mains_v = self._mains.voltage_at(now, self.spec.phase)
        if self.mains_v:
            self.mains_v += self._jitter(_NOISE_AC_V * scale)
        self.mains_hz = self._mains.frequency_at(now) if self.mains_v else 0.0
        nominal = self._mains.nominal_hz
        self.output_hz = (self.mains_hz if self.connected else nominal) if self.running else 0.0
        island_v = self.settings.value(SettingId.INVERTER_VOLTAGE)
        self.output_v = (self.mains_v if self.connected else island_v) if self.running else 0.0
        self._powers(scale)
        self.mains_a = -self.mains_w / self.mains_v if self.mains_v else 0.0
        self.output_a = self.output_w / self.output_v if self.output_v else 0.0
        self._watch()
        if self.effect.charging in (Charging.REDUCED, Charging.EMERGENCY):
            self.charger.hold_bulk()
        elif self.charging:
            self.charger.step(self.settings.charging, self.battery_v, self._battery.current_a, duration_s)
        self.energy.add(self, duration_s)

    def _powers(self, scale: float) -> None:
        self.inverter_w = round(self._power_w)
        self.output_w = round(self._planned_load)
        self.mains_w = -(self.inverter_w + self.output_w) if self.connected else 0
        if not self.connected:
            self.inverter_w = -self.output_w
        shift = round(self._jitter(_NOISE_W * scale)) if scale else 0
        self.output_now_w = self.output_w + shift
        self.inverter_now_w = self.inverter_w if self.connected else -self.output_now_w
        self.mains_now_w = -(self.inverter_now_w + self.output_now_w) if self.connected else 0

    def _jitter(self, span: float) -> float:
        return (self._noise.random() * 2.0 - 1.0) * span if span else 0.0

    def _watch(self) -> None:
        cut_off = self.settings.value(SettingId.LOW_BATTERY_CUT_OFF)
        restart = cut_off + self.settings.value(SettingId.LOW_BATTERY_HYSTERESIS)
        if self._battery.voltage_v < cut_off:
            self.low_battery = True
        elif self._battery.voltage_v > restart:
            self.low_battery = False
        self.overload = not self.connected and self.output_w > self.rating_w

    # what it looks like from outside ----------------------------------------------------------------------------------

    @property
    def charging(self) -> bool:
        """Whether the charger works: power flows into the battery, or a reached voltage is held."""
        if not self.connected or self.settings.charger_off or self.effect.charging is Charging.NONE:
            return False
        held = self.set_point_w is None and self.charger.phase is not ChargeSubState.BULK
        return self.inverter_w > (-_CHARGING_W if held else _CHARGING_W)

    def state(self) -> DeviceState:
        """Device state as AC info and winmon 94 tell it."""
        if self._now < self.starting_until_s:
            return DeviceState.STARTUP
        if not self.running:
            return DeviceState.OFF
        if not self.connected:
            return DeviceState.INVERT_FULL
        if self.set_point_w is None and self.inverter_w < -_CHARGING_W:
            return DeviceState.POWER_ASSIST
        if self.charging or self.set_point_w is not None:
            return DeviceState.CHARGE
        return DeviceState.BYPASS

    def sub_state(self) -> ChargeSubState:
        """Charge phase; initialising while nothing can be charged."""
        return self.charger.phase if self.connected else ChargeSubState.INITIALISING

    def condition(self) -> ConditionStatus:
        """Status byte of type 80 (vebus-rs485.md 6.8)."""
        if self._now - self._lost_at < _LOSS_SHOWN_S:
            return ConditionStatus.AC_LOSS
        if self.low_battery or not self.effect.invert:
            return ConditionStatus.WILL_NOT_INVERT
        if self._now - self._connected_at < _RETURN_SHOWN_S:
            return ConditionStatus.AC_RETURN
        if not self.connected:
            return ConditionStatus.AC_DISCONNECTED
        return ConditionStatus.INVERTER_ON if self.invert_allowed else ConditionStatus.INVERTER_OFF

    def restart(self, now: float, delay_s: float) -> None:
        """Begin anew after a reset: start-up first, everything that was not stored is gone."""
        self.starting_until_s = now + delay_s
        self.settings.reset()
        self.charger = Charger()
        self.set_point_w = None
        self.connected = False
        self._power_w = 0.0


def _interpolated(profile: tuple[tuple[float, float], ...], at_s: float) -> float:
    """Value of a daily profile of (seconds since midnight, W), linear between its points and over midnight."""
    before = (profile[-1][0] - _DAY_S, profile[-1][1])
    for point in (*profile, (profile[0][0] + _DAY_S, profile[0][1])):
        if at_s < point[0]:
            part = (at_s - before[0]) / (point[0] - before[0])
            return before[1] + (point[1] - before[1]) * part
        before = point
    return before[1]
