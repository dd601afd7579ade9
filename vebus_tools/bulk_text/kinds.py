"""What all good frames of one kind and length have in common when they are printed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import HEADER_SIZE, Frame, ReceivedFrame, dissect_frame, encode_frame
from vebus_protocol.schema import Link, Message
from vebus_tools.bulk.stream import Batch, Group
from vebus_tools.bulk_text.cells import Cell, Rows, Texts, cells_of
from vebus_tools.bulk_text.forms import RecordForm
from vebus_tools.bulk_text.history import Heard, Portion, Told, may_be_exchanged
from vebus_tools.decoder import decode_frame_chain, findings_of
from vebus_tools.dissection import dissect
from vebus_tools.framing import Piece
from vebus_tools.generated.plan import Plan
from vebus_tools.generated.tables import needs_request
from vebus_tools.names import NameTable
from vebus_tools.nodes import Dissection
from vebus_tools.records import Record, Stamp, TimeSource
from vebus_tools.session import Context

__all__ = ["Kind", "kind_of"]

_TRAILER = 2
_MOST = 1 << 15


class Kind:
    """One chain of messages at one length; ``protocols`` are those of its blocks."""

    def __init__(
        self, sample: Dissection, group: Group, plan: Plan, form: RecordForm, names: NameTable, *, by_fields: bool
    ) -> None:
        """``sample`` is any frame of the group, ``plan`` that of its message.

        ``by_fields``: each field is printed for itself, otherwise the whole message.
        """
        self.protocols = tuple(block.protocol for block in sample.blocks)
        self.exchanged = may_be_exchanged(group)
        self.is_inline = len(sample.blocks) == 1
        self.is_sync = group.planes[HEADER_SIZE - 2, 0] == FrameKind.SYNC
        known = {node.abbrev for node in sample.walk()}
        self._below = tuple(one for one in sample.record.findings if one.abbrev in known)
        self._loose = tuple(one for one in sample.record.findings if one.abbrev not in known)
        self._form = form
        self._names = names
        self._plan = plan
        self._opened = form.opened(sample.blocks[-1].title, sample.blocks[-1].protocol)
        self._by_fields = by_fields  # nobody asks a request what the fields mean
        self._cells: list[Cell] = cells_of(plan, form, self._below) if by_fields else []
        self._blocks: dict[object, str] = {}
        self._age: Context | None = None

    def portions(self, batch: Batch, group: Group, told: Told) -> Iterator[Portion]:
        """The frames that are printed together: those without a gap, in times of one scale."""
        own = np.flatnonzero(~told.gap[group.rows])
        edges = [row for row, _ in told.ages[1:]] if any(cell.announced for cell in self._cells) else []
        for part in np.split(own, np.searchsorted(group.rows[own], edges)):
            if len(part):
                yield Portion(batch, group, part, told)

    def cells(self, portion: Portion) -> Iterator[Texts]:
        """Texts of the nodes of the message."""
        first = portion.rows[0]
        context = next(context for row, context in reversed(portion.told.ages) if row <= first)
        rows = Rows(self._plan, portion.planes[HEADER_SIZE:-_TRAILER], context)
        for at, cell in enumerate(self._cells):
            yield cell.texts(rows, first=at == 0 and not self.is_inline)

    def closed(self, portion: Portion) -> Texts:
        """End of the block of the envelope, with what is found that belongs to no field."""
        below = self._below if self.is_inline else ()
        plain = self._form.closed(self._loose, below)
        if not self.exchanged:
            return plain
        found = (heard.context.findings for heard in portion.heard())
        return [self._form.closed((*self._loose, *more), below) if more else plain for more in found]

    def inner(self, portion: Portion) -> Iterator[Texts]:
        """The block of the message."""
        if not self._by_fields:
            yield list(map(self._block, portion.heard()))
            return
        yield self._opened
        yield from self.cells(portion)
        yield self._form.closed((), self._below)

    def _block(self, heard: Heard) -> str:
        """The block of a message that may depend on its request, each as often as it differs."""
        context, frame = heard.context, heard.record.frame
        age = self._age
        if age is None or age.book is not context.book or age.assistants is not context.assistants:
            self._age = context
            self._blocks.clear()
        payload = frame.payload if isinstance(frame, ReceivedFrame) else b""
        key = payload, context.ram_ids, context.setting_id
        text = self._blocks.get(key)
        if text is None:
            if len(self._blocks) >= _MOST:
                self._blocks.clear()
            text = self._blocks[key] = self._made(heard)
        return text

    def _made(self, heard: Heard) -> str:
        block = dissect(heard.record, heard.context, self._names).blocks[-1]
        nodes = self._form.nodes(block.nodes, self._below, first=True)
        return self._form.opened(block.title, block.protocol) + nodes + self._form.closed((), self._below)


def kind_of(group: Group, form: RecordForm, names: NameTable) -> Kind | None:
    """What the frames of a group have in common, or None where each has to be printed for itself."""
    parts = group.parts
    if parts is None or any(plan.declared.INFO.check for plan, _ in parts.plans):
        return None
    sample = dissect(_sample(group), names=names)
    protocols = [block.protocol for block in sample.blocks]
    by_fields = len(parts.plans) == 1 and _is_simple(parts.last.declared)
    inline = [plan.declared.INFO.inline for plan, _ in parts.plans]
    if (
        len(protocols) != len(set(protocols))
        or not (by_fields or may_be_exchanged(group))
        or len(protocols) != 2 - all(inline)
    ):
        return None
    return Kind(sample, group, parts.last, form, names, by_fields=by_fields)


def _is_simple(declared: type[Message]) -> bool:
    """Whether every field has a name of its own, and none depends on a request."""
    specs = [*declared.FIELDS, *declared.COMPUTED, *(part for spec in declared.FIELDS for part in spec.bits)]
    return len(specs) == len({spec.abbrev for spec in specs}) and not any(map(needs_request, specs))


def _sample(group: Group) -> Record:
    """One frame of the group, stuffed by the rules."""
    sender = int(group.planes[0, 0]) << 8 | int(group.planes[1, 0])
    kind, number = int(group.planes[2, 0]), int(group.planes[3, 0])
    frame = dissect_frame(encode_frame(Frame(sender=sender, kind=kind, number=number, payload=group.payload(0))))
    chain = decode_frame_chain(frame)
    return Record(
        number=1,
        stamp=Stamp(0.0, TimeSource.START),
        link=Link.RS485,
        offset=0,
        wire=frame.wire,
        frame=frame,
        chain=chain,
        findings=tuple(findings_of(Piece(0, frame.wire, frame), chain)),
    )
