"""Info frames: the 21 request, its 20 answers, the 3C battery-limits reply and the boot-up notice.

Offsets are the same on both links: an adapter hands type and payload through unchanged (vebus-rs485.md 6).

Sources: vebus-rs485.md 6.3, 8 (velib, mk2py); mk3.md 2.6, 5, 6.3 (velib, mk2py, invertergui, multiplus2).
"""

from __future__ import annotations

from vebus_protocol.enums import DeviceState, FrameType, InfoRequestSelector, InfoType, LongId
from vebus_protocol.schema import (
    DOCUMENTED,
    I16,
    INFERRED,
    SINGLE,
    U8,
    U16,
    U24,
    U32,
    UNKNOWN,
    Direction,
    Link,
    Message,
    OfRam,
    Space,
    bit,
    computed,
    const,
    field,
    message,
    raw,
    this,
)

__all__ = [
    "AcInfo",
    "BatteryLimitsReply",
    "BmsInfo",
    "BootUpNotice",
    "DcInfo",
    "DmcInfo",
    "IdentityInfo",
    "InfoOther",
    "InfoRequest",
    "InfoRequestOther",
    "InfoShort",
]

_REQUEST = "vebus-rs485.md 6.3, mk3.md 6.3 (velib, mk2py)"
_DC = "vebus-rs485.md 6.3, mk3.md 5.3 (velib)"
_AC = "vebus-rs485.md 6.3, mk3.md 5.4 (velib)"
_IDENTITY = "mk3.md 5.5 (velib)"
_VERSION = "vebus-rs485.md 6.3, mk3.md 6.3 (velib)"
_IDENTITY_TYPES = (2, 3, 4, *range(0x20, 0x30))


@message(
    Space.PAYLOAD,
    {0: 0x21},
    title="Info request",
    abbrev="vebus.info_request",
    direction=Direction.TO_DEVICE,
    summary=("selector", "long_id"),
    evidence=DOCUMENTED,
    source=_REQUEST,
)
class InfoRequest(Message):
    """Ask one device, or all, for an info answer; 80 and 83 tell whether a DMC or a VE.Bus BMS is there."""

    cmd: int = const(0x21, "Command", abbrev="vebus.cmd", enum=FrameType, source=_REQUEST)
    long_id: int = field(
        U32,
        "Target",
        symbol="Target",
        display="hex",
        enum=LongId,
        unnamed="",
        meaning="unique number of a device; 0 was seen in requests for DC and L1",
        evidence=DOCUMENTED,
        source=_REQUEST,
    )
    selector: int = field(
        U8,
        "Wanted info",
        symbol="Info",
        display="hex",
        enum=InfoRequestSelector,
        evidence=DOCUMENTED,
        source=_REQUEST,
    )
    extra: int | None = field(
        U8,
        "Extra byte",
        display="hex",
        optional=True,
        meaning="00 was seen after selector 01",
        evidence=UNKNOWN,
        source="vebus-rs485.md 6.3 (mk2py)",
    )


@message(
    Space.PAYLOAD,
    {0: 0x21},
    title="Info request",
    abbrev="vebus.info_request",
    direction=Direction.TO_DEVICE,
    evidence=UNKNOWN,
    source=_REQUEST,
)
class InfoRequestOther(Message):
    """Type 21 with fewer bytes than known."""

    cmd: int = const(0x21, "Command", abbrev="vebus.cmd", enum=FrameType, source=_REQUEST)


