"""Energy counters of a simulated device, in the order of winmon 98 (mk3.md 7.6)."""

from __future__ import annotations

from typing import Protocol

__all__ = ["EnergyMeter"]

_JOULE_PER_COUNT = 65536.0
_COUNTERS = 10
_IN_TO_INVERTER, _IN_TO_OUTPUT, _INVERTER_TO_IN, _INVERTER_TO_OUTPUT = 0, 2, 4, 8


class _Powers(Protocol):
    connected: bool
    inverter_w: int
    mains_w: int
    output_w: int


class EnergyMeter:
    """Sums up powers by where they come from and go to; AC input 2 does not exist and stays 0."""

    def __init__(self) -> None:
        """All counters at 0."""
        self._joules = [0.0] * _COUNTERS

    def add(self, powers: _Powers, duration_s: float) -> None:
        """Count the powers of one moment: between three terminals, the output is always a drain."""
        joules = self._joules
        if not powers.connected:
            joules[_INVERTER_TO_OUTPUT] += max(powers.output_w, 0) * duration_s
            return
        from_in, to_in = max(-powers.mains_w, 0), max(powers.mains_w, 0)
        from_inverter, to_inverter = max(-powers.inverter_w, 0), max(powers.inverter_w, 0)
        joules[_IN_TO_INVERTER] += min(from_in, to_inverter) * duration_s
        joules[_IN_TO_OUTPUT] += max(from_in - to_inverter, 0) * duration_s
        joules[_INVERTER_TO_IN] += min(from_inverter, to_in) * duration_s
        joules[_INVERTER_TO_OUTPUT] += max(from_inverter - to_in, 0) * duration_s

    def counters(self) -> tuple[int, ...]:
        """The ten counters of one byte each, rolling."""
        return tuple(int(joules / _JOULE_PER_COUNT) & 0xFF for joules in self._joules)
