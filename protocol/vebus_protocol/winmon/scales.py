"""Winmon replies that announce scales: 8E, 8F for RAM variables and 89, 8A..8D for settings.

Combined replies hold all numbers behind one code.  Split ones give each number its own code, in one payload or,
from old devices, in one frame each.  On the bus only the combined form was seen; an empty reply says "not available".

Sources: mk3.md 7.2, 8 (velib, mk2py, captures); vebus-rs485.md 6.2 (velib, gitnik, captures).
"""

from __future__ import annotations

from functools import partial

from vebus_protocol.enums import WinmonReply
from vebus_protocol.schema import (
    DOCUMENTED,
    I16,
    U8,
    U16,
    UNKNOWN,
    Message,
    Space,
    bit,
    computed,
    const,
    field,
    message,
    this,
)
from vebus_protocol.winmon.facts import REPLY, reply_code

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "SettingInfoMissing",
    "SettingInfoSplit",
    "SettingInfo",
    "SettingScalePiece",
    "SettingOffsetPiece",
    "SettingDefaultPiece",
    "SettingMinimumPiece",
    "SettingMaximumPiece",
    "RamInfoMissing",
    "RamInfoSplit",
    "RamInfo",
    "RamScalePiece",
    "RamOffsetPiece",
]

_RULES = "mk3.md 8 (velib, mk2py, victron-mk3), vebus-rs485.md 6.2"
_SETTING = "mk3.md 7.2 (velib, mk2py), vebus-rs485.md 6.2"
_RAM = "mk3.md 7.2 (velib, mk2py, captures), vebus-rs485.md 6.2"
_SETTING_ABBREV = "vebus.setting_info"
_RAM_ABBREV = "vebus.ram_info"


_piece = partial(
    const, label="Code of the next number", abbrev="vebus.reply.piece", enum=WinmonReply, evidence=DOCUMENTED
)


# --- settings ---------------------------------------------------------------------------------------------------------
_setting_scale = partial(
    field,
    I16,
    "Scale",
    abbrev=f"{_SETTING_ABBREV}.scale",
    symbol="Scale",
    absent=(0,),
    absent_text="not supported",
    meaning="value = (raw + offset) * scale, or / -scale when it is negative; the raw value is always unsigned",
    evidence=DOCUMENTED,
    source=_RULES,
)


_setting_offset = partial(
    field,
    U16,
    "Offset",
    abbrev=f"{_SETTING_ABBREV}.offset",
    symbol="Offset",
    meaning="added to the raw value before scaling, as i16",
    evidence=DOCUMENTED,
    source=_RULES,
)


_setting_number = partial(field, U16, meaning="raw value of the setting", evidence=DOCUMENTED, source=_SETTING)


_SETTING_MULTIPLIER = computed(
    this.scale, "Multiplier", valid=this.scale > 0, beside="scale", evidence=DOCUMENTED, source=_RULES
)
_SETTING_DIVISOR = computed(
    0 - this.scale, "Divisor", valid=this.scale < 0, beside="scale", evidence=DOCUMENTED, source=_RULES
)
_NEGATIVE_OFFSET = computed(
    this.offset - 0x10000,
    "Offset as i16",
    valid=this.offset > 0x8000,
    beside="offset",
    evidence=DOCUMENTED,
    source=_RULES,
)
_SETTING_SUMMARY = ("code", "scale", "offset", "default", "minimum", "maximum")


@message(
    Space.WINMON,
    {0: 0x89},
    abbrev=_SETTING_ABBREV,
    lengths=(1,),
    summary=("code", "missing"),
    source=_SETTING,
    **REPLY,
    evidence=DOCUMENTED,
)
class SettingInfoMissing(Message):
    """The device has no such setting; combined form."""

    code: int = reply_code(0x89, source=_SETTING)
    missing = computed(
        this.code == 0x89, "Not available", summary_text="not available", evidence=DOCUMENTED, source=_SETTING
    )


@message(
    Space.WINMON,
    {0: 0x89, 3: 0x8A, 6: 0x8B, 9: 0x8C, 12: 0x8D},
    abbrev=_SETTING_ABBREV,
    lengths=(15,),
    summary=_SETTING_SUMMARY,
    source=_SETTING,
    **REPLY,
    evidence=DOCUMENTED,
)
class SettingInfoSplit(Message):
    """Scale, offset, default and limits of a setting; split form, each number behind its own code."""

    code: int = reply_code(0x89, source=_SETTING)
    scale: int = _setting_scale()
    offset_code: int = _piece(0x8A, source=_SETTING)
    offset: int = _setting_offset()
    default_code: int = _piece(0x8B, source=_SETTING)
    default: int = _setting_number("Default", symbol="Default")
    minimum_code: int = _piece(0x8C, source=_SETTING)
    minimum: int = _setting_number("Minimum", symbol="Min")
    maximum_code: int = _piece(0x8D, source=_SETTING)
    maximum: int = _setting_number("Maximum", symbol="Max")
    multiplier = _SETTING_MULTIPLIER
    divisor = _SETTING_DIVISOR
    negative_offset = _NEGATIVE_OFFSET


