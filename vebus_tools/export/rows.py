"""Records, one by one, to rows of the tables: every link, every damage, what a request says of its reply.

The wide path (``wide``) makes the same rows of whole megabytes; what it cannot place comes here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import FbFrame, ReceivedFrame
from vebus_protocol.mk3 import ReceivedMk3Frame
from vebus_protocol.schema import Direction, Field, Message, OfSetting, Shape
from vebus_tools.export.tables import DAMAGED, UNDECODED, Place, Table, table_of
from vebus_tools.field_nodes import item_node, number_node
from vebus_tools.generated.tables import reads
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.nodes import Node
from vebus_tools.records import Link, Record, Severity, Stamp
from vebus_tools.session import Context

__all__ = ["EVERYTHING", "Asked", "Cells", "RowMaker", "Rows", "Selection", "Wide", "listed"]

Row = dict[str, Any]


class Wide(Protocol):
    """Values of a column that are no list yet."""

    def listed(self) -> list[Any]:
        """The same as a list, None where there is no value."""


Cells = Sequence[Any] | Wide
"""One column of some rows: a list with None for null, or what the wide path makes of arrays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows of one table; columns that ``cells`` does not have are null."""

    table: Table
    count: int
    cells: Mapping[str, Cells]

    def lists(self) -> dict[str, Sequence[Any]]:
        """All columns of the table as lists, in its order."""
        nothing = [None] * self.count
        cells = ((column.name, self.cells.get(column.name, nothing)) for column in self.table.columns)
        return {name: listed(found) for name, found in cells}


def listed(cells: Cells) -> Sequence[Any]:
    """A column as a list, None for null."""
    return cells if isinstance(cells, Sequence) else cells.listed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What goes into the export: tables by name, and their columns; None is all of them."""

    tables: frozenset[str] | None = None
    fields: frozenset[str] | None = None
    _kept: dict[str, Table | None] = field(default_factory=dict)

    def __call__(self, table: Table) -> Table | None:
        """The table with the columns that were asked for, or None where none of it was."""
        if table.name not in self._kept:
            self._kept[table.name] = self._chosen(table)
        return self._kept[table.name]

    def _chosen(self, table: Table) -> Table | None:
        if self.tables is not None and table.name not in self.tables:
            return None
        if self.fields is None or table in (DAMAGED, UNDECODED):
            return table
        wanted = {column.name for column in table.columns if column.abbrev in self.fields}
        beside = {name for place in table.places if place.value in wanted for name in place.columns}
        own = {place.value for place in table.places} | {table.rest}
        return table.only(frozenset(wanted | beside)) if wanted & own else None


EVERYTHING = Selection()


# --- columns of the frame ---------------------------------------------------------------------------------------------
_DIRECTIONS = {Direction.TO_DEVICE: "to device", Direction.FROM_DEVICE: "from device"}


def common_cells(record: Record, first: Stamp, names: NameTable, direction: Direction) -> Row:
    """Columns that all tables begin with, without the name of the capture."""
    stamp, frame = record.stamp, record.frame
    row: Row = {
        "number": record.number,
        "time": round(stamp.at * 1e6) if stamp.epoch else None,
        "elapsed": stamp.at - first.at if stamp.epoch == first.epoch else None,
        "time_source": stamp.source.value,
        "time_estimated": stamp.source.estimated,
        "interface": record.interface or None,
        "link": record.link.value,
        "direction": _DIRECTIONS.get(direction) if record.link is Link.MK3 else None,
        "offset": record.offset,
        "size": len(record.wire),
        "raw": record.wire,
    }
    if isinstance(frame, ReceivedFrame):
        row["sender"], row["sender_name"] = frame.sender, names.names.get(frame.sender)
        row["frame_type"], row["sequence"] = frame.kind, frame.number
    if isinstance(frame, ReceivedFrame | ReceivedMk3Frame):
        row["checksum"] = "Good" if frame.checksum_ok else "Bad"
    elif frame is not None:
        row["checksum"] = "Good" if frame.complement_ok else "Bad"
    return row


