"""The summary list of a large capture, written as byte matrices instead of line by line.

A printed field nearly always depends on 16 bits at most, so its text is looked up in a table that generated code fills
with the values that occur.  Records that need their history (request and reply, scales that the device announces) and
everything damaged are formatted one by one, in their places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from vebus_protocol.frame import HEADER_SIZE, ReceivedFrame
from vebus_protocol.registry import Placed
from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Link, Message
from vebus_tools.bulk.columns import number_of
from vebus_tools.bulk.stream import Batch, Group, batches, groups_of
from vebus_tools.bulk.times import SOURCES, Floats
from vebus_tools.bulk_text.history import Heard, History, Told, may_be_exchanged
from vebus_tools.bulk_text.matrix import Bytes, Ints, TextTable, decimal, joined, padded, take_rows, zero_filled
from vebus_tools.dissection import info_title, link_remarks
from vebus_tools.generated import DerivationError, Plan, quick_dissect
from vebus_tools.generated.pieces import PieceOfSummary, pieces_of
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.nodes import Dissection
from vebus_tools.records import Record, Stamp
from vebus_tools.session import NO_CONTEXT, Context
from vebus_tools.sinks.text import printable, summary_line

__all__ = ["SummaryLines"]

_BATCH = 1 << 18
"""Bytes at a time: a line is some eight times as long as its frame."""

_KEY_BITS = 16
_MOST = 1 << 15
_NANOSECOND_LIMIT = float(1 << 22)  # as in `vebus_tools.times`
_TIME_DIGITS = 6
_BLANK_TIME = 12  # the time column of ten places and the blanks around it
_SENDERS = 1 << 16


class SummaryLines:
    """Summary lines of one RS485 stream that has no stamps."""

    def __init__(
        self,
        *,
        book: ScaleBook | None = None,
        names: NameTable = DEFAULT_NAMES,
        arrow: str = "->",
        seen: Callable[[Dissection], None] | None = None,
    ) -> None:
        """``book`` and ``names`` as for `dissections`; ``seen`` is told every record that is no good frame."""
        self._history = History(book)
        self._names = names
        self._arrow = arrow
        self._seen = seen
        self._tables: dict[tuple[type[Message], int], tuple[_Column, ...] | None] = {}
        self._nr = padded(f", Nr={number}".encode() for number in range(128))
        self._sizes = padded(f"{size} ".encode() for size in range(256))
        self._sources: dict[int, bytes] = {}
        self._bodies = _Bodies(names)

    def write(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Lines in UTF-8, many at a time."""
        for batch in batches(chunks, _BATCH):
            if len(batch):
                yield self._lines(batch)

    def _lines(self, batch: Batch) -> bytes:
        groups = list(groups_of(batch))
        told = self._history.follow(batch, groups, self._is_single, gaps=False)
        blocks: list[tuple[Ints, Bytes]] = []
        single: list[int] = [*batch.others]
        for group in groups:
            if self._is_single(group):
                single += group.rows.tolist()
            else:
                blocks.append((group.rows, self._block(group, batch.size[group.rows], told)))
        if single:
            texts = [self._single(told.heard[row], damaged=row in batch.others) for row in single]
            blocks.append((np.array(single), padded(texts)))
        return joined(_page(batch, told.at, blocks))

    # one by one ------------------------------------------------------------------------------------------------------

    def _single(self, heard: Heard, *, damaged: bool) -> bytes:
        """What stands behind the time column of one record."""
        dissection = quick_dissect(heard.record, heard.context, self._names)
        if damaged and self._seen is not None:
            self._seen(dissection)
        line = summary_line(dissection, "", arrow=self._arrow)
        return f"{line[len(f'{heard.record.number:5d}') + _BLANK_TIME :]}\n".encode()

    # many at once ----------------------------------------------------------------------------------------------------

    def _is_single(self, group: Group) -> bool:
        """Whether the lines of a group have to be made one by one."""
        parts = group.parts
        if parts is None or any(plan.declared.INFO.check for plan, _ in parts.plans):
            return True
        return not may_be_exchanged(group) and (len(parts.plans) != 1 or self._columns(parts.last) is None)

    def _block(self, group: Group, sizes: Ints, told: Told) -> Bytes:
        """What stands behind the time column of a group."""
        cells = [self._ends(group), take_rows(self._sizes, sizes)]
        if may_be_exchanged(group):
            bodies = [self._bodies.line(told.heard[row]) for row in group.rows.tolist()]
            return np.concatenate([*cells, padded(bodies)], axis=1)
        return np.concatenate([*cells, *self._cells(group, len(sizes))], axis=1)

    def _cells(self, group: Group, count: int) -> Iterator[Bytes]:
        """The Info column of a group whose frames speak for themselves."""
        plan = group.parts.last if group.parts is not None else None
        columns = self._columns(plan) if plan is not None else None
        if plan is None or columns is None:
            return
        yield _constant(self._title(group, plan), count)
        yield take_rows(self._nr, group.planes[HEADER_SIZE - 1])
        marks: list[tuple[_Column, Ints]] = []
        for column in columns:
            texts, numbers = column.table.look_up(column.keys(group.planes))
            yield texts
            marks.append((column, numbers))
        yield _constant(_undecoded(plan), count)
        yield _remarks(marks, count)
        yield _constant(b"\n", count)

    def _columns(self, plan: Plan) -> tuple[_Column, ...] | None:
        key = plan.declared, plan.length
        if key not in self._tables:
            try:
                pieces = pieces_of(plan.declared, plan.length)  # type: ignore[arg-type]  # mypy asks instances for a hash
            except DerivationError:
                pieces = None
            narrow = pieces is not None and all(sum(piece.bits) <= _KEY_BITS for piece in pieces)
            self._tables[key] = tuple(_Column(plan, piece) for piece in pieces or ()) if narrow else None
        return self._tables[key]

    def _title(self, group: Group, plan: Plan) -> bytes:
        payload = group.payload(0)
        row = _received_of(group, payload)
        return info_title(row, (Placed(plan.declared.parse(payload), HEADER_SIZE),)).encode()

    def _ends(self, group: Group) -> Bytes:
        """Source, arrow, destination and protocol of every row."""
        senders = group.planes[0].astype(np.int64) << 8 | group.planes[1]
        found, which = np.unique(senders, return_inverse=True)
        return take_rows(padded(self._source(sender) for sender in found.tolist()), which)

    def _source(self, sender: int) -> bytes:
        """Columns from the source to the protocol of a sender, as the reference prints them."""
        if sender not in self._sources:
            wire = sender.to_bytes(2, "big")
            frame = ReceivedFrame(
                wire=wire, unstuffed=wire + bytes(5), checksum=0, expected=0, escapes=0, bad_escapes=()
            )
            record = Record(number=1, stamp=Stamp(0.0, SOURCES[0]), link=Link.RS485, offset=0, wire=wire, frame=frame)
            line = summary_line(quick_dissect(record, NO_CONTEXT, self._names), "", arrow=self._arrow)
            self._sources[sender] = line[5 + _BLANK_TIME :].partition(" 2 ")[0].encode() + b" "
        return self._sources[sender]


