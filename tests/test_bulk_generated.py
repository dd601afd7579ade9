"""Code generated from the declarations against the reference: messages, values, summaries, and what is refused."""

from random import Random
from typing import Any

import pytest

from tests.damaged_streams import seeded, stream_of
from tests.test_vectors import ALL
from tests.vector_files import Vector
from vebus_protocol.frame import Frame, dissect_frame, encode_frame
from vebus_protocol.mk3 import Mk3Frame, dissect_mk3_frame, encode_mk3_frame
from vebus_protocol.registry import MESSAGES, decode_payload
from vebus_protocol.schema import INFERRED, U8, Layout, Link, Message, Shape, Space, computed, field, message
from vebus_tools.decoder import decode_chunks, decode_frame_chain
from vebus_tools.dissection import dissect
from vebus_tools.field_nodes import FieldNodes
from vebus_tools.framing import Rs485Splitter
from vebus_tools.generated import DerivationError, quick_chain, quick_dissect, reader_of, stream_values
from vebus_tools.nodes import Dissection
from vebus_tools.records import Chunk
from vebus_tools.session import NO_CONTEXT, Session

ENDS = {Link.RS485: 12, Link.MK3: 8}


def payloads(declared: type[Message], random: Random) -> list[bytes]:
    """Random payloads of a message, at every length up to a few bytes more than it needs."""
    found = []
    for length in range(declared.SIZE, declared.SIZE + 8):
        data = bytearray(random.choice((random.randbytes(length), bytes(length), b"\xff" * length)))
        for at, values in declared.INFO.match.items():
            data[at : at + 1] = bytes((random.choice(sorted(values)),))
        for spec in declared.FIELDS:
            if spec.constant is not None:
                data[spec.offset] = spec.constant
        found.append(bytes(data[:length]))
    return found


def walked(found: Message) -> dict[str, Any]:
    """What the reference says of every field; repeated fields as a list."""
    values: dict[str, list[Any]] = {}
    for node in FieldNodes(found, NO_CONTEXT, 0).nodes():
        for one in node.walk():
            values.setdefault(one.abbrev, []).append(one.value)
    return {abbrev: several if len(several) > 1 else several[0] for abbrev, several in values.items()}


@pytest.mark.parametrize("declared", MESSAGES, ids=lambda declared: declared.__name__)
def test_every_message_is_read_like_the_reference_reads_it(declared: type[Message]) -> None:
    random = seeded(declared.__name__)
    for _ in range(5):
        for payload in payloads(declared, random):
            reader = reader_of(declared, len(payload))  # type: ignore[arg-type]  # mypy asks the instances for a hash
            found = declared.parse(payload)
            assert reader.make(payload) == found
            assert reader.values(payload, NO_CONTEXT) == walked(found), reader.source


@pytest.mark.parametrize("declared", MESSAGES, ids=lambda declared: declared.__name__)
def test_every_message_has_a_generated_summary(declared: type[Message]) -> None:
    assert reader_of(declared, declared.SIZE + 2).summary is not None  # type: ignore[arg-type]  # see above


def test_the_source_can_be_read() -> None:
    source = reader_of(MESSAGES[0], MESSAGES[0].SIZE).source  # type: ignore[arg-type]  # see above
    assert source.startswith("# SyncFrame, 4 bytes\ndef make(p):\n")
    assert "time * 9 / 100:.3f" in source


@pytest.mark.parametrize("vector", [pytest.param(one, id=f"{one.link.value}-{one.name}") for one in ALL])
def test_vectors(vector: Vector) -> None:
    for record in decode_chunks([Chunk(data=vector.wire, whole=True)], vector.link):
        assert quick_chain(record.frame) == decode_frame_chain(record.frame) == record.chain
        assert quick_dissect(record) == dissect(record) or same(quick_dissect(record), dissect(record))


def same(quick: Dissection, reference: Dissection) -> bool:
    """Whether two dissections agree in everything that they tell."""
    names = ("record", "source", "destination", "protocol", "info", "remarks", "findings", "blocks")
    return all(getattr(quick, name) == getattr(reference, name) for name in names)


