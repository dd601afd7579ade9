"""The MK2/MK3 envelope: length, payload, checksum, and the form with appended LED status.

    length | payload p[0..n-1] | [LED on, LED blink] | checksum

Source: dossier mk3.md section 2 (vendor library velib, vendor document "MK2 Protocol" 3.14 as quoted by public
projects, tomjnixon/mk2.py for the second checksum).
"""

from __future__ import annotations

from dataclasses import dataclass

from vebus_protocol.enums import led_bits
from vebus_protocol.errors import ChecksumError, EncodeError, FrameError, TruncatedError
from vebus_protocol.schema import (
    CONFIRMED,
    DOCUMENTED,
    U8,
    Field,
    Message,
    Space,
    bit,
    field,
    message,
)

__all__ = [
    "ADAPTER_MARKER",
    "LED_FLAG",
    "MAX_PAYLOAD",
    "PADDING",
    "SECOND_RULE_TYPES",
    "Mk3Frame",
    "Mk3Header",
    "Mk3Leds",
    "Mk3Trailer",
    "ReceivedMk3Frame",
    "decode_mk3_frame",
    "dissect_mk3_frame",
    "encode_mk3_frame",
    "plain_checksum",
    "second_checksum",
]

ADAPTER_MARKER = 0xFF
LED_FLAG = 0x80
MAX_PAYLOAD = 20  # the vendor's receiver ignores longer frames (mk3.md 2.1)
PADDING = 0x55  # stray bytes of the speed switch, no valid length (mk3.md 3)
SECOND_RULE_TYPES = frozenset((0x21, 0x38, 0x3D, 0x3F))  # host frames that use the second checksum (mk3.md 2.3)
_LED_BYTES = 2
_SWAPPED = (1, 3, 5)


@message(Space.ENVELOPE, {}, title="Victron MK2/MK3", abbrev="mk3", source="mk3.md 2.1")
class Mk3Header(Message):
    """The length byte."""

    length: int = field(
        U8,
        "Length",
        abbrev="mk3.len",
        display="hex",
        meaning="payload bytes (appended LED bytes included) and the LED flag; counts neither itself nor the checksum",
        bits=(
            bit("leds", 7, "LED status appended", abbrev="mk3.len.leds"),
            bit("count", 0, "Payload bytes", width=7, abbrev="mk3.len.count", unit="bytes"),
        ),
        evidence=DOCUMENTED,
        source="mk3.md 2.1, 2.2 (velib)",
    )


@message(Space.ENVELOPE, {}, title="Victron MK2/MK3", abbrev="mk3", source="mk3.md 2.2")
class Mk3Leds(Message):
    """The two bytes that flag 0x02 of the S command appends to every frame of the adapter."""

    on: int = field(
        U8,
        "Appended LEDs on",
        abbrev="mk3.led.on",
        display="hex",
        bits=led_bits("on"),
        evidence=DOCUMENTED,
        source="mk3.md 2.2",
    )
    blink: int = field(
        U8,
        "Appended LEDs blinking",
        abbrev="mk3.led.blink",
        display="hex",
        bits=led_bits("blinking"),
        evidence=DOCUMENTED,
        source="mk3.md 2.2",
    )


