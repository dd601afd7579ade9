"""Splitters: any cutting gives the same pieces, every byte is accounted for, the next good frame is always found."""

import gc
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.streams import (
    ADAPTER_INFO,
    ADAPTER_LEDS,
    ADAPTER_RAW,
    ADAPTER_VERSION,
    BUS_BARE_FA,
    BUS_ESCAPES,
    BUS_FB,
    BUS_REPLY,
    BUS_SYNC,
    LINKS,
    RUNS,
    assert_accounted,
    corpus,
    cut_at,
    flip,
    frames,
    sized,
    split,
    streams,
)
from vebus_protocol.frame import MAX_WIRE_FRAME, FbFrame, Frame, ReceivedFrame, dissect_frame, encode_frame
from vebus_protocol.mk3 import Mk3Frame, ReceivedMk3Frame, encode_mk3_frame
from vebus_protocol.schema import Link
from vebus_tools.framing import MAX_SKIPPED, Mk3Splitter, Piece, Rs485Splitter, splitter_for

MEGABYTE = 1_000_000
CORPUS = {Link.RS485: 6 * MEGABYTE, Link.MK3: 4 * MEGABYTE}
"""Bytes of each link that every test run splits; `python -m tests.soak` goes on from there."""


def wires(pieces: Iterable[Piece]) -> list[bytes]:
    """The frames among the pieces, good or not."""
    return [piece.data for piece in pieces if piece.frame is not None]


def good(pieces: Iterable[Piece]) -> list[bytes]:
    """The frames that nothing is wrong with."""
    return [piece.data for piece in pieces if _is_good(piece)]


def _is_good(piece: Piece) -> bool:
    frame = piece.frame
    if isinstance(frame, FbFrame):
        return frame.complement_ok
    return frame.good if isinstance(frame, ReceivedFrame) else frame is not None and frame.checksum_ok


def skipped(pieces: Iterable[Piece]) -> list[tuple[bytes, str]]:
    """The bytes that belong to no frame, with the reasons."""
    return [(piece.data, piece.reason) for piece in pieces if piece.frame is None]


# --- chunking and accounting -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("link", LINKS)
@given(data=st.data())
def test_any_chunking_gives_the_same_pieces(link: Link, data: st.DataObject) -> None:
    stream = data.draw(streams(link))
    whole = split(link, [stream])
    assert_accounted(whole, stream)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    assert split(link, cut_at(stream, cuts)) == whole
    assert split(link, sized(stream, 1)) == whole


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("unit", RUNS, ids=bytes.hex)
@pytest.mark.parametrize("size", [1, 3, 127, 128, 129, 255, 256, 257, 1000])
def test_long_runs_are_cut_the_same(link: Link, unit: bytes, size: int) -> None:
    stream = BUS_REPLY + unit * size + ADAPTER_VERSION + BUS_REPLY + unit * 3
    whole = split(link, [stream])
    assert_accounted(whole, stream)
    for step in (1, 2, 63, 128, 250):
        assert split(link, sized(stream, step)) == whole


@pytest.mark.parametrize("link", LINKS)
@given(stream=st.binary(max_size=600))
@example(stream=b"\xff" * 300)
@example(stream=b"\x55" * 300)
def test_pure_noise_is_accounted_for(link: Link, stream: bytes) -> None:
    pieces = split(link, [stream])
    assert_accounted(pieces, stream)
    assert split(link, sized(stream, 1)) == pieces


@pytest.mark.parametrize("link", LINKS)
def test_ten_megabytes_of_damage(link: Link) -> None:
    """Both links together split 10 MB: no exception, every byte accounted for, the same when cut otherwise."""
    one, other = splitter_for(link), splitter_for(link)
    at = 0
    for block in corpus(link, CORPUS[link], seed=1):
        pieces = list(one.feed(block))
        for piece in pieces:
            assert piece.offset == at
            at += len(piece.data)
        if at < MEGABYTE:
            assert [piece for chunk in sized(block, 61) for piece in other.feed(chunk)] == pieces
    assert at + sum(len(piece.data) for piece in one.flush()) >= CORPUS[link]