@pytest.mark.parametrize("seed", range(6))
def test_streams_with_history(seed: int) -> None:
    data = stream_of(seeded(seed), 15_000)
    session = Session()
    for record in decode_chunks([Chunk(data=data)], Link.RS485):
        context = session.observe(record)
        assert quick_chain(record.frame) == record.chain
        assert same(quick_dissect(record, context), dissect(record, context))


@pytest.mark.parametrize("link", Link)
def test_random_payloads_of_every_kind(link: Link) -> None:
    random = seeded(7)
    for first in range(256):
        for _ in range(3):
            payload = bytes((first,)) + random.randbytes(random.randrange(1, 18))
            if link is Link.RS485:
                frame: Any = dissect_frame(encode_frame(Frame(sender=0x8383, kind=0xFE, number=1, payload=payload)))
            else:
                frame = dissect_mk3_frame(encode_mk3_frame(Mk3Frame(payload=payload)))
            assert quick_chain(frame) == decode_frame_chain(frame)


def test_winmon_bodies_of_every_code() -> None:
    random = seeded(8)
    for code in range(256):
        payload = bytes((0, 0x91, code)) + random.randbytes(random.randrange(12))
        frame = dissect_frame(encode_frame(Frame(sender=0x98F7, kind=0xFE, number=1, payload=payload)))
        assert quick_chain(frame) == decode_payload(Space.PAYLOAD, payload, Link.RS485, 4)


# --- what cannot be derived -------------------------------------------------------------------------------------------
FOREIGN = Layout(name="odd", shape=Shape.INTEGER, size=5)


@message(Space.PAYLOAD, {0: 0x99}, title="Foreign", abbrev="vebus.foreign")
class Foreign(Message):
    """A layout that no plan knows."""

    cmd: int = field(U8, "Command")
    odd: int = field(FOREIGN, "Odd", evidence=INFERRED, source="a test")


@message(Space.PAYLOAD, {0: 0x99}, title="Lambda", abbrev="vebus.lambda")
class WithLambda(Message):
    """An expression that has no source."""

    cmd: int = field(U8, "Command")
    twice = computed(lambda raws: raws["cmd"] * 2, "Twice")


def test_a_foreign_layout_is_refused_by_name() -> None:
    with pytest.raises(DerivationError, match=r"vebus\.foreign\.odd: no rule for a number of 5 bytes"):
        reader_of(Foreign, 6)


def test_a_lambda_is_refused() -> None:
    with pytest.raises(DerivationError, match="no tree for the expression"):
        reader_of(WithLambda, 1)


def test_too_few_bytes_are_refused() -> None:
    with pytest.raises(DerivationError, match="SyncFrame: 3 bytes, needs at least 4"):
        reader_of(MESSAGES[0], 3)  # type: ignore[arg-type]  # see above


# --- values of a stream -----------------------------------------------------------------------------------------------
def by_splitter(data: bytes) -> list[dict[str, Any]]:
    """The same record by record."""
    splitter = Rs485Splitter()
    found: list[dict[str, Any]] = []
    for piece in (*splitter.feed(data), *splitter.flush()):
        values: dict[str, Any] = {}
        for placed in decode_frame_chain(piece.frame):
            values |= walked(placed.message)
        found.append({} if piece.frame is None else values)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_values_of_a_stream(seed: int) -> None:
    random = seeded(f"values {seed}")
    data = stream_of(random, 12_000)
    cuts = sorted(random.sample(range(len(data)), random.choice((0, 5, 400))))
    chunks = [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert list(stream_values(chunks)) == by_splitter(data)


@pytest.mark.parametrize("data", [b"", b"\xff", bytes(1000), b"\xfa" * 300 + b"\xff", b"\x83\x83\xfd\x14\x55"])
def test_values_of_streams_without_a_frame(data: bytes) -> None:
    assert list(stream_values([data])) == by_splitter(data)
