"""Every vector decodes to its stated fields and encodes back to the same bytes; every registered message has one.

What a key of the shared files means is written once, in `vector_keys`: a key without an entry there fails.
"""

from collections.abc import Iterable

import pytest

from tests.vector_files import Heard, Vector, declared_vectors, heard, rebuilt, shared_vectors
from tests.vector_keys import MK3_KEYS, RS485_KEYS
from vebus_protocol.errors import ChecksumError
from vebus_protocol.frame import FbFrame, ReceivedFrame, decode_frame, encode_frame
from vebus_protocol.mk3 import ReceivedMk3Frame, decode_mk3_frame, encode_mk3_frame
from vebus_protocol.registry import ENVELOPES, MESSAGES, Unknown, UnknownSync, direction_of
from vebus_protocol.schema import Direction, Evidence, Link, Message
from vebus_tools.decoder import decode_chunks
from vebus_tools.records import Chunk, Group, Record

KEYS = {Link.RS485: RS485_KEYS, Link.MK3: MK3_KEYS}
SHARED = [*shared_vectors(Link.RS485), *shared_vectors(Link.MK3)]
DECLARED = declared_vectors()
ALL = [*SHARED, *DECLARED]
GOOD = [vector for vector in ALL if vector.good or vector.is_fb]
WITH_CHECKSUM = [vector for vector in GOOD if not vector.is_fb]
BAD = [vector for vector in SHARED if not vector.good and not vector.is_fb]

# Checksum that should be there and the one that is, for each damaged vector.
DAMAGE = {
    "bad-checksum-e4": (0x1B, 0x1A),
    "bad-checksum-stuffed": (0x3C, 0x38),
    "bad-sync-checksum-including-55": (0x97, 0x42),
    "x-setting-reply-bad-checksum": (0x69, 0xD2),
}


