"""The battery of a simulated installation: state of charge, internal resistance, temperature.

A model of our own, made to move believably; nothing of it is a fact of the bus.
"""

from __future__ import annotations

import math

from vebus_tools.simulator.scenario import BatterySpec

__all__ = ["Battery"]

# Open-circuit voltage of a lithium iron phosphate battery of 16 cells over its state of charge.
_CURVE = (
    (0.0, 36.0),
    (0.02, 47.0),
    (0.05, 49.6),
    (0.12, 51.2),
    (0.4, 52.5),
    (0.7, 53.1),
    (0.95, 53.7),
    (0.99, 55.2),
    (1.02, 60.0),
)
_CURVE_NOMINAL_V = 48.0
_OHM_AT_48_V = 0.015
_FULL = 1.0
_BALANCE_TAU_S = 12_000.0  # how fast the balancers take away what stands above full
_OVERFULL = 1.02
_CHARGE_EFFICIENCY = 0.985
_HEAT_CAPACITY_J_K = 60_000.0
_COOLING_W_K = 12.0


class Battery:
    """Voltage follows current and state of charge.

    ``voltage_v`` and ``current_a`` (charging positive) are those of the last moment; both are 0 while it is not
    ``connected``.
    """

    def __init__(self, spec: BatterySpec, nominal_v: float) -> None:
        """``nominal_v`` is 12, 24 or 48."""
        self._scale = nominal_v / _CURVE_NOMINAL_V
        self._capacity_as = spec.capacity_ah * 3600.0
        default_ohm = _OHM_AT_48_V * self._scale * self._scale
        self.resistance_ohm = default_ohm if spec.resistance_ohm is None else spec.resistance_ohm
        self.charge = spec.soc
        self.connected = spec.connected
        self.ambient_c = spec.ambient_c
        self.temperature_c = spec.ambient_c
        self.current_a = 0.0
        self.voltage_v = self.open_v if self.connected else 0.0
        self.charged_as = 0.0

    @property
    def soc(self) -> float:
        """State of charge 0..1."""
        return min(self.charge, _FULL)

    @property
    def open_v(self) -> float:
        """Open-circuit voltage in V."""
        charge = self.charge
        low = _CURVE[0]
        for high in _CURVE[1:]:
            if charge <= high[0]:
                break
            low = high
        slope = (high[1] - low[1]) / (high[0] - low[0])
        return (low[1] + (charge - low[0]) * slope) * self._scale

    def current_at(self, voltage_v: float) -> float:
        """Current in A that brings the terminals to this voltage."""
        if not self.connected:
            return 0.0
        return (voltage_v - self.open_v) / self.resistance_ohm

    def draw(self, power_w: float, duration_s: float) -> None:
        """Let a power flow in (positive) or out for some time."""
        if not self.connected:
            self.current_a = self.voltage_v = 0.0
            return
        open_v, ohm = self.open_v, self.resistance_ohm
        root = open_v * open_v + 4.0 * ohm * power_w
        self.current_a = (math.sqrt(max(root, 0.0)) - open_v) / (2.0 * ohm)
        self.voltage_v = open_v + ohm * self.current_a
        stored = self.current_a * (_CHARGE_EFFICIENCY if self.current_a > 0 else 1.0)
        charge = self.charge + stored * duration_s / self._capacity_as
        if charge > _FULL:
            charge -= (charge - _FULL) * min(duration_s / _BALANCE_TAU_S, 1.0)
        self.charge = min(max(charge, 0.0), _OVERFULL)
        self.charged_as += max(self.current_a, 0.0) * duration_s
        heat_w = ohm * self.current_a * self.current_a - (self.temperature_c - self.ambient_c) * _COOLING_W_K
        self.temperature_c += heat_w * duration_s / _HEAT_CAPACITY_J_K
