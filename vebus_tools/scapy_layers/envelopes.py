"""The two envelopes as first layers: VEBus on USER0, MK3 on USER1, and what is not exactly one frame.

Checksum, stuffing, kind and length are computed on build, unless they are given.  Bytes that were dissected and did not
change are built as they came, damage included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from scapy.config import conf
from scapy.fields import AnyField, PacketListField
from scapy.packet import Packet, Raw

from vebus_protocol import frame, mk3
from vebus_protocol.enums import FrameKind, SenderId
from vebus_protocol.schema import Link, Message, Space
from vebus_tools.capture.linktypes import LINK_TYPES
from vebus_tools.dissection import dissect
from vebus_tools.exchanges import Exchange, Role, exchange_of
from vebus_tools.exchanges import answers as fits
from vebus_tools.frame_fields import info_text
from vebus_tools.framing import splitter_for
from vebus_tools.nodes import Value
from vebus_tools.records import Severity
from vebus_tools.scapy_layers.fields import DeclaredField, declared_fields, physical
from vebus_tools.scapy_layers.messages import TAKEN, MessageLayer, payload_class
from vebus_tools.scapy_layers.records import record_of, records_of
from vebus_tools.session import NO_CONTEXT, Context

if TYPE_CHECKING:
    from vebus_tools.framing import Piece
    from vebus_tools.records import Record

__all__ = ["MK3", "Envelope", "FbFrame", "MK3Pieces", "Pieces", "VEBus", "VEBusPieces"]

_REPLIES = (Role.REPLY, Role.CONTINUATION, Role.EITHER)
_REQUESTS = (Role.REQUEST, Role.EITHER)
_CUT = "_parent"
"""Keyword of a packet whose bytes are cut already: one whole frame."""


class Envelope(Packet):
    """What both links have in common; ``context`` is what a session knows of the frame."""

    __slots__ = ["context"]
    context: Context
    LINK: ClassVar[Link] = Link.RS485

    def __init__(self, *args: Any, **fields: Any) -> None:  # noqa: ANN401  (as Scapy has it)
        self.context = NO_CONTEXT
        super().__init__(*args, **fields)

    def copy(self) -> Any:  # noqa: ANN401
        """Copy of the packet with what the session knew."""
        made = super().copy()
        made.context = self.context
        return made

    # bytes ------------------------------------------------------------------------------------------------------------
    def do_build(self) -> bytes:
        """Bytes as they came while nothing was changed, else a new frame."""
        fixed = self if self.explicit else cast("Envelope", next(iter(self)))  # with numbers for random values
        payload = fixed.do_build_payload()
        heard = fixed.raw_packet_cache
        wire = heard if heard is not None and fixed.payload_of(heard) == payload else fixed.wire_of(payload)
        for transform in self.post_transforms:
            wire = transform(wire)
        return wire

    def payload_of(self, wire: bytes) -> bytes:
        """Payload of the bytes of a frame."""
        raise NotImplementedError

    def wire_of(self, payload: bytes) -> bytes:
        """New frame around a payload.  Raises ValueError where a field does not fit."""
        raise NotImplementedError

    def _octets(self, name: str, value: int) -> bytes:
        """Bytes of one field.  Raises ValueError where the value does not fit."""
        return self.get_field(name).addfield(self, b"", value)

    def _keep(self, wire: bytes, **values: object) -> None:
        for name, value in values.items():
            if value is not None:
                self.fields[name] = self.get_field(name).any2i(self, value)
        self.raw_packet_cache, self.raw_packet_cache_fields = wire, {}
        self.explicit = 1

    def physical(self, name: str) -> Value | tuple[Value, ...]:
        """See MessageLayer."""
        return physical(self, name)

    # what the rest of the toolkit says of it --------------------------------------------------------------------------
    def record(self) -> Record | None:
        """The frame as a record of the toolkit; None for bytes that are not exactly one frame."""
        return record_of(self, self.LINK)

    @property
    def expected_checksum(self) -> int | None:
        """Checksum that belongs to these bytes; None where they are no frame."""
        record = self.record()
        return None if record is None else record.frame.expected  # type: ignore[union-attr]

    @property
    def checksum_ok(self) -> bool:
        """Whether the checksum is the expected one."""
        record = self.record()
        return record is not None and record.frame.checksum_ok  # type: ignore[union-attr]

    def _do_summary(self) -> tuple[int, str, list[Any]]:
        return 1, f"{type(self).__name__} {summary_of(self, self.LINK)}", []

    # request and reply ------------------------------------------------------------------------------------------------
    def exchange(self) -> tuple[Exchange, Message] | None:
        """Part that the frame plays in an exchange, and its message; None also for damaged frames."""
        record = self.record()
        if record is None or any(found.severity is Severity.ERROR for found in record.findings):
            return None
        found = exchange_of(record)
        return None if found is None else (found, record.chain[-1].message)

    def hashret(self) -> bytes:
        """What request and reply have in common."""
        found = self.exchange()
        return b"" if found is None else repr(found[0].key).encode()

    def answers(self, other: Packet) -> int:
        """Whether this is a reply to the other: key, direction and codes fit as the declarations say."""
        mine = self.exchange() if isinstance(other, type(self)) else None
        theirs = None if mine is None else other.exchange()
        if mine is None or theirs is None:
            return 0
        (reply, answer), (request, question) = mine, theirs
        paired = reply.key == request.key and reply.role in _REPLIES and request.role in _REQUESTS
        return int(paired and fits(answer, question))


class ChecksumField(DeclaredField):
    """A checksum that says whether it is right."""

    __slots__ = ()

    def i2repr(self, pkt: Packet | None, x: object) -> str:
        """The checksum, and the expected one where it is another."""
        shown = super().i2repr(pkt, x)
        expected = None if pkt is None else pkt.expected_checksum
        if x is None or expected is None:
            return shown
        return f"{shown} [correct]" if x == expected else f"{shown} incorrect, should be 0x{expected:02x}"


def _trailer(declared: type[Message], defaults: dict[str, int | None]) -> list[AnyField]:
    checksum, *end = declared_fields(declared, TAKEN, defaults, {"end": (frame.END,)})
    return [ChecksumField(checksum.name, None, declared.spec("checksum")), *end]


def summary_of(packet: Packet, link: Link) -> str:
    """One line for a packet, as the list of ``vebus decode`` has it; several pieces are joined by a bar."""
    shown = [dissect(record, getattr(packet, "context", NO_CONTEXT)) for record in records_of(packet, link)]
    if not shown:
        return "no bytes"
    ends = f"{shown[0].source} > {shown[0].destination}"
    return f"{ends}: {' | '.join(info_text(one) for one in shown)}"


def _pieces(link: Link, data: bytes) -> list[Piece]:
    splitter = splitter_for(link)
    return [*splitter.feed(data), *splitter.flush()]


def _class_for(envelope: type[Envelope], several: type[Pieces], data: bytes) -> type[Packet]:
    """Class for the bytes of a packet: the envelope, the five-byte FB frame, or pieces."""
    pieces = _pieces(envelope.LINK, data)
    if len(pieces) != 1 or pieces[0].frame is None:
        return several
    return FbFrame if isinstance(pieces[0].frame, frame.FbFrame) else envelope


# --- the bus ---------------------------------------------------------------------------------------------------------
class VEBus(Envelope):
    """A frame on the RS485 bus: ``VEBus(addr="MK3", seq=5) / WinmonFrame(tid=0xe6) / ReadRam(ram_id=[4])``.

    ``type`` (from the payload) and ``checksum`` are computed where they are None.  ``seq`` counts 0..127; None is 0,
    and the next number of the bus when a `VEBusSocket` sends it.  The payload is unstuffed.
    """

    name = "Victron VE.Bus"
    LINK = Link.RS485
    fields_desc = [  # noqa: RUF012  (as Scapy has it)
        *declared_fields(
            frame.Rs485Header,
            TAKEN,
            {"sender": int(SenderId.MK3), "kind": None, "number": None},
            {"sender": tuple(SenderId)},  # other ids may hold bytes that only kinds and ends are
        ),
        *_trailer(frame.Rs485Trailer, {"checksum": None, "end": frame.END}),
    ]

    @classmethod
    def dispatch_hook(cls, *args: Any, **kargs: Any) -> type[Packet]:  # noqa: ANN401
        """Class for bytes, which need not be one frame."""
        return cls if not args or _CUT in kargs else _class_for(cls, VEBusPieces, bytes(args[0]))

    def do_dissect(self, s: bytes) -> bytes:
        """Fields of the envelope; returns the unstuffed payload."""
        found = frame.dissect_frame(s)
        self._keep(s, addr=found.sender, type=found.kind, seq=found.number, checksum=found.checksum, end=s[-1])
        return found.payload

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Message of the space that the kind of the frame says."""
        return payload_class(Space.SYNC if self.type == FrameKind.SYNC else Space.PAYLOAD, payload, self.LINK)

    def payload_of(self, wire: bytes) -> bytes:
        """See Envelope."""
        return frame.dissect_frame(wire).payload

    def wire_of(self, payload: bytes) -> bytes:
        """See Envelope."""
        kind = self.type if self.type is not None else self._kind()
        summed = self._octets("type", kind) + self._octets("seq", self.seq or 0) + frame.stuff(payload)
        value = frame.checksum(summed) if self.checksum is None else self._octets("checksum", self.checksum)[0]
        return self._octets("addr", self.addr) + summed + frame.checksum_bytes(value) + self._octets("end", self.end)

    def _kind(self) -> int:
        inside = self.payload
        is_sync = isinstance(inside, MessageLayer) and inside.MESSAGE.INFO.space is Space.SYNC
        return int(FrameKind.SYNC if is_sync else FrameKind.DATA)


