"""Switches and limits: command 3F, panel frame 40, LEDs and AC inputs 41, and the unexplained types 38 and 3D.

Sources: vebus-rs485.md 6.4, 6.5, 6.6, 6.10; mk3.md 2.6, 6.1, 6.2, 12 (velib, victron-mk3, mk2py).
"""

from __future__ import annotations

from vebus_protocol.enums import BusSwitch, FrameType, LowBatteryStatus, SwitchPosition, led_bits
from vebus_protocol.schema import (
    CONFIRMED,
    DOCUMENTED,
    INFERRED,
    U8,
    U16,
    UNKNOWN,
    Direction,
    Linear,
    Message,
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
    "AcInputConfiguration",
    "AcInputConfigurationOther",
    "PanelFrame",
    "PanelOther",
    "SwitchCommand",
    "SwitchOther",
    "Unknown3D",
    "Unknown38",
]

_SWITCH = "vebus-rs485.md 6.4"
_PANEL = "mk3.md 6.2 (velib)"
_CONFIG = "vebus-rs485.md 6.6, mk3.md 6.1 (velib, victron-mk3)"
_38 = "vebus-rs485.md 6.10"
_3D = "vebus-rs485.md 6, mk3.md 2.6 (mk2py)"


@message(
    Space.PAYLOAD,
    {0: 0x3F, 1: (4, 5, 6, 7)},
    title="Switch",
    abbrev="vebus.switch",
    direction=Direction.TO_DEVICE,
    summary=("position",),
    source=_SWITCH,
)
class SwitchCommand(Message):
    """Remote switch.  No direct answer: success shows in the switch register of a type 41 frame."""

    cmd: int = const(0x3F, "Command", abbrev="vebus.cmd", enum=FrameType, source=_SWITCH)
    position: int = field(
        U8,
        "Switch",
        symbol="Switch",
        display="hex",
        enum=BusSwitch,
        bits=(
            bit("charger", 0, "Charger enabled", evidence=CONFIRMED, source=_SWITCH),
            bit("inverter", 1, "Inverter enabled", evidence=CONFIRMED, source=_SWITCH),
            bit("always_set", 2, "Always set", evidence=CONFIRMED, source=_SWITCH),
            bit("unknown", 3, "Unknown bits", width=5, evidence=UNKNOWN, source=_SWITCH),
        ),
        evidence=CONFIRMED,
        source=f"{_SWITCH} (pepe, baxi, gitnik, kras)",
    )
    zeros: bytes = field(raw(3), "Zeros", meaning="zero in all reports", evidence=CONFIRMED, source=_SWITCH)


@message(
    Space.PAYLOAD,
    {0: 0x3F},
    title="Switch",
    abbrev="vebus.switch",
    direction=Direction.TO_DEVICE,
    evidence=UNKNOWN,
    source=_SWITCH,
)
class SwitchOther(Message):
    """Type 3F with another body; VEConfigure sends 00 11 00 00 and C0 72 00 00."""

    cmd: int = const(0x3F, "Command", abbrev="vebus.cmd", enum=FrameType, source=f"{_SWITCH} (mk2py)")


@message(
    Space.PAYLOAD,
    {0: 0x40},
    title="Panel",
    abbrev="vebus.panel",
    summary=("position",),
    evidence=DOCUMENTED,
    source=_PANEL,
)
class PanelFrame(Message):
    """What a remote panel asks for.  It also carries a largest input current, at a place that is not known."""

    cmd: int = const(0x40, "Command", abbrev="vebus.cmd", enum=FrameType, source=_PANEL)
    switch: int = field(
        U8,
        "Panel switch",
        display="hex",
        bits=(
            bit("value", 0, "Switch value", width=3, evidence=DOCUMENTED, source=_PANEL),
            bit("old_format", 3, "Old format", evidence=DOCUMENTED, source=_PANEL),
            bit("unknown", 4, "Unknown bits", width=4, evidence=UNKNOWN, source=_PANEL),
        ),
        evidence=DOCUMENTED,
        source=_PANEL,
    )
    position = computed(
        ((this.switch & 0x08) == 0) * (this.switch & 0x07) + ((this.switch & 0x08) != 0) * ((this.switch & 0x03) + 1),
        "Switch position",
        symbol="Switch",
        enum=SwitchPosition,
        meaning="in the old format one more than the two low bits",
        evidence=DOCUMENTED,
        source=_PANEL,
    )


@message(Space.PAYLOAD, {0: 0x40}, title="Panel", abbrev="vebus.panel", evidence=UNKNOWN, source=_PANEL)
class PanelOther(Message):
    """Type 40 without a switch byte."""

    cmd: int = const(0x40, "Command", abbrev="vebus.cmd", enum=FrameType, source=_PANEL)