def test_after_a_flush_a_splitter_goes_on_at_its_offset() -> None:
    for link, wire in ((Link.RS485, BUS_SYNC), (Link.MK3, ADAPTER_VERSION)):
        splitter = splitter_for(link)
        cut_off = [*splitter.feed(wire[:5]), *splitter.flush()]
        assert [(piece.offset, piece.data) for piece in cut_off] == [(0, wire[:5])]
        (piece,) = splitter.feed(wire)
        assert (piece.offset, piece.data) == (5, wire)


# --- memory ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("unit", [*RUNS, bytes(range(255))], ids=lambda unit: unit[:8].hex())
def test_pending_bytes_are_bounded_at_every_moment(link: Link, unit: bytes) -> None:
    splitter = splitter_for(link)
    assert isinstance(splitter, Rs485Splitter | Mk3Splitter)
    bound = 2 * MAX_WIRE_FRAME if link is Link.RS485 else 2 * 22
    for chunk in [*sized(unit * 300, 1), unit * 300]:
        for _ in splitter.feed(chunk):
            assert len(splitter._skipped._data) < MAX_SKIPPED + bound
        assert len(splitter._pending) < bound
        assert len(splitter._skipped._data) < MAX_SKIPPED


@pytest.mark.parametrize("link", LINKS)
def test_memory_does_not_grow_with_the_stream(link: Link) -> None:
    splitter = splitter_for(link)
    blocks = list(corpus(link, 200_000, seed=2))
    tracemalloc.start()
    try:
        for _ in splitter.feed(blocks[0]):
            pass
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for block in blocks:
            for _ in splitter.feed(block):
                pass
        gc.collect()  # Construct leaves cycles behind
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 10_000


# --- RS485: what is a frame ------------------------------------------------------------------------------------------
def test_every_good_frame_is_found_in_a_row() -> None:
    for link in LINKS:
        assert good(split(link, [b"".join(frames(link))])) == list(frames(link))


@pytest.mark.parametrize(("wire", "payload"), [(BUS_BARE_FA, "00e63702836400"), (BUS_ESCAPES, "00e6370283fcff")])
def test_checksum_fa_and_escapes_do_not_swallow_the_end(wire: bytes, payload: str) -> None:
    pieces = split(Link.RS485, [wire + wire])
    assert good(pieces) == [wire, wire]
    for piece in pieces:
        assert isinstance(piece.frame, ReceivedFrame)
        assert piece.frame.payload.hex() == payload


@pytest.mark.parametrize("wire", frames(Link.RS485), ids=lambda wire: wire[:9].hex())
def test_bus_frame_is_found_behind_every_damage(wire: bytes) -> None:
    for before in frames(Link.RS485)[:12]:
        for size in range(len(before)):  # a truncated frame in front
            assert good(split(Link.RS485, [before[:size] + wire])) == [wire], before[:size].hex()
        for size in range(1, len(before)):  # the rest of one: joined in the middle
            assert wire in good(split(Link.RS485, [before[size:] + wire]))
        for bit in range(8 * len(before)):
            assert good(split(Link.RS485, [flip(before, bit) + wire]))[-1:] == [wire]
    for unit in RUNS:
        assert good(split(Link.RS485, [unit * 200 + wire])) == [wire]


def test_leading_junk_is_skipped_bytes_of_its_own() -> None:
    junk = bytes.fromhex("12 34 56")
    pieces = split(Link.RS485, [junk + BUS_SYNC])
    assert skipped(pieces) == [(junk, "in front of a frame")]
    assert good(pieces) == [BUS_SYNC]


def test_the_frame_behind_junk_of_any_length_is_found() -> None:
    for size in (1, 100, 121, 122, 127, 128, 129, 255, 256, 257, 1000, 5000):
        pieces = split(Link.RS485, [b"\x11" * size + BUS_SYNC])
        assert good(pieces) == [BUS_SYNC], size


def test_a_cut_off_end_is_reported_as_such() -> None:
    pieces = split(Link.RS485, [BUS_SYNC + BUS_REPLY[:-1]])
    assert skipped(pieces) == [(BUS_REPLY[:-1], "cut off: no end byte")]


