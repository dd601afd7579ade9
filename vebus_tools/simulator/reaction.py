"""How a Multi or Quattro reacts to a VE.Bus BMS V2: ten states, one table, and what each state lets the unit do.

In a step the first row whose guard holds is taken, until none does; the order of the rows is the priority: firmware,
BMS lost, remote off, low cell, high cell.  Rows are those of the specification (bms-v2.md 4.3), the last column names
the requirements; where the manual says nothing it carries "inferred" and the U-n of that question.

A unit that is off because of a BMS keeps its sync frames: what a real one does on the bus then is not known (U-3).
`WITHOUT_BMS` is an eleventh state of ours: a Multi that neither expects a BMS nor has heard one works as ever.  Once it
has heard one it expects it for good, restarts included (U-6).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from vebus_protocol.enums import VEBusErrorCode
from vebus_tools.firmware import Verdict
from vebus_tools.simulator import leds

__all__ = [
    "DOES",
    "EMERGENCY_A",
    "FREE",
    "TABLE",
    "Charging",
    "Effect",
    "Moment",
    "Row",
    "State",
    "effect_of",
    "step",
]

EMERGENCY_A = 5.0
"""Most charge current in A in emergency mode, of all units together (B-120)."""


class State(enum.Enum):
    """Where the reaction of one unit is; names as in the specification, without their M_."""

    WITHOUT_BMS = "without a BMS"
    OFF = "off"
    ERR15 = "VE.Bus error 15"
    NEED_ASSISTANT = "assistant missing"
    RUN = "running"
    BULK_REDUCED = "bulk with reduced current"
    CHARGER_ONLY = "charger only"
    OFF_LOW = "off for low cell"
    EMERGENCY = "emergency mode"
    HELD_PASSTHRU = "held, AC passed through"
    HELD_OFF = "held off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the guards look at.  ``found`` is whether frames of the BMS arrive, the last one younger than the time-out.

    ``discharge``, ``charge`` and ``remote_off`` are those of the last frame; ``balance`` is false where nothing at all
    is allowed (an error of the BMS, a frame that contradicts itself): then no reduced current flows either.  ``ac`` is
    usable AC input (B-123).  ``wakes`` is whether AC starts the unit after a low cell: its model needs no mains
    detector, or has one (B-129).
    """

    verdict: Verdict
    expected: bool = False
    seen: bool = False
    found: bool = False
    discharge: bool = False
    charge: bool = False
    balance: bool = True
    remote_off: bool = False
    ac: bool = False
    wakes: bool = True
    restarted: bool = False


# --- guards ----------------------------------------------------------------------------------------------------------
Guard = Callable[[Moment], bool]


def _concerned(at: Moment) -> bool:
    return at.seen or at.expected


def _error_15(at: Moment) -> bool:
    return at.seen and at.verdict is Verdict.ERROR_15


def _no_assistant(at: Moment) -> bool:
    return at.seen and at.verdict is Verdict.ASSISTANT_NEEDED


def _lost(at: Moment) -> bool:
    return at.verdict.accepted and not at.found


def _told(at: Moment) -> bool:
    return at.verdict.accepted and at.found


def _remote_off(at: Moment) -> bool:
    return _told(at) and at.remote_off


def _low(at: Moment) -> bool:
    return _told(at) and not at.remote_off and not at.discharge


def _good(at: Moment) -> bool:
    return _told(at) and not at.remote_off and at.discharge


def _high(at: Moment) -> bool:
    return _good(at) and not at.charge


def _with_ac(guard: Guard) -> Guard:
    return lambda at: guard(at) and at.ac


def _without_ac(guard: Guard) -> Guard:
    return lambda at: guard(at) and not at.ac


class Row(NamedTuple):
    """One edge, from any of its origins."""

    origins: tuple[State, ...]
    guard: Guard
    target: State
    requirements: str


