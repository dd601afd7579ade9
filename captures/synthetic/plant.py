"""An invented MultiPlus-II 12/3000 with battery, load and mains: numbers that move believably, in steps of one cycle.

The story of the 60 s: idle, charging as the host asks, a load step, AC lost with another load step, AC back, charging
again, charger only, and a discharge into the mains at the end.  Only +, -, *, / and random() are used, so that every
machine comes to the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["AC_BACK_S", "AC_LOST_S", "RELAY_CLOSES_S", "Conditions", "Plant"]

AC_LOST_S = 24.0
AC_BACK_S = 36.0
RELAY_CLOSES_S = 41.0

_LOAD_STEPS = ((8.0, 16.0, 900.0), (29.0, 33.0, 800.0))  # from s, to s, additional W
_BASE_LOAD_W = 290.0
_SLEW_W = 30.0  # per cycle
_EFFICIENCY = 0.93
_BATTERY_V = 13.05
_BATTERY_OHM = 0.0031
_CAPACITY_AS = 400.0 * 3600.0
_FIRST_SOC = 0.6222  # so that the raw number, in steps of 0.005, moves once


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The plant at one time.

    Powers in W as RAM 14 to 16 count them: ``inverter_w`` positive = charging, ``mains_w`` positive = feeding out of
    the AC input, ``output_w`` positive = load.  ``soc`` is 0..1, ``frequency_hz`` that of the AC output.
    """

    at_s: float
    mains_present: bool
    connected: bool
    inverter_on: bool
    inverter_w: float
    mains_w: float
    output_w: float
    mains_v: float
    output_v: float
    frequency_hz: float
    battery_v: float
    battery_a: float
    soc: float
    temperature_c: float
    charged_as: float

    @property
    def mains_a(self) -> float:
        """Mains current in A, negative = toward the AC input."""
        return -self.mains_w / self.mains_v if self.mains_present else 0.0

    @property
    def output_a(self) -> float:
        """Current of the AC output in A; the real frame with a running mains input shows it as inverter current."""
        return self.output_w / self.output_v


class Plant:
    """The moving part: steps through the mains cycles, obeys set point and switch."""

    def __init__(self, random: Random) -> None:
        """Start on mains, idle, with the inverter allowed."""
        self.setpoint_w: float | None = None
        self.inverter_on = True
        self._random = random
        self._inverter_w = 0.0
        self._soc = _FIRST_SOC
        self._charged_as = 0.0
        self._battery_v = _BATTERY_V

    def step(self, at_s: float, duration_s: float) -> Conditions:
        """Go on to ``at_s``, which lies ``duration_s`` after the step before."""
        present = not AC_LOST_S <= at_s < AC_BACK_S
        connected = not AC_LOST_S <= at_s < RELAY_CLOSES_S
        load = self._load(at_s)
        self._inverter_w = self._converted(load, connected=connected)
        dc_w = self._inverter_w * _EFFICIENCY if self._inverter_w > 0 else self._inverter_w / _EFFICIENCY
        battery_a = dc_w / self._battery_v
        self._soc += battery_a * duration_s / _CAPACITY_AS
        self._charged_as += battery_a * duration_s
        self._battery_v = _BATTERY_V + 0.4 * (self._soc - _FIRST_SOC) + _BATTERY_OHM * battery_a + self._noise(0.004)
        mains_v = 230.6 + _wave(at_s, 17.0) * 1.4 + self._noise(0.12) if present else 0.0
        mains_hz = 50.0 + _wave(at_s, 23.0) * 0.018 + self._noise(0.002)
        return Conditions(
            at_s=at_s,
            mains_present=present,
            connected=connected,
            inverter_on=self.inverter_on,
            inverter_w=self._inverter_w,
            mains_w=-(self._inverter_w + load) if connected else 0.0,
            output_w=load,
            mains_v=mains_v,
            output_v=mains_v if connected else 230.0 + self._noise(0.08),
            frequency_hz=mains_hz if connected else 50.0,
            battery_v=self._battery_v,
            battery_a=battery_a,
            soc=self._soc,
            temperature_c=26.0 + at_s / 20.0,
            charged_as=self._charged_as,
        )

    def _load(self, at_s: float) -> float:
        steps = sum(watts for start, end, watts in _LOAD_STEPS if start <= at_s < end)
        return _BASE_LOAD_W + steps + _wave(at_s, 7.3) * 25.0 + self._noise(6.0)

    def _converted(self, load_w: float, *, connected: bool) -> float:
        """Power of the converter, positive = charging: carries the load, or steers the AC input to its set point."""
        if not connected:
            return -load_w
        wanted = 0.0 if self.setpoint_w is None else -self.setpoint_w - load_w
        wanted = max(wanted, -2000.0 if self.inverter_on else 0.0)
        return self._inverter_w + min(max(wanted - self._inverter_w, -_SLEW_W), _SLEW_W)

    def _noise(self, span: float) -> float:
        return (self._random.random() * 2.0 - 1.0) * span


def _wave(at_s: float, period_s: float) -> float:
    """Triangle between -1 and 1, which needs no library whose last digit differs between machines."""
    part = at_s / period_s % 1.0
    return 4.0 * part - 1.0 if part < 0.5 else 3.0 - 4.0 * part
