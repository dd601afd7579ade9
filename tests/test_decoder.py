"""From chunks to records: nothing raises, nothing is lost, everything wrong is a finding."""

import gc
import tracemalloc
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.streams import (
    ADAPTER_INFO,
    ADAPTER_LEDS,
    ADAPTER_VERSION,
    BUS_REPLY,
    BUS_SYNC,
    LINKS,
    adapter,
    bus,
    corpus,
    cut_at,
    flip,
    frames,
    sized,
    streams,
)
from vebus_protocol.frame import FbFrame, ReceivedFrame
from vebus_protocol.schema import Direction, Link
from vebus_tools.decoder import Decoder, decode_chunks
from vebus_tools.dissection import dissect
from vebus_tools.records import Chunk, Finding, Group, Record, Severity
from vebus_tools.runner import dissections, survey
from vebus_tools.session import Session

DECODED = {Link.RS485: 400_000, Link.MK3: 600_000}
"""Bytes of each link that go through the whole way in every test run; `python -m tests.soak` goes on from there."""


def decoded(link: Link, parts: Iterable[bytes]) -> list[Record]:
    return list(decode_chunks([Chunk(data=part) for part in parts], link))


def assert_complete(records: Sequence[Record], data: bytes) -> None:
    """Numbers and offsets go on without a gap, and the records hold all bytes."""
    at = 0
    for number, record in enumerate(records, 1):
        assert (record.number, record.offset) == (number, at)
        at += len(record.wire)
    assert b"".join(record.wire for record in records) == data


def only(link: Link, wire: bytes) -> Record:
    (record,) = decoded(link, [wire])
    return record


# --- chunks and bytes ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("link", LINKS)
@settings(max_examples=50)
@given(data=st.data())
def test_any_chunking_gives_the_same_records(link: Link, data: st.DataObject) -> None:
    stream = data.draw(streams(link))
    records = decoded(link, [stream])
    assert_complete(records, stream)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    assert decoded(link, cut_at(stream, cuts)) == records
    assert decoded(link, sized(stream, 1)) == records


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("wire_link", LINKS)
def test_frames_of_either_link_are_survived_by_both(link: Link, wire_link: Link) -> None:
    stream = b"".join(frames(wire_link)) * 3
    records = decoded(link, [stream])
    assert_complete(records, stream)
    for record in records:
        dissect(record)


@pytest.mark.parametrize("link", LINKS)
def test_a_megabyte_of_damage_through_the_whole_way(link: Link) -> None:
    """Splitter, messages, session and dissection together: no exception, every byte in one record."""
    data = b"".join(corpus(link, DECODED[link], seed=3))
    session, at = Session(), 0
    for number, record in enumerate(decode_chunks([Chunk(data=part) for part in sized(data, 5000)], link), 1):
        assert (record.number, record.offset) == (number, at)
        assert data[at : at + len(record.wire)] == record.wire
        at += len(record.wire)
        context = session.observe(record)
        if number % 4 == 0 or record.findings:  # the walk over the declarations is the slow part
            assert dissect(record, context).info_column
    assert at == len(data)


@pytest.mark.parametrize("link", LINKS)
def test_two_passes_over_damage_see_the_same_records(link: Link) -> None:
    data = b"".join(corpus(link, 30_000, seed=4))
    known = survey([Chunk(data=data)], link)
    second = [found.record for found in dissections([Chunk(data=data)], link, knowledge=known)]
    assert second == decoded(link, sized(data, 1000))
    assert all(request < reply for request, reply in known.responses.items())
    assert not known.unanswered & known.responses.keys()


@pytest.mark.parametrize("link", LINKS)
def test_memory_does_not_grow_with_the_stream(link: Link) -> None:
    decoder = Decoder(link)
    blocks = list(corpus(link, 60_000, seed=5))
    tracemalloc.start()
    try:
        _run(decoder, blocks)
        before = _traced()
        _run(decoder, blocks)
        _run(decoder, (part for block in blocks[:2] for part in sized(block, 1)))
        grown = _traced() - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000


def _run(decoder: Decoder, parts: Iterable[bytes]) -> None:
    for part in parts:
        for _ in decoder.feed(Chunk(data=part)):
            pass


