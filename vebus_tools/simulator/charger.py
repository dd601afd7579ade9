"""Charge phases: bulk, absorption, float, and what forces or repeats them.

Order and names of the phases: mk3.md 11; settings that steer them: mk3.md 10.  The limits between them are our model.
"""

from __future__ import annotations

from dataclasses import dataclass

from vebus_protocol.enums import ChargeSubState, SetChargeState

__all__ = ["ChargeSettings", "Charger"]

_ABSORBING = frozenset(
    (
        ChargeSubState.ABSORPTION,
        ChargeSubState.REPEATED_ABSORPTION,
        ChargeSubState.FORCED_ABSORPTION,
        ChargeSubState.EQUALISE,
    )
)
_FORCED: dict[int, ChargeSubState] = {
    SetChargeState.EQUALISE: ChargeSubState.EQUALISE,
    SetChargeState.ABSORPTION: ChargeSubState.FORCED_ABSORPTION,
    SetChargeState.FLOAT: ChargeSubState.FLOAT,
}
_TAIL = 0.2  # of the bulk current: below it absorption may end
_LEAST_ABSORPTION_S = 600.0
_REBULK = 0.93  # of the float voltage
_REACHED_V = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSettings:
    """Voltages in V, current in A, times in s, as the settings 2, 3, 4, 7, 8 and 9 say."""

    absorption_v: float
    float_v: float
    bulk_a: float
    repeated_s: float
    interval_s: float
    longest_s: float


class Charger:
    """Knows the phase and says what it asks for."""

    def __init__(self) -> None:
        """Begin with bulk."""
        self.phase = ChargeSubState.BULK
        self._in_phase_s = 0.0

    def enter(self, phase: ChargeSubState) -> None:
        """Go to a phase; its time begins anew."""
        self.phase = phase
        self._in_phase_s = 0.0

    def hold_bulk(self) -> None:
        """Stay in bulk whatever the voltage, as a BMS asks for it (B-117)."""
        if self.phase is not ChargeSubState.BULK:
            self.enter(ChargeSubState.BULK)

    def force(self, action: int) -> bool:
        """Obey winmon 0E; False for an action that nobody has described."""
        wanted = _FORCED.get(action)
        if wanted is not None:
            self.enter(wanted)
        return wanted is not None or action == SetChargeState.ASK

    def target_v(self, settings: ChargeSettings) -> float:
        """Voltage that the phase holds, or wants to reach."""
        return settings.float_v if self.phase is ChargeSubState.FLOAT else settings.absorption_v

    def step(self, settings: ChargeSettings, voltage_v: float, current_a: float, duration_s: float) -> None:
        """Move on with the battery at this voltage and current."""
        self._in_phase_s += duration_s
        if self.phase is ChargeSubState.BULK:
            if voltage_v >= settings.absorption_v - _REACHED_V:
                self.enter(ChargeSubState.ABSORPTION)
        elif self.phase in _ABSORBING:
            if self._absorbed(settings, current_a):
                self.enter(ChargeSubState.FLOAT)
        elif voltage_v < settings.float_v * _REBULK:
            self.enter(ChargeSubState.BULK)
        elif self._in_phase_s >= settings.interval_s:
            self.enter(ChargeSubState.REPEATED_ABSORPTION)

    def _absorbed(self, settings: ChargeSettings, current_a: float) -> bool:
        if self.phase is ChargeSubState.REPEATED_ABSORPTION:
            return self._in_phase_s >= settings.repeated_s
        done = self._in_phase_s >= _LEAST_ABSORPTION_S and current_a < _TAIL * settings.bulk_a
        return done or self._in_phase_s >= settings.longest_s
