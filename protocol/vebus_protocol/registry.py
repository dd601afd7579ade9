"""One table of all messages, and the way from a payload to its chain of messages.

A chain has one message, or a carrier (a winmon frame, an adapter's W X Y Z frame) and the body that it carries.  What
no declaration recognises becomes an Unknown message that keeps every byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vebus_protocol import adapter, bms, info, status, switch, sync, winmon
from vebus_protocol.enums import FrameType
from vebus_protocol.errors import MessageError
from vebus_protocol.frame import FbFrame, Rs485Header, Rs485Trailer
from vebus_protocol.mk3 import Mk3Header, Mk3Leds, Mk3Trailer
from vebus_protocol.schema import U8, UNKNOWN, Direction, Link, Message, Space, field, message

__all__ = [
    "ENVELOPES",
    "MESSAGES",
    "Placed",
    "Unknown",
    "UnknownSync",
    "decode_payload",
    "direction_of",
    "find",
]


@message(Space.PAYLOAD, {}, title="Unknown", abbrev="vebus", evidence=UNKNOWN, source="no public description")
class Unknown(Message):
    """A frame type that nobody has described; its bytes are kept."""

    cmd: int = field(U8, "Command", abbrev="vebus.cmd", display="hex", enum=FrameType, evidence=UNKNOWN, source="")


@message(Space.SYNC, {}, title="Unknown sync", abbrev="vebus.sync", evidence=UNKNOWN, source="no public description")
class UnknownSync(Message):
    """A frame of kind FD that does not begin with 0x55."""

    marker: int = field(U8, "Sync marker", display="hex", evidence=UNKNOWN, source="vebus-rs485.md 6.1")


ENVELOPES: tuple[type[Message], ...] = (Rs485Header, Rs485Trailer, FbFrame, Mk3Header, Mk3Leds, Mk3Trailer)
MESSAGES: tuple[type[Message], ...] = tuple(
    getattr(family, name)
    for family in (sync, status, info, switch, winmon, adapter, bms)
    for name in family.__all__
    if isinstance(getattr(family, name), type) and issubclass(getattr(family, name), Message)
)
_FALLBACK: dict[Space, type[Message]] = {Space.SYNC: UnknownSync}


@dataclass(frozen=True, slots=True)
class Placed:
    """A message and where its first byte stands in the unstuffed frame."""

    message: Message
    start: int


def _index() -> dict[tuple[Space, int], tuple[type[Message], ...]]:
    index: dict[tuple[Space, int], tuple[type[Message], ...]] = {}
    for declared in MESSAGES:
        for first in declared.INFO.match.get(0, range(256)):
            key = (declared.INFO.space, first)
            index[key] = (*index.get(key, ()), declared)
    return index


_INDEX = _index()


def find(space: Space, payload: bytes, link: Link) -> Iterator[type[Message]]:
    """Messages whose telling bytes, length and link fit, in the order of declaration, the Unknown of the space last."""
    if not payload:
        return
    for declared in _INDEX.get((space, payload[0]), ()):
        if declared.INFO.recognises(payload, link):
            yield declared
    yield _FALLBACK.get(space, Unknown)


def decode_payload(space: Space, payload: bytes, link: Link, start: int = 0) -> tuple[Placed, ...]:
    """Chain of messages in these bytes; never raises.  ``start`` is where the first byte stands in the frame."""
    for declared in find(space, payload, link):
        try:
            found = declared.parse(payload)
        except MessageError:
            continue
        carries = declared.INFO.carries
        if carries is None:
            return (Placed(found, start),)
        body_at = len(payload) - len(found.rest)
        return (Placed(found, start), *decode_payload(carries, found.rest, link, start + body_at))
    return ()


def direction_of(chain: tuple[Placed, ...]) -> Direction:
    """Where the message travels as far as the bytes tell: the first part of the chain that knows decides."""
    for placed in reversed(chain):
        if placed.message.INFO.direction is not Direction.BOTH:
            return placed.message.INFO.direction
    return Direction.BOTH
