"""Cyclic frames: what only RS485 shows of the Multi, types 70, 80 and E4.

Where two readings of a number are in use, the raw number is the field and each reading a computed value beside it.

Sources: vebus-rs485.md 6.7, 6.8, 6.9 (baxi, pepe, gitnik).
"""

from __future__ import annotations

from vebus_protocol.enums import AcPhaseMode, AcRelay, ConditionStatus, FrameType, LowBatteryStatus
from vebus_protocol.schema import (
    CONFIRMED,
    I8,
    I16,
    INFERRED,
    SINGLE,
    U8,
    U16,
    U24,
    UNKNOWN,
    Direction,
    Linear,
    Message,
    Reciprocal,
    Space,
    bit,
    computed,
    const,
    field,
    message,
    this,
)

__all__ = ["AcPhase", "AcPhaseOther", "Charger", "ChargerOther", "Condition", "ConditionOther"]

_CHARGER = "vebus-rs485.md 6.7"
_CONDITION = "vebus-rs485.md 6.8"
_PHASE = "vebus-rs485.md 6.9"


@message(
    Space.PAYLOAD,
    {0: 0x70},
    title="Charger",
    abbrev="vebus.charger",
    direction=Direction.FROM_DEVICE,
    summary=("voltage", "current", "capacity"),
    evidence=INFERRED,
    source=_CHARGER,
)
class Charger(Message):
    """Charger set-points by our reading; the projects treat the first two words as constants of the model."""

    cmd: int = const(0x70, "Command", abbrev="vebus.cmd", enum=FrameType, source=_CHARGER)
    unknown_5: int = field(
        U8, "Unknown", display="hex", meaning="0x81 on both known units", evidence=UNKNOWN, source=f"{_CHARGER} (pepe)"
    )
    voltage_word: int = field(
        U16,
        "Constant or charge voltage",
        meaning="5700 on a 48/3000, 5220 on a 48/5000",
        evidence=UNKNOWN,
        source=f"{_CHARGER} (pepe, baxi)",
    )
    current_word: int = field(
        U16,
        "Constant or charge current limit",
        meaning="350 on a 48/3000/35, 700 on a 48/5000/70",
        evidence=UNKNOWN,
        source=f"{_CHARGER} (pepe, baxi)",
    )
    capacity: int = field(
        U16,
        "DC capacity counter",
        symbol="Capacity",
        meaning="perhaps 24 bits wide together with the next byte",
        unit="Ah",
        evidence=INFERRED,
        source=f"{_CHARGER} (baxi)",
    )
    unknown_12: int = field(U8, "Unknown", display="hex", evidence=UNKNOWN, source=_CHARGER)
    voltage = computed(
        this.voltage_word,
        "Charge voltage set-point",
        symbol="Uset",
        unit="V",
        scale=Linear(divide=100),
        beside="voltage_word",
        phrase="if it is the charge voltage set-point",
        evidence=INFERRED,
        source=f"{_CHARGER} (our reading)",
    )
    current = computed(
        this.current_word,
        "Charge current limit",
        symbol="Imax",
        unit="A",
        scale=Linear(divide=10),
        beside="current_word",
        phrase="if it is the charge current limit",
        evidence=INFERRED,
        source=f"{_CHARGER} (our reading)",
    )


@message(
    Space.PAYLOAD,
    {0: 0x70},
    title="Charger",
    abbrev="vebus.charger",
    direction=Direction.FROM_DEVICE,
    evidence=UNKNOWN,
    source=_CHARGER,
)
class ChargerOther(Message):
    """Type 70 with fewer bytes than known."""

    cmd: int = const(0x70, "Command", abbrev="vebus.cmd", enum=FrameType, source=_CHARGER)


