"""Winmon replies about the device: 80..83, 92, 94, 98, 9B..9F; and what is left.

Sources: mk3.md 7.2, 7.4, 7.6, 14, 16 (velib, mk2py); vebus-rs485.md 6.2 (velib, gitnik, captures).
"""

from __future__ import annotations

from functools import partial

from vebus_protocol.enums import ChargeSubState, DeviceState, WinmonReply
from vebus_protocol.schema import (
    ASCII,
    CONFIRMED,
    DOCUMENTED,
    INFERRED,
    LIST_U8,
    U8,
    U16,
    U32,
    UNKNOWN,
    Linear,
    Message,
    Space,
    computed,
    field,
    message,
    this,
)
from vebus_protocol.winmon.facts import FILL, REPLY, any_reply_code, reply_code

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "Refused",
    "LedStatusReply",
    "VersionLow",
    "VersionReply",
    "VersionHigh",
    "SwitchAndLimitReply",
    "DeviceStateReply",
    "EnergyCounters",
    "AccessLevelRequired",
    "PasswordAccepted",
    "SerialNumber",
    "ExtraFlagAccess",
    "OtherReply",
    "UnknownWinmonReply",
]

_MK3 = "mk3.md 7.4 (velib)"
_BOTH = "mk3.md 7.4, vebus-rs485.md 6.2 (velib)"
_ENERGY = "mk3.md 7.4, 7.6 (velib)"
_DESCRIBED = tuple(int(code) for code in WinmonReply)

_counter = partial(
    field,
    U8,
    unit="kWh",
    scale=Linear(multiply=65536, divide=3600000),
    decimals=4,
    meaning="rolling counter of 2^16 J; the sum of its differences is the energy",
    evidence=DOCUMENTED,
    source=_ENERGY,
)


@message(
    Space.WINMON,
    {0: 0x80},
    abbrev="vebus.refused",
    summary=("code", "info"),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REPLY,
)
class Refused(Message):
    """The device does not know the request, or refuses it."""

    code: int = reply_code(0x80, source=_BOTH)
    info: int | None = field(
        U8,
        "Refused because of",
        symbol="Info",
        optional=True,
        meaning="0, or which data byte was wrong; 1 also for a wrong password",
        evidence=DOCUMENTED,
        source=_MK3,
    )


@message(
    Space.WINMON,
    {0: 0x81},
    abbrev="vebus.leds",
    summary=("code",),
    rest_label="LED status, layout not known",
    evidence=DOCUMENTED,
    source="mk3.md 7.4 (velib: name), 22 (layout open)",
    **REPLY,
)
class LedStatusReply(Message):
    """LED status; no source describes the data."""

    code: int = reply_code(0x81, source=_MK3)


@message(
    Space.WINMON,
    {0: 0x82},
    abbrev="vebus.version",
    lengths=(3,),
    summary=("code", "low"),
    evidence=DOCUMENTED,
    source="mk3.md 7.2, 7.4 (velib, mk2py)",
    **REPLY,
)
class VersionLow(Message):
    """Low half of the firmware version, split form."""

    code: int = reply_code(0x82, source=_BOTH)
    low: int = field(
        U16,
        "Version, low half",
        symbol="Low",
        meaning="version = 65536 * high half + low half",
        evidence=DOCUMENTED,
        source="mk3.md 7.2 (velib, mk2py)",
    )


@message(
    Space.WINMON,
    {0: 0x82},
    abbrev="vebus.version",
    summary=("code", "version"),
    rest_label="Version tail, meaning not known",
    evidence=DOCUMENTED,
    source="mk3.md 7.2, 14 (velib, mk2py), vebus-rs485.md 6.2 (gitnik)",
    **REPLY,
)
class VersionReply(Message):
    """Firmware version, combined form.  An adapter adds two bytes, the bus six; no source explains them."""

    code: int = reply_code(0x82, source=_BOTH)
    version: int = field(
        U32,
        "Version",
        abbrev="vebus.version",
        symbol="Version",
        meaning="decimal AABBCCC: processor, model, firmware; from firmware 554 on the highest byte is a sub-version",
        evidence=DOCUMENTED,
        source="mk3.md 14 (vendor document, velib), bms-wire.md 6",
    )
    processor = computed(
        (this.version & 0xFFFFFF) // 100000,
        "Processor",
        evidence=DOCUMENTED,
        source="mk3.md 14 (vendor document, velib)",
    )
    model = computed(
        (this.version & 0xFFFFFF) // 1000 % 100,
        "Model",
        evidence=DOCUMENTED,
        source="mk3.md 14 (vendor document, velib)",
    )
    firmware = computed(
        (this.version & 0xFFFFFF) % 1000, "Firmware", evidence=DOCUMENTED, source="mk3.md 14 (vendor document, velib)"
    )


@message(
    Space.WINMON,
    {0: 0x83},
    abbrev="vebus.version",
    summary=("code", "high"),
    evidence=DOCUMENTED,
    source="mk3.md 7.2, 7.4 (velib, mk2py)",
    **REPLY,
)
class VersionHigh(Message):
    """High half of the firmware version, split form."""

    code: int = reply_code(0x83, source=_BOTH)
    high: int = field(
        U16,
        "Version, high half",
        symbol="High",
        meaning="version = 65536 * high half + low half",
        evidence=DOCUMENTED,
        source="mk3.md 7.2 (velib, mk2py)",
    )


@message(
    Space.WINMON,
    {0: 0x92},
    abbrev="vebus.switch_limit",
    summary=("code",),
    rest_label="Switch and shore limit, layout not known",
    evidence=DOCUMENTED,
    source="mk3.md 7.4 (velib: name), 22 (layout open)",
    **REPLY,
)
class SwitchAndLimitReply(Message):
    """Switch and shore limit; no source describes the data."""

    code: int = reply_code(0x92, source=_MK3)


