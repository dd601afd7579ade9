"""The BMS as five regions that run side by side: life, discharge, charge, remote, link.

Each region is a table; in a step the first row whose guard holds is taken.  The rows are those of the state machine
in the specification (bms-v2.md 4.2), the last column names the requirements.  What the manual leaves open carries the
U-n of that question, what guards real hardware the X-n of that interlock.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from vebus_tools.emulator.inputs import Inputs

__all__ = [
    "REGIONS",
    "Charge",
    "Discharge",
    "Life",
    "LinkMode",
    "Moment",
    "Remote",
    "Row",
    "State",
    "Timing",
    "step",
]


class Life(enum.Enum):
    """Whether the BMS lives."""

    UNPOWERED = "unpowered"
    BOOT_STUCK = "stuck in the bootloader"
    RUN = "running"


class Discharge(enum.Enum):
    """Discharge side."""

    OK = "ok"
    PRE = "pre-alarm"
    LOW = "low cell"


class Charge(enum.Enum):
    """Charge side."""

    OK = "ok"
    STOP = "stopped"


class Remote(enum.Enum):
    """Remote terminals."""

    ON = "on"
    OFF = "off"


class LinkMode(enum.Enum):
    """How often information frames are sent."""

    NORMAL = "normal"
    LOW_POWER = "low power"


Place = Life | Discharge | Charge | Remote | LinkMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Times in s.  ``shaped`` is true for simulations only: the load disconnect then waits for ``pre_alarm_s`` (B-22).

    On hardware a low cell takes effect at once (X-14).  ``hold_s`` is how long a signal has to be gone before anything
    becomes more permissive (X-13); the manual names no such time.
    """

    pre_alarm_s: float = 30.0
    hold_s: float = 2.0
    shaped: bool = True

    def __post_init__(self) -> None:
        """Hold the 30 s of B-22."""
        if not self.pre_alarm_s >= 30.0 or not self.hold_s >= 0.0:
            text = f"pre-alarm {self.pre_alarm_s} s has to be at least 30 s (B-22), hold {self.hold_s} s at least 0"
            raise ValueError(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where the five regions are.  ``since`` says when, in s, what the guards measure began."""

    life: Life = Life.UNPOWERED
    discharge: Discharge = Discharge.OK
    charge: Charge = Charge.OK
    remote: Remote = Remote.OFF
    link: LinkMode = LinkMode.LOW_POWER
    since: Mapping[str, float] | None = None

    def started(self, name: str) -> float | None:
        """When something began: ``run``, ``pre-alarm``, ``driven``, or one of the conditions that have to last."""
        return (self.since or {}).get(name)

    @property
    def settled(self) -> bool:
        """Whether fresh data have lasted for the hold time."""
        return self.started("settled") is not None

    @property
    def driven(self) -> bool:
        """Whether the outputs follow the regions: running, switched on, with data that have settled."""
        return self.started("driven") is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What guards look at: the inputs, the time in s, and what lasts since when."""

    now_s: float
    inputs: Inputs
    timing: Timing
    state: State

    def lasted(self, name: str) -> float:
        """For how long something has lasted, in s; -1 when it does not."""
        started = self.state.started(name)
        return -1.0 if started is None else self.now_s - started


# --- guards ----------------------------------------------------------------------------------------------------------
Guard = Callable[[Moment], bool]


def _held(condition: str) -> Guard:
    def guard(at: Moment) -> bool:
        return at.lasted(condition) >= at.timing.hold_s

    return guard


def _alarm(at: Moment) -> bool:
    return at.inputs.signals.pre_alarm or at.inputs.signals.low_cell


def _low_and_due(at: Moment) -> bool:
    visible = min(at.lasted("pre-alarm"), at.lasted("driven"))  # since when the output shows it without a break
    due = visible >= at.timing.pre_alarm_s
    already_open = not at.state.driven  # then nothing is left to be delayed
    return at.inputs.signals.low_cell and (due or already_open or not at.timing.shaped)


def _recovered_to_pre_alarm(at: Moment) -> bool:
    return at.inputs.signals.pre_alarm and _held("no low cell")(at)


def _runs(at: Moment) -> bool:
    return at.inputs.powered and at.inputs.app_ok


def _stuck(at: Moment) -> bool:
    return at.inputs.powered and not at.inputs.app_ok


# What has to last before it counts: name -> whether it is so now.  Signals that are not known never count as gone.
CONDITIONS: Mapping[str, Callable[[Inputs], bool]] = {
    "no alarm": lambda i: i.signals.known and not i.signals.pre_alarm and not i.signals.low_cell,
    "no low cell": lambda i: i.signals.known and not i.signals.low_cell,
    "no high cell": lambda i: i.signals.known and not i.signals.high_cell,
    "remote on": lambda i: i.remote_on,
    "fresh data": lambda i: i.signals.known,
}


class Row(NamedTuple):
    """One edge of a region."""

    origin: Place
    guard: Guard
    target: Place
    requirements: str


# --- the tables ------------------------------------------------------------------------------------------------------
REGIONS: Mapping[str, tuple[Row, ...]] = {
    "life": (
        Row(Life.UNPOWERED, _runs, Life.RUN, "B-66 B-67 B-68"),
        Row(Life.UNPOWERED, _stuck, Life.BOOT_STUCK, "B-53 B-65"),
        Row(Life.BOOT_STUCK, _runs, Life.RUN, "B-54"),
        Row(Life.BOOT_STUCK, lambda at: not at.inputs.powered, Life.UNPOWERED, "B-66 B-68"),
        Row(Life.RUN, _stuck, Life.BOOT_STUCK, "B-53 B-65"),
        Row(Life.RUN, lambda at: not at.inputs.powered, Life.UNPOWERED, "B-66 B-68"),
    ),
    "discharge": (
        Row(Discharge.OK, _alarm, Discharge.PRE, "B-12 B-18 B-19; U-7 when it is the low cell that comes first"),
        Row(Discharge.PRE, _low_and_due, Discharge.LOW, "B-13 B-14 B-22 B-25 B-56; at once on hardware: X-14"),
        Row(Discharge.PRE, _held("no alarm"), Discharge.OK, "B-18; X-13"),
        Row(Discharge.LOW, _held("no alarm"), Discharge.OK, "B-55 B-57; X-13"),
        Row(Discharge.LOW, _recovered_to_pre_alarm, Discharge.PRE, "B-55 B-57; X-13"),
    ),
    "charge": (
        Row(Charge.OK, lambda at: bool(at.inputs.signals.high_cell), Charge.STOP, "B-15 B-16 B-17 B-38 B-39 B-58"),
        Row(Charge.STOP, _held("no high cell"), Charge.OK, "B-59 B-60; X-13"),
    ),
    "remote": (
        Row(Remote.ON, lambda at: not at.inputs.remote_on, Remote.OFF, "B-79 B-81"),
        Row(Remote.OFF, _held("remote on"), Remote.ON, "B-76 B-77 B-78; X-13"),
    ),
    "link": (
        Row(LinkMode.NORMAL, lambda at: not at.inputs.multi_on, LinkMode.LOW_POWER, "B-51 B-62 B-63; U-3"),
        Row(LinkMode.LOW_POWER, lambda at: at.inputs.multi_on, LinkMode.NORMAL, "B-50 B-61"),
    ),
}
_ENTERED = State(life=Life.RUN)  # how the other regions begin when the BMS starts to run
_MOST_ROWS = 2  # a low cell may pass through the pre-alarm in one step


def step(state: State, inputs: Inputs, now_s: float, timing: Timing) -> tuple[State, tuple[Row, ...]]:
    """Next state at a time in s, and the edges that led there.  Calling again at the same time changes nothing."""
    state = replace(state, since=_lasting(state, inputs, now_s))
    state, taken = _advance("life", state, inputs, now_s, timing)
    if state.life is not Life.RUN:
        return State(life=state.life), taken
    if taken:
        state = replace(_ENTERED, since={**_lasting(_ENTERED, inputs, now_s), "run": now_s})
    for region in ("remote", "discharge", "charge", "link"):
        state, more = _advance(region, state, inputs, now_s, timing)
        taken += more
        if region == "remote":
            state = _settled(state, now_s, timing)
    return state, taken


def _settled(state: State, now_s: float, timing: Timing) -> State:
    """Note since when data have settled, and since when the outputs are driven."""
    since = dict(state.since or {})
    fresh = since.get("fresh data")
    settled = fresh is not None and now_s - fresh >= timing.hold_s
    for name, holds in (("settled", settled), ("driven", settled and state.remote is Remote.ON)):
        if holds:
            since.setdefault(name, now_s)
        else:
            since.pop(name, None)
    return replace(state, since=since)


def _advance(region: str, state: State, inputs: Inputs, now_s: float, timing: Timing) -> tuple[State, tuple[Row, ...]]:
    taken: tuple[Row, ...] = ()
    while len(taken) < _MOST_ROWS:
        at = Moment(now_s=now_s, inputs=inputs, timing=timing, state=state)
        row = next((one for one in REGIONS[region] if one.origin is getattr(state, region) and one.guard(at)), None)
        if row is None:
            break
        state = replace(state, **{region: row.target}, since=_marked(state, row, now_s))  # type: ignore[arg-type]
        taken += (row,)
    return state, taken


def _lasting(state: State, inputs: Inputs, now_s: float) -> dict[str, float]:
    """Since when each condition holds, without a break."""
    old = dict(state.since or {})
    kept = {name: at for name, at in old.items() if name not in CONDITIONS}
    return kept | {name: old.get(name, now_s) for name, holds in CONDITIONS.items() if holds(inputs)}


def _marked(state: State, row: Row, now_s: float) -> dict[str, float]:
    """Remember when the pre-alarm began; B-22 counts from there, or from when the outputs were driven again."""
    since = dict(state.since or {})
    if row.target is Discharge.OK:
        since.pop("pre-alarm", None)
    elif row.origin is Discharge.OK:
        since["pre-alarm"] = now_s
    return since
