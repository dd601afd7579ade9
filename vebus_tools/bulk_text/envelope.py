"""Texts of what every good frame has: the frame block, and the block of the envelope around its message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from vebus_protocol.schema import Link
from vebus_tools.bulk.framing import Ints, planes_of
from vebus_tools.bulk.stream import Batch
from vebus_tools.bulk.times import SOURCES
from vebus_tools.bulk_text.cells import Texts
from vebus_tools.bulk_text.forms import HOLE, RecordForm
from vebus_tools.bulk_text.history import Portion, Told, records_of
from vebus_tools.bulk_text.templates import Template, cut
from vebus_tools.dissection import dissect, history_nodes
from vebus_tools.names import NameTable
from vebus_tools.nodes import Dissection, Node
from vebus_tools.records import Record, Stamp
from vebus_tools.session import NO_CONTEXT, Context
from vebus_tools.times import Timing

__all__ = ["Envelope", "Times"]

_NANOSECOND_LIMIT = float(1 << 22)  # as in `vebus_tools.times`
_CHECKSUM = -2
_MOST = 1 << 16
_SOURCE_BITS = 2
_START = Stamp(0.0, SOURCES[0])

# Numbers of the record that is printed to see where they go; none of them occurs in a text by itself.
_NUMBER = 987654321
_AT, _BEFORE = 77777.123456789, 22222.0
_RESPONSE_MS = 66666.123457
_SINCE_TEXT, _DELTA_TEXT = "77777.123456789", "55555.123456789"


class Times:
    """Times of the records of a batch in whole nanoseconds, as `vebus_tools.times` has them."""

    def __init__(self, told: Told, first: float, previous: float) -> None:
        """``first`` is the time of the first record of the stream, ``previous`` of that before the batch, in s."""
        self._told = told
        self._first, self._previous = first, previous
        at = np.concatenate(([first, previous], told.at))
        exact = np.where(at < _NANOSECOND_LIMIT, np.rint(at * 1e9), np.rint(at * 1e6) * 1000).astype(np.int64)
        self.since = exact[2:] - exact[0]
        self.delta = np.diff(exact[1:])

    def timing(self, row: int) -> Timing:
        """What the times of one record are measured against."""
        before = self._previous if row == 0 else float(self._told.at[row - 1])
        return Timing(first=Stamp(self._first, SOURCES[0]), previous=Stamp(before, SOURCES[0]))


class Envelope:
    """Makes the texts, and remembers them."""

    def __init__(self, form: RecordForm, names: NameTable) -> None:
        """``names`` are those of the senders."""
        self._form = form
        self._names = names
        self._frames: dict[tuple[int, tuple[str, ...]], tuple[Template, tuple[str, ...]]] = {}
        self._heads: dict[int, str] = {}
        self._sizes: dict[int, str] = {}
        self._tails: dict[int, str] = {}
        self._intervals: dict[float, str] = {}
        self._links: dict[tuple[bool, ...], tuple[str, tuple[str, ...]]] = {}

    # the frame block -------------------------------------------------------------------------------------------------
    def frame(self, protocols: tuple[str, ...], portion: Portion, times: Times) -> tuple[list[Texts], tuple[str, ...]]:
        """Columns in front of the first block, and the texts behind each block."""
        batch, rows = portion.batch, portion.rows
        keys = batch.size[rows] << _SOURCE_BITS | portion.told.source[rows]
        found, which = np.unique(keys, return_inverse=True)
        frames = [self._frame(key, protocols) for key in found.tolist()]
        holes = frames[0][0].holes
        values: dict[str, Callable[[], list[str]]] = {
            "number": lambda: list(map(str, (batch.first + rows).tolist())),
            "since": lambda: self._form.seconds(times.since[rows].tolist()),
            "delta": lambda: self._form.seconds(times.delta[rows].tolist()),
            "wire": lambda: _hex(batch, rows),
        }
        texts = {hole: values[hole]() for hole in dict.fromkeys(holes)}
        columns: list[Texts] = []
        for at in range(len(holes) + 1):
            parts = [template.parts[at] for template, _ in frames]
            same = len(set(parts)) == 1
            columns.append(parts[0] if same else np.array(parts, dtype=object)[which].tolist())
            if at < len(holes):
                columns.append(texts[holes[at]])
        return columns, frames[0][1]

    def _frame(self, key: int, protocols: tuple[str, ...]) -> tuple[Template, tuple[str, ...]]:
        """The frame block of records of one size and source of time, and what stands behind each other block."""
        if (key, protocols) not in self._frames:
            wire = bytes((at * 37 + 0x81) & 0xFF for at in range(key >> _SOURCE_BITS))
            record = Record(
                number=_NUMBER,
                stamp=Stamp(_AT, SOURCES[key & (1 << _SOURCE_BITS) - 1]),
                link=Link.RS485,
                offset=0,
                wire=wire,
                frame=None,
            )
            blocks = tuple(self._form.empty(protocol) for protocol in protocols)
            dissection = Dissection(
                record=record,
                source="",
                destination="",
                protocol="",
                info="",
                remarks=(),
                blocks=blocks,
                findings=(),
            )
            text = self._form.record(dissection, Timing(first=_START, previous=Stamp(_BEFORE, SOURCES[0])))
            before, *behind = text.split(HOLE)
            markers = {str(_NUMBER): "number", _SINCE_TEXT: "since", _DELTA_TEXT: "delta", wire.hex(): "wire"}
            self._frames[key, protocols] = cut(before, markers), tuple(behind)
        return self._frames[key, protocols]

    # the envelope ----------------------------------------------------------------------------------------------------
    def outer(self, portion: Portion, inside: Sequence[Texts], history: Texts) -> Iterator[Texts]:
        """The block of the envelope but for its end; ``inside`` are the nodes of a message that stands in it."""
        nodes = _Envelopes(self._names, portion)
        planes = portion.planes
        head = planes[0].astype(np.int64) << 24 | planes[1].astype(np.int64) << 16
        head |= planes[2].astype(np.int64) << 8 | planes[3]
        escapes = portion.batch.segments.escapes[portion.batch.frame[portion.rows]]
        size = escapes.astype(np.int64) << 8 | len(planes)
        yield self._looked_up(self._heads, head, lambda at: self._head(nodes.dissection(at)))
        size_key = size << 1 | bool(inside)
        yield self._looked_up(self._sizes, size_key, lambda at: self._form.nodes(nodes.between(at, "vebus.len")))
        yield from inside
        yield history
        tail = planes[_CHECKSUM].astype(np.int64)
        yield self._looked_up(self._tails, tail, lambda at: self._form.nodes(nodes.from_checksum(at)))

    def _head(self, dissection: Dissection) -> str:
        block = dissection.blocks[0]
        nodes = _until(block.nodes, "vebus.len")
        return self._form.opened(block.title, block.protocol) + self._form.nodes(nodes, first=True)

    @staticmethod
    def _looked_up(known: dict[int, str], keys: Ints, make: Callable[[int], str]) -> Texts:
        found, first, which = np.unique(keys, return_index=True, return_inverse=True)
        texts = []
        for key, at in zip(found.tolist(), first.tolist(), strict=True):
            if key not in known:
                if len(known) >= _MOST:
                    known.clear()
                known[key] = make(at)
            texts.append(known[key])
        return texts[0] if len(texts) == 1 else np.array(texts, dtype=object)[which].tolist()

    def intervals(self, seconds: Sequence[float]) -> Texts:
        """Times since the sync before; nothing for NaN."""
        known = self._intervals
        found = []
        for value in seconds:
            text = known.get(value)
            if text is None:
                if len(known) >= _MOST:
                    known.clear()
                there = value == value  # noqa: PLR0124  (NaN is not itself)
                text = known[value] = self._nodes_of(Context(sync_interval_s=value)) if there else ""
            found.append(text)
        return found

    def links(self, context: Context) -> str:
        """Nodes of what the session says of a frame."""
        told = context.response_in, context.response_to, context.response_time_s
        if not any(told):
            return self._nodes_of(context)
        shape = tuple(one is not None for one in told)
        if shape not in self._links:
            self._links[shape] = self._linked(shape)
        pattern, holes = self._links[shape]
        if not holes:
            return pattern
        milliseconds = round((context.response_time_s or 0.0) * 1000, 6)
        texts = {
            "in": str(context.response_in),
            "to": str(context.response_to),
            "value": self._form.number(milliseconds),
            "text": f"{milliseconds:.3f} ms",
        }
        return pattern % tuple([texts[hole] for hole in holes])

    def _linked(self, shape: tuple[bool, ...]) -> tuple[str, tuple[str, ...]]:
        """What the form prints of request and reply, as a pattern with these holes."""
        has_in, has_to, has_time = shape
        marked = Context(
            response_in=_NUMBER if has_in else None,
            response_to=_NUMBER + 1 if has_to else None,
            response_time_s=_RESPONSE_MS / 1000 if has_time else None,
        )
        value = round(_RESPONSE_MS / 1000 * 1000, 6)
        markers = {str(_NUMBER): "in", str(_NUMBER + 1): "to", f"{value:.3f} ms": "text"}
        template = cut(self._nodes_of(marked), markers | {self._form.number(value): "value"})
        return template.pattern, template.holes

    def _nodes_of(self, context: Context) -> str:
        return self._form.nodes(tuple(history_nodes(context)))


class _Envelopes:
    """Dissections of some frames of a group by the reference, for the nodes of their envelopes."""

    def __init__(self, names: NameTable, portion: Portion) -> None:
        self._names = names
        self._portion = portion

    def dissection(self, at: int) -> Dissection:
        """The frame at one place, without its history."""
        portion = self._portion
        ((_, record),) = records_of(portion.batch, portion.group, portion.own[at : at + 1], portion.told)
        return dissect(record, NO_CONTEXT, self._names)

    def between(self, at: int, name: str) -> list[Node]:
        """Length and count of escapes."""
        nodes = self.dissection(at).blocks[0].nodes
        return [node for node in nodes if node.abbrev in (name, "vebus.stuffed")]

    def from_checksum(self, at: int) -> list[Node]:
        """The checksum and what is behind it."""
        nodes = self.dissection(at).blocks[0].nodes
        return list(nodes[len(_until(nodes, "vebus.checksum")) :])


def _until(nodes: Sequence[Node], abbrev: str) -> Sequence[Node]:
    return nodes[: next(at for at, node in enumerate(nodes) if node.abbrev == abbrev)]


def _hex(batch: Batch, rows: Ints) -> list[str]:
    """Bytes as heard in hex."""
    sizes = batch.size[rows]
    start = batch.offset[rows] - batch.base
    found = np.empty(len(rows), dtype=object)
    for size in np.unique(sizes).tolist():
        own = np.flatnonzero(sizes == size)
        text = np.ascontiguousarray(planes_of(batch.data, start[own], size).T).tobytes().hex()
        found[own] = [text[at : at + 2 * size] for at in range(0, len(text), 2 * size)]
    return found.tolist()
