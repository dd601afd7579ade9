"""Winmon requests for RAM variables and settings, codes 30..38.

The old W form has two data bytes in every request, so fill bytes stand behind short ones; a frame that would end in FF
may have one 00 more.  A lower-case letter of the adapter (x, y, z) puts the device address behind the last data byte.

Sources: mk3.md 2.4, 7.3 (velib, mk2py, victron-mk3); vebus-rs485.md 6.2 (velib, gitnik, captures).
"""

from __future__ import annotations

from functools import partial

from vebus_protocol.schema import (
    DOCUMENTED,
    LIST_U8,
    U8,
    U16,
    UNKNOWN,
    Direction,
    Message,
    OfRam,
    OfSetting,
    Space,
    bit,
    field,
    message,
    this,
)
from vebus_protocol.variables import RamId, SettingId
from vebus_protocol.winmon.facts import REQUEST, request_code

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "ReadRam",
    "ReadSetting",
    "WriteRamAddress",
    "WriteSettingAddress",
    "WriteData",
    "ReadSettingInfo",
    "ReadRamInfo",
    "WriteRam",
    "WriteSetting",
    "RequestSnapshot",
]

_BOTH = "mk3.md 7.3, vebus-rs485.md 6.2 (velib)"
_WRITE = "mk3.md 7.3 (velib, mk2py), vebus-rs485.md 6.2 (captures)"

_ram_id = partial(
    field,
    U8,
    "RAM variable",
    abbrev="vebus.ram.id",
    symbol="ID",
    enum=RamId,
    unnamed="Not named",
    evidence=DOCUMENTED,
    source="mk3.md 7.3, 9",
)
_setting_id = partial(
    field,
    U8,
    "Setting",
    abbrev="vebus.setting.id",
    symbol="ID",
    enum=SettingId,
    unnamed="Not named",
    evidence=DOCUMENTED,
    source="mk3.md 7.3, 10",
)
_id_high = partial(
    field,
    U8,
    "High byte of the ID",
    optional=True,
    meaning="ids have one byte; it is there, and 0, where the form has a 16-bit id",
    evidence=DOCUMENTED,
    source=_BOTH,
)
_write_flags = partial(
    field,
    U8,
    "Write flags",
    abbrev="vebus.write.flags",
    display="hex",
    bits=(
        bit("setting", 0, "Setting (else RAM variable)"),
        bit("no_eeprom", 1, "Only in RAM, not stored in EEPROM", summary_text="no EEPROM"),
        bit("unknown", 2, "Unknown bits", width=6, evidence=UNKNOWN, source=_WRITE),
    ),
    evidence=DOCUMENTED,
    source=_WRITE,
)


@message(
    Space.WINMON,
    {0: 0x30},
    title="Read RAM",
    abbrev="vebus.read_ram",
    replies=frozenset((0x85, 0x90)),
    direction=Direction.TO_DEVICE,
    evidence=DOCUMENTED,
    source="mk3.md 7.3, vebus-rs485.md 6.2 (velib, captures)",
)
class ReadRam(Message):
    """Ask for the values of 1..6 RAM variables; answered by 85, or 90.  A 16-bit id counts as two ids."""

    code: int = request_code(0x30, source=_BOTH)
    ids: tuple[int, ...] = field(
        LIST_U8,
        "RAM variables",
        abbrev="vebus.ram.id",
        symbol="ID",
        enum=RamId,
        unnamed="Not named",
        meaning="one byte each; the high byte of a 16-bit id is read as a second id",
        evidence=DOCUMENTED,
        source="mk3.md 7.3, vebus-rs485.md 6.2",
    )


