"""RAM variables of a simulated device: measured values by id, and the assistant records from id 128 on.

Ids, scales and signs: mk3.md 8, 9, 15; vebus-rs485.md 6.2.
"""

from __future__ import annotations

from collections.abc import Callable

from vebus_protocol.scaling import DEVICE_TABLES, RamScale
from vebus_protocol.variables import RamId
from vebus_tools.simulator.battery import Battery
from vebus_tools.simulator.converter import Converter
from vebus_tools.simulator.scenario import ESS, DeviceSpec

__all__ = ["FIRST_ASSISTANT", "Ram"]

FIRST_ASSISTANT = 128
_SIGN, _WORD = 0x8000, 0xFFFF
_RIPPLE_V, _RIPPLE_OHM = 0.02, 0.001
_PERIODS_PER_S = 10.0


class Ram:
    """Reads variables as raw words, and takes the ESS set point."""

    def __init__(self, spec: DeviceSpec, converter: Converter, battery: Battery) -> None:
        """Lay out the assistant records of the scenario."""
        self.scales = {row.variable: row.scale for row in DEVICE_TABLES[spec.model].ram.values()}
        self.words: dict[int, int] = {}
        self.set_point_id: int | None = None
        self._converter, self._battery = converter, battery
        self._read = self._readers()
        at = FIRST_ASSISTANT
        for assistant in spec.assistants:
            self.words[at] = (assistant.id << 4 | len(assistant.words)) & _WORD
            if assistant.id == ESS and assistant.words:
                self.set_point_id = at + 1
            for word in assistant.words:
                at += 1
                self.words[at] = word & _WORD
            at += 1
        self.words[at] = 0  # the end of the list

    def _readers(self) -> dict[int, Callable[[], float]]:
        now, battery = self._converter, self._battery
        return {
            RamId.MAINS_VOLTAGE: lambda: now.mains_v,
            RamId.MAINS_CURRENT: lambda: now.mains_a,
            RamId.INVERTER_VOLTAGE: lambda: now.output_v,
            RamId.INVERTER_CURRENT: lambda: now.output_a,
            RamId.BATTERY_VOLTAGE: lambda: now.battery_v,
            RamId.BATTERY_CURRENT: lambda: now.dc_a,
            RamId.BATTERY_RIPPLE: lambda: _RIPPLE_V + _RIPPLE_OHM * abs(now.dc_a),
            RamId.INVERTER_PERIOD: lambda: _period(now.output_hz),
            RamId.MAINS_PERIOD: lambda: _period(now.mains_hz),
            RamId.AC_LOAD_CURRENT: lambda: now.output_a,
            RamId.IGNORE_AC_INPUT: lambda: 0.0,
            RamId.RELAY: lambda: 0.0,
            RamId.STATE_OF_CHARGE: lambda: battery.soc,
            RamId.INVERTER_POWER: lambda: now.inverter_w,
            RamId.MAINS_POWER: lambda: now.mains_w,
            RamId.OUTPUT_POWER: lambda: now.output_w,
            RamId.INVERTER_POWER_NOW: lambda: now.inverter_now_w,
            RamId.MAINS_POWER_NOW: lambda: now.mains_now_w,
            RamId.OUTPUT_POWER_NOW: lambda: now.output_now_w,
        }

    def value(self, variable: int) -> float:
        """Physical value of a variable that was measured; raises KeyError for the others."""
        return self._read[variable]()

    def raw(self, variable: int) -> int | None:
        """Raw u16 of a variable, or None when the device has none of this id."""
        if variable == self.set_point_id:
            return round(self._converter.set_point_w or 0.0) & _WORD
        if variable in self.words:
            return self.words[variable]
        scale = self.scales.get(variable)
        if scale is None or variable not in self._read:
            return None
        return raw_word(scale, self._read[variable]())


def raw_word(scale: RamScale, value: float) -> int:
    """Nearest raw u16 that a scale can carry; what is too large or small stays at the end of the range."""
    rule = scale.rule
    raw = rule.raw(value) or 0
    low, high = (-_SIGN, _SIGN - 1) if rule.signed else (0, _WORD)
    return min(max(raw, low), high) & _WORD


def _period(hertz: float) -> float:
    return _PERIODS_PER_S / hertz if hertz else 0.0
