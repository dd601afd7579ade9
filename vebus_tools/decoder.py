"""Chunks of bytes in, records out.  Nothing that the bus says makes it raise, and no byte is dropped silently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import ESCAPE, FbFrame, ReceivedFrame
from vebus_protocol.mk3 import ADAPTER_MARKER, ReceivedMk3Frame
from vebus_protocol.registry import Placed, decode_payload, direction_of
from vebus_protocol.schema import Direction, Link, Space
from vebus_tools.framing import Piece, splitter_for
from vebus_tools.records import Chunk, Finding, Group, Received, Record, Severity
from vebus_tools.timebase import Arrivals, Timebase

__all__ = ["Chain", "Decoder", "decode_chunks", "decode_frame_chain", "findings_of"]

Chain = Callable[[Received | None], tuple[Placed, ...]]
"""From a frame to the messages inside it; `decode_frame_chain` is the reference."""

_PAYLOAD_START = {Link.RS485: 4, Link.MK3: 1}


class Decoder:
    """Turns chunks into numbered records.

    Keeps a time base for each link and interface, and a splitter for each of their directions.
    """

    def __init__(self, link: Link, baud: int | None = None, *, chain: Chain | None = None) -> None:
        """``link`` is that of chunks which do not name one themselves, ``baud`` its rate in bit/s if not the usual.

        ``chain`` reads the messages in a frame, None is the reference.
        """
        self._link = link
        self._chain = chain or decode_frame_chain
        self._baud = baud
        self._streams: dict[tuple[Link, str, Direction | None], _Stream] = {}
        self._timebases: dict[tuple[Link, str], Timebase] = {}
        self._count = 0

    def feed(self, chunk: Chunk) -> Iterator[Record]:
        """Take the next chunk and yield the records that are complete.

        A whole frame of a known direction ends what is pending without one, so that bytes keep their order.
        """
        link = chunk.link or self._link
        if chunk.whole and chunk.direction is not None and (link, chunk.interface, None) in self._streams:
            yield from self._finish(self._streams[link, chunk.interface, None])
        key = (link, chunk.interface, chunk.direction)
        if key not in self._streams:
            timebase = self._timebases.setdefault(key[:2], Timebase(link, self._baud))
            self._streams[key] = _Stream(link, chunk.interface, chunk.direction, timebase, self._chain)
        stream = self._streams[key]
        for record in stream.feed(chunk, self._count):
            self._count = record.number
            yield record

    def finish(self) -> Iterator[Record]:
        """End of the input: yield what is pending."""
        for stream in self._streams.values():
            yield from self._finish(stream)

    def _finish(self, stream: _Stream) -> Iterator[Record]:
        for record in stream.finish(self._count):
            self._count = record.number
            yield record


class _Stream:
    def __init__(
        self, link: Link, interface: str, direction: Direction | None, timebase: Timebase, chain: Chain
    ) -> None:
        self._link = link
        self._chain = chain
        self._interface = interface
        self._direction = direction
        self._splitter = splitter_for(link)
        self._timebase = timebase
        self._arrivals = Arrivals()

    def feed(self, chunk: Chunk, count: int) -> Iterator[Record]:
        self._arrivals.note(chunk)
        comments = chunk.comments
        for count, piece in enumerate(self._pieces(chunk), count + 1):  # noqa: B020, PLR1704  (the number goes on)
            yield self._record(piece, count, whole=chunk.whole, comments=comments)
            comments = ()

    def _pieces(self, chunk: Chunk) -> Iterator[Piece]:
        yield from self._splitter.feed(chunk.data)
        if chunk.whole:
            yield from self._splitter.flush()

    def finish(self, count: int) -> Iterator[Record]:
        for number, piece in enumerate(self._splitter.flush(), count + 1):
            yield self._record(piece, number, whole=False)

    def _record(self, piece: Piece, number: int, *, whole: bool, comments: tuple[str, ...] = ()) -> Record:
        chain = self._chain(piece.frame)
        findings = tuple(findings_of(piece, chain))
        trusted = () if any(found.severity is Severity.ERROR for found in findings) else chain
        return Record(
            number=number,
            stamp=self._timebase.stamp(piece.offset, len(piece.data), trusted, self._arrivals, whole=whole),
            link=self._link,
            offset=piece.offset,
            wire=piece.data,
            frame=piece.frame,
            chain=chain,
            direction=self._direction or direction_of(chain),
            findings=findings,
            reason=piece.reason,
            interface=self._interface,
            comments=comments,
        )


def decode_frame_chain(frame: Received | None) -> tuple[Placed, ...]:
    """Messages inside a frame; empty for skipped bytes and for the five-byte FB frames."""
    if isinstance(frame, ReceivedFrame):
        space = Space.SYNC if frame.kind == FrameKind.SYNC else Space.PAYLOAD
        return decode_payload(space, frame.payload, Link.RS485, _PAYLOAD_START[Link.RS485])
    if isinstance(frame, ReceivedMk3Frame):
        space = Space.ADAPTER if frame.payload[0] == ADAPTER_MARKER else Space.PAYLOAD
        return decode_payload(space, frame.payload, Link.MK3, _PAYLOAD_START[Link.MK3])
    return ()


def findings_of(piece: Piece, chain: tuple[Placed, ...]) -> Iterator[Finding]:
    """What is wrong with a piece of the stream, or not explained in its messages."""
    frame = piece.frame
    if frame is None:
        text = f"{len(piece.data)} bytes skipped: {piece.reason}"
        yield Finding(Severity.WARN, Group.MALFORMED, text, "vebus.resync")
        return
    yield from _envelope_findings(frame)
    for placed in chain:
        info, rest = placed.message.INFO, placed.message.rest
        if rest and info.carries is None and not info.rest_known:
            yield Finding(Severity.NOTE, Group.UNDECODED, f"{len(rest)} bytes undecoded", "vebus.unknown")
        if info.assumes:
            yield Finding(Severity.NOTE, Group.ASSUMPTION, info.assumes)
        if info.check is not None:
            for text in info.check(placed.message.build()):
                yield Finding(Severity.WARN, Group.MALFORMED, text)


def _envelope_findings(frame: Received) -> Iterator[Finding]:
    if isinstance(frame, FbFrame):
        if not frame.complement_ok:
            text = f"Complement 0x{frame.complement:02x} incorrect, "
            text += f"should be 0x{0x7F - frame.value:02x}" if frame.value <= 0x7F else "a value above 0x7f has none"
            yield Finding(Severity.ERROR, Group.CHECKSUM, text, "vebus.fb.complement")
        return
    if isinstance(frame, ReceivedFrame):
        abbrev = "vebus.checksum"
        for at in frame.bad_escapes:
            text = f"Escape byte FA at wire byte {at} is not followed by 7A..7F"
            yield Finding(Severity.ERROR, Group.MALFORMED, text, "vebus.stuffed")
        yield from _unescaped(frame)
        if frame.kind not in (FrameKind.SYNC, FrameKind.DATA):
            yield Finding(Severity.NOTE, Group.UNDECODED, f"Frame of unknown kind 0x{frame.kind:02x}", "vebus.type")
    else:
        abbrev = "mk3.checksum"
        if frame.plain_instead:
            yield Finding(Severity.WARN, Group.CHECKSUM, "Plain checksum where the second rule applies", abbrev)
    if not frame.checksum_ok:
        yield Finding(Severity.ERROR, Group.CHECKSUM, "Bad checksum", abbrev)


def _unescaped(frame: ReceivedFrame) -> Iterator[Finding]:
    """FB..FE behind the header; that sync frames escape them too is an inference (vebus-rs485.md 3)."""
    body = frame.wire[_PAYLOAD_START[Link.RS485] : -1]
    if max(body) <= ESCAPE:
        return
    severity = Severity.WARN if frame.kind == FrameKind.SYNC else Severity.ERROR
    for at, byte in enumerate(body, _PAYLOAD_START[Link.RS485]):
        if byte > ESCAPE:
            yield Finding(
                severity, Group.MALFORMED, f"Byte 0x{byte:02x} at wire byte {at} is not escaped", "vebus.stuffed"
            )


def decode_chunks(chunks: Iterable[Chunk], link: Link, *, chain: Chain | None = None) -> Iterator[Record]:
    """All records of a finite source; ``chain`` as in Decoder."""
    decoder = Decoder(link, chain=chain)
    for chunk in chunks:
        yield from decoder.feed(chunk)
    yield from decoder.finish()