def cases(vectors: Iterable[Vector]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", [pytest.param(one, id=f"{one.link.value}-{one.name}") for one in vectors])


def _heard(vector: Vector) -> Heard:
    """The frame, and the messages that came before it in the same exchange."""
    exchange = vector.facts.get("exchange")
    before = [
        one
        for one in SHARED
        if exchange and one.facts.get("exchange") == exchange and one.facts["seq"] < vector.facts["seq"]
    ]
    return heard(vector, tuple(message for one in before for message in heard(one).messages))


def _agrees(found: object, stated: object) -> bool:
    """Equal; floats as exactly as the vector states them, at least to two decimals."""
    if isinstance(stated, float) and isinstance(found, int | float):
        text = f"{stated:.15f}".rstrip("0") if "e" in repr(stated) else repr(stated)
        decimals = max(2, len(text.partition(".")[2]))
        return abs(found - stated) <= 0.5 * 10.0**-decimals + 1e-12
    return found == stated and isinstance(found, bool) == isinstance(stated, bool)


# --- fields ----------------------------------------------------------------------------------------------------------
@cases(SHARED)
def test_stated_fields(vector: Vector) -> None:
    found, keys = _heard(vector), KEYS[vector.link]
    unread = vector.fields.keys() - keys.keys()
    assert not unread, f"no reader for {unread}"
    wrong = {
        key: (read, stated) for key, stated in vector.fields.items() if not _agrees(read := keys[key](found), stated)
    }
    assert not wrong, f"key: (decoded, stated) {wrong}"


@pytest.mark.parametrize("link", list(Link))
def test_every_reader_is_used(link: Link) -> None:
    stated = {key for vector in shared_vectors(link) for key in vector.fields}
    assert KEYS[link].keys() == stated


@cases(DECLARED)
def test_declared_fields(vector: Vector) -> None:
    found = heard(vector)
    message = next(one for one in found.messages if type(one).__name__ == vector.message)
    assert vector.fields.keys() == set(message.names()) - _constants(message)
    for name, stated in vector.fields.items():
        assert _plain(getattr(message, name)) == stated, name
    for name, stated in vector.values.items():
        assert _agrees(found.value(name), stated), name


def _constants(message: Message) -> set[str]:
    """Names that say nothing new: telling bytes, fields that the frame leaves out, and an empty rest."""
    constant = {spec.name for spec in message.FIELDS if spec.constant is not None}
    absent = {name for name in message.names() if getattr(message, name) is None}
    return constant | absent | ({"rest"} if message.INFO.carries or not message.rest else set())


def _plain(value: object) -> object:
    """A raw value as TOML writes it."""
    if isinstance(value, bytes):
        return value.hex(" ").upper()
    return list(value) if isinstance(value, tuple) else value


@cases(one for one in SHARED if "payload_hex_destuffed" in one.facts)
def test_unstuffed_form(vector: Vector) -> None:
    frame = heard(vector).bus
    assert frame.payload == bytes.fromhex(vector.facts["payload_hex_destuffed"])
    assert len(frame.unstuffed) == vector.facts["length_destuffed"]


@cases(one for one in SHARED if one.link is Link.MK3)
def test_checksum_rule(vector: Vector) -> None:
    rule = {False: "sum-zero", True: "raw-vebus"}[heard(vector).adapter.second_rule]
    assert rule == vector.facts["checksum_rule"]


@cases(one for one in SHARED if not one.is_fb)
def test_direction_is_not_contradicted(vector: Vector) -> None:
    expected = Direction.TO_DEVICE if vector.from_host else Direction.FROM_DEVICE
    assert direction_of(heard(vector).chain) in (Direction.BOTH, expected)


# --- bytes -----------------------------------------------------------------------------------------------------------
@cases(WITH_CHECKSUM)
def test_strict_decoding_accepts_it(vector: Vector) -> None:
    if vector.link is Link.RS485:
        assert encode_frame(decode_frame(vector.wire)) == vector.wire
    else:
        assert encode_mk3_frame(decode_mk3_frame(vector.wire)) == vector.wire


@cases(GOOD)
def test_built_from_its_messages_it_is_the_same_bytes(vector: Vector) -> None:
    assert rebuilt(heard(vector)) == vector.wire


@cases(GOOD)
def test_every_byte_belongs_to_a_field_or_to_the_rest(vector: Vector) -> None:
    for placed in heard(vector).chain:
        size = sum(span.size for span in placed.message.spans())
        assert size + len(placed.message.rest) == len(placed.message.build())


# --- damaged vectors -------------------------------------------------------------------------------------------------
def test_the_table_of_damage_is_complete() -> None:
    assert DAMAGE.keys() == {vector.name for vector in BAD}


@cases(BAD)
def test_damage_is_reported_with_both_sums(vector: Vector) -> None:
    decode = decode_frame if vector.link is Link.RS485 else decode_mk3_frame
    with pytest.raises(ChecksumError) as caught:
        decode(vector.wire)
    assert (caught.value.expected, caught.value.got) == DAMAGE[vector.name]


@cases(BAD)
def test_damage_is_a_finding_of_the_stream_and_its_neighbours_are_read(vector: Vector) -> None:
    neighbour = next(one for one in WITH_CHECKSUM if one.link is vector.link)
    stream = neighbour.wire + vector.wire + neighbour.wire
    records = _records(stream, vector.link, whole=False)
    assert b"".join(record.wire for record in records) == stream
    assert [record.wire for record in (records[0], records[-1])] == [neighbour.wire] * 2
    assert not _reported(records[:1])
    assert not _reported(records[-1:])
    assert _reported(records[1:-1])


# --- single-bit flips ------------------------------------------------------------------------------------------------
def _records(data: bytes, link: Link, *, whole: bool = True) -> list[Record]:
    return list(decode_chunks([Chunk(data=data, whole=whole)], link))


def _reported(records: list[Record]) -> bool:
    """Whether the decoder says that something is wrong: bytes of no frame, a wrong checksum, a wrong escape."""
    groups = {finding.group for record in records for finding in record.findings}
    return any(record.frame is None for record in records) or bool(groups & {Group.CHECKSUM, Group.MALFORMED})


def _flips(wire: bytes) -> Iterable[tuple[int, int, bytes]]:
    for at in range(len(wire)):
        for bit in range(8):
            yield at, bit, wire[:at] + bytes((wire[at] ^ 1 << bit,)) + wire[at + 1 :]


def _differs_where_no_checksum_protects(vector: Vector, at: int, records: list[Record]) -> bool:
    """Another sender or another type is what the reader sees.

    The ids of an RS485 frame are not summed.  The first payload byte of an MK2/MK3 frame chooses the rule of the sum:
    21 and 31 in front of FF FF FF FF happen to give the same one.
    """
    (record,) = records
    if isinstance(record.frame, ReceivedFrame) and at in (0, 1):
        return record.frame.sender != int.from_bytes(vector.wire[:2], "big")
    if isinstance(record.frame, ReceivedMk3Frame) and at == 1:
        was = heard(vector).adapter
        return record.frame.payload[0] != was.payload[0] and record.frame.second_rule != was.second_rule
    return False


@cases(GOOD)
def test_an_undamaged_frame_is_one_record_without_complaint(vector: Vector) -> None:
    records = _records(vector.wire, vector.link)
    assert [record.wire for record in records] == [vector.wire]
    assert not _reported(records)


@cases(GOOD)
def test_no_single_bit_flip_is_accepted_silently(vector: Vector) -> None:
    silent = []
    for at, bit, damaged in _flips(vector.wire):
        records = _records(damaged, vector.link)
        assert b"".join(record.wire for record in records) == damaged
        if not _reported(records) and not _differs_where_no_checksum_protects(vector, at, records):
            silent.append(f"byte {at} bit {bit}: {damaged.hex(' ')}")
    assert not silent


# --- coverage --------------------------------------------------------------------------------------------------------
def test_every_registered_message_has_a_vector() -> None:
    shown = {type(message) for vector in GOOD for message in heard(vector).messages}
    missing = [declared.__name__ for declared in (*MESSAGES, Unknown, UnknownSync) if declared not in shown]
    assert not missing


def test_declared_vectors_add_only_what_the_shared_files_lack() -> None:
    shown = {type(message).__name__ for vector in SHARED for message in heard(vector).messages}
    assert not shown & {vector.message for vector in DECLARED}


def test_envelopes_are_all_in_use() -> None:
    kinds = {type(heard(vector).frame) for vector in GOOD}
    assert kinds == {ReceivedFrame, FbFrame, ReceivedMk3Frame}
    assert FbFrame in ENVELOPES


@cases(DECLARED)
def test_declared_vectors_claim_no_capture(vector: Vector) -> None:
    assert vector.facts["source"].startswith("built from rule: ")
    assert vector.facts["evidence"] in {level.value for level in Evidence}
