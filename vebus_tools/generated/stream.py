"""Values of an RS485 stream frame by frame: what `Rs485Splitter` and the readers say, without a record in between.

A segment that is one good frame with nothing unusual in it is read at once; all others go through the splitter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from zlib import adler32

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import END, ESCAPE, HEADER_SIZE, MAX_WIRE_FRAME, MIN_FRAME, SYNC_MARKER, ReceivedFrame
from vebus_protocol.schema import Link, Space
from vebus_tools.framing import Piece, Rs485Splitter
from vebus_tools.generated.plan import telling_offsets
from vebus_tools.generated.quick import readers_of
from vebus_tools.generated.source import Values
from vebus_tools.session import NO_CONTEXT, Context

__all__ = ["stream_values"]

_END = bytes((END,))
_RESERVED = bytes(range(ESCAPE, END))
_ESCAPE = bytes((ESCAPE,))
_PLAIN = {byte & 0x7F: bytes((byte,)) for byte in range(ESCAPE, END + 1)}
_ESCAPED = frozenset(_PLAIN)
_LAST_NUMBER = 0x7F
_SUM_OF_GOOD = 2  # adler32 counts from 1, and kind to checksum add up to 1
_MOST = 1 << 16

_Read = tuple[int, Callable[[bytes, Context], Values] | None]
"""Sum of a good frame modulo 256, and what reads its payload: None where more bytes than the first tell the message."""
_NEVER: _Read = (-1, None)


def stream_values(chunks: Iterable[bytes], context: Context = NO_CONTEXT) -> Iterator[Values]:
    """Every field of every record by its abbreviation, repeated ones as a list; nothing for skipped bytes.

    ``chunks`` are cut in any way.  Scales are those of ``context``; the values of messages that depend on their request
    are as in a decoder that has not seen it.
    """
    rest, known = b"", dict[tuple[int, bytes], _Read]()
    others = _Others(context)
    for chunk in chunks:
        *segments, rest = (rest + chunk).split(_END)
        for segment in segments:
            reserved = len(segment) - len(segment.translate(None, _RESERVED))
            plain = segment if reserved == 1 else _unescaped(segment, reserved)
            key = len(plain), plain[: HEADER_SIZE + 1]
            read = known.get(key)
            if read is None:
                if len(known) >= _MOST:
                    known.clear()
                read = known[key] = _read_by(plain)
            total, values = read
            if total != adler32(segment) & 0xFF or others.inside:
                yield from others.feed(segment + _END)
                continue
            if others.waiting:
                yield from others.flush()
            payload = plain[HEADER_SIZE:-1]
            yield values(payload, context) if values is not None else _chain(plain[2], payload, context)
        if len(rest) > MAX_WIRE_FRAME:
            yield from others.feed(rest)
            rest = b""
    yield from others.feed(rest)
    yield from others.flush()


def _unescaped(segment: bytes, reserved: int) -> bytes:
    """A segment with ``reserved`` bytes FA..FE and without its stuffing; nothing where that is for the splitter."""
    first, *pairs = segment.split(_ESCAPE)
    if len(first) < HEADER_SIZE or reserved != len(pairs) + 1 or len(segment) >= MAX_WIRE_FRAME:
        return b""
    if not all(pair and pair[0] in _ESCAPED for pair in pairs) or len(pairs[-1]) == 1:
        return b""
    return first + b"".join([_PLAIN[pair[0]] + pair[1:] for pair in pairs])


def _read_by(segment: bytes) -> _Read:
    """How to read all segments of this length that begin with the same five bytes; they end in front of the FF."""
    if not MIN_FRAME <= len(segment) + 1 <= MAX_WIRE_FRAME or segment[3] > _LAST_NUMBER:
        return _NEVER
    kind, payload = segment[2], segment[HEADER_SIZE:-1]
    if kind not in (FrameKind.SYNC, FrameKind.DATA):
        return _NEVER
    left_out = SYNC_MARKER if kind == FrameKind.SYNC and payload[0] == SYNC_MARKER else 0
    total = (_SUM_OF_GOOD + segment[0] + segment[1] + left_out) & 0xFF
    space = Space.SYNC if kind == FrameKind.SYNC else Space.PAYLOAD
    readers = readers_of(space, payload, Link.RS485)
    if readers is None or len(readers) > 1 or any(telling_offsets(space, payload)):
        return total, None
    return total, readers[0][0].values


def _chain(kind: int, payload: bytes, context: Context) -> Values:
    """Values of all messages in a payload."""
    space = Space.SYNC if kind == FrameKind.SYNC else Space.PAYLOAD
    found: Values = {}
    for reader, at in readers_of(space, payload, Link.RS485) or ():
        found |= reader.values(payload[at:] if at else payload, context)
    return found


class _Others:
    """The splitter for what is no plain good frame.

    ``waiting`` says that it may hold bytes back, ``inside`` that it has the beginning of the next segment.
    """

    def __init__(self, context: Context) -> None:
        self._splitter = Rs485Splitter()
        self._context = context
        self.waiting = False
        self.inside = False

    def feed(self, data: bytes) -> Iterator[Values]:
        """Values of the records that are complete."""
        if data:
            self.waiting, self.inside = True, data[-1] != END
            yield from map(self._values, self._splitter.feed(data))

    def flush(self) -> Iterator[Values]:
        """Values of what waited for more."""
        self.waiting = self.inside = False
        yield from map(self._values, self._splitter.flush())

    def _values(self, piece: Piece) -> Values:
        frame = piece.frame
        return _chain(frame.kind, frame.payload, self._context) if isinstance(frame, ReceivedFrame) else {}