def reason_of(record: Record) -> tuple[Table, str] | None:
    """The table of what cannot be placed and why, or None for a record that has a message."""
    errors = [found.text for found in record.findings if found.severity is Severity.ERROR]
    frame = record.frame
    if frame is None:
        return UNDECODED, f"belongs to no frame: {record.reason}"
    if errors:
        return DAMAGED, "; ".join(errors)
    if isinstance(frame, ReceivedFrame) and frame.kind not in (FrameKind.SYNC, FrameKind.DATA):
        return UNDECODED, f"frame of unknown type 0x{frame.kind:02x}"
    if not record.chain and not isinstance(frame, FbFrame):
        return UNDECODED, "frame without a payload"
    return None


# --- columns of the message -------------------------------------------------------------------------------------------
_MOST = 1 << 14
"""Numbers that are remembered for a field."""


class _Number:
    """Cells of one field that holds a number, made once for each raw number that comes."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._reads = reads(place.spec)
        self._known: dict[tuple[object, ...], Row] = {}
        self._context: Context | None = None

    def cells(self, raw: int, raws: Mapping[str, Any], context: Context) -> Row:
        """Cells of the field; ``raws`` are the numbers of the message."""
        before = self._context
        stale = before is None or before.book is not context.book or before.assistants is not context.assistants
        if stale or len(self._known) >= _MOST:
            self._known.clear()
        self._context = context
        asked = (context.ram_ids[:1], context.setting_id) if self._place.unit else ()
        key = (raw, *(raws.get(name) for name in self._reads), *asked)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._made(raw, raws, context)
        return found

    def _made(self, raw: int, raws: Mapping[str, Any], context: Context) -> Row:
        place, node = self._place, number_node(self._place.spec, raw, dict(raws), context)
        asked = (context.setting_id,) if isinstance(place.spec.scale, OfSetting) else context.ram_ids[:1]
        cells = {
            place.value: value_of(place.spec, node),
            place.raw: raw,
            place.name: node.name or None,
            place.scale: scale_of(node),
            place.id: next(iter(asked), None),
            place.unit: node.unit or None,
        }
        cells.pop("", None)
        return cells


_SCALE_MARKS = {"scale not known": "unknown", "assumed scale": "assumed"}


def value_of(spec: Field, node: Node) -> Any:  # noqa: ANN401  (a number or a flag, as the column has it)
    """Value of a node as its column holds it: null where its scale is not known."""
    if spec.scale is None or node.value is None:
        return node.value
    return None if scale_of(node) == "unknown" else float(node.value)


def scale_of(node: Node) -> str | None:
    """Whether the scale of a value was announced, assumed, or is not known; None where there is no value."""
    return _SCALE_MARKS.get(node.mark) or (None if node.value is None else "announced")


class Asked:
    """Cells of fields of one table that need more than arithmetic, each made once for the numbers that come."""

    def __init__(self) -> None:
        self._numbers: dict[int, _Number] = {}
        self._items: dict[tuple[int, int, int], tuple[Any, str | None, str | None]] = {}
        self._context: Context | None = None

    def cells(self, place: Place, raw: int | Sequence[int], raws: Mapping[str, Any], context: Context) -> Row:
        """Cells of a field; ``raws`` are the numbers of the message that its declaration refers to."""
        if not isinstance(raw, int):
            return self._list(place, raw, context)
        number = self._numbers.get(id(place.spec))
        if number is None:
            number = self._numbers[id(place.spec)] = _Number(place)
        return number.cells(raw, raws, context)

    def _list(self, place: Place, raws: Sequence[int], context: Context) -> Row:
        """A list of numbers, of which perhaps only the request says what they are."""
        before = self._context
        if before is None or before.book is not context.book or before.assistants is not context.assistants:
            self._items.clear()
        self._context = context
        asked = (*context.ram_ids[: len(raws)], *[-1] * (len(raws) - len(context.ram_ids)))
        items = [
            self._item(place.spec, at, raw, which, context)
            for at, (raw, which) in enumerate(zip(raws, asked, strict=True))
        ]
        cells: Row = {
            place.value: [value for value, _, _ in items],
            place.raw: list(raws),
            place.scale: [scale for _, scale, _ in items],
            place.id: list(context.ram_ids[: len(raws)]) or None,
            place.unit: [unit for _, _, unit in items],
        }
        cells.pop("", None)
        return cells

    def _item(self, spec: Field, at: int, raw: int, which: int, context: Context) -> tuple[Any, str | None, str | None]:
        key = (id(spec), raw, which)
        found = self._items.get(key)
        if found is None:
            if len(self._items) >= _MOST:
                self._items.clear()
            node = item_node(spec, at, raw, context)
            found = self._items[key] = value_of(spec, node), scale_of(node), node.unit or None
        return found


class _Fields:
    """Cells of messages of one table."""

    def __init__(self, table: Table) -> None:
        self._places = table.by_spec
        self._rest = table.rest
        self._asked = Asked()

    def fill(self, row: Row, message: Message, context: Context) -> None:
        """Put all fields of a message, carrier or body, into a row."""
        raws = message.raws()
        for spec in message.FIELDS:
            raw = raws[spec.name]
            if raw is None:
                continue
            self._field(row, spec, raw, raws, context)
            for part in spec.bits:
                self._number(row, part, part.pick(raw), raws, context)
        for spec in message.COMPUTED:
            try:
                raw = int(spec.expression(raws))
            except (LookupError, TypeError, ZeroDivisionError):
                continue  # an optional field that it needs is not in this frame
            self._number(row, spec, raw, raws, context)
        if message.rest and message.INFO.carries is None:
            row[self._rest] = message.rest

    def _field(self, row: Row, spec: Field, raw: Any, raws: Mapping[str, Any], context: Context) -> None:  # noqa: ANN401
        place = self._places[id(spec)]
        if isinstance(raw, int):
            self._number(row, spec, raw, raws, context)
        elif isinstance(raw, tuple):
            row.update({place.value: list(raw)} if spec.scale is None else self._asked.cells(place, raw, raws, context))
        elif spec.layout is not None and spec.layout.shape is Shape.TEXT:
            row[place.value] = raw.decode("ascii", "backslashreplace")
        else:
            row[place.value] = raw

    def _number(self, row: Row, spec: Field, raw: int, raws: Mapping[str, Any], context: Context) -> None:
        if spec.scale is None and spec.enum is None and not spec.absent and spec.valid is None:
            row[self._places[id(spec)].value] = raw != 0 if spec.width == 1 else raw
            return
        row.update(self._asked.cells(self._places[id(spec)], raw, raws, context))


class RowMaker:
    """Takes records one by one and gives their rows, table by table."""

    def __init__(self, capture: str, names: NameTable = DEFAULT_NAMES, select: Selection = EVERYTHING) -> None:
        """``capture`` is the name of the capture in the export."""
        self._capture = capture
        self._names = names
        self._select = select
        self._fields: dict[str, _Fields] = {}
        self._rows: dict[str, tuple[Table, list[Row]]] = {}
        self.count = 0
        """Rows that wait to be drained."""

    def take(self, record: Record, context: Context, first: Stamp) -> Table | None:
        """Add the row of a record; ``first`` is the stamp of the first record of the capture.

        Returns the table that it stands in, None where nobody asked for it.
        """
        unplaced = reason_of(record)
        whole = unplaced[0] if unplaced else table_of(_message_of(record))  # type: ignore[arg-type]  # mypy asks the instances for a hash
        table = self._select(whole)
        if table is None:
            return None
        row = common_cells(record, first, self._names, context.direction or record.direction)
        row["capture"] = self._capture
        if unplaced:
            row["reason"] = unplaced[1]
        else:
            self._fill(row, whole, record, context)
        self._rows.setdefault(table.name, (table, []))[1].append(row)
        self.count += 1
        return table

    def _fill(self, row: Row, table: Table, record: Record, context: Context) -> None:
        fields = self._fields.get(table.name)
        if fields is None:
            fields = self._fields[table.name] = _Fields(table)
        messages = [placed.message for placed in record.chain]
        if isinstance(record.frame, FbFrame):
            messages = [record.frame]
        for message in messages:
            fields.fill(row, message, context)
        if table.is_exchange:
            row["request"] = context.response_to
            row["response_time"] = None if context.response_time_s is None else round(context.response_time_s * 1000, 6)

    def drain(self) -> list[Rows]:
        """All rows that wait, and forget them."""
        found = [_rows(table, rows) for table, rows in self._rows.values()]
        self._rows.clear()
        self.count = 0
        return found


def _message_of(record: Record) -> type[Message]:
    return FbFrame if isinstance(record.frame, FbFrame) else type(record.chain[-1].message)


def _rows(table: Table, rows: list[Row]) -> Rows:
    cells = {column.name: [row.get(column.name) for row in rows] for column in table.columns}
    return Rows(table=table, count=len(rows), cells=cells)