class _Bodies:
    """Info columns of frames that may be request or reply: what says the same is made once."""

    def __init__(self, names: NameTable) -> None:
        self._names = names
        self._known: dict[object, tuple[str, str, str]] = {}
        self._age: Context = NO_CONTEXT

    def line(self, heard: Heard) -> bytes:
        """The Info column of one record, with the end of the line."""
        frame, context = heard.record.frame, heard.context
        number = frame.number if isinstance(frame, ReceivedFrame) else 0
        title, parts, marks = self._texts(heard)
        links = "".join(f" [{remark}]" for remark in link_remarks(context)) if context.response_to else ""
        return f"{title}, Nr={number}{parts}{links}{marks}\n".encode()

    def _texts(self, heard: Heard) -> tuple[str, str, str]:
        """Title, parts behind the frame number, and marks."""
        frame, context = heard.record.frame, heard.context
        if self._age.book is not context.book or self._age.assistants is not context.assistants:
            self._age = context
            self._known.clear()
        payload = frame.payload if isinstance(frame, ReceivedFrame) else b""
        key = payload, context.ram_ids, context.setting_id
        texts = self._known.get(key)
        if texts is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            texts = self._known[key] = self._made(heard)
        return texts

    def _made(self, heard: Heard) -> tuple[str, str, str]:
        dissection = quick_dissect(heard.record, heard.context, self._names)
        title, _, behind = dissection.info.partition(", Nr=")
        parts = behind.lstrip("0123456789")
        marks = dissection.remarks[len(list(link_remarks(heard.context))) :]
        return printable(title), printable(parts), printable("".join(f" [{mark}]" for mark in marks))