@message(
    Space.PAYLOAD,
    {0: 0x20, 5: 0x0C},
    title="DC info",
    abbrev="vebus.dc",
    direction=Direction.FROM_DEVICE,
    summary=("voltage", "inverter_current", "charger_current"),
    evidence=DOCUMENTED,
    source=_DC,
)
class DcInfo(Message):
    """Battery side of an info answer.  Both currents are positive; their difference is the battery current."""

    cmd: int = const(0x20, "Command", abbrev="vebus.cmd", enum=FrameType, source=_DC)
    undefined: bytes = field(
        raw(4), "Undefined", meaning="left-over memory by the look of captures", evidence=UNKNOWN, source=_DC
    )
    selector: int = const(0x0C, "Info type", abbrev="vebus.info.type", enum=InfoType, source=_DC)
    voltage: int = field(
        U16, "DC voltage", symbol="Udc", unit="V", scale=OfRam(variable=4), evidence=DOCUMENTED, source=_DC
    )
    inverter_current: int = field(
        U24,
        "DC current taken by the inverter",
        symbol="Iinv",
        unit="A",
        scale=OfRam(variable=5),
        sign="always positive",
        evidence=DOCUMENTED,
        source=_DC,
    )
    charger_current: int = field(
        U24,
        "DC current delivered by the charger",
        symbol="Ichg",
        unit="A",
        scale=OfRam(variable=5),
        sign="always positive",
        evidence=DOCUMENTED,
        source=_DC,
    )
    inverter_period: int = field(
        U8,
        "Inverter period",
        unit="ms",
        scale=OfRam(variable=7, times=100),
        decimals=2,
        evidence=DOCUMENTED,
        source=_DC,
    )
    inverter_frequency = computed(
        this.inverter_period,
        "Inverter frequency",
        symbol="Finv",
        unit="Hz",
        scale=OfRam(variable=7, frequency=True),
        decimals=2,
        beside="inverter_period",
        evidence=DOCUMENTED,
        source="mk3.md 5.3, 5.4 (velib)",
    )
    battery_current = computed(
        this.charger_current - this.inverter_current,
        "Battery current",
        symbol="Ibat",
        unit="A",
        scale=OfRam(variable=5),
        sign="positive = charging",
        evidence=DOCUMENTED,
        source="mk3.md 5.3",
    )


@message(
    Space.PAYLOAD,
    {0: 0x20, 5: range(0x05, 0x0C)},
    title="AC info",
    abbrev="vebus.ac",
    direction=Direction.FROM_DEVICE,
    summary=(
        "phase",
        "state",
        "mains_voltage",
        "mains_current",
        "mains_frequency",
        "inverter_voltage",
        "inverter_current",
    ),
    evidence=DOCUMENTED,
    source=_AC,
)
class AcInfo(Message):
    """AC side of an info answer, one phase.  Both currents are signed, whatever RAM 1 and 3 announce."""

    cmd: int = const(0x20, "Command", abbrev="vebus.cmd", enum=FrameType, source=_AC)
    backfeed_factor: int = field(
        U8,
        "Back-feed factor",
        meaning="multiplies the mains current; above 1 where units share a phase",
        evidence=DOCUMENTED,
        source=_AC,
    )
    inverter_factor: int = field(
        U8, "Inverter factor", meaning="multiplies the inverter current", evidence=DOCUMENTED, source=_AC
    )
    undefined: int = field(
        U8, "Undefined", display="hex", meaning="may hold garbage", evidence=UNKNOWN, source="mk3.md 5.4"
    )
    state: int = field(
        U8,
        "Device state",
        symbol="State",
        enum=DeviceState,
        meaning="garbage on some firmware",
        evidence=DOCUMENTED,
        source="vebus-rs485.md 7.1, mk3.md 5.4, 11",
    )
    selector: int = field(
        U8, "Info type", abbrev="vebus.info.type", display="hex", enum=InfoType, evidence=DOCUMENTED, source=_AC
    )
    mains_voltage: int = field(
        U16,
        "Mains voltage",
        symbol="Umains",
        unit="V",
        scale=OfRam(variable=0),
        meaning="the vendor's library takes less than 50 V as 0",
        evidence=DOCUMENTED,
        source=_AC,
    )
    mains_current: int = field(
        I16,
        "Mains current",
        symbol="Imains",
        unit="A",
        scale=OfRam(variable=1, times=this.backfeed_factor),
        sign="negative = toward the AC input",
        evidence=DOCUMENTED,
        source="mk3.md 5.4, 9 (velib, multiplus2)",
    )
    inverter_voltage: int = field(
        U16, "Inverter voltage", symbol="Uinv", unit="V", scale=OfRam(variable=2), evidence=DOCUMENTED, source=_AC
    )
    inverter_current: int = field(
        I16,
        "Inverter current",
        symbol="Iinv",
        unit="A",
        scale=OfRam(variable=3, times=this.inverter_factor),
        evidence=DOCUMENTED,
        source="mk3.md 5.4 (velib, invertergui)",
    )
    mains_period: int = field(
        U8,
        "Mains period",
        unit="ms",
        scale=OfRam(variable=8, times=100),
        decimals=2,
        absent=(0x00, 0xFF),
        absent_text="no mains",
        evidence=DOCUMENTED,
        source="mk3.md 5.4 (velib, invertergui)",
    )
    phase = computed(
        (this.selector < 8) * (9 - this.selector) + (this.selector >= 8),
        "Phase",
        symbol="L",
        evidence=DOCUMENTED,
        source=_AC,
    )
    phase_count = computed(
        (this.selector >= 8) * (this.selector - 7),
        "Number of phases",
        absent=(0,),
        absent_text="only L1 tells",
        meaning="not reliable: units of 2 x 120 V were seen with 1 and with 2",
        evidence=DOCUMENTED,
        source=_AC,
    )
    mains_frequency = computed(
        this.mains_period,
        "Mains frequency",
        symbol="F",
        unit="Hz",
        scale=OfRam(variable=8, frequency=True),
        decimals=2,
        absent=(0x00, 0xFF),
        absent_text="no mains",
        beside="mains_period",
        evidence=DOCUMENTED,
        source="mk3.md 5.4 (velib, invertergui)",
    )