def test_endless_noise_without_an_end_byte_says_so() -> None:
    reasons = {reason for _, reason in skipped(split(Link.RS485, [b"\x11" * 1000]))}
    assert reasons == {f"no end byte in {MAX_WIRE_FRAME} bytes", "cut off: no end byte"}


def test_longest_frame_is_found() -> None:
    payload = bytes((0x7A,)) * (MAX_WIRE_FRAME - 6)
    wire = encode_frame(Frame(sender=0x8383, kind=0xFE, number=1, payload=payload))
    assert len(wire) == MAX_WIRE_FRAME
    assert good(split(Link.RS485, [wire])) == [wire]


def test_a_damaged_frame_stays_a_frame() -> None:
    damaged = flip(BUS_REPLY, 8 * 7)
    pieces = split(Link.RS485, [BUS_SYNC + damaged + BUS_SYNC])
    assert wires(pieces) == [BUS_SYNC, damaged, BUS_SYNC]
    assert good(pieces) == [BUS_SYNC, BUS_SYNC]


def test_a_damaged_frame_behind_junk_needs_a_known_sender() -> None:
    damaged = flip(BUS_REPLY, 8 * 7)
    assert wires(split(Link.RS485, [b"\x01\x02\x03" + damaged])) == [damaged]
    stranger = b"\x12\x34" + damaged[2:]
    assert wires(split(Link.RS485, [b"\x01\x02\x03" + stranger])) == []
    assert wires(split(Link.RS485, [stranger])) == [stranger]


def test_a_right_sum_over_two_frames_is_no_frame() -> None:
    """The first 12 bytes add up so that together with the frame behind them the checksum is right."""
    cut_off = bytes.fromhex("83 83 FE 68 E4 2B 46 C3 9C 68 31 BE")
    switch = bytes.fromhex("98 F7 FE 60 3F 07 00 00 00 5D FF")
    assert dissect_frame(cut_off + switch).checksum_ok
    assert wires(split(Link.RS485, [cut_off + switch])) == [switch]


def test_a_damaged_frame_behind_a_cut_off_one_is_the_last_one() -> None:
    damaged = flip(BUS_REPLY, 8 * 7)
    pieces = split(Link.RS485, [BUS_SYNC[:6] + damaged])
    assert skipped(pieces) == [(BUS_SYNC[:6], "in front of a frame")]
    assert wires(pieces) == [damaged]


def test_a_good_frame_wins_over_a_damaged_one_in_front() -> None:
    pieces = split(Link.RS485, [BUS_SYNC[:-1] + BUS_REPLY])  # the end byte was lost
    assert wires(pieces) == [BUS_REPLY]
    assert skipped(pieces) == [(BUS_SYNC[:-1], "in front of a frame")]


@pytest.mark.parametrize("text", ["00 FB 00 7F FF", "00 FB 10 6F FF", "00 FB 7F 00 FF"])
def test_five_byte_frames(text: str) -> None:
    wire = bytes.fromhex(text)
    pieces = split(Link.RS485, [BUS_SYNC + wire + BUS_SYNC])
    assert good(pieces) == [BUS_SYNC, wire, BUS_SYNC]


def test_five_byte_frame_with_a_wrong_complement_is_a_damaged_frame() -> None:
    wire = bytes.fromhex("00 FB 10 6E FF")
    pieces = split(Link.RS485, [wire])
    assert wires(pieces) == [wire]
    assert good(pieces) == []


@pytest.mark.parametrize("junk", [b"\x12", BUS_SYNC[:-1], BUS_REPLY[:6], b"\x11" * 300])
def test_five_byte_frame_behind_junk(junk: bytes) -> None:
    assert good(split(Link.RS485, [junk + BUS_FB])) == [BUS_FB]


