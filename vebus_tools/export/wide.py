"""Whole megabytes of an RS485 stream to rows: what ``rows`` makes of records, made of the columns of ``bulk``.

What no column holds - damaged frames, bytes of no frame, frames that no plan fits, what only a request says of its
reply - comes from ``rows``, so that both ways give the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vebus_protocol.frame import dissect_frame
from vebus_protocol.schema import Field, Link, Shape
from vebus_tools.bulk import NO_SCALE, SCALES, SOURCES, Columns
from vebus_tools.bulk import Column as WideColumn
from vebus_tools.bulk import Table as WideTable
from vebus_tools.decoder import findings_of
from vebus_tools.export.rows import EVERYTHING, Asked, Cells, RowMaker, Rows, Selection
from vebus_tools.export.tables import Column, Kind, Place, Table, table_of
from vebus_tools.framing import Piece
from vebus_tools.generated import quick_chain
from vebus_tools.generated.tables import reads
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.records import Record, Stamp, TimeSource
from vebus_tools.session import Context

__all__ = ["Codes", "Numbers", "Spans", "WideMaker"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_DTYPES: dict[Kind, npt.DTypeLike] = {
    Kind.BOOL: np.bool_,
    Kind.U8: np.uint8,
    Kind.U16: np.uint16,
    Kind.U32: np.uint32,
    Kind.I8: np.int8,
    Kind.I16: np.int16,
    Kind.I32: np.int32,
    Kind.I64: np.int64,
    Kind.F64: np.float64,
}


# --- cells ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers, or with a second axis lists of numbers; ``valid`` is False where there is none."""

    values: Array
    valid: Mask | None = None

    def listed(self) -> list[Any]:
        """See Wide.listed."""
        found: list[Any] = self.values.tolist()
        if self.valid is None:
            return found
        return [value if there else None for value, there in zip(found, self.valid.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class Codes:
    """Texts as places in a ``vocabulary``; -1 is no text."""

    codes: npt.NDArray[np.int16]
    vocabulary: tuple[str, ...]

    def listed(self) -> list[Any]:
        """See Wide.listed."""
        texts = (*self.vocabulary, None)
        return [texts[code] for code in self.codes.tolist()]


@dataclass(frozen=True, slots=True)
class Spans:
    """Runs of bytes in ``data``; one of size 0 is no value where ``empty_is_null``."""

    data: npt.NDArray[np.uint8]
    start: Ints
    size: Ints
    empty_is_null: bool = False

    def listed(self) -> list[Any]:
        """See Wide.listed."""
        whole, null = self.data.tobytes(), None if self.empty_is_null else b""
        return [whole[at : at + size] or null for at, size in zip(self.start.tolist(), self.size.tolist(), strict=True)]


def _constant(text: str, vocabulary: tuple[str, ...], count: int) -> Codes:
    return Codes(np.full(count, vocabulary.index(text), dtype=np.int16), vocabulary)


# --- rows -------------------------------------------------------------------------------------------------------------
_SOURCE_NAMES = tuple(source.value for source in TimeSource)
_SOURCE_CODES = np.array([_SOURCE_NAMES.index(source.value) for source in SOURCES], dtype=np.int16)
_ESTIMATED = np.array([source.estimated for source in SOURCES])


class WideMaker:
    """Takes the pieces of one capture of the bus and gives their rows."""

    def __init__(
        self,
        capture: str,
        names: NameTable = DEFAULT_NAMES,
        select: Selection = EVERYTHING,
        window: tuple[float | None, float | None] = (None, None),
    ) -> None:
        """``window`` has the first and the last time to take, in seconds since the first frame."""
        self._capture = capture
        self._names = names
        self._sender_names = tuple(dict.fromkeys(names.names.values()))
        self._senders: dict[int, int] = {sender: self._sender_names.index(name) for sender, name in names.names.items()}
        self._select = select
        self._window = window
        self._single = RowMaker(capture, names, select)
        self._asked: dict[str, Asked] = {}
        self._first: float | None = None

    def rows(self, piece: Columns) -> list[Rows]:
        """Rows of the next piece."""
        if not len(piece.frames):
            return []
        if self._first is None:
            self._first = float(piece.frames.time[0])
        kept = self._kept(piece)
        found = []
        for wide in piece.tables:
            table = self._select(table_of(wide.declared))  # type: ignore[arg-type]  # mypy asks the instances for a hash
            chosen = None if kept is None else np.flatnonzero(kept[wide.rows])
            if table is not None and (chosen is None or len(chosen)):
                found.append(_Piece(self, piece, wide, table, chosen).rows())
        return [*found, *self._singles(piece, kept)]

    def _kept(self, piece: Columns) -> Mask | None:
        start, stop = self._window
        if start is None and stop is None:
            return None
        since = piece.frames.time - (self._first or 0.0)
        early = np.False_ if start is None else since < start
        late = np.False_ if stop is None else since > stop
        return np.asarray(~(early | late))

    def _singles(self, piece: Columns, kept: Mask | None) -> list[Rows]:
        unplaced = [group.rows for group in piece.unplaced]
        rows = sorted([*piece.others, *(np.concatenate(unplaced).tolist() if unplaced else ())])
        first = Stamp(self._first or 0.0, TimeSource.START, piece.epoch)
        for row in rows:
            if kept is None or kept[row]:
                record = _record(piece, row)
                self._single.take(record, piece.contexts[row], first)
        return self._single.drain()

    # what the tables share -------------------------------------------------------------------------------------------

    def common(self, piece: Columns, rows: Ints) -> dict[str, Cells]:
        """Columns of the frame for good frames."""
        frames, count = piece.frames, len(rows)
        source = frames.source[rows]
        start, size = frames.offset[rows] - piece.base, frames.size[rows]
        sender = frames.sender[rows].astype(np.uint16)
        packets: dict[str, Cells] = {}
        if piece.epoch:
            packets["time"] = Numbers(np.round(frames.time[rows] * 1e6).astype(np.int64))
        if piece.interface:
            packets["interface"] = [piece.interface] * count
        return {
            **packets,
            "capture": _constant(self._capture, (self._capture,), count),
            "number": Numbers(frames.number[rows]),
            "elapsed": Numbers(frames.time[rows] - (self._first or 0.0)),
            "time_source": Codes(_SOURCE_CODES[source], _SOURCE_NAMES),
            "time_estimated": Numbers(_ESTIMATED[source]),
            "link": _constant(Link.RS485.value, (Link.RS485.value, Link.MK3.value), count),
            "sender": Numbers(sender),
            "sender_name": Codes(self._named(sender), self._sender_names),
            "frame_type": Numbers(frames.kind[rows].astype(np.uint8)),
            "sequence": Numbers(frames.sequence[rows].astype(np.uint8)),
            "checksum": _constant("Good", ("Good", "Bad"), count),
            "offset": Numbers((frames.offset if piece.place is None else piece.place)[rows]),
            "size": Numbers(size.astype(np.int32)),
            "raw": Spans(piece.data, start, size),
        }

    def _named(self, sender: npt.NDArray[np.uint16]) -> npt.NDArray[np.int16]:
        if len(sender) and (sender == sender[0]).all():
            return np.full(len(sender), self._senders.get(int(sender[0]), -1), dtype=np.int16)
        found = np.full(len(sender), -1, dtype=np.int16)
        for one in np.unique(sender).tolist():
            found[sender == one] = self._senders.get(one, -1)
        return found

    def asked(self, table: Table) -> Asked:
        """What makes the cells of this table that depend on a request."""
        if table.name not in self._asked:
            self._asked[table.name] = Asked()
        return self._asked[table.name]


def _record(piece: Columns, row: int) -> Record:
    found = piece.others.get(row)
    if found is None:
        wire = piece.wire(row)
        found = Piece(int(piece.frames.offset[row]), wire, dissect_frame(wire))
    chain = quick_chain(found.frame)
    return Record(
        number=int(piece.frames.number[row]),
        stamp=Stamp(float(piece.frames.time[row]), SOURCES[int(piece.frames.source[row])], piece.epoch),
        link=Link.RS485,
        offset=found.offset if piece.place is None else int(piece.place[row]),
        wire=found.data,
        frame=found.frame,
        chain=chain,
        findings=tuple(findings_of(found, chain)),
        reason=found.reason,
        interface=piece.interface,
    )


class _Piece:
    """One table of one piece."""

    def __init__(self, maker: WideMaker, piece: Columns, wide: WideTable, table: Table, chosen: Ints | None) -> None:
        self._maker = maker
        self._piece = piece
        self._wide = wide
        self._table = table
        self._chosen = chosen
        self._rows = wide.rows if chosen is None else wide.rows[chosen]
        self._wanted = frozenset(table.column)

    def rows(self) -> Rows:
        """All of it."""
        cells = self._maker.common(self._piece, self._rows)
        for column in self._wide.columns.values():
            cells.update(self._rest(column) if column.spec is None else self._field(column, column.spec))
        if self._table.is_exchange:
            cells.update(self._exchange())
        return Rows(table=self._table, count=len(self._rows), cells=cells)

    def _of(self, values: Array) -> Array:
        return values if self._chosen is None else values[self._chosen]

    def _rest(self, column: WideColumn) -> dict[str, Cells]:
        return {self._table.rest: _matrix(self._of(column.values), null=True)}

    def _field(self, column: WideColumn, spec: Field) -> dict[str, Cells]:
        place = self._table.by_spec[id(spec)]
        if place.value not in self._wanted:
            return {}
        if not column.scaled:
            return self._by_request(place, column)
        if spec.layout is not None and spec.layout.shape is Shape.TEXT:
            texts = [bytes(row).decode("ascii", "backslashreplace") for row in self._of(column.values)]
            return {place.value: texts}
        if not spec.is_number:
            values = self._of(column.values)
            is_list = spec.layout is not None and spec.layout.shape is Shape.LIST
            return {place.value: Numbers(values.astype(np.int32)) if is_list else _matrix(values)}
        return self._number(place, column)

    def _number(self, place: Place, column: WideColumn) -> dict[str, Cells]:
        kinds = self._table.column
        valid = None if column.valid is None else self._of(column.valid)
        cells: dict[str, Cells] = {place.value: _typed(kinds[place.value], self._of(column.values), valid)}
        if place.raw:
            raw = column.values if column.raw is None else column.raw
            cells[place.raw] = _typed(kinds[place.raw], self._of(raw), None)
        if place.name:
            cells[place.name] = _named(kinds[place.name], self._of(column.values))
        if place.scale and column.scales is not None:
            codes = self._of(column.scales).astype(np.int16)
            cells[place.scale] = Codes(np.where(codes == NO_SCALE, -1, codes), SCALES)
        return cells

    # what a request says ---------------------------------------------------------------------------------------------

    def _contexts(self) -> list[Context]:
        known = self._piece.contexts
        return [known[row] for row in self._rows.tolist()]

    def _exchange(self) -> dict[str, Cells]:
        contexts = self._contexts()
        passed = [context.response_time_s for context in contexts]
        return {
            "request": [context.response_to for context in contexts],
            "response_time": [None if seconds is None else round(seconds * 1000, 6) for seconds in passed],
        }

    def _by_request(self, place: Place, column: WideColumn) -> dict[str, Cells]:
        by_name = {found.spec.name: found for found in self._wide.columns.values() if found.spec is not None}
        others = {
            name: self._of(read.values if read.raw is None else read.raw).tolist()
            for name in reads(place.spec)
            if (read := by_name.get(name)) is not None
        }
        asked, raws = self._maker.asked(self._table), self._of(column.values).tolist()
        found: dict[str, list[Any]] = {name: [] for name in place.columns}
        for at, (raw, context) in enumerate(zip(raws, self._contexts(), strict=True)):
            cells = asked.cells(place, raw, {name: values[at] for name, values in others.items()}, context)
            for name, values in found.items():
                values.append(cells[name])
        return dict(found)


def _typed(column: Column, values: Array, valid: Mask | None) -> Numbers:
    return Numbers(values.astype(_DTYPES[column.kind], copy=False), valid)


def _matrix(values: Array, *, null: bool = False) -> Spans:
    """Rows of equally many bytes."""
    count, width = values.shape
    start = np.arange(count, dtype=np.int64) * width
    size = np.full(count, width, dtype=np.int64)
    return Spans(np.ascontiguousarray(values).reshape(-1), start, size, empty_is_null=null)


def _named(column: Column, values: Array) -> Codes:
    """Texts of numbers, by a table that is as long as the numbers go."""
    numbers = np.asarray(column.numbers, dtype=np.int64)
    order = np.argsort(numbers)
    place = np.clip(np.searchsorted(numbers[order], values), 0, len(numbers) - 1)
    codes = order[place].astype(np.int16)
    return Codes(np.where(numbers[codes] == values, codes, np.int16(-1)), column.vocabulary)