@message(
    Space.PAYLOAD,
    {0: 0x20, 5: _IDENTITY_TYPES},
    title="Identity",
    abbrev="vebus.identity",
    direction=Direction.FROM_DEVICE,
    summary=("unique_number", "short_address", "addresses"),
    evidence=DOCUMENTED,
    source=_IDENTITY,
)
class IdentityInfo(Message):
    """Identity and configuration of one device."""

    cmd: int = const(0x20, "Command", abbrev="vebus.cmd", enum=FrameType, source=_IDENTITY)
    unique_number: int = field(
        U32,
        "Unique number",
        symbol="Number",
        display="hex",
        meaning="of the answering device",
        evidence=DOCUMENTED,
        source=_IDENTITY,
    )
    selector: int = field(
        U8, "Info type", abbrev="vebus.info.type", display="hex", enum=InfoType, evidence=DOCUMENTED, source=_IDENTITY
    )
    unknown_r0: int = field(U8, "Unknown", display="hex", evidence=UNKNOWN, source=_IDENTITY)
    unknown_r1: int = field(U8, "Unknown", display="hex", evidence=UNKNOWN, source=_IDENTITY)
    addresses: int = field(
        U32,
        "Short addresses in use",
        symbol="Used",
        display="hex",
        meaning="one bit for each address",
        evidence=DOCUMENTED,
        source=_IDENTITY,
    )
    unknown_r6: int = field(U8, "Unknown", display="hex", evidence=UNKNOWN, source=_IDENTITY)
    flags: int = field(
        U8,
        "Flags",
        display="hex",
        bits=(
            bit("unknown_low", 0, "Unknown bits", width=4, evidence=UNKNOWN, source=_IDENTITY),
            bit("vll_not_used", 4, "VLL not used", evidence=DOCUMENTED, source=_IDENTITY),
            bit("unknown_high", 5, "Unknown bits", width=3, evidence=UNKNOWN, source=_IDENTITY),
        ),
        evidence=DOCUMENTED,
        source=_IDENTITY,
    )
    short_address: int = field(U8, "Own short address", symbol="Address", evidence=DOCUMENTED, source=_IDENTITY)


