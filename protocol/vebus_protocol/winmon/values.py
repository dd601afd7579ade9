"""Winmon replies about RAM variables and settings: 85..88, 90, 91 and 99.

"Split" replies hold at most two data bytes for a code, "combined" ones all of them; an adapter flag and the device's
generation decide which form comes (mk3.md 7.2).

Sources: mk3.md 7.2, 7.4 (velib, mk2py); vebus-rs485.md 6.2 (velib, gitnik, captures).
"""

from __future__ import annotations

from vebus_protocol.schema import (
    DOCUMENTED,
    LIST_I16,
    LIST_U16,
    U8,
    U16,
    UNKNOWN,
    Message,
    OfRam,
    OfSetting,
    Space,
    bit,
    computed,
    field,
    message,
    this,
)
from vebus_protocol.winmon.facts import FILL, REPLY, reply_code

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "RamValues",
    "SettingValue",
    "RamWritten",
    "SettingWrittenFlags",
    "SettingWritten",
    "RamNotSupportedAt",
    "RamNotSupported",
    "SettingNotSupported",
    "SnapshotMissing",
    "Snapshot",
]

_MK3 = "mk3.md 7.4 (velib)"
_BOTH = "mk3.md 7.4, vebus-rs485.md 6.2 (velib)"


@message(
    Space.WINMON,
    {0: 0x85},
    abbrev="vebus.ram",
    summary=("code", "values"),
    evidence=DOCUMENTED,
    source="mk3.md 7.4, vebus-rs485.md 6.2 (velib, captures)",
    **REPLY,
)
class RamValues(Message):
    """Values of RAM variables in the order of the request, which alone says their ids."""

    code: int = reply_code(0x85, source=_BOTH)
    values: tuple[int, ...] = field(
        LIST_U16,
        "RAM values",
        abbrev="vebus.ram.value",
        symbol="RAM",
        scale=OfRam(variable=None, announced_sign=True),
        meaning="raw values in the order of the ids of the request",
        evidence=DOCUMENTED,
        source="mk3.md 7.4, 8, vebus-rs485.md 6.2 (velib, captures)",
    )


@message(
    Space.WINMON,
    {0: 0x86},
    abbrev="vebus.setting",
    summary=("code", "value"),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REPLY,
)
class SettingValue(Message):
    """Value of a setting; the request says which."""

    code: int = reply_code(0x86, source=_BOTH)
    value: int = field(
        U16,
        "Value",
        abbrev="vebus.setting.value",
        symbol="Setting",
        scale=OfSetting(setting=None),
        evidence=DOCUMENTED,
        source=_BOTH,
    )


@message(
    Space.WINMON,
    {0: 0x87},
    abbrev="vebus.written",
    summary=("code",),
    evidence=DOCUMENTED,
    source="mk3.md 7.2, 7.4, vebus-rs485.md 6.2 (velib, mk2py, captures)",
    **REPLY,
    **FILL,
)
class RamWritten(Message):
    """A RAM variable was written; two fill bytes in the split form."""

    code: int = reply_code(0x87, source=_BOTH)


@message(
    Space.WINMON,
    {0: 0x88},
    abbrev="vebus.written",
    lengths=(2,),
    summary=("code", "flags.reset_needed"),
    evidence=DOCUMENTED,
    source="mk3.md 7.2, 7.4 (velib)",
    **REPLY,
)
class SettingWrittenFlags(Message):
    """A setting was written; combined form of firmware that adds flags."""

    code: int = reply_code(0x88, source=_BOTH)
    flags: int = field(
        U8,
        "Write result flags",
        display="hex",
        bits=(
            bit("reset_needed", 0, "Reset needed", summary_text="reset needed"),
            bit("unknown", 1, "Unknown bits", width=7, evidence=UNKNOWN, source=_MK3),
        ),
        meaning="one project takes this byte for a status",
        evidence=DOCUMENTED,
        source=_MK3,
    )


@message(
    Space.WINMON,
    {0: 0x88},
    abbrev="vebus.written",
    summary=("code",),
    evidence=DOCUMENTED,
    source="mk3.md 7.2, 7.4, vebus-rs485.md 6.2 (velib, mk2py, gitnik)",
    **REPLY,
    **FILL,
)
class SettingWritten(Message):
    """A setting was written; two fill bytes in the split form."""

    code: int = reply_code(0x88, source=_BOTH)


@message(
    Space.WINMON,
    {0: 0x90},
    abbrev="vebus.ram_not_supported",
    lengths=(2,),
    summary=("code", "position"),
    evidence=DOCUMENTED,
    source=_MK3,
    **REPLY,
)
class RamNotSupportedAt(Message):
    """A RAM variable of the request does not exist; combined form."""

    code: int = reply_code(0x90, source=_BOTH)
    position: int = field(
        U8,
        "Position of the bad id",
        symbol="Position",
        meaning="place in the request's list of ids",
        evidence=DOCUMENTED,
        source=_MK3,
    )


@message(
    Space.WINMON,
    {0: 0x90},
    abbrev="vebus.ram_not_supported",
    summary=("code",),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REPLY,
    **FILL,
)
class RamNotSupported(Message):
    """A RAM variable of the request does not exist; two fill bytes in the split form, none on the bus."""

    code: int = reply_code(0x90, source=_BOTH)


@message(
    Space.WINMON,
    {0: 0x91},
    abbrev="vebus.setting_not_supported",
    summary=("code",),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REPLY,
    **FILL,
)
class SettingNotSupported(Message):
    """The setting does not exist."""

    code: int = reply_code(0x91, source=_BOTH)


@message(
    Space.WINMON,
    {0: 0x99},
    abbrev="vebus.snapshot",
    lengths=(1,),
    summary=("code", "missing"),
    evidence=DOCUMENTED,
    source=_MK3,
    **REPLY,
)
class SnapshotMissing(Message):
    """No snapshot is there; F 6 has to be sent again."""

    code: int = reply_code(0x99, source=_MK3)
    missing = computed(this.code == 0x99, "No snapshot", summary_text="no snapshot", evidence=DOCUMENTED, source=_MK3)


@message(
    Space.WINMON,
    {0: 0x99},
    abbrev="vebus.snapshot",
    summary=("code", "values"),
    evidence=DOCUMENTED,
    source="mk3.md 7.4, vebus-rs485.md 6.2 (velib, multiplus2)",
    **REPLY,
)
class Snapshot(Message):
    """Values that F 6 froze together, in the order of its ids."""

    code: int = reply_code(0x99, source=_BOTH)
    values: tuple[int, ...] = field(
        LIST_I16,
        "Snapshot values",
        abbrev="vebus.snapshot.value",
        symbol="RAM",
        scale=OfRam(variable=None),
        meaning="raw values in the order of the ids of the last F 6",
        evidence=DOCUMENTED,
        source=_MK3,
    )
