"""The MK2/MK3 envelope: both checksum rules of mk3.md 2, the form with appended LEDs, and inverses by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vebus_protocol.errors import ChecksumError, EncodeError, FrameError, TruncatedError
from vebus_protocol.mk3 import (
    LED_FLAG,
    MAX_PAYLOAD,
    SECOND_RULE_TYPES,
    Mk3Frame,
    Mk3Header,
    decode_mk3_frame,
    dissect_mk3_frame,
    encode_mk3_frame,
    plain_checksum,
    second_checksum,
)

# Frame, and what the plain sum would give in place of its last byte (mk3.md 2.3).
SECOND_RULE = [
    ("06 21 FF FF FF FF 80 4D", 0x5D),
    ("06 21 FF FF FF FF 83 4A", 0x5A),
    ("06 21 00 00 00 00 00 C7", 0xD9),
    ("05 3F 00 11 00 00 A7", 0xAB),
    ("05 3F 07 00 00 00 C2", 0xB5),
    ("05 3F 04 00 00 00 C5", 0xB8),
    ("05 38 04 6C 00 00 0A", 0x53),
]
# Examples in the text of mk3.md 2.1, 2.4, 3, 4 and 5.4.
PLAIN_RULE = [
    "02 FF 56 A9",
    "05 FF 41 01 00 00 BA",
    "02 FF 4E B1",
    "02 FF 53 AC",
    "0F 20 01 01 01 09 08 EC 5A 5F FF EC 5A 08 00 C3 08",
]

_any_payload = st.binary(min_size=1, max_size=MAX_PAYLOAD - 2)
_host_payload = st.tuples(st.sampled_from(sorted(SECOND_RULE_TYPES)), st.binary(max_size=8)).map(
    lambda parts: bytes((parts[0],)) + parts[1]
)
frames = st.builds(
    Mk3Frame,
    payload=_any_payload | _host_payload,
    leds=st.none() | st.tuples(st.integers(0, 255), st.integers(0, 255)),
)


# --- the two checksum rules ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "plain"), SECOND_RULE)
def test_second_rule(text: str, plain: int) -> None:
    wire = bytes.fromhex(text)
    assert second_checksum(wire[:-1]) == wire[-1]
    assert plain_checksum(wire[:-1]) == plain
    received = dissect_mk3_frame(wire)
    assert (received.second_rule, received.checksum_ok, received.plain_instead) == (True, True, False)
    assert encode_mk3_frame(decode_mk3_frame(wire)) == wire


@pytest.mark.parametrize(("text", "plain"), SECOND_RULE)
def test_plain_sum_in_place_of_the_second_rule_is_told_apart(text: str, plain: int) -> None:
    wire = bytes.fromhex(text)[:-1] + bytes((plain,))
    received = dissect_mk3_frame(wire)
    assert (received.checksum_ok, received.plain_instead) == (False, True)
    with pytest.raises(ChecksumError) as caught:
        decode_mk3_frame(wire)
    assert (caught.value.expected, caught.value.got) == (bytes.fromhex(text)[-1], plain)


@pytest.mark.parametrize("text", PLAIN_RULE)
def test_plain_rule(text: str) -> None:
    wire = bytes.fromhex(text)
    assert sum(wire) % 256 == 0
    assert not dissect_mk3_frame(wire).second_rule
    assert encode_mk3_frame(decode_mk3_frame(wire)) == wire


@given(st.binary(min_size=1, max_size=24))
def test_second_rule_counts_three_bytes_as_eleven_hex_times_their_nibbles(summed: bytes) -> None:
    other_view = sum(0x11 * ((byte >> 4) + (byte & 15)) if at in (1, 3, 5) else byte for at, byte in enumerate(summed))
    assert second_checksum(summed) == -other_view % 256


# --- appended LEDs ---------------------------------------------------------------------------------------------------
def test_appended_leds_follow_the_payload() -> None:
    frame = decode_mk3_frame(bytes.fromhex("89 FF 56 28 DB 11 00 00 01 08 05"))
    assert frame == Mk3Frame(payload=bytes.fromhex("FF 56 28 DB 11 00 00"), leds=(0x01, 0x08))


def test_length_counts_the_appended_leds() -> None:
    wire = encode_mk3_frame(Mk3Frame(payload=bytes.fromhex("FF 58 86 A0 05"), leds=(0x1F, 0x1F)))
    assert wire[0] == 0x87
    assert Mk3Header.parse(wire[:1]).build() == b"\x87"
    assert sum(wire) % 256 == 0


@pytest.mark.parametrize("text", ["82 01 08 75", "81 01 7E"])
def test_leds_without_payload_are_refused(text: str) -> None:
    wire = bytes.fromhex(text)
    with pytest.raises(FrameError, match="no payload in front of the appended LED bytes"):
        decode_mk3_frame(wire)


# --- properties ------------------------------------------------------------------------------------------------------
@given(frames)
def test_decode_undoes_encode(frame: Mk3Frame) -> None:
    wire = encode_mk3_frame(frame)
    assert decode_mk3_frame(wire) == frame
    assert bool(wire[0] & LED_FLAG) == (frame.leds is not None)
    assert len(wire) == (wire[0] & 0x7F) + 2


@given(frames)
def test_dissecting_agrees_with_decoding(frame: Mk3Frame) -> None:
    wire = encode_mk3_frame(frame)
    received = dissect_mk3_frame(wire)
    assert (received.wire, received.payload, received.leds) == (wire, frame.payload, frame.leds)
    assert received.checksum_ok
    assert received.checksum == wire[-1]


@given(st.binary(max_size=30))
def test_any_bytes_are_dissected_or_refused_with_an_error_of_ours(wire: bytes) -> None:
    try:
        received = dissect_mk3_frame(wire)
    except FrameError:
        return
    tail = b"" if received.leds is None else bytes(received.leds)
    assert bytes((wire[0],)) + received.payload + tail + bytes((received.checksum,)) == wire


@given(frames, st.data())
def test_a_flipped_bit_is_refused_or_changes_the_rule(frame: Mk3Frame, data: st.DataObject) -> None:
    wire = bytearray(encode_mk3_frame(frame))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = decode_mk3_frame(bytes(wire))
    except FrameError:
        return
    # Only a flip in the first payload byte can come through: it may choose the other checksum rule.
    assert at == 1
    assert found.payload[0] != frame.payload[0]
    assert (found.payload[0] in SECOND_RULE_TYPES) != (frame.payload[0] in SECOND_RULE_TYPES)


# --- errors ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["", "02", "02 FF"])
def test_short_bytes_are_truncated(text: str) -> None:
    with pytest.raises(TruncatedError):
        decode_mk3_frame(bytes.fromhex(text))


@pytest.mark.parametrize("text", ["03 FF 56 A9", "02 FF 56 A9 00", "00 FF 01"])
def test_a_length_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(FrameError, match="length byte says"):
        decode_mk3_frame(bytes.fromhex(text))


def test_a_wrong_checksum_tells_both_numbers() -> None:
    with pytest.raises(ChecksumError, match="0xd2 incorrect, should be 0x69") as caught:
        decode_mk3_frame(bytes.fromhex("05 FF 58 86 34 81 D2"))
    assert (caught.value.expected, caught.value.got) == (0x69, 0xD2)


@pytest.mark.parametrize(
    "frame",
    [
        Mk3Frame(payload=b""),
        Mk3Frame(payload=b"", leds=(0, 0)),
        Mk3Frame(payload=bytes(MAX_PAYLOAD + 1)),
        Mk3Frame(payload=bytes(MAX_PAYLOAD - 1), leds=(0, 0)),
        Mk3Frame(payload=b"\xff\x56", leds=(256, 0)),
        Mk3Frame(payload=b"\xff\x56", leds=(0, -1)),
    ],
    ids=["empty", "only LEDs", "too long", "too long with LEDs", "LED byte high", "LED byte low"],
)
def test_what_does_not_fit_is_not_encoded(frame: Mk3Frame) -> None:
    with pytest.raises(EncodeError):
        encode_mk3_frame(frame)


def test_the_longest_payload_is_encoded() -> None:
    assert encode_mk3_frame(Mk3Frame(payload=b"\xff" * MAX_PAYLOAD))[0] == MAX_PAYLOAD