_CONFIG_BITS = (
    bit("active_input", 0, "Last active AC input", width=2, evidence=DOCUMENTED, source=_CONFIG),
    bit(
        "overridden",
        2,
        "Limit overridden by panel",
        summary_text="limit by panel",
        meaning="the vendor's library takes it as 'remote may adjust'",
        evidence=DOCUMENTED,
        source=_CONFIG,
    ),
    bit("dmc", 3, "DMC dedicated", summary_text="DMC", evidence=DOCUMENTED, source=_CONFIG),
    bit("input_count", 4, "Number of AC inputs", width=3, evidence=DOCUMENTED, source=_CONFIG),
    bit("panel", 7, "Remote panel detected", summary_text="panel", evidence=DOCUMENTED, source=_CONFIG),
)
_REGISTER_BITS = (
    bit("remote_charge", 0, "Remote: charge", evidence=DOCUMENTED, source=_CONFIG),
    bit("remote_invert", 1, "Remote: invert", evidence=DOCUMENTED, source=_CONFIG),
    bit("front_up", 2, "Front switch up (on)", evidence=DOCUMENTED, source=_CONFIG),
    bit("front_down", 3, "Front switch down (charger only)", evidence=DOCUMENTED, source=_CONFIG),
    bit("charge", 4, "Result: charge", evidence=DOCUMENTED, source=_CONFIG),
    bit("invert", 5, "Result: invert", evidence=DOCUMENTED, source=_CONFIG),
    bit("onboard_invert", 6, "On-board remote: invert", evidence=DOCUMENTED, source=_CONFIG),
    bit("generator", 7, "Remote generator selected", evidence=DOCUMENTED, source=_CONFIG),
)


@message(
    Space.PAYLOAD,
    {0: 0x41},
    title="AC input configuration",
    abbrev="vebus.config",
    direction=Direction.FROM_DEVICE,
    summary=("led_on", "led_blink", "actual", "register", "config.overridden", "config.dmc", "config.panel"),
    evidence=DOCUMENTED,
    source=_CONFIG,
)
class AcInputConfiguration(Message):
    """LEDs of the master, input current limits and switches."""

    cmd: int = const(0x41, "Command", abbrev="vebus.cmd", enum=FrameType, source=_CONFIG)
    unknown_5: int = field(
        U8, "Unknown", display="hex", meaning="0x10 in all reports", evidence=UNKNOWN, source="vebus-rs485.md 6.6"
    )
    led_on: int = field(
        U8,
        "LEDs on",
        abbrev="vebus.led.on",
        symbol="On",
        display="hex",
        bits=led_bits("on"),
        evidence=DOCUMENTED,
        source="vebus-rs485.md 6.6, mk3.md 6.1, 12",
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
        source="vebus-rs485.md 6.6, mk3.md 6.1, 12",
    )
    battery: int = field(U8, "Battery", enum=LowBatteryStatus, evidence=CONFIRMED, source="vebus-rs485.md 6.6")
    config: int = field(
        U8,
        "AC configuration",
        abbrev="vebus.config.ac",
        display="hex",
        bits=_CONFIG_BITS,
        evidence=DOCUMENTED,
        source=_CONFIG,
    )
    minimum: int = field(
        U16,
        "Minimum input current limit",
        symbol="Imin",
        unit="A",
        scale=Linear(divide=10),
        evidence=DOCUMENTED,
        source=_CONFIG,
    )
    maximum: int = field(
        U16,
        "Maximum input current limit",
        symbol="Imax",
        unit="A",
        scale=Linear(divide=10),
        evidence=DOCUMENTED,
        source=_CONFIG,
    )
    actual: int = field(
        U16,
        "Input current limit in force",
        symbol="Ilim",
        unit="A",
        scale=Linear(divide=10),
        evidence=DOCUMENTED,
        source=_CONFIG,
    )
    register: int = field(
        U8,
        "Switch register",
        symbol="Switches",
        display="hex",
        bits=_REGISTER_BITS,
        evidence=DOCUMENTED,
        source=_CONFIG,
    )


@message(
    Space.PAYLOAD,
    {0: 0x41},
    title="AC input configuration",
    abbrev="vebus.config",
    direction=Direction.FROM_DEVICE,
    evidence=UNKNOWN,
    source=_CONFIG,
)
class AcInputConfigurationOther(Message):
    """Type 41 with fewer bytes than known."""

    cmd: int = const(0x41, "Command", abbrev="vebus.cmd", enum=FrameType, source=_CONFIG)


@message(Space.PAYLOAD, {0: 0x38}, title="Unknown 0x38", abbrev="vebus.type38", evidence=UNKNOWN, source=_38)
class Unknown38(Message):
    """Sent by Multis and by VEConfigure; perhaps system configuration.  The body is not described."""

    cmd: int = const(0x38, "Command", abbrev="vebus.cmd", enum=FrameType, source=_38)


@message(
    Space.PAYLOAD,
    {0: 0x3D},
    title="Unknown 0x3d",
    abbrev="vebus.type3d",
    direction=Direction.TO_DEVICE,
    evidence=INFERRED,
    source=_3D,
)
class Unknown3D(Message):
    """Known only as a type that a host may send with the second checksum (mk3.md 2.3)."""

    cmd: int = const(0x3D, "Command", abbrev="vebus.cmd", enum=FrameType, evidence=INFERRED, source=_3D)