@message(
    Space.PAYLOAD,
    {0: 0x80},
    title="Condition",
    abbrev="vebus.condition",
    direction=Direction.FROM_DEVICE,
    summary=("dc_current", "temperature_c", "status", "relay"),
    source=_CONDITION,
)
class Condition(Message):
    """Condition of charger and inverter."""

    cmd: int = const(0x80, "Command", abbrev="vebus.cmd", enum=FrameType, source=_CONDITION)
    unknown_5: int = field(
        U8, "Unknown", display="hex", meaning="0x80 in all reports", evidence=UNKNOWN, source=_CONDITION
    )
    status: int = field(
        U8,
        "Status",
        symbol="Status",
        display="hex",
        enum=ConditionStatus,
        bits=(
            bit("dc_allows_inverting", 0, "DC level allows inverting", evidence=CONFIRMED, source=_CONDITION),
            bit("unknown", 1, "Unknown bits", width=7, evidence=UNKNOWN, source=_CONDITION),
        ),
        evidence=SINGLE,
        source=f"{_CONDITION} (baxi)",
    )
    battery: int = field(U8, "Battery", enum=LowBatteryStatus, evidence=CONFIRMED, source=_CONDITION)
    unknown_8: int = field(
        U8, "Unknown", display="hex", meaning="0x80 in all reports", evidence=UNKNOWN, source=_CONDITION
    )
    dc_current: int = field(
        I16,
        "DC current",
        symbol="Idc",
        unit="A",
        scale=Linear(divide=10),
        sign="positive = charging",
        evidence=CONFIRMED,
        source=f"{_CONDITION} (pepe, baxi)",
    )
    mux: int = field(
        U8,
        "Multiplexer",
        display="hex",
        meaning="high nibble 3: the temperature byte holds the temperature, 1: it does not",
        bits=(
            bit("unknown_low", 0, "Unknown bits", width=4, evidence=UNKNOWN, source=_CONDITION),
            bit("always_set", 4, "Always set", evidence=CONFIRMED, source=_CONDITION),
            bit("has_temperature", 5, "Temperature present", evidence=INFERRED, source=f"{_CONDITION} (from 3 and 1)"),
            bit("unknown_high", 6, "Unknown bits", width=2, evidence=UNKNOWN, source=_CONDITION),
        ),
        evidence=CONFIRMED,
        source=_CONDITION,
    )
    relay: int = field(
        U8,
        "AC relay",
        symbol="Relay",
        display="hex",
        enum=AcRelay,
        evidence=SINGLE,
        source=f"{_CONDITION} (baxi)",
    )
    unknown_13: int = field(U8, "Unknown", display="hex", evidence=UNKNOWN, source=_CONDITION)
    unknown_14: int = field(U8, "Unknown", display="hex", evidence=UNKNOWN, source=_CONDITION)
    temperature: int = field(
        U8,
        "Temperature, raw",
        valid=(this.mux >> 4) == 3,
        absent_text="not in this frame",
        meaning="the projects disagree on the scale",
        evidence=SINGLE,
        source=f"{_CONDITION} (baxi, gitnik, pepe)",
    )
    unknown_16: int = field(U8, "Unknown", display="hex", evidence=UNKNOWN, source=_CONDITION)
    temperature_c = computed(
        this.temperature,
        "Temperature",
        symbol="T",
        unit="degC",
        scale=Linear(offset=-40, divide=5),
        decimals=1,
        valid=(this.mux >> 4) == 3,
        absent_text="not in this frame",
        beside="temperature",
        phrase="approximate, 0.2 * raw - 8",
        evidence=INFERRED,
        source=f"{_CONDITION} (baxi, a guess)",
    )


@message(
    Space.PAYLOAD,
    {0: 0x80},
    title="Condition",
    abbrev="vebus.condition",
    direction=Direction.FROM_DEVICE,
    evidence=UNKNOWN,
    source=_CONDITION,
)
class ConditionOther(Message):
    """Type 80 with fewer bytes than known."""

    cmd: int = const(0x80, "Command", abbrev="vebus.cmd", enum=FrameType, source=_CONDITION)


