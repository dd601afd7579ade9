"""The summary list of a large capture, written as byte matrices instead of line by line.

A printed field nearly always depends on 16 bits at most, so its text is looked up in a table that generated code fills
with the values that occur.  Records that need their history (request and reply, scales that the device announces) and
everything damaged are formatted one by one, in their places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from vebus_protocol.frame import HEADER_SIZE, ReceivedFrame
from vebus_protocol.registry import Placed, direction_of
from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Link, Message
from vebus_tools.bulk.columns import number_of
from vebus_tools.bulk.stream import Batch, Group, batches, groups_of
from vebus_tools.bulk.times import SOURCES, Clock, Floats
from vebus_tools.bulk_text.matrix import Bytes, Ints, TextTable, decimal, joined, padded, take_rows, zero_filled
from vebus_tools.decoder import findings_of
from vebus_tools.dissection import info_title
from vebus_tools.exchanges import EXCHANGED
from vebus_tools.framing import Piece
from vebus_tools.generated import (
    DerivationError,
    Plan,
    Reader,
    chain_by,
    dissect_by,
    quick_chain,
    quick_dissect,
    readers_of,
)
from vebus_tools.generated.pieces import PieceOfSummary, pieces_of
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.nodes import Dissection
from vebus_tools.records import Finding, Record, Stamp
from vebus_tools.session import NO_CONTEXT, Session
from vebus_tools.sinks.text import summary_line

__all__ = ["SummaryLines"]

_KEY_BITS = 16
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
        self._session = Session(book=book)
        self._clock = Clock()
        self._names = names
        self._arrow = arrow
        self._seen = seen
        self._tables: dict[tuple[type[Message], int], tuple[_Column, ...] | None] = {}
        self._nr = padded(f", Nr={number}".encode() for number in range(128))
        self._sizes = padded(f"{size} ".encode() for size in range(256))
        self._sources: dict[int, bytes] = {}

    def write(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Lines in UTF-8, many at a time."""
        for batch in batches(chunks):
            if len(batch):
                yield self._lines(batch)

    def _lines(self, batch: Batch) -> bytes:
        groups = list(groups_of(batch))
        times, sources = self._clock.stamps(batch, groups)
        blocks: list[tuple[Ints, Bytes]] = []
        single: dict[int, _Frame | None] = dict.fromkeys(batch.others)
        for group in groups:
            block = self._block(group, batch.size[group.rows])
            if block is None:
                single.update(_frames(batch, group))
            else:
                blocks.append((group.rows, block))
        rows = sorted(single)
        if rows:
            texts = [self._single(batch, row, single[row], float(times[row]), int(sources[row])) for row in rows]
            blocks.append((np.array(rows), padded(texts)))
        return joined(_page(batch, times, blocks))

    # one by one ------------------------------------------------------------------------------------------------------

    def _single(self, batch: Batch, row: int, frame: _Frame | None, at: float, source: int) -> bytes:
        """What stands behind the time column of one record."""
        number, stamp = batch.first + row, Stamp(at, SOURCES[source])
        if frame is None:
            dissection = self._damaged(batch.others[row], number, stamp)
        else:
            record = frame.record(number, stamp, int(batch.offset[row]))
            context = self._session.observe(record)
            dissection = dissect_by(frame.readers, frame.payload, record, context, self._names)
        line = summary_line(dissection, "", arrow=self._arrow)
        return f"{line[len(f'{number:5d}') + _BLANK_TIME :]}\n".encode()

    def _damaged(self, piece: Piece, number: int, stamp: Stamp) -> Dissection:
        chain = quick_chain(piece.frame)
        record = Record(
            number=number,
            stamp=stamp,
            link=Link.RS485,
            offset=piece.offset,
            wire=piece.data,
            frame=piece.frame,
            chain=chain,
            direction=direction_of(chain),
            findings=tuple(findings_of(piece, chain)),
            reason=piece.reason,
        )
        dissection = quick_dissect(record, self._session.observe(record), self._names)
        if self._seen is not None:
            self._seen(dissection)
        return dissection

    # many at once ----------------------------------------------------------------------------------------------------

    def _block(self, group: Group, sizes: Ints) -> Bytes | None:
        """What stands behind the time column of a group, or None where lines have to be made one by one."""
        parts = group.parts
        if parts is None or len(parts.plans) != 1 or group.planes[HEADER_SIZE, 0] in EXCHANGED:
            return None
        plan = parts.plans[0][0]
        columns = self._columns(plan)
        if columns is None:
            return None
        cells = [
            self._ends(group),
            take_rows(self._sizes, sizes),
            _constant(self._title(group, plan), len(sizes)),
            take_rows(self._nr, group.planes[HEADER_SIZE - 1]),
        ]
        marks: list[tuple[_Column, Ints]] = []
        for column in columns:
            texts, numbers = column.table.look_up(column.keys(group.planes))
            cells.append(texts)
            marks.append((column, numbers))
        cells += [_constant(_undecoded(plan), len(sizes)), _remarks(marks, len(sizes)), _constant(b"\n", len(sizes))]
        return np.concatenate(cells, axis=1)

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


# --- single frames ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Frame:
    """A good frame as heard and unstuffed, with the readers of its messages."""

    wire: bytes
    plain: bytes
    escapes: int
    readers: tuple[tuple[Reader, int], ...] | None

    @property
    def payload(self) -> bytes:
        return self.plain[HEADER_SIZE:-2]

    def record(self, number: int, stamp: Stamp, offset: int) -> Record:
        """The record; generated code tells what is not explained without a finding, the reference needs it."""
        plain = self.plain
        frame = ReceivedFrame(
            wire=self.wire,
            unstuffed=plain,
            checksum=plain[-2],
            expected=plain[-2],
            escapes=self.escapes,
            bad_escapes=(),
        )
        readers = self.readers
        findings: tuple[Finding, ...] = ()
        chain = quick_chain(frame) if readers is None else chain_by(readers, self.payload, HEADER_SIZE)
        if readers is None or any(reader.summary is None for reader, _ in readers):
            findings = tuple(findings_of(Piece(offset, self.wire, frame), chain))
        return Record(
            number=number,
            stamp=stamp,
            link=Link.RS485,
            offset=offset,
            wire=self.wire,
            frame=frame,
            chain=chain,
            direction=direction_of(chain),
            findings=findings,
        )


def _frames(batch: Batch, group: Group) -> Iterator[tuple[int, _Frame]]:
    """Record index -> frame, for all frames of a group."""
    plain = np.ascontiguousarray(group.planes.T).tobytes()
    length = len(group.planes)
    readers = readers_of(group.space, group.payload(0), Link.RS485)
    start = (batch.offset[group.rows] - batch.base).tolist()
    escapes = batch.segments.escapes[batch.frame[group.rows]].tolist()
    sizes = batch.size[group.rows].tolist()
    data = batch.data.data
    for at, row in enumerate(group.rows.tolist()):
        wire = bytes(data[start[at] : start[at] + sizes[at]])
        yield row, _Frame(wire, plain[at * length : (at + 1) * length], escapes[at], readers)


def _received_of(group: Group, payload: bytes) -> ReceivedFrame:
    plain = group.planes[:HEADER_SIZE, 0].tobytes() + payload + bytes(2)
    return ReceivedFrame(wire=plain, unstuffed=plain, checksum=0, expected=0, escapes=0, bad_escapes=())