@message(
    Space.WINMON,
    {0: 0x89},
    abbrev=_SETTING_ABBREV,
    lengths=(11, 12),
    summary=(*_SETTING_SUMMARY, "access.protected", "access.reset_required"),
    source=_SETTING,
    **REPLY,
    evidence=DOCUMENTED,
)
class SettingInfo(Message):
    """Scale, offset, default and limits of a setting; combined form, with an access byte from firmware 308 on."""

    code: int = reply_code(0x89, source=_SETTING)
    scale: int = _setting_scale()
    offset: int = _setting_offset()
    default: int = _setting_number("Default", symbol="Default")
    minimum: int = _setting_number("Minimum", symbol="Min")
    maximum: int = _setting_number("Maximum", symbol="Max")
    access: int | None = field(
        U8,
        "Access",
        display="hex",
        optional=True,
        bits=(
            bit("protected", 0, "Protected by the grid code", summary_text="grid-code protected"),
            bit("unknown", 1, "Unknown bits", width=6, evidence=UNKNOWN, source="mk3.md 16"),
            bit("reset_required", 7, "Reset required after a write", summary_text="reset required"),
        ),
        evidence=DOCUMENTED,
        source="mk3.md 16 (velib)",
    )
    multiplier = _SETTING_MULTIPLIER
    divisor = _SETTING_DIVISOR
    negative_offset = _NEGATIVE_OFFSET


@message(
    Space.WINMON,
    {0: 0x89},
    abbrev=_SETTING_ABBREV,
    lengths=(3,),
    summary=("code", "scale"),
    source=_SETTING,
    **REPLY,
    evidence=DOCUMENTED,
)
class SettingScalePiece(Message):
    """Scale of a setting alone; scale 0 is how the split form says "not supported"."""

    code: int = reply_code(0x89, source=_SETTING)
    scale: int = _setting_scale()
    multiplier = _SETTING_MULTIPLIER
    divisor = _SETTING_DIVISOR


@message(
    Space.WINMON,
    {0: 0x8A},
    abbrev=_SETTING_ABBREV,
    lengths=(3,),
    summary=("code", "offset"),
    source=_SETTING,
    **REPLY,
    evidence=DOCUMENTED,
)
class SettingOffsetPiece(Message):
    """Offset of a setting alone, split form."""

    code: int = reply_code(0x8A, source=_SETTING)
    offset: int = _setting_offset()
    negative_offset = _NEGATIVE_OFFSET


@message(
    Space.WINMON,
    {0: 0x8B},
    abbrev=_SETTING_ABBREV,
    lengths=(3,),
    summary=("code", "default"),
    source=_SETTING,
    **REPLY,
    evidence=DOCUMENTED,
)
class SettingDefaultPiece(Message):
    """Default of a setting alone, split form."""

    code: int = reply_code(0x8B, source=_SETTING)
    default: int = _setting_number("Default", symbol="Default")


@message(
    Space.WINMON,
    {0: 0x8C},
    abbrev=_SETTING_ABBREV,
    lengths=(3,),
    summary=("code", "minimum"),
    source=_SETTING,
    **REPLY,
    evidence=DOCUMENTED,
)
class SettingMinimumPiece(Message):
    """Minimum of a setting alone, split form."""

    code: int = reply_code(0x8C, source=_SETTING)
    minimum: int = _setting_number("Minimum", symbol="Min")


@message(
    Space.WINMON,
    {0: 0x8D},
    abbrev=_SETTING_ABBREV,
    lengths=(3,),
    summary=("code", "maximum"),
    source=_SETTING,
    **REPLY,
    evidence=DOCUMENTED,
)
class SettingMaximumPiece(Message):
    """Maximum of a setting alone, split form."""

    code: int = reply_code(0x8D, source=_SETTING)
    maximum: int = _setting_number("Maximum", symbol="Max")


