"""Neighbours of the BMS on its outputs, as pure functions of what they see: BatteryProtect, Cyrix-Li-Charge.

A level is True for high and False for floating; what the manual does not give (hysteresis, delays) is not modelled.
Source: the BMS V2 specification, B-34, B-35, B-46.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BatteryProtect", "charge_relay_closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryProtect:
    """A load switch with its preset voltage in V; load disconnect is wired to its terminal H."""

    preset_v: float

    def closed(self, *, input_v: float, remote_high: bool) -> bool:
        """Whether the loads have current: not below the preset voltage (B-34), not with a floating H (B-35)."""
        return remote_high and input_v >= self.preset_v


def charge_relay_closed(*, charger_v: float, battery_v: float, control_high: bool) -> bool:
    """Whether a Cyrix-Li-Charge couples charger and battery (B-46).

    Charge disconnect is wired to its control terminal.  A charging voltage is one above that of the battery: what the
    manual calls so has no number there.
    """
    return control_high and charger_v > battery_v
