"""The RS485 envelope: worked examples of vebus-rs485.md 4.1, every form of the checksum, and inverses by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vebus_protocol.enums import FrameKind, SenderId
from vebus_protocol.errors import ChecksumError, EncodeError, FrameError, StuffingError, TruncatedError
from vebus_protocol.frame import (
    END,
    ESCAPE,
    MIN_FRAME,
    FbFrame,
    Frame,
    checksum,
    decode_frame,
    dissect_frame,
    encode_frame,
    looks_like_frame,
    stuff,
    unstuff,
)

# Wire bytes, sum of the bytes from the kind to the last payload byte, checksum before escaping (vebus-rs485.md 4.1).
# The sum of a sync frame is listed without its marker, as the rule says.
WORKED = [
    ("83 83 FD 02 55 51 18 02 97 FF", 0x16A, 0x97),
    ("83 83 FE 3C 00 E6 87 5A FF", 0x2A7, 0x5A),
    ("98 F7 FE 60 3F 07 00 00 00 5D FF", 0x1A4, 0x5D),
    ("98 F7 FE 3A 00 E6 37 02 83 00 00 27 FF", 0x2DA, 0x27),
    ("83 83 FE 51 E4 80 56 C3 C3 A6 4C BE 8F D3 68 19 4B 7A 00 1A FF", 0x8E7, 0x1A),
    ("83 83 FE 23 70 81 44 16 5E 01 C2 00 00 74 FF", 0x38D, 0x74),
    ("83 83 FE 72 20 40 A5 C4 01 0C 33 05 12 00 00 00 00 00 86 EB FF", 0x416, 0xEB),
    ("83 83 FE 05 38 01 C0 C0 45 FF", 0x2BC, 0x45),
    ("98 F7 FE 10 00 E6 37 02 83 9C FA 7F 3C FF", 0x4C5, 0x3C),
    ("98 F7 FE 35 00 E6 37 02 83 32 00 FA FF", 0x307, 0xFA),
    ("98 F7 FE 32 00 E6 37 02 83 32 00 FA 03 FF", 0x304, 0xFD),
    ("98 F7 FE 20 21 FA 7F FA 7F FA 7F FA 7F 83 5B FF", 0x7A6, 0x5B),
]

frames = st.builds(
    Frame,
    sender=st.integers(0, 0xFFFF),
    kind=st.sampled_from([FrameKind.SYNC.value, FrameKind.DATA.value]),
    number=st.integers(0, 127),
    payload=st.binary(min_size=1, max_size=40) | st.lists(st.integers(0xF9, 0xFF), min_size=1, max_size=12).map(bytes),
)


def _sum(wire: bytes, checksum_size: int) -> int:
    """Sum over kind, number and stuffed payload; the marker of a sync frame is left out."""
    summed = wire[2 : -1 - checksum_size]
    return sum(summed) - (0x55 if summed[0] == FrameKind.SYNC else 0)


@pytest.mark.parametrize(("text", "total", "value"), WORKED)
def test_worked_examples(text: str, total: int, value: int) -> None:
    wire = bytes.fromhex(text)
    received = dissect_frame(wire)
    assert (received.checksum, received.expected, received.good) == (value, value, True)
    assert _sum(wire, 2 if value > ESCAPE else 1) == total
    assert (1 - total) % 256 == value
    assert encode_frame(decode_frame(wire)) == wire


@pytest.mark.parametrize(("text", "total", "value"), WORKED)
def test_all_bytes_from_the_kind_on_add_up_to_zero(text: str, total: int, value: int) -> None:
    wire = bytes.fromhex(text)
    marker = 0x55 if wire[2] == FrameKind.SYNC else 0
    assert (sum(wire[2:]) - marker) % 256 == 0, (total, value)


def test_a_frame_taken_apart() -> None:
    received = dissect_frame(bytes.fromhex("98 F7 FE 10 00 E6 37 02 83 9C FA 7F 3C FF"))
    assert received.sender == SenderId.MK3
    assert received.kind == FrameKind.DATA
    assert received.number == 0x10
    assert received.payload == bytes.fromhex("00 E6 37 02 83 9C FF")
    assert received.unstuffed == bytes.fromhex("98 F7 FE 10 00 E6 37 02 83 9C FF 3C FF")
    assert (received.escapes, received.bad_escapes, received.stuffed) == (1, (), True)


# --- checksum FA..FF -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "tail"),
    [(0x36, "F9"), (0x35, "FA"), (0x34, "FA 01"), (0x33, "FA 02"), (0x32, "FA 03"), (0x31, "FA 04"), (0x30, "FA 05")],
)
def test_checksum_is_bare_up_to_fa_and_escaped_above(number: int, tail: str) -> None:
    frame = Frame(sender=0x98F7, kind=0xFE, number=number, payload=bytes.fromhex("00 E6 37 02 83 32 00"))
    wire = encode_frame(frame)
    assert wire[11:-1] == bytes.fromhex(tail)
    assert decode_frame(wire) == frame
    assert dissect_frame(wire).checksum == 0x12F - number
    assert len(dissect_frame(wire).unstuffed) == 13


def test_bare_fa_behind_an_escaped_byte_is_the_checksum() -> None:
    # FA 7A FA FF: the first FA belongs to the payload, the second is the checksum and eats no end byte.
    frame = next(
        frame
        for low in range(256)
        if encode_frame(frame := Frame(sender=0x8383, kind=0xFE, number=1, payload=bytes((low, 0xFA))))[-2] == ESCAPE
    )
    wire = encode_frame(frame)
    assert wire[-4:] == bytes.fromhex("FA 7A FA FF")
    assert decode_frame(wire) == frame


def test_the_two_traps_of_naive_decoders() -> None:
    bare = decode_frame(bytes.fromhex("98 F7 FE 03 00 E6 37 02 83 64 00 FA FF"))
    assert bare.payload[-2:] == b"\x64\x00"
    escaped = decode_frame(bytes.fromhex("98 F7 FE 03 00 E6 37 02 83 FA 7C FA 7F 6F FF"))
    assert int.from_bytes(escaped.payload[-2:], "little", signed=True) == -4


def test_fa_00_of_early_senders_is_read_and_not_written() -> None:
    early = bytes.fromhex("98 F7 FE 35 00 E6 37 02 83 32 00 FA 00 FF")
    frame = decode_frame(early)
    assert frame.payload == bytes.fromhex("00 E6 37 02 83 32 00")
    assert dissect_frame(early).checksum == ESCAPE
    assert encode_frame(frame) == early[:-2] + early[-1:]


# --- stuffing --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("byte", range(0xFA, 0x100))
def test_reserved_bytes_are_stuffed(byte: int) -> None:
    assert stuff(bytes((byte,))) == bytes((0xFA, 0x70 | byte & 0x0F))
    assert unstuff(bytes((0xFA, byte - 0x80))) == bytes((byte,))


def test_the_largest_plain_byte_is_not_stuffed() -> None:
    assert stuff(b"\xf9\x00\x7f") == b"\xf9\x00\x7f"


@pytest.mark.parametrize("data", ["FA", "01 FA", "FA 79", "FA 80", "FA FA 7A", "FA 01", "FA FF"])
def test_an_unexplained_escape_is_an_error(data: str) -> None:
    with pytest.raises(StuffingError, match="FA at byte"):
        unstuff(bytes.fromhex(data))


@given(st.binary())
def test_unstuff_undoes_stuff(payload: bytes) -> None:
    stuffed = stuff(payload)
    assert unstuff(stuffed) == payload
    assert END not in stuffed
    assert len(stuffed) == len(payload) + sum(byte >= ESCAPE for byte in payload)


# --- properties of whole frames --------------------------------------------------------------------------------------
@given(frames)
def test_decode_undoes_encode(frame: Frame) -> None:
    wire = encode_frame(frame)
    assert decode_frame(wire) == frame
    assert looks_like_frame(wire)
    assert wire.find(END, 4) == len(wire) - 1, "splitting at FF would cut this frame"


@given(frames)
def test_dissecting_agrees_with_decoding(frame: Frame) -> None:
    wire = encode_frame(frame)
    received = dissect_frame(wire)
    assert received.good
    assert received.wire == wire
    assert (received.sender, received.kind, received.number) == (frame.sender, frame.kind, frame.number)
    assert received.payload == frame.payload
    assert received.escapes == sum(byte >= ESCAPE for byte in frame.payload)
    assert len(received.unstuffed) == len(frame.payload) + 6


@given(st.binary(max_size=40))
def test_any_bytes_are_dissected_or_refused_with_an_error_of_ours(wire: bytes) -> None:
    try:
        received = dissect_frame(wire)
    except TruncatedError:
        assert len(wire) < MIN_FRAME or wire[-1] != END
        return
    assert received.unstuffed[:4] == wire[:4]
    assert received.unstuffed[-1] == END


@given(frames, st.data())
def test_a_flipped_bit_behind_the_ids_is_refused(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(encode_frame(frame))
    at = data.draw(st.integers(2, len(wire) - 1))
    wire[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FrameError):
        decode_frame(bytes(wire))


# --- errors ----------------------------------------------------------------------------------------------------------
def test_a_wrong_checksum_tells_both_numbers() -> None:
    with pytest.raises(ChecksumError, match="0x5b incorrect, should be 0x5a") as caught:
        decode_frame(bytes.fromhex("83 83 FE 3C 00 E6 87 5B FF"))
    assert (caught.value.expected, caught.value.got) == (0x5A, 0x5B)


def test_a_sync_checksum_that_counts_the_marker_is_wrong() -> None:
    with pytest.raises(ChecksumError) as caught:
        decode_frame(bytes.fromhex("83 83 FD 02 55 51 18 02 42 FF"))
    assert (caught.value.expected, caught.value.got) == (0x97, 0x42)


def test_a_sync_frame_without_marker_counts_all_bytes() -> None:
    assert checksum(bytes.fromhex("FD 02 54")) == (1 - 0xFD - 2 - 0x54) % 256
    assert checksum(bytes.fromhex("FD 02 55")) == (1 - 0xFD - 2) % 256
    assert checksum(bytes.fromhex("FE 02 55")) == (1 - 0xFE - 2 - 0x55) % 256


@pytest.mark.parametrize(
    "text", ["", "FF", "83 83 FE 01 00 FF", "83 83 FE 3C 00 E6 87 5A", "83 83 FE 3C 00 E6 87 5A FE"]
)
def test_short_or_unfinished_bytes_are_truncated(text: str) -> None:
    with pytest.raises(TruncatedError):
        decode_frame(bytes.fromhex(text))


@pytest.mark.parametrize("text", ["83 83 FC 3C 00 E6 87 5A FF", "83 83 FE 80 00 E6 87 5A FF"])
def test_a_header_of_no_frame_is_refused(text: str) -> None:
    with pytest.raises(FrameError, match="no sync or data frame"):
        decode_frame(bytes.fromhex(text))


def test_an_escape_of_no_rule_is_refused_and_its_place_told() -> None:
    wire = bytes.fromhex("83 83 FE 01 00 FA 20 E7 FF")
    assert dissect_frame(wire).bad_escapes == (5,)
    with pytest.raises(StuffingError, match="FA at byte 5"):
        decode_frame(wire)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(sender=0x10000, kind=0xFE, number=0, payload=b"\0"),
        Frame(sender=-1, kind=0xFE, number=0, payload=b"\0"),
        Frame(sender=0, kind=0x1FE, number=0, payload=b"\0"),
        Frame(sender=0, kind=0xFE, number=128, payload=b"\0"),
        Frame(sender=0, kind=0xFE, number=0, payload=b""),
    ],
    ids=["sender high", "sender low", "kind", "number", "empty"],
)
def test_what_does_not_fit_is_not_encoded(frame: Frame) -> None:
    with pytest.raises(EncodeError):
        encode_frame(frame)


# --- five-byte FB frames ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [0x00, 0x10, 0x7F])
def test_fb_frames(value: int) -> None:
    wire = bytes((0x00, 0xFB, value, 0x7F - value, 0xFF))
    assert FbFrame.has_pattern(wire)
    frame = FbFrame.parse(wire)
    assert frame == FbFrame.from_wire(wire)
    assert (frame.value, frame.complement, frame.complement_ok) == (value, 0x7F - value, True)
    assert frame.build() == wire


def test_fb_frame_with_a_wrong_complement_is_seen() -> None:
    wire = bytes.fromhex("00 FB 10 6E FF")
    assert FbFrame.has_pattern(wire)
    assert not FbFrame.parse(wire).complement_ok


@pytest.mark.parametrize(
    "text", ["00 FB 10 6F", "00 FA 10 6F FF", "01 FB 10 6F FF", "00 FB 10 6F 00 FF", "00 FB 10 6F FE"]
)
def test_what_is_no_fb_frame(text: str) -> None:
    assert not FbFrame.has_pattern(bytes.fromhex(text))