@message(
    Space.PAYLOAD,
    {0: 0x20, 5: 0x83},
    title="BMS version",
    abbrev="vebus.bms",
    direction=Direction.FROM_DEVICE,
    summary=("version", "generation"),
    evidence=DOCUMENTED,
    source=_VERSION,
)
class BmsInfo(Message):
    """A VE.Bus BMS reports that it is there.  Its cyclic status frames are not publicly known."""

    cmd: int = const(0x20, "Command", abbrev="vebus.cmd", enum=FrameType, source=_VERSION)
    unknown_5_8: bytes = field(raw(4), "Unknown", evidence=UNKNOWN, source=_VERSION)
    selector: int = const(0x83, "Info type", abbrev="vebus.info.type", enum=InfoType, source=_VERSION)
    version: int = field(
        U32,
        "BMS version",
        symbol="Version",
        meaning="decimal digits AABBCCC",
        evidence=DOCUMENTED,
        source=_VERSION,
    )
    generation = computed(
        (this.version >= 1146100) + 1,
        "BMS generation",
        symbol="Generation",
        meaning="a host takes versions from 1146100 on as a BMS V2",
        evidence=DOCUMENTED,
        source="vebus-rs485.md 7.4 (venus#925)",
    )


@message(
    Space.PAYLOAD,
    {0: 0x20, 5: 0x80},
    title="DMC version",
    abbrev="vebus.dmc",
    direction=Direction.FROM_DEVICE,
    summary=("version",),
    evidence=DOCUMENTED,
    source=_VERSION,
)
class DmcInfo(Message):
    """A Digital Multi Control reports that it is there."""

    cmd: int = const(0x20, "Command", abbrev="vebus.cmd", enum=FrameType, source=_VERSION)
    unknown_5_8: bytes = field(raw(4), "Unknown", evidence=UNKNOWN, source=_VERSION)
    selector: int = const(0x80, "Info type", abbrev="vebus.info.type", enum=InfoType, source=_VERSION)
    version: int = field(
        U32,
        "DMC version",
        symbol="Version",
        meaning="decimal digits AABBCCC",
        evidence=DOCUMENTED,
        source=_VERSION,
    )


@message(
    Space.PAYLOAD,
    {0: 0x20},
    title="Info",
    abbrev="vebus.info",
    direction=Direction.FROM_DEVICE,
    summary=("selector",),
    evidence=UNKNOWN,
    source="mk3.md 5.2",
)
class InfoOther(Message):
    """Info answer of a type that nobody has described, or too short for its type."""

    cmd: int = const(0x20, "Command", abbrev="vebus.cmd", enum=FrameType, source="mk3.md 5.2")
    head: bytes = field(raw(4), "Head", meaning="depends on the type", evidence=UNKNOWN, source="mk3.md 5.2")
    selector: int = field(
        U8,
        "Info type",
        abbrev="vebus.info.type",
        symbol="Type",
        display="hex",
        enum=InfoType,
        evidence=DOCUMENTED,
        source="mk3.md 5.2",
    )


@message(
    Space.PAYLOAD,
    {0: 0x20},
    title="Info",
    abbrev="vebus.info",
    direction=Direction.FROM_DEVICE,
    evidence=UNKNOWN,
    source="mk3.md 5.2",
)
class InfoShort(Message):
    """Info answer that ends before its type."""

    cmd: int = const(0x20, "Command", abbrev="vebus.cmd", enum=FrameType, source="mk3.md 5.2")


@message(
    Space.PAYLOAD,
    {0: 0x3C},
    title="Battery limits reply",
    abbrev="vebus.battery_limits_reply",
    direction=Direction.FROM_DEVICE,
    evidence=INFERRED,
    source="mk3.md 2.6, 5.1 (one fork of multiplus2), vebus-rs485.md 6 (mk2py)",
)
class BatteryLimitsReply(Message):
    """Answer to the adapter's F 9, 7 bytes in all; the body is not described."""

    cmd: int = const(0x3C, "Command", abbrev="vebus.cmd", enum=FrameType, evidence=SINGLE, source="mk3.md 2.6")


@message(
    Space.PAYLOAD,
    {0: 0x00},
    title="Boot-up notice",
    abbrev="vebus.boot_up",
    links=(Link.MK3,),
    direction=Direction.FROM_DEVICE,
    evidence=SINGLE,
    source="mk3.md 2.6 (invertergui)",
)
class BootUpNotice(Message):
    """A device has started; a host should select its address again.  The body is not described."""

    cmd: int = const(
        0x00,
        "Command",
        abbrev="vebus.cmd",
        meaning="boot-up notice on an adapter's link, winmon on RS485",
        evidence=SINGLE,
        source="mk3.md 2.6 (invertergui)",
    )
