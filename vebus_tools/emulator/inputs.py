"""What the emulated BMS sees: supply, VE.Bus, remote terminals, battery signals, the Multi, the GX supplies."""

from __future__ import annotations

from dataclasses import dataclass, field

from vebus_tools.battery import Signals

__all__ = ["HIGHEST_SUPPLY_V", "LOWEST_SUPPLY_V", "Inputs", "Terminals", "remote_is_on"]

LOWEST_SUPPLY_V, HIGHEST_SUPPLY_V = 9.0, 70.0
"""Supply range in V, limits included (B-66)."""
_L_BELOW_V, _H_ABOVE_V = 3.5, 2.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminals:
    """Remote on/off terminals: voltages in V against battery minus, None is open; ``joined`` is a wire loop."""

    low_v: float | None = None
    high_v: float | None = None
    joined: bool = False


def remote_is_on(terminals: Terminals, battery_v: float) -> bool:
    """Truth table of the remote terminals (B-76 to B-80): off in every case that is not listed as on.

    H exactly at battery voltage counts as on (inferred, U-14); above it, and for what is no number, off.
    """
    if terminals.joined:
        return True
    if terminals.low_v is not None and terminals.low_v < _L_BELOW_V:
        return True
    return terminals.high_v is not None and _H_ABOVE_V < terminals.high_v <= battery_v


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that decides about the state, at one moment; voltages in V.

    ``vebus`` is whether the VE.Bus cable is there: it carries the minus of the supply (B-67, B-68).  ``multi_on`` is
    whether the Multi runs; how a real BMS finds out is not known (U-3).
    """

    supply_v: float = 0.0
    vebus: bool = False
    app_ok: bool = True
    terminals: Terminals = field(default_factory=Terminals)
    signals: Signals = field(default_factory=Signals)
    multi_on: bool = True
    battery_v: float = 0.0
    aux_v: float = 0.0

    @property
    def powered(self) -> bool:
        """Whether the supply is in range and has its minus."""
        return self.vebus and LOWEST_SUPPLY_V <= self.supply_v <= HIGHEST_SUPPLY_V

    @property
    def remote_on(self) -> bool:
        """Whether the remote terminals say on."""
        return remote_is_on(self.terminals, self.battery_v)