class _Column:
    """One part of the line: the key of its table, from the planes of a group."""

    def __init__(self, plan: Plan, piece: PieceOfSummary) -> None:
        self._slots = [plan.raw_specs[name] for name in piece.names]
        self._piece = piece
        self.table = TextTable(sum(piece.bits), self._made)

    def keys(self, planes: Bytes) -> Ints:
        """Keys of all rows: the numbers that the part reads, one behind the other."""
        key = np.zeros(planes.shape[1], dtype=np.int64)
        for slot, bits in zip(self._slots, self._piece.bits, strict=True):
            number = number_of(slot, planes[HEADER_SIZE:]).astype(np.int64)
            key = key << bits | number & (1 << bits) - 1
        return key

    def _made(self, key: int) -> tuple[str, tuple[str, ...]]:
        raws: list[int] = []
        for slot, bits in zip(reversed(self._slots), reversed(self._piece.bits), strict=True):
            raw = key & (1 << bits) - 1
            raws.append(raw - (1 << bits) if slot.signed and raw >> bits - 1 else raw)
            key >>= bits
        text, marks = self._piece.call(NO_CONTEXT, *reversed(raws))
        return (f", {text}" if text else ""), marks


def _page(batch: Batch, times: Floats, blocks: list[tuple[Ints, Bytes]]) -> Bytes:
    """All lines of a batch in the order of their records."""
    numbers = decimal(np.arange(batch.first, batch.first + len(batch), dtype=np.int64), 5)
    clock = _times(times)
    head = numbers.shape[1] + clock.shape[1]
    width = head + max(block.shape[1] for _, block in blocks)
    page = np.zeros((len(batch), width), dtype=np.uint8)
    page[:, : numbers.shape[1]] = numbers
    page[:, numbers.shape[1] : head] = clock
    for rows, block in blocks:
        page[rows, head : head + block.shape[1]] = block
    return page


def _times(at: Floats) -> Bytes:
    """Blank, time column and blank: seconds since the start, cut to microseconds."""
    exact = np.where(at < _NANOSECOND_LIMIT, np.rint(at * 1e9), np.rint(at * 1e6) * 1000).astype(np.int64)
    seconds, fraction = np.divmod(exact // 1000, 10**_TIME_DIGITS)
    blank = _constant(b" ", len(at))
    digits = zero_filled(fraction, _TIME_DIGITS)
    return np.concatenate((blank, decimal(seconds, 3), _constant(b".", len(at)), digits, blank), axis=1)


def _constant(text: bytes, count: int) -> Bytes:
    return np.broadcast_to(np.frombuffer(text, dtype=np.uint8), (count, len(text)))


def _undecoded(plan: Plan) -> bytes:
    left, info = plan.length - plan.rest_at, plan.declared.INFO
    hidden = info.carries is not None or info.rest_known
    return f", {left} bytes undecoded".encode() if left and not hidden else b""


def _remarks(marks: list[tuple[_Column, Ints]], count: int) -> Bytes:
    """What stands in square brackets behind the parts: each mark once, in the order of the parts."""
    key = np.zeros(count, dtype=np.int64)
    for _, numbers in marks:
        key = key << 8 | numbers
    found, which = np.unique(key, return_inverse=True)
    texts = []
    for combo in found.tolist():
        own: dict[str, None] = {}
        for at, (column, _) in enumerate(marks):
            own |= dict.fromkeys(column.table.marks(combo >> 8 * (len(marks) - 1 - at) & 0xFF))
        texts.append("".join(f" [{mark}]" for mark in own).encode())
    return take_rows(padded(texts), which) if any(texts) else np.zeros((count, 0), dtype=np.uint8)


def _received_of(group: Group, payload: bytes) -> ReceivedFrame:
    plain = group.planes[:HEADER_SIZE, 0].tobytes() + payload + bytes(2)
    return ReceivedFrame(wire=plain, unstuffed=plain, checksum=0, expected=0, escapes=0, bad_escapes=())
