"""The F command: ask for info frames, freeze a snapshot, reset a device, send battery limits.

Sources: mk3.md 5.1 (velib, mk2py, ve-ctrl-tool, multiplus2 and a three-phase fork of it).
"""

from __future__ import annotations

from functools import partial

from vebus_protocol.adapter.facts import FILL, REQUEST, letter, marker_byte
from vebus_protocol.enums import InfoCommand
from vebus_protocol.schema import (
    DOCUMENTED,
    I16,
    INFERRED,
    LIST_U8,
    U8,
    U16,
    UNKNOWN,
    Linear,
    Message,
    Space,
    computed,
    const,
    field,
    message,
    this,
)
from vebus_protocol.variables import RamId

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "RequestInfo",
    "FreezeSnapshot",
    "RequestIdentity",
    "ResetDevice",
    "SendBatteryLimits",
    "RequestInfoOther",
]

_F = "mk3.md 5.1 (velib, mk2py, ve-ctrl-tool, multiplus2)"

_selector = partial(
    const, label="Wanted info", abbrev="mk3.info_request.selector", enum=InfoCommand, evidence=DOCUMENTED, source=_F
)
_any_selector = partial(
    field,
    U8,
    "Wanted info",
    abbrev="mk3.info_request.selector",
    symbol="Info",
    display="hex",
    enum=InfoCommand,
    evidence=DOCUMENTED,
    source=_F,
)


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x46, 2: range(0x06)},
    title="Info request",
    abbrev="mk3.info_request",
    evidence=DOCUMENTED,
    source=_F,
    **REQUEST,
    **FILL,
)
class RequestInfo(Message):
    """Ask for DC values, the AC values of a phase, or the AC input configuration; silence says that it is absent."""

    marker: int = marker_byte()
    cmd: int = letter(0x46, source=_F)
    selector: int = _any_selector()


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x46, 2: 0x06},
    title="Freeze snapshot",
    abbrev="mk3.snapshot",
    evidence=DOCUMENTED,
    source=_F,
    **REQUEST,
)
class FreezeSnapshot(Message):
    """Freeze up to six RAM variables together; no answer, winmon 38 reads them."""

    marker: int = marker_byte()
    cmd: int = letter(0x46, source=_F)
    selector: int = _selector(0x06)
    ids: tuple[int, ...] = field(
        LIST_U8,
        "RAM variables",
        abbrev="vebus.ram.id",
        symbol="ID",
        enum=RamId,
        unnamed="Not named",
        meaning="up to six ids, one byte each",
        evidence=DOCUMENTED,
        source=_F,
    )


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x46, 2: 0x07},
    title="Identity request",
    abbrev="mk3.identity_request",
    evidence=DOCUMENTED,
    source=_F,
    **REQUEST,
    **FILL,
)
class RequestIdentity(Message):
    """Ask a device for identity and configuration; answered by an info frame of type 02..04 or 20..2F."""

    marker: int = marker_byte()
    cmd: int = letter(0x46, source=_F)
    selector: int = _selector(0x07)
    address: int = field(U8, "Address", symbol="Address", evidence=DOCUMENTED, source=_F)


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x46, 2: 0x08},
    title="Reset device",
    abbrev="mk3.reset_device",
    summary=("number",),
    evidence=DOCUMENTED,
    source="mk3.md 5.1 (mk2py, velib)",
    **REQUEST,
    **FILL,
)
class ResetDevice(Message):
    """Restart the device with this unique number, or every device; no answer."""

    marker: int = marker_byte()
    cmd: int = letter(0x46, source=_F)
    selector: int = _selector(0x08)
    number_high: int = field(
        U16,
        "Unique number, high half",
        display="hex",
        meaning="the high half comes first, each half low byte first",
        evidence=DOCUMENTED,
        source="mk3.md 5.1 (mk2py, velib)",
    )
    number_low: int = field(
        U16, "Unique number, low half", display="hex", evidence=DOCUMENTED, source="mk3.md 5.1 (mk2py, velib)"
    )
    number = computed(
        this.number_high * 0x10000 + this.number_low,
        "Unique number",
        symbol="Number",
        display="hex",
        absent=(0,),
        absent_text="every device",
        evidence=DOCUMENTED,
        source="mk3.md 5.1 (mk2py, velib)",
    )


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x46, 2: 0x09},
    title="Battery limits",
    abbrev="mk3.battery_limits",
    evidence=INFERRED,
    source="mk3.md 5.1 (three-phase fork of multiplus2)",
    **REQUEST,
    **FILL,
)
class SendBatteryLimits(Message):
    """Send battery limits; answered by a 3C frame.  One fork of one project knows it."""

    marker: int = marker_byte()
    cmd: int = letter(0x46, source=_F)
    selector: int = _selector(0x09)
    fixed_3: int = field(U8, "Unknown", display="hex", meaning="03 in the only source", evidence=UNKNOWN, source=_F)
    fixed_4: int = field(U8, "Unknown", display="hex", meaning="00 in the only source", evidence=UNKNOWN, source=_F)
    limit: int = field(
        I16,
        "Limit",
        symbol="Limit",
        unit="A",
        scale=Linear(divide=10),
        decimals=1,
        evidence=INFERRED,
        source="mk3.md 5.1 (three-phase fork of multiplus2)",
    )


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x46},
    title="Info request",
    abbrev="mk3.info_request",
    evidence=UNKNOWN,
    source=_F,
    **REQUEST,
)
class RequestInfoOther(Message):
    """An F command with a selector that nobody has described, or with too few bytes."""

    marker: int = marker_byte()
    cmd: int = letter(0x46, source=_F)
    selector: int | None = _any_selector(optional=True)
