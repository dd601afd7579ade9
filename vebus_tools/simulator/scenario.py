"""What a simulated installation is made of and what happens to it: the values that a scenario file holds.

Times are seconds since the start of the simulation.  All of it is ours; only the scales, models and versions named here
come from the bus.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from vebus_tools.records import CaptureError

__all__ = [
    "BMS_ASSISTANT",
    "ESS",
    "AccessorySpec",
    "AdapterSpec",
    "Assistant",
    "BatterySpec",
    "BmsSpec",
    "DeviceSpec",
    "Event",
    "EventKind",
    "Fault",
    "FaultKind",
    "HostSpec",
    "MainsDetector",
    "MainsSpec",
    "PhaseWord",
    "RandomSpec",
    "Scenario",
    "ScenarioError",
    "Side",
]

ESS = 0x005
"""Assistant id of ESS (mk3.md 15)."""
BMS_ASSISTANT = 0xFFF
"""Stand-in for the id of the VE.Bus BMS assistant, which is not published: a host reads an id that it does not know."""


class ScenarioError(CaptureError):
    """A scenario file that cannot be used; the text names file, line and key."""


class PhaseWord(enum.Enum):
    """Which of two published readings the first word of type E4 follows (vebus-rs485.md 6.9, undecided)."""

    MILLIHERTZ = "mHz"
    TICKS = "ticks"


class MainsDetector(enum.Enum):
    """Whether a unit has a mains detector; without one that it needs, AC does not start it after a low cell (B-129)."""

    NOT_NEEDED = "not-needed"
    INSTALLED = "installed"
    MISSING = "missing"


class Side(enum.Enum):
    """Where a fault shows: on the RS485 bus, behind the adapter, or on both."""

    BUS = "bus"
    ADAPTER = "adapter"
    BOTH = "both"


class EventKind(enum.Enum):
    """What can happen at a time."""

    AC_LOST = "ac-lost"
    AC_BACK = "ac-back"
    LOAD = "load"
    CHARGER = "charger"
    FIRMWARE = "firmware"
    SWITCH = "switch"
    SET_POINT = "set-point"
    INPUT_LIMIT = "input-limit"
    RESET = "reset"
    WAKE = "wake"
    AMBIENT = "ambient"
    MAINS = "mains"
    SOC = "soc"
    ERROR = "error"
    AC_INPUT = "ac-input"
    BATTERY = "battery"


class FaultKind(enum.Enum):
    """What can go wrong with bytes and replies."""

    BAD_CHECKSUM = "bad-checksum"
    TRUNCATION = "truncation"
    NOISE = "noise"
    SILENCE = "silence"
    OVERLAP = "overlap"
    LATE_REPLY = "late-reply"
    WRONG_NUMBER = "wrong-number"
    DROPPED_REPLY = "dropped-reply"
    GARBAGE_STATE = "garbage-state"
    LED_APPENDED = "led-appended"
    OTHER_FORM = "other-form"
    NO_HEARTBEAT = "no-heartbeat"
    HEARTBEAT_INSTEAD = "heartbeat-instead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistant:
    """One assistant record in RAM from id 128 on: its id 0..0xFFF and the words that follow the first one."""

    id: int
    words: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """One Multi: a model of the published tables, its version number and where it sits.

    ``ac_inputs`` is 2 for a Quattro; ``mains_detector`` matters after a low cell only (B-129).
    """

    model: str = "MultiPlus-II 48/5000"
    version: int = 2629492
    serial: str = "HQ00000SIM0"
    unique_number: int = 0x12345678
    address: int = 0
    phase: int = 1
    load_w: float = 300.0
    load_wave_w: float = 25.0
    load_profile: tuple[tuple[float, float], ...] = ()
    assistants: tuple[Assistant, ...] = ()
    power_assist: bool = True
    input_limit_a: float = 32.0
    phase_word: PhaseWord = PhaseWord.MILLIHERTZ
    password: str = ""
    ac_inputs: int = 1
    mains_detector: MainsDetector = MainsDetector.NOT_NEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class MainsSpec:
    """The AC input: voltage in V, nominal frequency 50 or 60 Hz, and how far both wander; ``input`` 1 or 2 is fed."""

    present: bool = True
    voltage_v: float = 230.6
    frequency_hz: float = 50.0
    wander_v: float = 1.4
    wander_hz: float = 0.018
    connect_delay_s: float = 5.0
    input: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BatterySpec:
    """The battery: capacity in Ah, internal resistance in ohm, state of charge 0..1, temperature in degC.

    ``connected`` is whether it is connected to the units.
    """

    capacity_ah: float = 280.0
    resistance_ohm: float | None = None
    soc: float = 0.62
    ambient_c: float = 22.0
    connected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """The GX or MK3 on the bus that asks and sets; ``every`` counts sync frames between two of its frames."""

    present: bool = True
    every: int = 8
    start_up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSpec:
    """The MK2/MK3 adapter: version, heartbeat period in s (0 = none), form of winmon replies at the start."""

    version: int = 1170216
    heartbeat_s: float = 1.5
    combined: bool = False
    accept_plain_checksum: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessorySpec:
    """Accessories that only say that they are there; None = absent."""

    bms_version: int | None = None
    dmc_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BmsSpec:
    """What the units know of a VE.Bus BMS from the start, and the parts of their reaction that the manual leaves open.

    ``expected``: they are configured for one, so its absence counts; otherwise from the first frame on.
    ``reduced_share`` of the bulk current is left on a high cell (U-19), ``recovery_s`` is how long frames have to be
    back before emergency mode ends (U-5).
    """

    expected: bool = False
    reduced_share: float = 0.1
    recovery_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSpec:
    """What the seed may decide: ``measurement`` scales the noise of measured values, ``latency`` draws reply times."""

    measurement: float = 0.0
    latency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happens; which of the values count depends on its kind.  ``phase`` 0 = every device."""

    at_s: float
    kind: EventKind
    value: float = 0.0
    other: float | None = None
    text: str = ""
    phase: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: where, what it may hit, and when.

    Eligible are frames of ``types`` (all when empty), or replies, between ``from_s`` and ``until_s``.  Of these the
    ``nth`` is hit, or each ``every``-th, or each with ``probability``; without these three, all.
    """

    kind: FaultKind
    side: Side = Side.BUS
    types: frozenset[int] = frozenset()
    from_s: float = 0.0
    until_s: float = float("inf")
    nth: int = 0
    every: int = 0
    probability: float = 0.0
    delay_s: float = 0.2
    size: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that a simulation needs besides the seed; ``duration_s`` is a proposal for recordings."""

    name: str = "unnamed"
    title: str = ""
    duration_s: float = 60.0
    devices: tuple[DeviceSpec, ...] = (DeviceSpec(),)
    mains: MainsSpec = field(default_factory=MainsSpec)
    battery: BatterySpec = field(default_factory=BatterySpec)
    host: HostSpec = field(default_factory=HostSpec)
    adapter: AdapterSpec = field(default_factory=AdapterSpec)
    accessory: AccessorySpec = field(default_factory=AccessorySpec)
    bms: BmsSpec = field(default_factory=BmsSpec)
    random: RandomSpec = field(default_factory=RandomSpec)
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