@message(
    Space.WINMON,
    {0: 0x31},
    title="Read setting",
    abbrev="vebus.read_setting",
    replies=frozenset((0x86, 0x91)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class ReadSetting(Message):
    """Ask for the value of a setting; answered by 86, or 91."""

    code: int = request_code(0x31, source=_BOTH)
    id: int = _setting_id()
    id_high: int | None = _id_high(abbrev="vebus.setting.id_high")


@message(
    Space.WINMON,
    {0: 0x32},
    title="Write RAM, address",
    abbrev="vebus.write_address",
    replies=frozenset((0x80,)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class WriteRamAddress(Message):
    """First step of the old write; the data follow with 34.  Newer devices refuse it; write via id (37) works."""

    code: int = request_code(0x32, source=_BOTH)
    id: int = _ram_id()
    id_high: int | None = _id_high(abbrev="vebus.ram.id_high")


@message(
    Space.WINMON,
    {0: 0x33},
    title="Write setting, address",
    abbrev="vebus.write_address",
    replies=frozenset((0x80,)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class WriteSettingAddress(Message):
    """First step of the old write; the data follow with 34.  Newer devices refuse it; write via id (37) works."""

    code: int = request_code(0x33, source=_BOTH)
    id: int = _setting_id()
    id_high: int | None = _id_high(abbrev="vebus.setting.id_high")


@message(
    Space.WINMON,
    {0: 0x34},
    title="Write data",
    abbrev="vebus.write_data",
    replies=frozenset((0x87, 0x88)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class WriteData(Message):
    """Second step of the old write; answered by 87 or 88."""

    code: int = request_code(0x34, source=_BOTH)
    value: int = field(
        U16,
        "Value",
        symbol="Data",
        meaning="raw value for the id that the request 32 or 33 before it named",
        evidence=DOCUMENTED,
        source=_BOTH,
    )


@message(
    Space.WINMON,
    {0: 0x35},
    title="Get setting info",
    abbrev="vebus.get_setting_info",
    replies=frozenset((0x89, 0x8A, 0x8B, 0x8C, 0x8D)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class ReadSettingInfo(Message):
    """Ask for scale, offset, default and limits of a setting; answered by 89 and, in pieces, 8A..8D."""

    code: int = request_code(0x35, source=_BOTH)
    id: int = _setting_id()
    id_high: int | None = _id_high(abbrev="vebus.setting.id_high")


@message(
    Space.WINMON,
    {0: 0x36},
    title="Get RAM info",
    abbrev="vebus.get_ram_info",
    replies=frozenset((0x8E, 0x8F)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class ReadRamInfo(Message):
    """Ask for scale and offset of a RAM variable; answered by 8E and, in pieces, 8F."""

    code: int = request_code(0x36, source=_BOTH)
    id: int = _ram_id()
    id_high: int | None = _id_high(abbrev="vebus.ram.id_high")


@message(
    Space.WINMON,
    {0: 0x37, 1: range(0, 256, 2)},
    title="Write via ID",
    abbrev="vebus.write",
    replies=frozenset((0x87,)),
    summary=("value", "flags.no_eeprom"),
    evidence=DOCUMENTED,
    source=_WRITE,
    **REQUEST,
)
class WriteRam(Message):
    """Write a RAM variable in one step; answered by 87, 80 or 9B.  Writing often with EEPROM wears it out."""

    code: int = request_code(0x37, source=_BOTH)
    flags: int = _write_flags()
    id: int = _ram_id()
    value: int = field(
        U16,
        "Value",
        abbrev="vebus.ram.value",
        symbol="RAM[{id}]",
        scale=OfRam(variable=this.id, announced_sign=True),
        meaning="an ESS set point is signed, in W: positive feeds into the grid, negative takes from it",
        evidence=DOCUMENTED,
        source=_WRITE,
    )


@message(
    Space.WINMON,
    {0: 0x37, 1: range(1, 256, 2)},
    title="Write via ID",
    abbrev="vebus.write",
    replies=frozenset((0x88,)),
    summary=("value", "flags.no_eeprom"),
    evidence=DOCUMENTED,
    source=_WRITE,
    **REQUEST,
)
class WriteSetting(Message):
    """Write a setting in one step; answered by 88, 80 or 9B.  Writing often with EEPROM wears it out."""

    code: int = request_code(0x37, source=_BOTH)
    flags: int = _write_flags()
    id: int = _setting_id()
    value: int = field(
        U16,
        "Value",
        abbrev="vebus.setting.value",
        symbol="Setting[{id}]",
        scale=OfSetting(setting=this.id),
        evidence=DOCUMENTED,
        source=_WRITE,
    )


@message(
    Space.WINMON,
    {0: 0x38},
    title="Read snapshot",
    abbrev="vebus.get_snapshot",
    replies=frozenset((0x99,)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class RequestSnapshot(Message):
    """Read what the adapter's F 6 froze; answered by 99."""

    code: int = request_code(0x38, source=_BOTH)