# --- RAM variables ----------------------------------------------------------------------------------------------------
_ram_scale = partial(
    field,
    I16,
    "Scale",
    abbrev=f"{_RAM_ABBREV}.scale",
    symbol="Scale",
    absent=(0,),
    absent_text="not supported",
    sign="negative = the raw value is signed",
    meaning="size s below 0x4000: value = s * (raw + offset); else value = (raw + offset) / (0x8000 - s)",
    evidence=DOCUMENTED,
    source=_RULES,
)


_ram_offset = partial(
    field,
    U16,
    "Offset",
    abbrev=f"{_RAM_ABBREV}.offset",
    symbol="Offset",
    absent=(0x8000,),
    absent_text="none, it is one bit",
    meaning="added to the raw value before scaling, as i16; 0x8000: the variable is one bit, number scale - 1",
    evidence=DOCUMENTED,
    source=_RULES,
)


_SIZE = this.scale * (1 - 2 * (this.scale < 0))
_IS_NUMBER = this.offset != 0x8000
_RAM_MULTIPLIER = computed(
    _SIZE,
    "Multiplier",
    valid=(_SIZE > 0) & (_SIZE < 0x4000) & _IS_NUMBER,
    beside="scale",
    evidence=DOCUMENTED,
    source=_RULES,
)
_RAM_DIVISOR = computed(
    0x8000 - _SIZE,
    "Divisor",
    valid=(_SIZE >= 0x4000) & (_SIZE < 0x8000) & _IS_NUMBER,
    beside="scale",
    evidence=DOCUMENTED,
    source=_RULES,
)
_RAM_BIT = computed(
    _SIZE - 1,
    "Bit number",
    valid=(_SIZE > 0) & (this.offset == 0x8000),
    beside="scale",
    evidence=DOCUMENTED,
    source=_RULES,
)


@message(
    Space.WINMON,
    {0: 0x8E},
    abbrev=_RAM_ABBREV,
    lengths=(1,),
    summary=("code", "missing"),
    source=_RAM,
    **REPLY,
    evidence=DOCUMENTED,
)
class RamInfoMissing(Message):
    """The device has no such RAM variable; combined form."""

    code: int = reply_code(0x8E, source=_RAM)
    missing = computed(
        this.code == 0x8E, "Not available", summary_text="not available", evidence=DOCUMENTED, source=_RAM
    )


@message(
    Space.WINMON,
    {0: 0x8E, 3: 0x8F},
    abbrev=_RAM_ABBREV,
    lengths=(6,),
    summary=("code", "scale", "offset"),
    source=_RAM,
    **REPLY,
    evidence=DOCUMENTED,
)
class RamInfoSplit(Message):
    """Scale and offset of a RAM variable; split form, the offset behind its own code."""

    code: int = reply_code(0x8E, source=_RAM)
    scale: int = _ram_scale()
    offset_code: int = _piece(0x8F, source=_RAM)
    offset: int = _ram_offset()
    multiplier = _RAM_MULTIPLIER
    divisor = _RAM_DIVISOR
    bit_number = _RAM_BIT
    negative_offset = _NEGATIVE_OFFSET


@message(
    Space.WINMON,
    {0: 0x8E},
    abbrev=_RAM_ABBREV,
    lengths=(5,),
    summary=("code", "scale", "offset"),
    source=_RAM,
    **REPLY,
    evidence=DOCUMENTED,
)
class RamInfo(Message):
    """Scale and offset of a RAM variable; combined form."""

    code: int = reply_code(0x8E, source=_RAM)
    scale: int = _ram_scale()
    offset: int = _ram_offset()
    multiplier = _RAM_MULTIPLIER
    divisor = _RAM_DIVISOR
    bit_number = _RAM_BIT
    negative_offset = _NEGATIVE_OFFSET


@message(
    Space.WINMON,
    {0: 0x8E},
    abbrev=_RAM_ABBREV,
    lengths=(3,),
    summary=("code", "scale"),
    source=_RAM,
    **REPLY,
    evidence=DOCUMENTED,
)
class RamScalePiece(Message):
    """Scale of a RAM variable alone, from old devices; scale 0 is how the split form says "not supported"."""

    code: int = reply_code(0x8E, source=_RAM)
    scale: int = _ram_scale()


@message(
    Space.WINMON,
    {0: 0x8F},
    abbrev=_RAM_ABBREV,
    lengths=(3,),
    summary=("code", "offset"),
    source=_RAM,
    **REPLY,
    evidence=DOCUMENTED,
)
class RamOffsetPiece(Message):
    """Offset of a RAM variable alone, from old devices."""

    code: int = reply_code(0x8F, source=_RAM)
    offset: int = _ram_offset()
    negative_offset = _NEGATIVE_OFFSET
