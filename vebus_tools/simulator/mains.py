"""The AC input of an installation: there or not, with a voltage and a frequency that wander slowly.

Triangles stand in for slow drift: they need no library whose last digit differs between machines.
"""

from __future__ import annotations

from vebus_tools.simulator.scenario import MainsSpec

__all__ = ["Mains", "wave"]

_VOLTAGE_PERIOD_S = 17.0
_FREQUENCY_PERIOD_S = 23.0


def wave(at_s: float, period_s: float) -> float:
    """Triangle between -1 and 1."""
    part = at_s / period_s % 1.0
    return 4.0 * part - 1.0 if part < 0.5 else 3.0 - 4.0 * part


class Mains:
    """Mains of all phases; ``missing`` are the phases 1..3 without voltage."""

    def __init__(self, spec: MainsSpec, phases: frozenset[int]) -> None:
        """Start with all phases there, or none."""
        self.spec = spec
        self.input = spec.input
        self.voltage_v = spec.voltage_v
        self.nominal_hz = spec.frequency_hz
        self.frequency_hz = spec.frequency_hz
        self._phases = phases
        self.missing: set[int] = set() if spec.present else set(phases)

    def lose(self, phase: int) -> None:
        """Take a phase away; 0 = all."""
        self.missing |= {phase} if phase else self._phases

    def bring_back(self, phase: int) -> None:
        """Bring a phase back; 0 = all."""
        self.missing -= {phase} if phase else self._phases

    def frequency_at(self, at_s: float) -> float:
        """Frequency in Hz, the same on all phases."""
        return self.frequency_hz + wave(at_s, _FREQUENCY_PERIOD_S) * self.spec.wander_hz

    def voltage_at(self, at_s: float, phase: int) -> float:
        """RMS voltage in V of a phase; 0 when it is missing."""
        if phase in self.missing:
            return 0.0
        return self.voltage_v + wave(at_s + 5.0 * phase, _VOLTAGE_PERIOD_S) * self.spec.wander_v
