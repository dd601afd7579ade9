"""Version numbers of VE.Bus products and the four ways in which people meet them.

The number itself is decimal AABBCCC: processor AA, model BB, firmware CCC.  It travels as a little-endian u32.
Elsewhere only CCC is shown, or CCC written in hexadecimal digits.

Sources: mk3.md 14 (form and examples), vebus-rs485.md 7.4, bms-wire.md 4.3 and 6 (notations; that the highest byte
has to be masked from firmware 554 on is inferred there), bms-v2.md B-134 (processor types).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from vebus_protocol.errors import VEBusError

__all__ = [
    "FIRST_SUB_VERSION",
    "PROCESSORS",
    "VEBusVersion",
    "VersionError",
    "VersionForm",
    "VersionReading",
    "firmware_from_dbus",
    "parse_version",
]

FIRST_SUB_VERSION = 554
"""Firmware from which on the highest byte of the u32 is a sub-version (bms-wire.md 6)."""

PROCESSORS = frozenset({19, 20, 26, 27})
"""Processor types AA of inverters that the vendor's MK2 document names (mk3.md 14); adapters and BMS have others."""

_LARGEST = 99_99_999
_MASK = 0xFF_FFFF


class VersionError(VEBusError):
    """A text or number that is no version, or that could be more than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VEBusVersion:
    """Version of one product: processor AA 0..99, model BB 0..99, firmware CCC 0..999, sub-version 0..255.

    ``sub_version`` is None below firmware 554, where there is none.  Raises VersionError for anything else.
    """

    processor: int
    model: int
    firmware: int
    sub_version: int | None = None

    def __post_init__(self) -> None:
        """Hold the ranges, so that `number` and `u32` always are what they say."""
        if not (0 <= self.processor <= 99 and 0 <= self.model <= 99 and 0 <= self.firmware <= 999):
            raise VersionError(f"processor {self.processor}, model {self.model}, firmware {self.firmware}: not AABBCCC")
        if self.sub_version is not None and not 0 <= self.sub_version <= 0xFF:
            raise VersionError(f"sub-version {self.sub_version} is not in 0..255")
        if (self.sub_version is None) is (self.firmware >= FIRST_SUB_VERSION):
            text = f"firmware {self.firmware} with sub-version {self.sub_version}: there is one from"
            raise VersionError(f"{text} {FIRST_SUB_VERSION} on, and none before")

    @classmethod
    def from_number(cls, number: int) -> VEBusVersion:
        """Read the u32 of the wire (winmon 05 and 06, identity and presence replies).

        Raises VersionError when the lower 24 bits are no AABBCCC, or when the highest byte is set below firmware 554.
        """
        if not 0 <= number <= 0xFFFF_FFFF:
            raise VersionError(f"{number} is no u32")
        plain, sub = number & _MASK, number >> 24
        if plain > _LARGEST:
            raise VersionError(f"{number} (0x{number:08x}): {plain} has more than the seven digits of AABBCCC")
        firmware = plain % 1000
        if sub and firmware < FIRST_SUB_VERSION:
            text = f"{number} (0x{number:08x}): highest byte 0x{sub:02x} is set with firmware {firmware}"
            raise VersionError(f"{text}, sub-versions are known from {FIRST_SUB_VERSION} on only")
        return cls(
            processor=plain // 100_000,
            model=plain // 1000 % 100,
            firmware=firmware,
            sub_version=sub if firmware >= FIRST_SUB_VERSION else None,
        )

    @property
    def number(self) -> int:
        """The number AABBCCC, without sub-version."""
        return self.processor * 100_000 + self.model * 1000 + self.firmware

    @property
    def u32(self) -> int:
        """The number as it travels, sub-version in the highest byte; `from_number` reads it back."""
        return self.number | (self.sub_version or 0) << 24

    def __str__(self) -> str:
        sub = f", sub-version {self.sub_version}" if self.sub_version else ""
        return f"{self.number} (processor {self.processor}, model {self.model}, firmware {self.firmware}{sub})"


class VersionForm(enum.Enum):
    """Which notation a text was taken for."""

    NUMBER = "decimal number AABBCCC"
    U32 = "decimal u32 with the sub-version in the highest byte"
    HEX_NUMBER = "hexadecimal number"
    DBUS = "D-Bus firmware version, hexadecimal digits"
    FIRMWARE = "firmware number of three digits"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionReading:
    """What `parse_version` understood: the firmware number CCC always, the whole version where the text has it.

    ``assumed`` is one line for people that says how the text was taken.
    """

    version: VEBusVersion | None
    firmware: int
    form: VersionForm
    assumed: str


def firmware_from_dbus(value: int) -> int:
    """Firmware number CCC of a D-Bus ``/FirmwareVersion`` value: 1362 is 0x552, so 552 (bms-wire.md 6).

    Raises VersionError when the hexadecimal digits are not one to three decimal digits, or all are zero.
    """
    digits = f"{value:x}" if value > 0 else ""
    if not digits.isdecimal() or len(digits) > 3:
        raise VersionError(f"{value} is no D-Bus firmware version: 0x{digits or '0'} does not read as three digits")
    return int(digits)


def _whole(text: str, number: int, form: VersionForm) -> VersionReading:
    version = VEBusVersion.from_number(number)
    assumed = f"{text} taken as {form.value}: {version}"
    return VersionReading(version=version, firmware=version.firmware, form=form, assumed=assumed)


def _only(text: str, firmware: int, form: VersionForm) -> VersionReading:
    assumed = f"{text} taken as {form.value}: firmware {firmware}, processor and model not known"
    return VersionReading(version=None, firmware=firmware, form=form, assumed=assumed)


def _hexadecimal(text: str, digits: str) -> VersionReading:
    value = int(digits, 16)
    if len(digits) == 3:
        if not digits.isdecimal():
            raise VersionError(f"{text} is no version: a firmware number in hexadecimal digits has no letters")
        return _only(text, firmware_from_dbus(value), VersionForm.DBUS)
    if len(digits) == 7 and digits.isdecimal():
        raise VersionError(
            f"{text} is ambiguous: seven decimal digits behind 0x; write {digits} or all eight hex digits"
        )
    if value < 1_000_000:
        raise VersionError(f"{text} is no version: neither three digits nor a number AABBCCC ({value})")
    return _whole(text, value, VersionForm.HEX_NUMBER)


def _bare(text: str, digits: str) -> VersionReading:
    """Three or four digits with nothing around them: the firmware number, or its D-Bus value in decimal."""
    value = int(digits)
    try:
        firmware = firmware_from_dbus(value)
    except VersionError:
        firmware = 0
    if len(digits) == 3 and firmware < 100:
        return _only(text, value, VersionForm.FIRMWARE)
    if len(digits) == 3:
        other = f"firmware {value}, or the D-Bus value of firmware {firmware}; write v{value} or 0x{value:x}"
        raise VersionError(f"{text} is ambiguous: {other}")
    if firmware >= 100:
        other = f"0x{value:x} on D-Bus would be firmware {firmware}, else it is no version; write 0x{value:x}"
        raise VersionError(f"{text} is ambiguous: {other} or v{firmware}")
    raise VersionError(f"{text} is no version: four digits are neither a firmware number nor a D-Bus value")


def _long(text: str, digits: str) -> VersionReading:
    """More than seven digits: a u32 with sub-version, believed only if a known processor comes out of it."""
    reading = _whole(text, int(digits), VersionForm.U32)
    if reading.version is None or reading.version.processor not in PROCESSORS:
        raise VersionError(f"{text} is no version: more than seven digits, and no known processor behind a sub-version")
    return reading


def parse_version(text: str) -> VersionReading:
    """Read a version as people write it, and say how it was taken.

    Understood are ``2629492`` (AABBCCC), a decimal u32 with sub-version, ``0x281F74`` (the number in hexadecimal),
    ``0x552`` (D-Bus), ``xxxx492``, ``v492`` and ``492``.  Raises VersionError, with one line that says why, for
    anything else and for what can be read in two ways: a bare 552 is firmware 552 or the D-Bus value of 228.
    """
    plain = text.strip()
    if found := re.fullmatch(r"0[xX]0*([1-9a-fA-F][0-9a-fA-F]{0,7})", plain, re.ASCII):
        return _hexadecimal(plain, found[1])
    if found := re.fullmatch(r"(?:[xX]{4}|[vV])([0-9]{3})", plain, re.ASCII):
        return _only(plain, int(found[1]), VersionForm.FIRMWARE)
    if re.fullmatch(r"[1-9][0-9]{6}", plain, re.ASCII):
        return _whole(plain, int(plain), VersionForm.NUMBER)
    if re.fullmatch(r"[1-9][0-9]{7,9}", plain, re.ASCII):
        return _long(plain, plain)
    if re.fullmatch(r"[1-9][0-9]{2,3}", plain, re.ASCII):
        return _bare(plain, plain)
    raise VersionError(f"{text!r} is no version; write 2629492, 0x281F74, v492, xxxx492 or 0x492")
