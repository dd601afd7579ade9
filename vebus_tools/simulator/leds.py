"""Bits of the LED bytes and of the alarm byte of a Multi.  Source: mk3.md 12."""

from __future__ import annotations

__all__ = [
    "ABSORPTION",
    "ALARM_LOW_BATTERY",
    "ALARM_OVERLOAD",
    "BULK",
    "FLOAT",
    "INVERTER",
    "LOW_BATTERY",
    "MAINS",
    "OVERLOAD",
    "PRE_ALARM_LOW_BATTERY",
    "led_names",
]

MAINS, ABSORPTION, BULK, FLOAT = 0x01, 0x02, 0x04, 0x08
INVERTER, OVERLOAD, LOW_BATTERY, TEMPERATURE = 0x10, 0x20, 0x40, 0x80
PRE_ALARM_LOW_BATTERY, ALARM_LOW_BATTERY, ALARM_OVERLOAD = 0x02, 0x20, 0x40
_NAMES = {
    MAINS: "mains on",
    ABSORPTION: "absorption",
    BULK: "bulk",
    FLOAT: "float",
    INVERTER: "inverter on",
    OVERLOAD: "overload",
    LOW_BATTERY: "low battery",
    TEMPERATURE: "temperature",
}


def led_names(bits: int) -> tuple[str, ...]:
    """Names of the LEDs that a byte holds."""
    return tuple(name for bit, name in _NAMES.items() if bits & bit)
