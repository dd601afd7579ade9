"""Records and dissections from generated code: the same as those of the reference, made only as far as somebody asks.

`quick_chain` parses messages without Construct; `quick_dissect` makes the Info column without nodes, and the nodes by
the reference when a tree, a filter or a data form walks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.mk3 import ADAPTER_MARKER, ReceivedMk3Frame
from vebus_protocol.registry import Placed
from vebus_protocol.schema import Link, Space
from vebus_tools.decoder import decode_frame_chain
from vebus_tools.dissection import PROTOCOLS, dissect, ends_of, info_title, link_remarks
from vebus_tools.generated.plan import DerivationError, Parts, parts_of
from vebus_tools.generated.source import Reader, reader_of
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.nodes import Dissection
from vebus_tools.session import NO_CONTEXT, Context

if TYPE_CHECKING:
    from vebus_tools.nodes import Block
    from vebus_tools.records import Received, Record

__all__ = ["QuickDissection", "quick_chain", "quick_dissect", "readers_of"]

_PAYLOAD_START = {Link.RS485: 4, Link.MK3: 1}
_BY_ID: dict[int, tuple[Parts, tuple[tuple[Reader, int], ...] | None]] = {}


def readers_of(space: Space, payload: bytes, link: Link) -> tuple[tuple[Reader, int], ...] | None:
    """Compiled readers of the messages in a payload with the place of each; None where the reference has to do it."""
    parts = parts_of(space, payload, link)
    if parts is None:
        return None
    found = _BY_ID.get(id(parts))
    if found is None or found[0] is not parts:
        found = _BY_ID[id(parts)] = (parts, _compiled(parts))
    return found[1]


def _compiled(parts: Parts) -> tuple[tuple[Reader, int], ...] | None:
    try:
        return tuple((reader_of(plan.declared, plan.length), at) for plan, at in parts.plans)  # type: ignore[arg-type]
    except DerivationError:
        return None


def _readers(frame: Received) -> tuple[tuple[tuple[Reader, int], ...] | None, bytes, int]:
    if isinstance(frame, ReceivedFrame):
        space = Space.SYNC if frame.kind == FrameKind.SYNC else Space.PAYLOAD
        return readers_of(space, frame.payload, Link.RS485), frame.payload, _PAYLOAD_START[Link.RS485]
    if isinstance(frame, ReceivedMk3Frame):
        space = Space.ADAPTER if frame.payload[0] == ADAPTER_MARKER else Space.PAYLOAD
        return readers_of(space, frame.payload, Link.MK3), frame.payload, _PAYLOAD_START[Link.MK3]
    return None, b"", 0


def quick_chain(frame: Received | None) -> tuple[Placed, ...]:
    """The same as ``decode_frame_chain``, by generated code where there is some."""
    if frame is None:
        return ()
    readers, payload, start = _readers(frame)
    if readers is None:
        return decode_frame_chain(frame)
    return chain_by(readers, payload, start)


def chain_by(readers: tuple[tuple[Reader, int], ...], payload: bytes, start: int) -> tuple[Placed, ...]:
    """Messages of a payload by its readers; ``start`` is where it begins in the unstuffed frame."""
    return tuple([Placed(reader.make(payload[at:] if at else payload), start + at) for reader, at in readers])


def quick_dissect(record: Record, context: Context = NO_CONTEXT, names: NameTable = DEFAULT_NAMES) -> Dissection:
    """The same as ``dissect``, with everything but the Info column left for later where that can be."""
    frame = record.frame
    if not isinstance(frame, ReceivedFrame) or not frame.good:
        return dissect(record, context, names)
    readers, payload, _ = _readers(frame)
    return dissect_by(readers, payload, record, context, names)


def dissect_by(
    readers: tuple[tuple[Reader, int], ...] | None, payload: bytes, record: Record, context: Context, names: NameTable
) -> Dissection:
    """The same with the readers of the payload of a good RS485 frame."""
    frame = record.frame
    found = _parts(payload, context, readers) if readers and isinstance(frame, ReceivedFrame) else None
    if found is None:
        return dissect(record, context, names)
    parts, marks = found
    number = frame.number if isinstance(frame, ReceivedFrame) else 0
    title = info_title(frame, record.chain) if frame is not None else ""
    info = ", ".join((title, f"Nr={number}", *parts, *_undecoded(record)))
    return QuickDissection(record, context, names, info, marks)


class QuickDissection(Dissection):
    """A dissection of a good RS485 frame: summary from generated code, blocks when somebody asks for them."""

    __slots__ = ("_blocks", "_context", "_names")

    _blocks: tuple[Block, ...] | None
    _context: Context
    _names: NameTable

    def __init__(self, record: Record, context: Context, names: NameTable, info: str, marks: tuple[str, ...]) -> None:
        """``info`` and ``marks`` come from generated code."""
        source, destination = ends_of(record, context, names)
        keep = object.__setattr__
        keep(self, "record", record)
        keep(self, "source", source)
        keep(self, "destination", destination)
        keep(self, "protocol", PROTOCOLS[record.link])
        keep(self, "info", info)
        keep(self, "remarks", (*link_remarks(context), *marks))
        keep(self, "findings", (*record.findings, *context.findings))
        keep(self, "_context", context)
        keep(self, "_names", names)
        keep(self, "_blocks", None)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, as the reference makes them."""
        blocks = self._blocks
        if blocks is None:
            blocks = dissect(self.record, self._context, self._names).blocks
            object.__setattr__(self, "_blocks", blocks)
        return blocks


def _parts(
    payload: bytes, context: Context, readers: tuple[tuple[Reader, int], ...]
) -> tuple[list[str], tuple[str, ...]] | None:
    """Texts and marks of the messages, or None where the reference has to make them."""
    parts: list[str] = []
    marks: tuple[str, ...] = ()
    for reader, at in readers:
        if reader.summary is None:
            return None
        text, more = reader.summary(payload[at:] if at else payload, context)
        if text:
            parts.append(text)
        if more:
            marks = tuple(dict.fromkeys((*marks, *more)))
    return parts, marks


def _undecoded(record: Record) -> tuple[str, ...]:
    last = record.chain[-1].message if record.chain else None
    if last is None or not last.rest or last.INFO.carries is not None or last.INFO.rest_known:
        return ()
    return (f"{len(last.rest)} bytes undecoded",)