class FbFrame(MessageLayer):
    """The five bytes ``00 FB x y FF`` of a booting Multi; ``complement`` is computed where it is None."""

    MESSAGE = frame.FbFrame
    LINK = Link.RS485
    name = frame.FbFrame.INFO.title
    fields_desc = declared_fields(
        frame.FbFrame,
        TAKEN,
        {"kind": int(FrameKind.SPECIAL), "complement": None, "end": frame.END},
        {"lead": (0,), "kind": (FrameKind.SPECIAL,), "value": range(0x80), "end": (frame.END,)},
    )

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Put the complement in."""
        if self.complement is None:
            pkt = pkt[:3] + bytes(((0x7F - pkt[2]) & 0xFF,)) + pkt[3:]
        return pkt + pay

    def _do_summary(self) -> tuple[int, str, list[Any]]:
        return 1, f"{type(self).__name__} {summary_of(self, self.LINK)}", []


# --- the adapter -----------------------------------------------------------------------------------------------------
class MK3(Envelope):
    """A frame between host and adapter: ``MK3() / WinmonCommand(cmd="W") / ReadRam(ram_id=[4])``.

    ``len`` and ``checksum`` are computed where they are None; with ``led_on`` or ``led_blink`` the two LED bytes are
    appended.
    """

    name = "Victron MK2/MK3"
    LINK = Link.MK3
    fields_desc = [  # noqa: RUF012
        *declared_fields(mk3.Mk3Header, TAKEN, {"length": None}),
        *declared_fields(mk3.Mk3Leds, TAKEN, {"on": None, "blink": None}),
        *_trailer(mk3.Mk3Trailer, {"checksum": None}),
    ]

    @classmethod
    def dispatch_hook(cls, *args: Any, **kargs: Any) -> type[Packet]:  # noqa: ANN401
        """Class for bytes, which need not be one frame."""
        return cls if not args or _CUT in kargs else _class_for(cls, MK3Pieces, bytes(args[0]))

    def do_dissect(self, s: bytes) -> bytes:
        """Fields of the envelope; returns the payload without the appended LED bytes."""
        found = mk3.dissect_mk3_frame(s)
        on, blink = found.leds or (None, None)
        self._keep(s, len=s[0], led_on=on, led_blink=blink, checksum=found.checksum)
        return found.payload

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Message for the adapter itself, or for the bus behind it."""
        space = Space.ADAPTER if payload[0] == mk3.ADAPTER_MARKER else Space.PAYLOAD
        return payload_class(space, payload, self.LINK)

    def payload_of(self, wire: bytes) -> bytes:
        """See Envelope."""
        return mk3.dissect_mk3_frame(wire).payload

    def wire_of(self, payload: bytes) -> bytes:
        """See Envelope."""
        leds = b"".join(self._octets(name, self.getfieldval(name) or 0) for name in self._led_names())
        body = payload + leds
        length = self.len if self.len is not None else len(body) | (mk3.LED_FLAG if leds else 0)
        summed = self._octets("len", length) + body
        if self.checksum is not None:
            return summed + self._octets("checksum", self.checksum)
        second = payload[:1] and payload[0] in mk3.SECOND_RULE_TYPES
        return summed + bytes(((mk3.second_checksum if second else mk3.plain_checksum)(summed),))

    def _led_names(self) -> tuple[str, ...]:
        names = ("led_on", "led_blink")
        return names if any(self.getfieldval(name) is not None for name in names) else ()