# --- the table -------------------------------------------------------------------------------------------------------
_RUNNING = (State.RUN, State.BULK_REDUCED, State.CHARGER_ONLY, State.OFF_LOW)
_HELD = (State.HELD_PASSTHRU, State.HELD_OFF)
_AGAIN = (State.OFF, State.EMERGENCY, *_HELD)  # from here the guards of the moment decide where it goes
_STARTED = tuple(state for state in State if state not in (State.WITHOUT_BMS, State.OFF))

TABLE: tuple[Row, ...] = (
    Row((State.WITHOUT_BMS,), _concerned, State.OFF, "B-119; inferred: from the first frame on, U-6"),
    Row(_STARTED, lambda at: at.restarted, State.OFF, "B-137 B-139; inferred: start-up order, U-6"),
    # the firmware decides first
    Row((*_RUNNING, *_HELD, State.EMERGENCY), lambda at: not at.verdict.accepted, State.OFF, "B-137 B-138"),
    Row((State.OFF,), _error_15, State.ERR15, "B-138 B-139; inferred: the Multi raises it, U-25"),
    Row((State.OFF,), _no_assistant, State.NEED_ASSISTANT, "B-137; inferred: error 7, U-12"),
    # the BMS is not found
    Row((*_RUNNING, *_HELD), _with_ac(_lost), State.EMERGENCY, "B-119 B-120 B-121"),
    Row((*_RUNNING, *_HELD), _without_ac(_lost), State.OFF, "B-122"),
    Row((State.OFF,), _with_ac(_lost), State.EMERGENCY, "B-119 B-120 B-121"),
    Row((State.EMERGENCY,), _without_ac(_lost), State.OFF, "B-122"),
    # switched off remotely
    Row(_RUNNING, _with_ac(_remote_off), State.HELD_PASSTHRU, "B-81 B-82"),
    Row(_RUNNING, _without_ac(_remote_off), State.HELD_OFF, "B-81"),
    Row((State.OFF, State.EMERGENCY), _with_ac(_remote_off), State.HELD_PASSTHRU, "B-81 B-82; inferred: U-5, U-6"),
    Row((State.OFF, State.EMERGENCY), _without_ac(_remote_off), State.HELD_OFF, "B-81; inferred: U-5, U-6"),
    Row((State.HELD_OFF,), _with_ac(_remote_off), State.HELD_PASSTHRU, "B-82; inferred: AC comes while held, U-21"),
    Row((State.HELD_PASSTHRU,), _without_ac(_remote_off), State.HELD_OFF, "B-81; inferred: AC goes while held, U-21"),
    # low cell
    Row((State.RUN, *_AGAIN), _with_ac(_low), State.CHARGER_ONLY, "B-14 B-115"),
    Row((State.RUN, *_AGAIN), _without_ac(_low), State.OFF_LOW, "B-116"),
    Row((State.BULK_REDUCED,), _low, State.CHARGER_ONLY, "B-14 B-115"),
    Row((State.CHARGER_ONLY,), _without_ac(_low), State.OFF_LOW, "B-116"),
    Row((State.OFF_LOW,), lambda at: _low(at) and at.ac and at.wakes, State.CHARGER_ONLY, "B-115 B-127 B-129"),
    Row((State.CHARGER_ONLY, State.OFF_LOW), _good, State.RUN, "B-57"),
    # high cell
    Row((State.RUN, *_AGAIN), _with_ac(_high), State.BULK_REDUCED, "B-15 B-117"),
    Row((State.BULK_REDUCED,), lambda at: _good(at) and (at.charge or not at.ac), State.RUN, "B-60"),
    # nothing is wrong
    Row((State.OFF,), _good, State.RUN, "B-136 B-137"),
    Row(_HELD, _good, State.RUN, "B-76"),
    Row((State.EMERGENCY,), _good, State.RUN, "B-119; inferred: U-5"),
)


