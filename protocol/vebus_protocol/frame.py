"""The RS485 envelope: stuffing, checksum, and one frame <-> its bytes on the wire.

    id0 id1 kind nr | payload, stuffed | checksum (1 or 2 bytes) | FF

Source: dossier vebus-rs485.md sections 2 to 4 (worked out by pv-baxi/esp32ess, PepeTheFroggie, GitNik1, mkrasselt1;
none of it is documented by the vendor).  Stuffing and checksum are transforms and therefore plain functions; names,
places and evidence of the envelope's fields are declared like those of any message.
"""

from __future__ import annotations

from dataclasses import dataclass

from vebus_protocol.enums import FrameKind, SenderId
from vebus_protocol.errors import ChecksumError, EncodeError, FrameError, StuffingError, TruncatedError
from vebus_protocol.schema import (
    CONFIRMED,
    SINGLE,
    U8,
    U16_BE,
    UNKNOWN,
    Field,
    Message,
    Space,
    field,
    message,
)

__all__ = [
    "END",
    "ESCAPE",
    "MAX_WIRE_FRAME",
    "MIN_FRAME",
    "FbFrame",
    "Frame",
    "ReceivedFrame",
    "Rs485Header",
    "Rs485Trailer",
    "checksum",
    "checksum_bytes",
    "decode_frame",
    "dissect_frame",
    "encode_frame",
    "looks_like_frame",
    "stuff",
    "unstuff",
]

ESCAPE = 0xFA
END = 0xFF
SYNC_MARKER = 0x55
HEADER_SIZE = 4
MIN_FRAME = 7  # ids, kind, number, one payload byte, checksum, end: vebus-rs485.md 2.4
MAX_WIRE_FRAME = 128  # "give the assembler at least 64 bytes" (2.4), each of which stuffing can double
_LAST_NUMBER = 0x7F
_ESCAPED_CHECKSUMS = range(0xFB, 0x100)
_STUFFED = range(0xFA, 0x100)


@message(Space.ENVELOPE, {}, title="Victron VE.Bus", abbrev="vebus", source="vebus-rs485.md 2")
class Rs485Header(Message):
    """The four bytes before the payload; they are never stuffed."""

    sender: int = field(
        U16_BE,
        "Address",
        abbrev="vebus.addr",
        display="hex",
        enum=SenderId,
        meaning="names the sender; not covered by the checksum",
        evidence=CONFIRMED,
        source="vebus-rs485.md 2",
    )
    kind: int = field(
        U8,
        "Frame type",
        abbrev="vebus.type",
        display="hex",
        enum=FrameKind,
        evidence=CONFIRMED,
        source="vebus-rs485.md 2",
    )
    number: int = field(
        U8,
        "Frame number",
        abbrev="vebus.seq",
        symbol="Nr",
        meaning="bus-wide counter 0..127, one up with every frame of any sender",
        evidence=CONFIRMED,
        source="vebus-rs485.md 2.1",
    )


@message(Space.ENVELOPE, {}, title="Victron VE.Bus", abbrev="vebus", source="vebus-rs485.md 4")
class Rs485Trailer(Message):
    """The bytes behind the payload, as they stand in the unstuffed frame (checksum as one byte)."""

    checksum: int = field(
        U8,
        "Checksum",
        abbrev="vebus.checksum",
        display="hex",
        meaning="1 minus the sum of the stuffed bytes from the kind on, modulo 256; FB..FF travel as FA 01..05",
        evidence=CONFIRMED,
        source="vebus-rs485.md 4",
    )
    end: int = field(
        U8, "End of frame", abbrev="vebus.end", display="hex", evidence=CONFIRMED, source="vebus-rs485.md 2"
    )


