"""What the BMS shows and drives in a state: three outputs, three LEDs, GX-Pow, its own consumption.

An output that is not high is floating: high impedance, never logic low, and no output ever sinks current (B-28, B-42).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from vebus_tools.emulator.inputs import Inputs
from vebus_tools.emulator.regions import Charge, Discharge, Life, LinkMode, Remote, State

__all__ = [
    "DROP_V",
    "LIMITS_A",
    "SINK_A",
    "Led",
    "Level",
    "Output",
    "Outputs",
    "lit",
    "outputs_of",
]

DROP_V = 1.0
"""A high output is about this much below the supply, in V (B-26, B-40)."""
LIMITS_A = {"pre_alarm": 1.0, "load_disconnect": 1.0, "charge_disconnect": 0.01, "gx_pow": 1.0, "aux_in": 1.0}
"""Rated currents in A (B-24, B-27, B-41, B-86, B-87)."""
SINK_A = 0.0
_NORMAL_MA, _LOW_CELL_MA, _REMOTE_OFF_MA = 10.0, 2.0, 1.5  # B-72, B-73, B-74
_FLASH_EVERY_S, _FLASH_S = 10.0, 0.05  # "about every 10 s" (B-50); the length is a stand-in (U-28)
_FAST_HZ = 15.0  # B-53; half on, half off is a stand-in (U-28)


class Level(enum.Enum):
    """What an output does."""

    HIGH = "high"
    FLOATING = "floating"


class Led(enum.Enum):
    """Pattern of an LED."""

    DARK = "dark"
    ON = "on"
    FLASH = "one flash every 10 s"
    FAST = "15 flashes a second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output: its level, and its voltage in V where it is high."""

    level: Level
    voltage_v: float | None = None

    @property
    def high(self) -> bool:
        """Whether it is high."""
        return self.level is Level.HIGH


FLOATING = Output(level=Level.FLOATING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Everything that can be seen or measured from outside, and the true mode beside the LEDs (B-52).

    ``gx_pow_v`` is None where nothing feeds it, ``supply_ma`` is without the current of load disconnect.
    """

    mode: str
    pre_alarm: Output
    load_disconnect: Output
    charge_disconnect: Output
    status_led: Led
    low_led: Led
    high_led: Led
    gx_pow_v: float | None
    supply_ma: float


def lit(led: Led, since_s: float) -> bool:
    """Whether an LED is lit ``since_s`` seconds after its pattern began."""
    if led is Led.FLASH:
        return since_s % _FLASH_EVERY_S < _FLASH_S
    if led is Led.FAST:
        return since_s * _FAST_HZ % 1.0 < 0.5
    return led is Led.ON


def outputs_of(state: State, inputs: Inputs) -> Outputs:
    """Outputs of a state.

    Outside RUN, while switched off remotely (U-10), and without fresh battery data all three float.  The blue LED
    follows load disconnect (B-55); the red one shows only a high cell (B-58).
    """
    driven = state.driven
    high = Output(level=Level.HIGH, voltage_v=inputs.supply_v - DROP_V)
    running = state.life is Life.RUN
    return Outputs(
        mode=_mode(state),
        pre_alarm=high if driven and state.discharge is not Discharge.OK else FLOATING,
        load_disconnect=high if driven and state.discharge is not Discharge.LOW else FLOATING,
        charge_disconnect=high if driven and state.charge is Charge.OK else FLOATING,
        status_led=_status_led(state, inputs),
        low_led=Led.ON if driven and state.discharge is not Discharge.LOW else Led.DARK,
        high_led=Led.ON if running and state.charge is Charge.STOP else Led.DARK,
        gx_pow_v=_gx_pow(state, inputs),
        supply_ma=_supply(state),
    )


def _mode(state: State) -> str:
    if state.life is not Life.RUN:
        return str(state.life.value)
    words = [f"discharge {state.discharge.value}", f"charge {state.charge.value}"]
    return ", ".join([*words, f"remote {state.remote.value}", f"link {state.link.value}"])


def _status_led(state: State, inputs: Inputs) -> Led:
    """It stands for frames that are sent (B-50, B-64), so it is dark where there are no data to send."""
    if state.life is Life.BOOT_STUCK:
        return Led.FAST
    sends = state.life is Life.RUN and inputs.signals.known
    return Led.FLASH if sends and state.link is LinkMode.NORMAL else Led.DARK


def _gx_pow(state: State, inputs: Inputs) -> float | None:
    """The higher of battery and Aux-In (B-85); the battery counts only while loads may run (B-88, B-89)."""
    fed = state.life is Life.RUN and state.discharge is not Discharge.LOW and state.remote is Remote.ON
    highest = max(inputs.battery_v if fed else 0.0, inputs.aux_v)
    return highest if highest > 0 else None


def _supply(state: State) -> float:
    if state.life is Life.UNPOWERED:
        return 0.0
    if state.life is Life.RUN and state.remote is Remote.OFF:
        return _REMOTE_OFF_MA
    return _LOW_CELL_MA if state.discharge is Discharge.LOW else _NORMAL_MA