@message(Space.ENVELOPE, {}, title="Victron MK2/MK3", abbrev="mk3", source="mk3.md 2.1, 2.3")
class Mk3Trailer(Message):
    """The checksum byte; two rules exist."""

    checksum: int = field(
        U8,
        "Checksum",
        abbrev="mk3.checksum",
        display="hex",
        meaning="all bytes add up to 0 modulo 256; types 21, 38, 3D, 3F of the host count bytes 1, 3 and 5 also with "
        "swapped nibbles",
        evidence=CONFIRMED,
        source="mk3.md 2.1, 2.3",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mk3Frame:
    """One frame to send: payload of 1..20 bytes, and ``leds`` (on, blink) for the form with appended LEDs."""

    payload: bytes
    leds: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMk3Frame:
    """One frame as heard, taken apart without judging it.  ``expected`` follows the rule for its type."""

    wire: bytes
    payload: bytes
    leds: tuple[int, int] | None
    checksum: int
    expected: int

    @property
    def checksum_ok(self) -> bool:
        """Whether the checksum is the one that the rule for this type asks for."""
        return self.checksum == self.expected

    @property
    def second_rule(self) -> bool:
        """Whether the second checksum rule applies to this type."""
        return self.payload[0] in SECOND_RULE_TYPES

    @property
    def plain_instead(self) -> bool:
        """Whether the second rule applies but the plain sum was sent; what adapters do with it is open."""
        return self.second_rule and not self.checksum_ok and self.checksum == plain_checksum(self.wire[:-1])


def plain_checksum(summed: bytes) -> int:
    """Checksum over length byte and payload so that everything adds up to 0 modulo 256 (mk3.md 2.1)."""
    return -sum(summed) & 0xFF


def second_checksum(summed: bytes) -> int:
    """The second rule: bytes 1, 3 and 5 are added once more with their nibbles swapped (mk3.md 2.3)."""
    total = sum(summed)
    for at in _SWAPPED:
        if at < len(summed):
            total += (summed[at] >> 4) | (summed[at] << 4 & 0xF0)
    return -total & 0xFF


def _expected(summed: bytes) -> int:
    return second_checksum(summed) if summed[1] in SECOND_RULE_TYPES else plain_checksum(summed)


def encode_mk3_frame(frame: Mk3Frame) -> bytes:
    """Bytes on the serial line.  Raises EncodeError when the payload or a LED byte does not fit."""
    if frame.leds is not None and not all(0 <= byte <= 0xFF for byte in frame.leds):
        raise EncodeError(f"appended LED bytes {frame.leds}: each is 0..0xff")
    body = frame.payload + (bytes(frame.leds) if frame.leds is not None else b"")
    if not frame.payload or len(body) > MAX_PAYLOAD:
        raise EncodeError(f"{len(body)} payload bytes, an MK2/MK3 frame holds 1..{MAX_PAYLOAD}")
    length = len(body) | (LED_FLAG if frame.leds is not None else 0)
    summed = bytes((length,)) + body
    return summed + bytes((_expected(summed),))


def dissect_mk3_frame(wire: bytes) -> ReceivedMk3Frame:
    """Take a frame apart leniently; a wrong checksum is reported in the result.

    Raises TruncatedError or FrameError when length byte and bytes do not agree.
    """
    if len(wire) < 3:  # length, one byte, checksum
        raise TruncatedError(f"an MK2/MK3 frame has at least 3 bytes: {wire.hex(' ')}")
    size, has_leds = wire[0] & 0x7F, bool(wire[0] & LED_FLAG)
    if len(wire) != size + 2:
        raise FrameError(f"length byte says {size} payload bytes, {len(wire) - 2} are here: {wire.hex(' ')}")
    if has_leds and size <= _LED_BYTES:
        raise FrameError(f"no payload in front of the appended LED bytes: {wire.hex(' ')}")
    body = wire[1:-1]
    return ReceivedMk3Frame(
        wire=wire,
        payload=body[:-_LED_BYTES] if has_leds else body,
        leds=(body[-2], body[-1]) if has_leds else None,
        checksum=wire[-1],
        expected=_expected(wire[:-1]),
    )


def decode_mk3_frame(wire: bytes) -> Mk3Frame:
    """Read exactly one good frame.  Raises TruncatedError, FrameError or ChecksumError."""
    received = dissect_mk3_frame(wire)
    if not received.checksum_ok:
        raise ChecksumError(received.expected, received.checksum, wire)
    return Mk3Frame(payload=received.payload, leds=received.leds)


GENERATED: tuple[Field, ...] = (
    Field(name="src", abbrev="mk3.src", label="Source", evidence=CONFIRMED),
    Field(name="dst", abbrev="mk3.dst", label="Destination", evidence=CONFIRMED),
    Field(name="status", abbrev="mk3.checksum.status", label="Checksum Status", evidence=CONFIRMED),
    Field(name="expected", abbrev="mk3.checksum.expected", label="Expected checksum", evidence=CONFIRMED),
)