@message(Space.ENVELOPE, {}, title="VE.Bus FB frame", abbrev="vebus.fb", evidence=SINGLE, source="vebus-rs485.md 2.3")
class FbFrame(Message):
    """``00 FB x y FF`` with x + y = 7F, seen when a Multi boots and when AC in disappears; meaning unknown."""

    lead: int = field(
        U8,
        "Leading byte",
        display="hex",
        meaning="00; may also be a line glitch before a frame that starts with FB",
        evidence=SINGLE,
        source="vebus-rs485.md 2.3 (baxi)",
    )
    kind: int = field(
        U8, "Frame type", abbrev="vebus.type", display="hex", enum=FrameKind, evidence=SINGLE, source="baxi"
    )
    value: int = field(U8, "Value", display="hex", symbol="Value", evidence=UNKNOWN, source="vebus-rs485.md 2.3 (baxi)")
    complement: int = field(
        U8,
        "Complement",
        display="hex",
        meaning="7F minus the value; takes the place of the checksum",
        evidence=SINGLE,
        source="vebus-rs485.md 2.3 (baxi)",
    )
    end: int = field(U8, "End of frame", abbrev="vebus.end", display="hex", evidence=SINGLE, source="baxi")

    @classmethod
    def from_wire(cls, wire: bytes) -> FbFrame:
        """The same as `parse` of exactly five bytes: each of them is a field."""
        lead, kind, value, complement, end = wire
        return cls(lead=lead, kind=kind, value=value, complement=complement, end=end)

    @property
    def complement_ok(self) -> bool:
        """Whether value and complement add up to 7F."""
        return self.value + self.complement == _LAST_NUMBER

    @staticmethod
    def has_pattern(wire: bytes) -> bool:
        """Whether these bytes, end byte included, have the form of such a frame (the complement may be wrong)."""
        return len(wire) == 5 and wire[0] == 0 and wire[1] == FrameKind.SPECIAL and wire[4] == END


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame to send: ``sender`` 0..0xFFFF (id0 is the high byte), ``number`` 0..127, ``payload`` unstuffed."""

    sender: int
    kind: int
    number: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedFrame:
    """One frame as heard, taken apart without judging it.

    ``unstuffed`` is what field offsets count in: ids, kind, number, payload, checksum as one byte, FF.
    ``checksum`` came, ``expected`` should have come; ``escapes`` counts stuffed payload bytes, ``bad_escapes`` the
    places (in ``wire``) of an FA that no rule explains.
    """

    wire: bytes
    unstuffed: bytes
    checksum: int
    expected: int
    escapes: int
    bad_escapes: tuple[int, ...]

    @property
    def sender(self) -> int:
        """The two id bytes as one number, id0 high."""
        return self.unstuffed[0] << 8 | self.unstuffed[1]

    @property
    def kind(self) -> int:
        """FD sync, FE data, or a kind that nobody has described."""
        return self.unstuffed[2]

    @property
    def number(self) -> int:
        """Frame number as on the wire."""
        return self.unstuffed[3]

    @property
    def payload(self) -> bytes:
        """Unstuffed payload."""
        return self.unstuffed[HEADER_SIZE:-2]

    @property
    def checksum_ok(self) -> bool:
        """Whether the checksum is the expected one."""
        return self.checksum == self.expected

    @property
    def good(self) -> bool:
        """Whether checksum and escapes are right."""
        return self.checksum_ok and not self.bad_escapes

    @property
    def stuffed(self) -> bool:
        """Whether wire and unstuffed form differ."""
        return self.wire != self.unstuffed


def stuff(payload: bytes) -> bytes:
    """Escape FA..FF: each becomes FA and 0x70 | low nibble (vebus-rs485.md section 3)."""
    if not any(byte >= ESCAPE for byte in payload):
        return bytes(payload)
    return b"".join(bytes((ESCAPE, byte & 0x7F)) if byte >= ESCAPE else bytes((byte,)) for byte in payload)


def unstuff(data: bytes) -> bytes:
    """Undo ``stuff``.  Raises StuffingError for an FA that is not followed by 7A..7F."""
    plain, _, bad = _unstuff(data)
    if bad:
        raise StuffingError(f"FA at byte {bad[0]} is not followed by 7A..7F: {data.hex(' ')}")
    return plain


def _unstuff(data: bytes) -> tuple[bytes, int, tuple[int, ...]]:
    """Plain bytes, number of escapes, places of FA that no rule explains (those stay as they are)."""
    if ESCAPE not in data:
        return bytes(data), 0, ()
    plain, escapes, bad = bytearray(), 0, []
    at = 0
    while at < len(data):
        byte = data[at]
        following = data[at + 1] if at + 1 < len(data) else -1
        if byte == ESCAPE and (following | 0x80) in _STUFFED and following < 0x80:
            plain.append(following | 0x80)
            escapes += 1
            at += 2
            continue
        if byte == ESCAPE:
            bad.append(at)
        plain.append(byte)
        at += 1
    return bytes(plain), escapes, tuple(bad)


def checksum(summed: bytes) -> int:
    """Checksum 0..255 over kind, number and *stuffed* payload.

    In a sync frame the first payload byte 0x55 is left out of the sum (vebus-rs485.md 4, rule 5).
    """
    total = sum(summed)
    if summed[0] == FrameKind.SYNC and summed[2:3] == bytes((SYNC_MARKER,)):
        total -= SYNC_MARKER
    return (1 - total) & 0xFF


def checksum_bytes(value: int) -> bytes:
    """A checksum 0..255 as it travels: FB..FF as FA 01..05 (vebus-rs485.md 4)."""
    return bytes((ESCAPE, value - ESCAPE)) if value in _ESCAPED_CHECKSUMS else bytes((value,))


def encode_frame(frame: Frame) -> bytes:
    """Bytes on the wire.  Raises EncodeError for a sender, kind or number out of range."""
    if not 0 <= frame.sender <= 0xFFFF or not 0 <= frame.number <= _LAST_NUMBER or not 0 <= frame.kind <= 0xFF:
        raise EncodeError(f"frame {frame}: sender is 0..0xffff, kind 0..0xff, number 0..127")
    if not frame.payload:
        raise EncodeError("a frame needs at least one payload byte")
    summed = bytes((frame.kind, frame.number)) + stuff(frame.payload)
    return frame.sender.to_bytes(2, "big") + summed + checksum_bytes(checksum(summed)) + bytes((END,))


def looks_like_frame(wire: bytes) -> bool:
    """Whether header and length are those of a sync or data frame (vebus-rs485.md 2.4); the checksum is not tested."""
    return (
        len(wire) >= MIN_FRAME
        and wire[-1] == END
        and wire[2] in (FrameKind.SYNC, FrameKind.DATA)
        and wire[3] <= _LAST_NUMBER
    )


def dissect_frame(wire: bytes) -> ReceivedFrame:
    """Take a frame apart leniently: wrong sums and escapes are reported in the result.

    Raises TruncatedError for fewer than 7 bytes or a missing end byte.
    """
    if len(wire) < MIN_FRAME or wire[-1] != END:
        raise TruncatedError(f"a frame has at least {MIN_FRAME} bytes and ends with ff: {wire.hex(' ')}")
    body, value = _split_checksum(wire[HEADER_SIZE:-1])
    plain, escapes, bad = _unstuff(body)
    return ReceivedFrame(
        wire=wire,
        unstuffed=wire[:HEADER_SIZE] + plain + bytes((value, END)),
        checksum=value,
        expected=checksum(wire[2 : HEADER_SIZE + len(body)]),
        escapes=escapes,
        bad_escapes=tuple(HEADER_SIZE + at for at in bad),
    )


def _split_checksum(tail: bytes) -> tuple[bytes, int]:
    """Stuffed payload and checksum value; a bare FA at the end *is* the checksum, FA 01..05 stands for FB..FF."""
    if len(tail) > 2 and tail[-2] == ESCAPE and tail[-1] <= 5:
        return tail[:-2], ESCAPE + tail[-1]
    return tail[:-1], tail[-1]


def decode_frame(wire: bytes) -> Frame:
    """Read exactly one good frame.

    Raises TruncatedError, FrameError (header), StuffingError or ChecksumError.
    """
    received = dissect_frame(wire)
    if not looks_like_frame(wire):
        raise FrameError(f"kind 0x{received.kind:02x}, number {received.number}: no sync or data frame")
    if received.bad_escapes:
        raise StuffingError(f"FA at byte {received.bad_escapes[0]} is not followed by 7A..7F: {wire.hex(' ')}")
    if not received.checksum_ok:
        raise ChecksumError(received.expected, received.checksum, wire)
    return Frame(sender=received.sender, kind=received.kind, number=received.number, payload=received.payload)


GENERATED: tuple[Field, ...] = (
    Field(name="src", abbrev="vebus.src", label="Source", evidence=CONFIRMED, source="table of sender names"),
    Field(name="len", abbrev="vebus.len", label="Unstuffed length", unit="bytes", evidence=CONFIRMED),
    Field(name="stuffed", abbrev="vebus.stuffed", label="Escaped bytes", evidence=CONFIRMED),
    Field(name="status", abbrev="vebus.checksum.status", label="Checksum Status", evidence=CONFIRMED),
    Field(name="expected", abbrev="vebus.checksum.expected", label="Expected checksum", evidence=CONFIRMED),
)
