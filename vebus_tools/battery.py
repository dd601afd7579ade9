"""The battery bank and its three signals: pre-alarm, low cell, high cell.  Functions of numbers; time is an argument.

One cell of one module is enough for a signal (B-9).  A missing or old value allows nothing: every way of not knowing
ends in `Signals.known` being false, and `verdict` then forbids both directions.

Requirements: the BMS V2 specification, B-1 to B-11, B-17, B-19 to B-21, B-118.  Numbers that no source gives (the
low-cell and high-cell limits, the temperatures, every hysteresis and delay: U-15 to U-18) are parameters with a
stand-in; they are marked "assumed" below.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace

__all__ = [
    "HIGHEST_PRE_ALARM_V",
    "LOWEST_PRE_ALARM_V",
    "Bank",
    "BatteryError",
    "Cell",
    "HighCell",
    "Limits",
    "Module",
    "Sample",
    "SignalState",
    "Signals",
    "Threshold",
    "Verdict",
    "advance",
    "uniform_sample",
    "verdict",
]


class BatteryError(ValueError):
    """A bank, a limit or a sample that cannot be; the text says which requirement it breaks."""


# --- the bank --------------------------------------------------------------------------------------------------------
CELLS = {12.8: 4, 25.6: 8}
"""Cells of a module by its nominal voltage in V (B-1; 3.2 V nominal each)."""
MOST_IN_SERIES = {12.8: 4, 25.6: 2}
SYSTEM_VOLTAGES = (12, 24, 48)
MOST_MODULES = 20
CORDS_PER_MODULE = 2
MOST_ENERGY_KWH = {12: 84, 24: 102, 48: 102}
"""Largest stored energy that is quoted for a bank, in kWh, by system voltage (B-7, B-8)."""
FAMILY, CHEMISTRY = "Lithium Battery Smart", "LiFePO4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One battery: nominal voltage in V, family and chemistry.  Raises BatteryError for an unsupported one (B-1)."""

    voltage_v: float = 12.8
    family: str = FAMILY
    chemistry: str = CHEMISTRY
    cords: int = CORDS_PER_MODULE

    def __post_init__(self) -> None:
        """Refuse what the BMS V2 does not support."""
        if self.voltage_v not in CELLS:
            raise BatteryError(f"a module of {self.voltage_v} V is not supported, only 12.8 and 25.6 V (B-1)")
        if (self.family, self.chemistry) != (FAMILY, CHEMISTRY):
            raise BatteryError(f"{self.family} ({self.chemistry}) is not supported, only {FAMILY} ({CHEMISTRY}) (B-1)")
        if self.cords != CORDS_PER_MODULE:
            raise BatteryError(f"a module has {CORDS_PER_MODULE} M8 cord sets, not {self.cords} (B-11)")

    @property
    def cells(self) -> int:
        """Cells in series."""
        return CELLS[self.voltage_v]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """Equal modules: ``series`` in a string, ``parallel`` strings (B-3).

    ``chain`` is the order in which the modules' BMS cables are chained, by module number from 0 (B-11); empty means one
    after another.  Raises BatteryError (B-2 to B-6, B-11).
    """

    system_v: int
    module: Module = field(default_factory=Module)
    series: int = 1
    parallel: int = 1
    chain: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a bank that the BMS V2 does not support."""
        most = MOST_IN_SERIES[self.module.voltage_v]
        if self.system_v not in SYSTEM_VOLTAGES:
            raise BatteryError(f"a system voltage of {self.system_v} V is not supported, only 12, 24 and 48 V (B-2)")
        if self.series < 1 or self.parallel < 1:
            raise BatteryError(f"{self.series} in series, {self.parallel} parallel: at least one each (B-3)")
        if self.series > most:
            requirement = "B-4" if most == MOST_IN_SERIES[12.8] else "B-5"
            raise BatteryError(
                f"{self.series} modules of {self.module.voltage_v} V in series, at most {most} ({requirement})"
            )
        if self.modules > MOST_MODULES:
            raise BatteryError(f"{self.modules} modules, at most {MOST_MODULES} (B-6)")
        if self.series * self.module.cells * 3 != self.system_v:
            string = self.series * self.module.voltage_v
            raise BatteryError(f"{self.series} in series give {string:g} V, which is no {self.system_v} V bank (B-2)")
        if self.chain and sorted(self.chain) != list(range(self.modules)):
            raise BatteryError(f"the chain of BMS cables has to pass each of {self.modules} modules once (B-11)")

    @property
    def modules(self) -> int:
        """Number of modules."""
        return self.series * self.parallel

    @property
    def cells(self) -> int:
        """Number of cells whose values a sample has."""
        return self.modules * self.module.cells

    @property
    def most_energy_kwh(self) -> int:
        """Largest stored energy quoted for this system voltage, in kWh (B-7, B-8)."""
        return MOST_ENERGY_KWH[self.system_v]


# --- what was measured -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: voltage in V, temperature in degC; None where it was not measured."""

    voltage_v: float | None
    temperature_c: float | None

    @property
    def known(self) -> bool:
        """Whether both values are there and are numbers."""
        return all(one is not None and math.isfinite(one) for one in (self.voltage_v, self.temperature_c))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All cells of a bank, module by module; ``at_s`` is when the *oldest* of the values was measured."""

    at_s: float
    cells: tuple[Cell, ...]

    def replaced(self, index: int, *, voltage_v: float | None = None, temperature_c: float | None = None) -> Sample:
        """The same with another voltage or temperature of one cell.  Raises BatteryError for an unknown cell."""
        if not 0 <= index < len(self.cells):
            raise BatteryError(f"there is no cell {index}, only 0 to {len(self.cells) - 1}")
        old = self.cells[index]
        new = Cell(
            voltage_v=old.voltage_v if voltage_v is None else voltage_v,
            temperature_c=old.temperature_c if temperature_c is None else temperature_c,
        )
        return replace(self, cells=(*self.cells[:index], new, *self.cells[index + 1 :]))


def uniform_sample(bank: Bank, at_s: float, voltage_v: float = 3.3, temperature_c: float = 20.0) -> Sample:
    """A sample in which every cell has the same voltage in V and temperature in degC."""
    return Sample(at_s=at_s, cells=(Cell(voltage_v=voltage_v, temperature_c=temperature_c),) * bank.cells)


# --- limits ----------------------------------------------------------------------------------------------------------
LOWEST_PRE_ALARM_V, HIGHEST_PRE_ALARM_V, DEFAULT_PRE_ALARM_V = 2.85, 3.15, 3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """When a signal comes and goes; ``above`` says on which side the limit is violated.

    It comes when a value has been at or beyond ``limit`` for ``delay_s``, and goes when it has been back by more than
    ``hysteresis`` for ``release_s``.  Raises BatteryError for what is no number.
    """

    limit: float
    above: bool
    hysteresis: float
    delay_s: float = 0.0
    release_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no number, or negative where that has no meaning."""
        numbers = (self.limit, self.hysteresis, self.delay_s, self.release_s)
        if not all(map(math.isfinite, numbers)) or min(numbers[1:]) < 0:
            raise BatteryError(f"limit {self.limit}: hysteresis and delays are numbers of 0 or more")

    def violated(self, value: float) -> bool:
        """Whether a value is at or beyond the limit."""
        return value >= self.limit if self.above else value <= self.limit

    def left(self, value: float) -> bool:
        """Whether a value is back by more than the hysteresis."""
        return value < self.limit - self.hysteresis if self.above else value > self.limit + self.hysteresis


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of the cells; the pre-alarm is a setting of the battery (B-21), 2.85 to 3.15 V (B-20), 3.1 V (B-19).

    All other numbers are assumed: no source gives them (U-15 to U-18).  ``max_age_s`` is how old a sample may be, in s.
    Raises BatteryError for limits that contradict each other.
    """

    pre_alarm: Threshold = field(
        default_factory=lambda: Threshold(limit=DEFAULT_PRE_ALARM_V, above=False, hysteresis=0.05)
    )
    low_cell: Threshold = field(default_factory=lambda: Threshold(limit=2.8, above=False, hysteresis=0.2))
    overvoltage: Threshold = field(default_factory=lambda: Threshold(limit=4.0, above=True, hysteresis=0.2))
    hot: Threshold = field(default_factory=lambda: Threshold(limit=55.0, above=True, hysteresis=5.0))
    cold: Threshold = field(default_factory=lambda: Threshold(limit=5.0, above=False, hysteresis=2.0))
    max_age_s: float = 2.0

    def __post_init__(self) -> None:
        """Hold the published range of the pre-alarm, and the order of the limits."""
        if not LOWEST_PRE_ALARM_V <= self.pre_alarm.limit <= HIGHEST_PRE_ALARM_V:
            text = f"{LOWEST_PRE_ALARM_V} to {HIGHEST_PRE_ALARM_V} V per cell"
            raise BatteryError(f"a pre-alarm threshold of {self.pre_alarm.limit} V is not in {text} (B-20)")
        if not self.low_cell.limit < self.pre_alarm.limit < self.overvoltage.limit:
            raise BatteryError("limits have to be low cell < pre-alarm < overvoltage")
        if not self.cold.limit < self.hot.limit:
            raise BatteryError("limits have to be cold < hot")
        sides = [one.above for one in (self.pre_alarm, self.low_cell, self.cold, self.overvoltage, self.hot)]
        if sides != [False, False, False, True, True]:
            raise BatteryError("pre-alarm, low cell and cold are violated below, overvoltage and hot above")
        if not 0 < self.max_age_s < math.inf:
            raise BatteryError(f"a sample may be {self.max_age_s} s old: that has to be more than 0")

    @classmethod
    def with_pre_alarm(cls, voltage_v: float) -> Limits:
        """The default limits with another pre-alarm threshold in V.  Raises BatteryError outside B-20."""
        return cls(pre_alarm=replace(cls().pre_alarm, limit=voltage_v))


# --- signals ---------------------------------------------------------------------------------------------------------
class HighCell(enum.Enum):
    """Why charging has to stop: all three have the same effect (B-17)."""

    OVERVOLTAGE = "overvoltage"
    HOT = "hot"
    COLD = "cold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """The three signals of a battery, and whether its data are there and fresh.  The default knows nothing."""

    pre_alarm: bool = False
    low_cell: bool = False
    high_cell: frozenset[HighCell] = frozenset()
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Latch:
    """One signal with its delay: ``since_s`` is when the value began to disagree with it, None while it agrees."""

    on: bool = False
    since_s: float | None = None

    def blind(self) -> _Latch:
        return _Latch(on=True) if self.on else self

    def advanced(self, threshold: Threshold, worst: float, now_s: float) -> _Latch:
        disagrees = threshold.left(worst) if self.on else threshold.violated(worst)
        if not disagrees:
            return _Latch(on=self.on)
        since = now_s if self.since_s is None else self.since_s
        wait = threshold.release_s if self.on else threshold.delay_s
        return _Latch(on=not self.on) if now_s - since >= wait else _Latch(on=self.on, since_s=since)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalState:
    """Memory of `advance`: one latch a signal.  The default is the state before the first sample."""

    pre_alarm: _Latch = _Latch()
    low_cell: _Latch = _Latch()
    overvoltage: _Latch = _Latch()
    hot: _Latch = _Latch()
    cold: _Latch = _Latch()

    def blind(self) -> SignalState:
        """The same after a time without data: what is about to be released starts anew."""
        return SignalState(
            pre_alarm=self.pre_alarm.blind(),
            low_cell=self.low_cell.blind(),
            overvoltage=self.overvoltage.blind(),
            hot=self.hot.blind(),
            cold=self.cold.blind(),
        )


def advance(
    state: SignalState, sample: Sample | None, limits: Limits, now_s: float, cells: int | None = None
) -> tuple[SignalState, Signals]:
    """Signals at a time in s on the clock of the samples, and the state for the next call.

    A sample that is missing, old, from the future, incomplete (``cells`` is how many it has to have) or holds no
    numbers makes the signals not known; signals that are on stay on, and their release has to start anew.
    """
    if sample is None or not _usable(sample, limits, now_s, cells):
        state = state.blind()
        return state, _signals(state, known=False)
    voltages = [one.voltage_v for one in sample.cells if one.voltage_v is not None]
    temperatures = [one.temperature_c for one in sample.cells if one.temperature_c is not None]
    state = SignalState(
        pre_alarm=state.pre_alarm.advanced(limits.pre_alarm, min(voltages), now_s),
        low_cell=state.low_cell.advanced(limits.low_cell, min(voltages), now_s),
        overvoltage=state.overvoltage.advanced(limits.overvoltage, max(voltages), now_s),
        hot=state.hot.advanced(limits.hot, max(temperatures), now_s),
        cold=state.cold.advanced(limits.cold, min(temperatures), now_s),
    )
    return state, _signals(state, known=True)


def _usable(sample: Sample, limits: Limits, now_s: float, cells: int | None) -> bool:
    if not sample.cells or (cells is not None and len(sample.cells) != cells):
        return False
    return 0 <= now_s - sample.at_s <= limits.max_age_s and all(one.known for one in sample.cells)


def _signals(state: SignalState, *, known: bool) -> Signals:
    reasons = {HighCell.OVERVOLTAGE: state.overvoltage, HighCell.HOT: state.hot, HighCell.COLD: state.cold}
    return Signals(
        pre_alarm=state.pre_alarm.on,
        low_cell=state.low_cell.on,
        high_cell=frozenset(reason for reason, latch in reasons.items() if latch.on),
        known=known,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the battery allows.  The default allows nothing."""

    discharge: bool = False
    charge: bool = False


def verdict(signals: Signals) -> Verdict:
    """What the signals allow: nothing where they are not known."""
    return Verdict(
        discharge=signals.known and not signals.low_cell,
        charge=signals.known and not signals.high_cell,
    )
