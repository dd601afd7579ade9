"""The vector files, and a frame as a test looks at it: envelope, chain of messages, values in units."""

import json
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vebus_protocol.frame import FbFrame, Frame, ReceivedFrame, dissect_frame, encode_frame
from vebus_protocol.mk3 import Mk3Frame, ReceivedMk3Frame, dissect_mk3_frame, encode_mk3_frame
from vebus_protocol.registry import Placed
from vebus_protocol.scaling import Physical, RamScale, ScaleBook, physical
from vebus_protocol.schema import Field, Link, Message
from vebus_tools.decoder import decode_frame_chain

FOLDER = Path(__file__).parent / "vectors"

_KEYS_OF_AN_ENTRY = {
    "name",
    "hex",
    "direction",
    "source",
    "provenance",
    "checksum_ok",
    "checksum_rule",
    "fields",
    "notes",
    "payload_hex_destuffed",
    "length_destuffed",
    "exchange",
    "seq",
    "completed_by_rule",
}

# An ESS set point is a signed word in W (mk3.md 15); no published table has a scale for the assistants' RAM ids.
_BOOK = ScaleBook().with_ram(129, RamScale(scale=-1)).with_ram(131, RamScale(scale=-1))
_BOOKS = {"dc-info-u24-charge": _BOOK.with_ram(5, RamScale(scale=0x7F9C))}  # its note says "with factor 0.01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One frame and what is said of it."""

    name: str
    link: Link
    wire: bytes
    fields: dict[str, Any]
    message: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    good: bool = True
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_fb(self) -> bool:
        """Whether this is a five-byte frame, which has no checksum of the normal rule."""
        return self.link is Link.RS485 and FbFrame.has_pattern(self.wire)

    @property
    def from_host(self) -> bool:
        """Whether the sender is on the asking side: the host of an adapter, or the adapter on the bus."""
        return str(self.facts["direction"]).startswith(("host", "MK3", "controller"))


def shared_vectors(link: Link) -> list[Vector]:
    """All vectors of rs485.json or mk3.json."""
    entries = json.loads((FOLDER / f"{link.value}.json").read_text(encoding="utf-8"))
    unknown = {key for entry in entries for key in entry} - _KEYS_OF_AN_ENTRY
    assert not unknown, f"{link.value}.json says something that no test reads: {unknown}"
    return [
        Vector(
            name=entry["name"],
            link=link,
            wire=bytes.fromhex(entry["hex"]),
            fields=entry["fields"],
            good=entry["checksum_ok"],
            facts=entry,
        )
        for entry in entries
    ]


def declared_vectors() -> list[Vector]:
    """All vectors of declared.toml: built from rules, for messages that the other files do not show."""
    entries = tomllib.loads((FOLDER / "declared.toml").read_text(encoding="utf-8"))["vector"]
    return [
        Vector(
            name=f"{entry['message']}-{at}",
            link=Link(entry["link"]),
            wire=bytes.fromhex(entry["hex"]),
            fields=entry["fields"],
            message=entry["message"],
            values=entry.get("values", {}),
            facts=entry,
        )
        for at, entry in enumerate(entries)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One frame taken apart; ``earlier`` are the messages that came before it in the same exchange."""

    frame: ReceivedFrame | FbFrame | ReceivedMk3Frame
    chain: tuple[Placed, ...]
    book: ScaleBook
    from_host: bool
    earlier: tuple[Message, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The chain without places; an FB frame is a message of its own."""
        return (self.frame,) if isinstance(self.frame, FbFrame) else tuple(placed.message for placed in self.chain)

    @property
    def last(self) -> Message:
        """The innermost message."""
        return self.messages[-1]

    @property
    def bus(self) -> ReceivedFrame:
        """The envelope of an RS485 frame."""
        assert isinstance(self.frame, ReceivedFrame)
        return self.frame

    @property
    def adapter(self) -> ReceivedMk3Frame:
        """The envelope of an MK2/MK3 frame."""
        assert isinstance(self.frame, ReceivedMk3Frame)
        return self.frame

    def _find(self, name: str) -> tuple[Message, Field]:
        for message in reversed(self.messages):
            for spec in (*message.FIELDS, *message.COMPUTED):
                if spec.name == name:
                    return message, spec
        raise KeyError(f"{[type(message).__name__ for message in self.messages]} have no field {name}")

    def raw(self, name: str) -> Any:  # noqa: ANN401  (depends on the field)
        """Raw value by the name of a field, of a bit (``field.bit``), or of a computed value."""
        whole, _, part = name.partition(".")
        message, spec = self._find(whole)
        number = spec.expression(message.raws()) if spec.expression is not None else getattr(message, whole)
        return next(one for one in spec.bits if one.name == part).pick(number) if part else number

    def flag(self, name: str) -> bool:
        """Whether a named bit is set."""
        return bool(self.raw(name))

    def names(self, name: str) -> list[str]:
        """Names of the bits that are set in a field."""
        _, spec = self._find(name)
        return [one.name for one in spec.bits if one.pick(self.raw(name))]

    def physical(self, name: str, *, at: int | None = None, variable: int | None = None) -> Physical:
        """Physical value; ``at`` picks one number of a list, ``variable`` is the id that only the request tells."""
        whole, _, part = name.partition(".")
        message, spec = self._find(whole)
        number = self.raw(name)
        if part:
            spec = next(one for one in spec.bits if one.name == part)
        return physical(spec, number if at is None else number[at], message.raws(), self.book, variable=variable)

    def value(self, name: str, *, at: int | None = None, variable: int | None = None) -> Any:  # noqa: ANN401  (depends on the field)
        """Number in the unit of the field, or None."""
        return self.physical(name, at=at, variable=variable).value

    def at(self, place: int) -> Any:  # noqa: ANN401  (depends on the field)
        """Raw value of the field that starts at this place of the unstuffed frame."""
        spans = [span for placed in self.chain for span in placed.message.spans(placed.start)]
        return next(span.raw for span in spans if span.start == place)

    @property
    def rest(self) -> bytes:
        """Bytes behind the declared fields."""
        return self.last.rest


def heard(vector: Vector, earlier: tuple[Message, ...] = ()) -> Heard:
    """Take the frame of a vector apart without judging it."""
    frame: ReceivedFrame | FbFrame | ReceivedMk3Frame
    if vector.link is Link.MK3:
        frame = dissect_mk3_frame(vector.wire)
    elif vector.is_fb:
        frame = FbFrame.parse(vector.wire)
    else:
        frame = dissect_frame(vector.wire)
    return Heard(
        frame=frame,
        chain=decode_frame_chain(frame),
        book=_BOOKS.get(vector.name, _BOOK),
        from_host="direction" in vector.facts and vector.from_host,
        earlier=earlier,
    )


def rebuilt(found: Heard) -> bytes:
    """Wire bytes from the messages' own `build`, innermost first, and from the envelope's fields."""
    payload = b""
    for at, message in enumerate(reversed(found.messages)):
        payload = (message if at == 0 else replace(message, rest=payload)).build()
    if isinstance(found.frame, FbFrame):
        return payload
    if isinstance(found.frame, ReceivedMk3Frame):
        return encode_mk3_frame(Mk3Frame(payload=payload, leds=found.frame.leds))
    frame = Frame(sender=found.bus.sender, kind=found.bus.kind, number=found.bus.number, payload=payload)
    return encode_frame(frame)