def _traced() -> int:
    gc.collect()  # Construct leaves cycles behind
    return tracemalloc.get_traced_memory()[0]


def test_nothing_in_nothing_out() -> None:
    for link in LINKS:
        assert decoded(link, []) == decoded(link, [b""]) == []


# --- streams in one capture ------------------------------------------------------------------------------------------
def test_interfaces_and_directions_are_streams_of_their_own() -> None:
    """Each half frame finds its other half on its own stream."""
    half, rest = ADAPTER_INFO[:7], ADAPTER_INFO[7:]
    ways: list[tuple[str, Direction | None]] = [
        ("a", Direction.TO_DEVICE),
        ("a", Direction.FROM_DEVICE),
        ("b", Direction.FROM_DEVICE),
        ("b", None),
    ]
    chunks = [
        Chunk(data=data, interface=interface, direction=direction)
        for data in (half, rest)
        for interface, direction in ways
    ]
    records = list(decode_chunks(chunks, Link.MK3))
    assert [record.wire for record in records] == [ADAPTER_INFO] * 4
    assert [(record.interface, record.number) for record in records] == [("a", 1), ("a", 2), ("b", 3), ("b", 4)]
    assert [record.direction for record in records[:2]] == [Direction.TO_DEVICE, Direction.FROM_DEVICE]


def test_a_chunk_may_name_its_own_link() -> None:
    chunks = [Chunk(data=BUS_SYNC), Chunk(data=ADAPTER_VERSION, link=Link.MK3), Chunk(data=BUS_REPLY)]
    records = list(decode_chunks(chunks, Link.RS485))
    assert [record.link for record in records] == [Link.RS485, Link.MK3, Link.RS485]
    assert not any(record.findings for record in records)


def test_whole_chunks_end_what_they_began() -> None:
    records = list(decode_chunks([Chunk(data=BUS_SYNC[:5], whole=True), Chunk(data=BUS_SYNC, whole=True)], Link.RS485))
    assert [(record.wire, record.frame is None) for record in records] == [(BUS_SYNC[:5], True), (BUS_SYNC, False)]


# --- findings --------------------------------------------------------------------------------------------------------
def test_a_good_frame_has_no_findings() -> None:
    for link in LINKS:
        for wire in frames(link):
            errors = [found for found in only(link, wire).findings if found.severity >= Severity.WARN]
            assert not errors, wire.hex(" ")


def test_skipped_bytes_are_a_finding() -> None:
    record = only(Link.RS485, b"\x01\x02\x03")
    assert record.frame is None
    text = "3 bytes skipped: cut off: no end byte"
    assert record.findings == (Finding(Severity.WARN, Group.MALFORMED, text, "vebus.resync"),)


@pytest.mark.parametrize(
    ("link", "wire", "abbrev"),
    [(Link.RS485, flip(BUS_REPLY, 57), "vebus.checksum"), (Link.MK3, flip(ADAPTER_VERSION, 40), "mk3.checksum")],
)
def test_a_bad_checksum_is_an_error_at_its_field(link: Link, wire: bytes, abbrev: str) -> None:
    assert only(link, wire).findings == (Finding(Severity.ERROR, Group.CHECKSUM, "Bad checksum", abbrev),)


def test_a_wrong_complement_shows_both_numbers() -> None:
    record = only(Link.RS485, bytes.fromhex("00 FB 10 6E FF"))
    assert isinstance(record.frame, FbFrame)
    (found,) = record.findings
    assert (found.severity, found.abbrev) == (Severity.ERROR, "vebus.fb.complement")
    assert found.text == "Complement 0x6e incorrect, should be 0x6f"


def test_a_value_above_7f_has_no_complement() -> None:
    (found,) = only(Link.RS485, bytes.fromhex("00 FB 90 6F FF")).findings
    assert found.text == "Complement 0x6f incorrect, a value above 0x7f has none"


def test_an_unexplained_escape_is_malformed() -> None:
    """Bare FA in the payload, with a checksum that is right for it."""
    body = bytes.fromhex("FE 03 38 FA 11")
    wire = b"\x83\x83" + body + bytes(((1 - sum(body)) & 0xFF, 0xFF))
    record = only(Link.RS485, wire)
    assert isinstance(record.frame, ReceivedFrame)
    assert record.frame.checksum_ok
    assert [
        (found.severity, found.group, found.abbrev) for found in record.findings if found.group != Group.UNDECODED
    ] == [(Severity.ERROR, Group.MALFORMED, "vebus.stuffed")]