@message(
    Space.WINMON,
    {0: 0x94},
    abbrev="vebus.device_state",
    summary=("code", "state", "sub_state"),
    evidence=DOCUMENTED,
    source="mk3.md 7.4, 11 (velib, vendor document), vebus-rs485.md 6.2, 7",
    **REPLY,
)
class DeviceStateReply(Message):
    """What the device does now."""

    code: int = reply_code(0x94, source=_BOTH)
    state: int = field(
        U8, "Device state", symbol="State", enum=DeviceState, evidence=DOCUMENTED, source="mk3.md 11 (vendor document)"
    )
    sub_state: int = field(
        U8,
        "Charge phase",
        symbol="Phase",
        enum=ChargeSubState,
        meaning="means something while the state is charge",
        evidence=DOCUMENTED,
        source="mk3.md 11 (vendor document)",
    )


@message(
    Space.WINMON,
    {0: 0x98},
    abbrev="vebus.energy",
    summary=("code",),
    evidence=DOCUMENTED,
    source=_ENERGY,
    **REPLY,
)
class EnergyCounters(Message):
    """Ten counters of one byte that wrap; a host sums up the differences."""

    code: int = reply_code(0x98, source=_ENERGY)
    ac_in1_to_inverter: int = _counter("Energy from AC in 1 to the inverter")
    ac_in2_to_inverter: int = _counter("Energy from AC in 2 to the inverter")
    ac_in1_to_output: int = _counter("Energy from AC in 1 to the output")
    ac_in2_to_output: int = _counter("Energy from AC in 2 to the output")
    inverter_to_ac_in1: int = _counter("Energy from the inverter to AC in 1")
    inverter_to_ac_in2: int = _counter("Energy from the inverter to AC in 2")
    output_to_ac_in1: int = _counter("Energy from the output to AC in 1")
    output_to_ac_in2: int = _counter("Energy from the output to AC in 2")
    inverter_to_output: int = _counter("Energy from the inverter to the output")
    output_to_inverter: int = _counter("Energy from the output to the inverter")


@message(
    Space.WINMON,
    {0: 0x9B},
    abbrev="vebus.access",
    summary=("code", "level"),
    evidence=DOCUMENTED,
    source="mk3.md 7.4, 16, vebus-rs485.md 6.2 (velib)",
    **REPLY,
)
class AccessLevelRequired(Message):
    """The access level is too low for the request; a password (3A) raises it."""

    code: int = reply_code(0x9B, source=_BOTH)
    level: int | None = field(
        U8,
        "Level needed",
        symbol="Level",
        optional=True,
        meaning="perhaps left out on the bus",
        evidence=DOCUMENTED,
        source="mk3.md 7.4, 16 (velib)",
    )


@message(
    Space.WINMON,
    {0: 0x9C},
    abbrev="vebus.access",
    summary=("code",),
    evidence=DOCUMENTED,
    source="mk3.md 7.4, 16 (velib)",
    **REPLY,
    **FILL,
)
class PasswordAccepted(Message):
    """The password was right; the level holds for 30 s."""

    code: int = reply_code(0x9C, source=_MK3)


@message(
    Space.WINMON,
    {0: 0x9D},
    abbrev="vebus.serial",
    summary=("code", "number"),
    evidence=DOCUMENTED,
    source=_MK3,
    **REPLY,
)
class SerialNumber(Message):
    """Serial number of the device."""

    code: int = reply_code(0x9D, source=_MK3)
    number: bytes = field(ASCII(11), "Serial number", symbol="Serial", evidence=DOCUMENTED, source=_MK3)


@message(
    Space.WINMON,
    {0: (0x9E, 0x9F)},
    abbrev="vebus.flag_access",
    summary=("code", "word", "levels"),
    evidence=DOCUMENTED,
    source="mk3.md 7.4, 16 (velib)",
    **REPLY,
)
class ExtraFlagAccess(Message):
    """Access levels for the groups of bits of a flag word: 9E has those of its low half, 9F of its high half."""

    code: int = any_reply_code(evidence=DOCUMENTED, source=_MK3)
    word: int = field(
        U8,
        "Flag word",
        abbrev="vebus.flag_access.word",
        symbol="ID",
        meaning="flag word id",
        evidence=DOCUMENTED,
        source=_MK3,
    )
    levels: tuple[int, ...] = field(
        LIST_U8,
        "Access levels",
        symbol="Levels",
        meaning="eight levels; that each has one byte is an inference",
        evidence=INFERRED,
        source=_MK3,
    )


@message(
    Space.WINMON,
    {0: _DESCRIBED},
    abbrev="vebus.winmon",
    summary=("code",),
    evidence=UNKNOWN,
    source="mk3.md 7.4",
    **REPLY,
)
class OtherReply(Message):
    """A described reply with a length that no source describes."""

    code: int = any_reply_code(evidence=CONFIRMED, source="mk3.md 7.4")


@message(
    Space.WINMON,
    {0: range(0x80, 0x100)},
    abbrev="vebus.winmon",
    summary=("code",),
    evidence=UNKNOWN,
    source="mk3.md 7.4: 84, 93, 95..97 and 9A are not known, nothing is said of A0 and above",
    **REPLY,
)
class UnknownWinmonReply(Message):
    """A reply code that nobody has described."""

    code: int = any_reply_code(evidence=CONFIRMED, source="mk3.md 7.1: replies are 0x80 or above")