# --- all else --------------------------------------------------------------------------------------------------------
class Pieces(Packet):
    """Bytes of a packet that are not exactly one frame: several frames, or Raw for bytes that belong to none."""

    name = "Pieces"
    ENVELOPE: ClassVar[type[Envelope]] = VEBus
    fields_desc = [PacketListField("pieces", [], Packet)]  # noqa: RUF012

    def do_dissect(self, s: bytes) -> bytes:
        """Cut the bytes as the decoder does."""
        self.fields["pieces"] = [self._member(piece) for piece in _pieces(self.ENVELOPE.LINK, s)]
        self.explicit = 1
        return b""

    @classmethod
    def packet_of(cls, piece: Piece) -> Packet:
        """Packet for one piece of a stream: a frame, or these pieces around bytes that belong to none."""
        member = cls._member(piece)
        return cls(pieces=[member]) if isinstance(member, Raw) else member

    @classmethod
    def _member(cls, piece: Piece) -> Packet:
        if piece.frame is None:
            return Raw(piece.data)
        known = FbFrame if isinstance(piece.frame, frame.FbFrame) else cls.ENVELOPE
        return known(piece.data, _parent=None)

    def _do_summary(self) -> tuple[int, str, list[Any]]:
        return 1, f"{type(self).__name__} {summary_of(self, self.ENVELOPE.LINK)}", []


class VEBusPieces(Pieces):
    """What a packet of the bus holds that is not exactly one frame."""

    ENVELOPE = VEBus


class MK3Pieces(Pieces):
    """What a packet of the adapter's link holds that is not exactly one frame."""

    ENVELOPE = MK3


for _link, _first, _others in (
    (Link.RS485, VEBus, (VEBusPieces, FbFrame)),
    (Link.MK3, MK3, (MK3Pieces,)),
):
    conf.l2types.register(LINK_TYPES[_link], _first)
    for _other in _others:
        conf.l2types.register_layer2num(LINK_TYPES[_link], _other)
