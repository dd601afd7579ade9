"""Commands about the adapter as a device: address, version, LEDs, lines, speed, reset.

Sources: mk3.md 3, 4.1 to 4.3, 4.6, 4.7, 12, 13 (velib, vendor document, mk2py, victron-mk3, ve-ctrl-tool).
"""

from __future__ import annotations

from vebus_protocol.adapter.facts import FILL, OPEN, REPLY, REQUEST, letter, marker_byte
from vebus_protocol.enums import AdapterMode, VEBusErrorCode, alarm_bits, led_bits
from vebus_protocol.schema import DOCUMENTED, SINGLE, U8, U32, UNKNOWN, Message, Space, WireEnum, bit, field, message

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "AddressAction",
    "AdapterAddress",
    "RequestLines",
    "AdapterLines",
    "RequestLeds",
    "LedStatus",
    "HighSpeed",
    "ResetAdapter",
    "RequestAdapterVersion",
    "AdapterVersion",
]

_A = "mk3.md 4.1 (velib, vendor document, mk2py)"
_V = "mk3.md 4.2 (velib, vendor document)"
_L = "mk3.md 4.3 (velib)"
_H = "mk3.md 4.6 (victron-mk3, from vendor staff)"


class AddressAction(WireEnum):
    """What the A command does (mk3.md 4.1)."""

    ASK = (0, "Ask")
    SET = (1, "Set")


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x41},
    title="Device address",
    abbrev="mk3.address",
    summary=("action", "address"),
    evidence=DOCUMENTED,
    source=_A,
    **OPEN,
    **FILL,
)
class AdapterAddress(Message):
    """Select or ask the device that winmon goes to.  The reply is alike; it does not prove that the device exists."""

    marker: int = marker_byte()
    cmd: int = letter(0x41, source=_A)
    action: int = field(U8, "Action", symbol="Action", enum=AddressAction, evidence=DOCUMENTED, source=_A)
    address: int = field(
        U8,
        "Address",
        symbol="Address",
        meaning="0..31; ignored when asking; 0x57 before any A command",
        evidence=DOCUMENTED,
        source=_A,
    )


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x48},
    title="Get lines",
    abbrev="mk3.lines",
    lengths=(2,),
    evidence=DOCUMENTED,
    source=_H,
    **REQUEST,
)
class RequestLines(Message):
    """Ask an MK3 for its standby and panel-detect lines."""

    marker: int = marker_byte()
    cmd: int = letter(0x48, source=_H)


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x48},
    title="Lines",
    abbrev="mk3.lines",
    evidence=DOCUMENTED,
    source=_H,
    **OPEN,
    **FILL,
)
class AdapterLines(Message):
    """Lines of an MK3, set or answered; standby keeps a switched-off device awake and reachable."""

    marker: int = marker_byte()
    cmd: int = letter(0x48, source=_H)
    lines: int = field(
        U8,
        "Lines",
        symbol="Lines",
        display="hex",
        bits=(
            bit("panel_detect", 0, "Panel detect pulled to ground"),
            bit("standby", 1, "Standby pulled to ground"),
            bit("unknown_2", 2, "Unknown bit", meaning="set by default", evidence=UNKNOWN, source=_H),
            bit("unknown", 3, "Unknown bits", width=5, evidence=UNKNOWN, source=_H),
        ),
        meaning="5 by default",
        evidence=DOCUMENTED,
        source=_H,
    )


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x4C},
    title="Get LEDs",
    abbrev="mk3.get_leds",
    lengths=(2, 3),
    evidence=DOCUMENTED,
    source=_L,
    **REQUEST,
    **FILL,
)
class RequestLeds(Message):
    """Ask for the LED status of the system, whatever address is selected."""

    marker: int = marker_byte()
    cmd: int = letter(0x4C, source=_L)


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x4C},
    title="LED status",
    abbrev="mk3.leds",
    summary=("led_on", "led_blink", "alarms", "status.error"),
    evidence=DOCUMENTED,
    source=_L,
    **REPLY,
)
class LedStatus(Message):
    """LEDs, alarms and VE.Bus error of the system.  LEDs on and blinking both 1F: they cannot be determined."""

    marker: int = marker_byte()
    cmd: int = letter(0x4C, source=_L)
    led_on: int = field(
        U8,
        "LEDs on",
        abbrev="vebus.led.on",
        symbol="On",
        display="hex",
        bits=led_bits("on"),
        evidence=DOCUMENTED,
        source="mk3.md 4.3, 12 (velib)",
    )
    led_blink: int = field(
        U8,
        "LEDs blinking",
        abbrev="vebus.led.blink",
        symbol="Blink",
        display="hex",
        meaning="with the same LED on, it blinks in opposite phase (the projects disagree which phase that is)",
        bits=led_bits("blinking"),
        evidence=DOCUMENTED,
        source="mk3.md 4.3, 12 (velib)",
    )
    alarms: int | None = field(
        U8,
        "Alarms",
        symbol="Alarms",
        display="hex",
        optional=True,
        bits=alarm_bits(),
        evidence=DOCUMENTED,
        source="mk3.md 4.3, 12 (velib)",
    )
    status: int | None = field(
        U8,
        "VE.Bus error and flags",
        display="hex",
        optional=True,
        bits=(
            bit("error", 0, "VE.Bus error", width=5, symbol="Error", enum=VEBusErrorCode),
            bit("unknown", 5, "Unknown flags", width=2, evidence=UNKNOWN, source=_L),
            bit("blocked", 7, "Adapter is blocked"),
        ),
        evidence=DOCUMENTED,
        source="mk3.md 4.3, 13 (velib)",
    )
    unknown_6: int | None = field(
        U8,
        "Unknown",
        display="hex",
        optional=True,
        meaning="80 was seen",
        evidence=UNKNOWN,
        source="mk3.md 4.3 (multiplus2)",
    )
    unknown_7: int | None = field(
        U8,
        "Unknown",
        display="hex",
        optional=True,
        meaning="00 was seen",
        evidence=UNKNOWN,
        source="mk3.md 4.3 (multiplus2)",
    )


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x4E},
    title="High speed",
    abbrev="mk3.high_speed",
    evidence=SINGLE,
    source="mk3.md 3, 4 (ve-ctrl-tool)",
    **OPEN,
    **FILL,
)
class HighSpeed(Message):
    """Switch the serial line to 115200 baud until power is lost; whether there is a reply is not known."""

    marker: int = marker_byte()
    cmd: int = letter(0x4E, source="mk3.md 3 (ve-ctrl-tool)")


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x52},
    title="Reset adapter",
    abbrev="mk3.reset",
    evidence=DOCUMENTED,
    source="mk3.md 4.7 (velib)",
    **REQUEST,
    **FILL,
)
class ResetAdapter(Message):
    """Restart the adapter; answered by a V frame."""

    marker: int = marker_byte()
    cmd: int = letter(0x52, source="mk3.md 4.7 (velib)")


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x56},
    title="Get adapter version",
    abbrev="mk3.get_version",
    lengths=(2, 3),
    evidence=DOCUMENTED,
    source=_V,
    **REQUEST,
    **FILL,
)
class RequestAdapterVersion(Message):
    """Ask for the version of the adapter."""

    marker: int = marker_byte()
    cmd: int = letter(0x56, source=_V)


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x56},
    title="Adapter version",
    abbrev="mk3.version",
    summary=("version", "mode"),
    evidence=DOCUMENTED,
    source=_V,
    **REPLY,
)
class AdapterVersion(Message):
    """Version of the adapter, also sent unasked while nothing else is sent."""

    marker: int = marker_byte()
    cmd: int = letter(0x56, source=_V)
    version: int = field(
        U32,
        "Adapter version",
        abbrev="mk3.version",
        symbol="Version",
        meaning="decimal; 1130xxx is an MK2, 1170xxx an MK3",
        evidence=DOCUMENTED,
        source=_V,
    )
    mode: int = field(
        U8,
        "Mode or address",
        abbrev="mk3.mode",
        symbol="Mode",
        display="hex",
        enum=AdapterMode,
        unnamed="Address",
        meaning="a value without a name is the selected device address, in VE.Bus mode",
        evidence=DOCUMENTED,
        source=_V,
    )