# --- what a state lets the unit do -----------------------------------------------------------------------------------
class Charging(enum.Enum):
    """What the charger may do; how far "reduced" goes is not known (U-19)."""

    NORMAL = "as configured"
    REDUCED = "bulk, reduced current"
    EMERGENCY = "at most 5 A up to 12, 24 or 48 V"
    NONE = "not at all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a state allows, and what it shows.

    ``invert`` covers everything that takes from the battery, ``relay`` is whether the transfer switch may close.
    ``leds`` are the bytes on and blink, None where they show the work as ever.  ``low_battery`` lights that LED, in the
    alarm byte too.  LEDs other than those of emergency mode and remote off are inferred (U-24; bms-wire.md 5.3).
    """

    invert: bool = False
    relay: bool = False
    charging: Charging = Charging.NONE
    leds: tuple[int, int] | None = (0, 0)
    low_battery: bool = False
    error: int = VEBusErrorCode.NONE


FREE = Effect(invert=True, relay=True, charging=Charging.NORMAL, leds=None)
"""No restriction at all."""
_ERROR_LEDS = (0, leds.INVERTER)


def _charger_only(charging: Charging) -> Effect:
    return Effect(relay=True, charging=charging, leds=None, low_battery=True)


EFFECTS: Mapping[State, Effect] = {
    State.WITHOUT_BMS: FREE,
    State.OFF: Effect(),
    State.ERR15: Effect(error=VEBusErrorCode.COMBINATION, leds=_ERROR_LEDS),
    State.NEED_ASSISTANT: Effect(error=VEBusErrorCode.BMS_WITHOUT_ASSISTANT, leds=_ERROR_LEDS),
    State.RUN: FREE,
    State.BULK_REDUCED: Effect(invert=True, relay=True, charging=Charging.REDUCED, leds=None),
    State.CHARGER_ONLY: _charger_only(Charging.NORMAL),
    State.OFF_LOW: Effect(leds=(leds.LOW_BATTERY, 0), low_battery=True),
    State.EMERGENCY: Effect(relay=True, charging=Charging.EMERGENCY, leds=(leds.MAINS, 0)),
    State.HELD_PASSTHRU: Effect(relay=True, leds=None, low_battery=True),
    State.HELD_OFF: Effect(),
}
_BALANCING, _NOTHING = _charger_only(Charging.REDUCED), _charger_only(Charging.NONE)
DOES: Mapping[State, str] = {
    State.WITHOUT_BMS: "works as configured: no BMS heard, none expected",
    State.OFF: "does not invert, does not charge",
    State.ERR15: "refuses to work: firmware below xxxx415",
    State.NEED_ASSISTANT: "refuses to work: firmware xxxx415 to xxxx488 without assistant",
    State.RUN: "works as configured",
    State.BULK_REDUCED: "bulk with reduced current",
    State.CHARGER_ONLY: "charges, does not invert",
    State.OFF_LOW: "off until AC comes or the battery is charged",
    State.EMERGENCY: "charges with at most 5 A up to 12, 24 or 48 V, does not invert",
    State.HELD_PASSTHRU: "passes AC through, does not invert, does not charge",
    State.HELD_OFF: "off until the remote terminals say on",
}
_MOST_ROWS = 4


def step(state: State, at: Moment) -> tuple[State, tuple[Row, ...]]:
    """Next state, and the rows that led there.  The same moment again changes nothing, unless it is a restart."""
    taken: tuple[Row, ...] = ()
    while len(taken) < _MOST_ROWS:
        row = next((one for one in TABLE if state in one.origins and one.guard(at)), None)
        if row is None:
            break
        state, taken, at = row.target, (*taken, row), replace(at, restarted=False)
    return state, taken


def effect_of(state: State, at: Moment) -> Effect:
    """What the unit may do.

    Charger-only follows the permission to charge as well (inferred, U-11); where nothing at all is allowed it charges
    nothing, a choice of ours on the safe side.
    """
    if state is State.CHARGER_ONLY and not at.charge:
        return _BALANCING if at.balance else _NOTHING
    return EFFECTS[state]
