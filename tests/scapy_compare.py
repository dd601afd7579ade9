"""The Scapy layers, our own dissection, our JSON and tshark, of the same pcapng file: field by field.

All are brought to one form: for each packet its pieces, for each piece the fields that have bytes.  What cannot be
equal is left out here and nowhere else; `captures/scapy.md` has the table of these differences.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from scapy.packet import Packet, Raw
from scapy.utils import PcapReader

from tests.wireshark_compare import Lua, theirs
from vebus_protocol.frame import FbFrame
from vebus_protocol.registry import ENVELOPES, MESSAGES, Unknown, UnknownSync
from vebus_protocol.schema import Link, Message, Shape
from vebus_protocol.variables import ASSISTANT_WORDS
from vebus_tools import glossary
from vebus_tools.capture import open_capture
from vebus_tools.decoder import Decoder
from vebus_tools.dissection import dissect
from vebus_tools.nodes import RAW_SUFFIX, Node
from vebus_tools.records import Record
from vebus_tools.scapy_layers import VEBusSession
from vebus_tools.scapy_layers.envelopes import Envelope, Pieces
from vebus_tools.scapy_layers.messages import MessageLayer
from vebus_tools.session import Session
from vebus_tools.sinks.text import printable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["differences", "of_json", "of_scapy", "of_tshark", "pieces_of", "read_packets"]

_REST, _SKIPPED = "vebus.unknown", "vebus.resync"
_OF_ASSISTANTS = frozenset(part.abbrev for word in ASSISTANT_WORDS.values() for part in word.bits)
"""Bits that a RAM variable has because of what another reply said: no part of one packet."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One field: filter name, raw number, bytes or text, value with its scale, and the bytes of the frame as hex."""

    name: str
    raw: object
    value: object
    data: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of a packet: its bytes on the wire, whether the checksum is right, what it should be, the fields."""

    wire: str
    checksum_ok: bool | None
    expected: int | None
    fields: tuple[Seen, ...]


# --- ours ------------------------------------------------------------------------------------------------------------
def ours(capture: Path) -> Iterator[list[Found]]:
    """Pieces of each packet as our own dissection has them."""
    session, decoder = Session(), Decoder(Link.RS485)
    with open_capture(str(capture)) as opened:
        for number, chunk in enumerate(opened.chunks, 1):
            records = [replace(record, number=number) for record in decoder.feed(chunk)]
            yield [_our_piece(record, session) for record in records]


def _our_piece(record: Record, session: Session) -> Found:
    dissection = dissect(record, session.observe(record))
    fields = sorted((seen for node in dissection.walk() for seen in _our_field(node, record.unstuffed)), key=repr)
    frame = None if isinstance(record.frame, FbFrame) else record.frame
    return Found(
        record.wire.hex(),
        None if frame is None else frame.checksum_ok,
        None if frame is None else frame.expected,
        tuple(fields),
    )


def _our_field(node: Node, data: bytes) -> Iterator[Seen]:
    own = data[node.start : node.start + node.size]
    if node.abbrev == _SKIPPED or (node.abbrev == _REST and node.field is None):
        yield Seen(node.abbrev, own, own, own.hex())
        return
    spec = node.field
    if node.generated or spec is None or spec.expression is not None or node.abbrev in _OF_ASSISTANTS:
        return
    if spec.layout is not None and node.abbrev == f"{spec.abbrev}.list":
        yield Seen(node.abbrev, node.value, node.value, own.hex())
        return
    raw = node.value if node.raw is None else node.raw
    yield Seen(node.abbrev, _plain(raw), node.value, "" if node.bits else own.hex())


# --- Scapy's ---------------------------------------------------------------------------------------------------------
def read_packets(capture: Path) -> Iterator[Packet]:
    """Packets as Scapy reads them, each with what a session knows."""
    session = VEBusSession()
    with PcapReader(str(capture)) as reader:
        for packet in reader:
            found = session.process(packet)
            assert found is packet
            yield packet


def scapys(capture: Path) -> Iterator[list[Found]]:
    """Pieces of each packet as Scapy has them."""
    for packet in read_packets(capture):
        yield [_their_piece(member) for member in pieces_of(packet)]


def pieces_of(packet: Packet) -> list[Packet]:
    """Members of a packet, or itself."""
    return list(packet.pieces) if isinstance(packet, Pieces) else [packet]


def _their_piece(packet: Packet) -> Found:
    checked = packet if isinstance(packet, Envelope) else None
    return Found(
        bytes(packet).hex(),
        None if checked is None else checked.checksum_ok,
        None if checked is None else checked.expected_checksum,
        tuple(sorted(_their_fields(packet), key=repr)),
    )


def _their_fields(packet: Packet) -> Iterator[Seen]:
    layers = list(packet.iterpayloads())
    for layer in layers:
        if isinstance(layer, Raw):
            data = bytes(layer.load)
            yield Seen(_SKIPPED if len(layers) == 1 else _REST, data, data, data.hex())
            continue
        assert isinstance(layer, Envelope | MessageLayer)
        for field in layer.fields_desc:
            value = layer.getfieldval(field.name)
            if value is not None:
                yield from _their_field(layer, field, value)


def _their_field(layer: Envelope | MessageLayer, field: Any, value: Any) -> Iterator[Seen]:  # noqa: ANN401
    spec, data = field.spec, field.addfield(layer, b"", value).hex()
    shown = layer.physical(field.name)
    if spec.layout.shape is Shape.LIST:
        size = 2 * spec.layout.element_size
        yield Seen(f"{spec.abbrev}.list", len(value), len(value), data)
        assert isinstance(shown, tuple)
        for at, (raw, one) in enumerate(zip(value, shown, strict=True)):
            yield Seen(spec.abbrev, raw, one, data[at * size : (at + 1) * size])
        return
    if spec.layout.shape is Shape.TEXT:
        value = shown = value.decode("ascii", "backslashreplace")
    yield Seen(spec.abbrev, _plain(value), _plain(shown), data)
    for part in spec.bits:
        number = getattr(value, part.name)
        yield Seen(part.abbrev, number, layer.physical(f"{field.name}.{part.name}"), "")


def _plain(value: object) -> object:
    return int(value) if isinstance(value, int) else value


# --- both ------------------------------------------------------------------------------------------------------------
def differences(capture: Path) -> list[str]:
    """One line for each packet that is not the same, with the first piece or field that differs."""
    found = []
    for number, (one, other) in enumerate(zip_longest(scapys(capture), ours(capture)), 1):
        if one != other:
            found.append(f"packet {number}: {_first(one or [], other or [])}")
    return found


def _first(theirs: list[Found], mine: list[Found]) -> str:
    for left, right in zip_longest(theirs, mine):
        if left is None or right is None or replace(left, fields=()) != replace(right, fields=()):
            return f"Scapy {left}, ours {right}"
        for field, other in zip_longest(left.fields, right.fields):
            if field != other:
                return f"Scapy {field}, ours {other}"
    return "nothing"


# --- peers that print text -------------------------------------------------------------------------------------------
Named = tuple[str, str]
"""Filter name, and the value in one spelling for each number."""


@lru_cache(maxsize=1)
def compared_names() -> frozenset[str]:
    """Filter names of all that can have bytes, `.raw` of the scaled ones and the counts of lists among them."""
    found = {_REST}
    declarations: tuple[type[Message], ...] = (*ENVELOPES, *MESSAGES, Unknown, UnknownSync)
    for declared in declarations:
        for spec in declared.FIELDS:
            for part in (spec, *spec.bits):
                found |= {part.abbrev, f"{part.abbrev}{RAW_SUFFIX}"}
            found.add(f"{spec.abbrev}.list")
    return frozenset(found)


def of_scapy(packet: Packet, *, like_json: bool = False) -> list[Named]:
    """Names and values of one piece as Scapy has them; what is not available has only its raw number.

    tshark has the raw numbers of all scaled fields, our JSON those that are not the value.
    """
    found = []
    for seen in _their_fields(packet):
        if seen.name == _SKIPPED:
            continue
        if seen.value is not None:
            found.append((seen.name, _spelled(seen.value)))
        shown = seen.raw != seen.value if like_json else f"{seen.name}{RAW_SUFFIX}" in glossary.known_fields()
        if shown:
            found.append((f"{seen.name}{RAW_SUFFIX}", _spelled(seen.raw)))
    return sorted(found)


def of_json(text: str) -> list[list[Named]]:
    """Names and values of each record as `vebus decode -T json` prints them."""
    return [sorted(_flat(record["_source"]["layers"])) for record in json.loads(text)]


def _flat(value: Any) -> Iterator[Named]:  # noqa: ANN401  (JSON)
    items = value.items() if isinstance(value, dict) else ()
    for name, one in items:
        each = one if isinstance(one, list) else [one]
        for item in each:
            if isinstance(item, dict):
                yield from _flat(item)
            elif name in compared_names() and item is not None:
                yield name, _spelled(item)


def of_tshark(lua: Lua, capture: Path) -> list[list[Named]]:
    """Names and values of each packet as tshark prints them."""
    return [
        sorted((item.name, item.value) for item in packet if item.name in compared_names())
        for packet in theirs(lua, capture)
    ]


def _spelled(value: object) -> str:
    """One spelling for each value."""
    if isinstance(value, bytes):
        return value.hex(":")
    return printable(value) if isinstance(value, str) else f"{float(value):.15g}"  # type: ignore[arg-type]