@pytest.mark.parametrize(
    ("kind", "severity"), [(0xFE, Severity.ERROR), (0xFD, Severity.WARN)], ids=["data", "sync: only inferred"]
)
def test_a_byte_that_should_be_escaped_is_malformed(kind: int, severity: Severity) -> None:
    """A reserved byte stands for itself in the payload, or as the checksum, and the sum is right for it."""
    for inside in ("38 01 FD C0", "38 01 FB"):
        summed = bytes((kind, 3)) + bytes.fromhex(inside)
        wire = b"\x83\x83" + summed + bytes(((1 - sum(summed)) & 0xFF, 0xFF))
        found = only(Link.RS485, wire).findings
        byte = wire[6]
        text = f"Byte 0x{byte:02x} at wire byte 6 is not escaped"
        assert Finding(severity, Group.MALFORMED, text, "vebus.stuffed") in found
    summed = bytes((kind, 3)) + bytes.fromhex("38 01 01")
    summed += bytes(((1 - sum(summed) - 0xFC) & 0xFF,))
    record = only(Link.RS485, b"\x83\x83" + summed + b"\xfc\xff")
    assert isinstance(record.frame, ReceivedFrame)
    assert record.frame.checksum_ok
    assert (
        Finding(severity, Group.MALFORMED, "Byte 0xfc at wire byte 8 is not escaped", "vebus.stuffed")
        in record.findings
    )


def test_a_frame_of_unknown_kind_is_noted() -> None:
    record = only(Link.RS485, bus("01 02", kind=0xFC))
    assert Finding(Severity.NOTE, Group.UNDECODED, "Frame of unknown kind 0xfc", "vebus.type") in record.findings


def test_plain_checksum_where_the_second_rule_applies_is_said() -> None:
    texts = [(found.severity, found.text) for found in only(Link.MK3, bytes.fromhex("05 3F 07 00 00 00 B5")).findings]
    assert texts == [
        (Severity.WARN, "Plain checksum where the second rule applies"),
        (Severity.ERROR, "Bad checksum"),
    ]


def test_bytes_that_nobody_described_are_noted_with_their_number() -> None:
    (found,) = only(Link.RS485, bus("77 01 02 03")).findings
    assert found == Finding(Severity.NOTE, Group.UNDECODED, "3 bytes undecoded", "vebus.unknown")


def test_fill_bytes_are_no_finding() -> None:
    assert only(Link.MK3, adapter("FF 57 87 00 00")).findings == ()


# --- messages --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("link", LINKS)
def test_every_frame_has_messages_that_build_its_payload(link: Link) -> None:
    for wire in frames(link):
        record = only(link, wire)
        if isinstance(record.frame, FbFrame):
            assert record.chain == ()
            continue
        assert record.frame is not None
        first, *inner = [placed.message for placed in record.chain]
        assert first.build() == record.frame.payload
        for message in inner:
            assert first.rest.endswith(message.build())


def test_direction_comes_from_the_message_unless_the_capture_says_it() -> None:
    assert only(Link.MK3, ADAPTER_LEDS).direction is Direction.FROM_DEVICE
    assert only(Link.MK3, adapter("FF 58 30 04")).direction is Direction.TO_DEVICE
    assert only(Link.MK3, adapter("FF 41 00 00")).direction is Direction.BOTH
    told = Chunk(data=adapter("FF 41 00 00"), direction=Direction.TO_DEVICE, whole=True)
    assert [record.direction for record in decode_chunks([told], Link.MK3)] == [Direction.TO_DEVICE]


@pytest.mark.parametrize("link", LINKS)
@given(payload=st.binary(min_size=2, max_size=18))
def test_any_payload_has_a_chain(link: Link, payload: bytes) -> None:
    wire = bus(payload.hex()) if link is Link.RS485 else adapter(payload.hex())
    record = only(link, wire)
    assert record.chain
    assert record.wire == wire