@message(
    Space.PAYLOAD,
    {0: 0xE4},
    title="AC phase",
    abbrev="vebus.acphase",
    direction=Direction.FROM_DEVICE,
    summary=("frequency", "power_factor", "dc.voltage"),
    evidence=SINGLE,
    source=_PHASE,
)
class AcPhase(Message):
    """AC frequency and phase.  Of the two readings of the first word only an off-nominal capture can prove one."""

    cmd: int = const(0xE4, "Command", abbrev="vebus.cmd", enum=FrameType, source=_PHASE)
    unknown_5: int = field(
        U8, "Unknown", display="hex", meaning="80 and 2B (hex) seen", evidence=UNKNOWN, source=_PHASE
    )
    period: int = field(
        U16,
        "AC frequency or period",
        meaning="frequency in mHz (baxi), or period in ticks of 0.4 us (our doubt)",
        evidence=SINGLE,
        source=f"{_PHASE} (baxi)",
    )
    counter: int = field(
        U24,
        "Counter",
        meaning="0.4 us per count",
        unit="s",
        scale=Linear(divide=2_500_000),
        decimals=6,
        evidence=SINGLE,
        source=f"{_PHASE} (baxi)",
    )
    mode: int = field(U8, "Mode", display="hex", enum=AcPhaseMode, evidence=SINGLE, source=f"{_PHASE} (baxi)")
    unknown_12: int = field(
        U8, "Unknown", display="hex", meaning="8F, 0F, 80 and 0E (hex) seen", evidence=UNKNOWN, source=_PHASE
    )
    power_factor: int = field(
        I16,
        "Power factor",
        symbol="PF",
        scale=Linear(divide=32768),
        decimals=3,
        evidence=SINGLE,
        source=f"{_PHASE} (baxi)",
    )
    phase: int = field(
        I8,
        "AC phase angle",
        meaning="runs through the full range; unit not published",
        evidence=SINGLE,
        source=f"{_PHASE} (baxi)",
    )
    dc: int = field(
        U16,
        "DC voltage word",
        display="hex",
        bits=(
            bit(
                "voltage",
                0,
                "DC voltage",
                width=12,
                symbol="Udc",
                unit="V",
                scale=Linear(divide=50),
                decimals=2,
                evidence=SINGLE,
                source=f"{_PHASE} (baxi)",
            ),
            bit(
                "unknown",
                12,
                "Unknown bits",
                width=4,
                display="hex",
                meaning="7, 1, 5 and 0 seen",
                evidence=UNKNOWN,
                source=_PHASE,
            ),
        ),
        evidence=SINGLE,
        source=f"{_PHASE} (baxi)",
    )
    unknown_18: int = field(
        U8, "Unknown", display="hex", meaning="00, 01, 08 and 09 (hex) seen", evidence=UNKNOWN, source=_PHASE
    )
    frequency = computed(
        this.period,
        "AC frequency",
        symbol="F",
        unit="Hz",
        scale=Linear(divide=1000),
        decimals=3,
        beside="period",
        phrase="if it counts mHz",
        evidence=SINGLE,
        source=f"{_PHASE} (baxi)",
    )
    frequency_of_period = computed(
        this.period,
        "AC frequency, from a period",
        unit="Hz",
        scale=Reciprocal(numerator=2_500_000),
        decimals=3,
        beside="period",
        phrase="if it is a period in ticks of 0.4 us",
        evidence=INFERRED,
        source=f"{_PHASE} (our doubt)",
    )


@message(
    Space.PAYLOAD,
    {0: 0xE4},
    title="AC phase",
    abbrev="vebus.acphase",
    direction=Direction.FROM_DEVICE,
    evidence=UNKNOWN,
    source=_PHASE,
)
class AcPhaseOther(Message):
    """Type E4 with fewer bytes than known."""

    cmd: int = const(0xE4, "Command", abbrev="vebus.cmd", enum=FrameType, source=_PHASE)