@pytest.mark.parametrize("kind", [0xFB, 0xFC])
def test_frame_of_a_reserved_kind_is_taken_from_any_sender_when_its_sum_is_right(kind: int) -> None:
    wire = encode_frame(Frame(sender=0x4C42, kind=kind, number=3, payload=b"\x01\x02"))
    assert good(split(Link.RS485, [wire + BUS_SYNC])) == [wire, BUS_SYNC]
    assert good(split(Link.RS485, [flip(wire, 8 * 5) + BUS_SYNC])) == [BUS_SYNC]


def test_frame_of_any_other_kind_needs_a_known_sender() -> None:
    known = encode_frame(Frame(sender=0x8383, kind=0x20, number=3, payload=b"\x01\x02"))
    stranger = encode_frame(Frame(sender=0x1234, kind=0x20, number=3, payload=b"\x01\x02"))
    assert wires(split(Link.RS485, [known])) == [known]
    assert wires(split(Link.RS485, [stranger])) == []


@given(
    sender=st.sampled_from([0x8383, 0x98F7, 0x4C42, 0x0000]),
    number=st.integers(0, 127),
    payload=st.binary(min_size=1, max_size=40),
)
def test_every_frame_that_can_be_built_is_found(sender: int, number: int, payload: bytes) -> None:
    wire = encode_frame(Frame(sender=sender, kind=0xFE, number=number, payload=payload))
    assert good(split(Link.RS485, [BUS_SYNC[:4] + wire])) == [wire]


# --- MK2/MK3: what is a frame ----------------------------------------------------------------------------------------
def hidden_by_chance(link: Link, damage: bytes, wire: bytes) -> bool:
    """Whether a frame behind damage is not found; then only because damage and its first bytes sum up as a frame."""
    pieces = split(link, [damage + wire + ADAPTER_VERSION])
    if good(pieces)[-2:] == [wire, ADAPTER_VERSION]:
        return False
    (across,) = [piece for piece in pieces if piece.offset < len(damage) < piece.offset + len(piece.data)]
    assert isinstance(across.frame, ReceivedMk3Frame)
    assert across.frame.checksum_ok or across.frame.plain_instead
    return True


@pytest.mark.parametrize("before", [ADAPTER_VERSION, ADAPTER_LEDS, ADAPTER_INFO, ADAPTER_RAW], ids=bytes.hex)
def test_adapter_frame_is_found_behind_every_damage(before: bytes) -> None:
    """A checksum of one byte lets 1 in 256 starts pass by chance; nothing else may hide a frame."""
    cut_off = [before[:size] for size in range(len(before))]
    flipped = [flip(before, bit) for bit in range(8 * len(before))]
    found = [hidden_by_chance(Link.MK3, damage, wire) for damage in (*cut_off, *flipped) for wire in frames(Link.MK3)]
    assert sum(found) / len(found) < 1 / 256
    for size in range(len(before)):  # never more than the one frame
        assert good(split(Link.MK3, [before[:size] + ADAPTER_VERSION * 2]))[-1] == ADAPTER_VERSION


@pytest.mark.parametrize("unit", [b"\x55", b"\x00", b"\xff", b"\xfa", b"\x14"], ids=bytes.hex)
def test_adapter_frame_is_found_behind_long_runs(unit: bytes) -> None:
    for wire in frames(Link.MK3):
        assert good(split(Link.MK3, [unit * 200 + wire + ADAPTER_VERSION])) == [wire, ADAPTER_VERSION]


def test_a_cut_off_frame_does_not_take_the_next_one_with_it() -> None:
    """07 FF 56 24 DB + 02 FF 56 A9 has the length of one V frame, and a good frame follows at once."""
    request = bytes.fromhex("02 FF 56 A9")
    pieces = split(Link.MK3, [ADAPTER_VERSION[:5] + request + ADAPTER_VERSION])
    assert wires(pieces) == [request, ADAPTER_VERSION]


def test_stray_55_bytes_are_told_apart_from_noise() -> None:
    pieces = split(Link.MK3, [b"\x55" * 5 + ADAPTER_VERSION + b"\x55" + ADAPTER_INFO])
    assert good(pieces) == [ADAPTER_VERSION, ADAPTER_INFO]
    assert skipped(pieces) == [(b"\x55" * 5, "stray 0x55"), (b"\x55", "stray 0x55")]


def test_stray_55_and_noise_are_separate_pieces() -> None:
    pieces = split(Link.MK3, [b"\x55\x55\x01\x01" + ADAPTER_VERSION])
    assert skipped(pieces) == [(b"\x55\x55", "stray 0x55"), (b"\x01\x01", "no frame")]


def test_frame_with_appended_leds() -> None:
    (piece,) = split(Link.MK3, [ADAPTER_LEDS])
    assert isinstance(piece.frame, ReceivedMk3Frame)
    assert piece.frame.leds == (0x01, 0x08)
    assert piece.frame.payload.hex() == "ff5628db110000"


def test_surplus_00_inside_a_frame_is_its_data_and_between_frames_noise() -> None:
    padded = bytes.fromhex("05 FF 41 01 00 00 BA")
    assert good(split(Link.MK3, [padded])) == [padded]
    pieces = split(Link.MK3, [ADAPTER_VERSION + b"\x00" + ADAPTER_INFO])
    assert good(pieces) == [ADAPTER_VERSION, ADAPTER_INFO]
    assert skipped(pieces) == [(b"\x00", "no frame")]


@pytest.mark.parametrize("following", [ADAPTER_INFO, ADAPTER_LEDS, ADAPTER_RAW, bytes.fromhex("02 FF 53 AC"), b""])
def test_a_bad_checksum_between_good_frames_stays_a_frame(following: bytes) -> None:
    damaged = flip(ADAPTER_VERSION, 8 * 4)
    pieces = split(Link.MK3, [ADAPTER_INFO + damaged + following])
    assert wires(pieces) == [frame for frame in (ADAPTER_INFO, damaged, following) if frame]
    assert damaged not in good(pieces)


def test_a_bad_checksum_in_front_of_a_plain_one_stays_a_frame() -> None:
    damaged, plain = flip(ADAPTER_VERSION, 8 * 4), bytes.fromhex("05 3F 07 00 00 00 B5")
    assert wires(split(Link.MK3, [damaged + plain + ADAPTER_INFO])) == [damaged, plain, ADAPTER_INFO]


def test_a_bad_checksum_in_front_of_noise_is_noise() -> None:
    damaged = flip(ADAPTER_VERSION, 8 * 4)
    assert wires(split(Link.MK3, [damaged + b"\x01\x01\x01" + ADAPTER_INFO])) == [ADAPTER_INFO]


def test_plain_checksum_where_the_second_rule_applies_is_a_frame() -> None:
    wire = bytes.fromhex("05 3F 07 00 00 00 B5")
    (piece,) = split(Link.MK3, [wire])
    assert isinstance(piece.frame, ReceivedMk3Frame)
    assert piece.frame.plain_instead
    assert not piece.frame.checksum_ok


@given(first=st.integers(0, 255), rest=st.binary(min_size=1, max_size=17), leds=st.none() | st.just((1, 8)))
def test_every_adapter_frame_that_can_be_built_is_found_in_step(
    first: int, rest: bytes, leds: tuple[int, int] | None
) -> None:
    wire = encode_mk3_frame(Mk3Frame(payload=bytes((first,)) + rest, leds=leds))
    assert good(split(Link.MK3, [ADAPTER_VERSION + wire + ADAPTER_VERSION])) == [ADAPTER_VERSION, wire, ADAPTER_VERSION]


def test_out_of_step_an_undescribed_type_is_not_believed() -> None:
    wire = encode_mk3_frame(Mk3Frame(payload=b"\x77\x01\x02"))
    assert wires(split(Link.MK3, [wire])) == [wire]
    assert wires(split(Link.MK3, [b"\x01" + wire + ADAPTER_VERSION])) == [ADAPTER_VERSION]


@pytest.mark.parametrize("size", [0, 1, 21, 22, 84, 127])
def test_lengths_that_no_frame_has(size: int) -> None:
    wire = bytes((size,)) + b"\x20" * size
    wire += bytes((-sum(wire) & 0xFF,))
    assert wire not in wires(split(Link.MK3, [wire + ADAPTER_VERSION]))
