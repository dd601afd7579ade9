"""The documented schema: a table for each declared message, and what its columns are called, hold and mean.

Everything is derived from the declarations.  A column is named after the filter name of its field, without the name of
the message in front: ``vebus.acphase.dc.voltage`` is ``dc_voltage`` in ``ac_phase``; where that is taken, more of the
filter name is kept.  Beside a value may stand

* ``<column>_name``: text of an enumeration, null where nobody has named the number,
* ``<column>_raw``: number on the wire, where the scale is the device's or the field is not confirmed,
* ``<column>_scale``: "announced" by the device, "assumed" from a published table, or "unknown" (no value then),
* ``<column>_id``, ``<column>_unit``: which RAM variable or setting it is where only the request says it, and its unit.

"Not available" is null, never a number.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from vebus_protocol.frame import FbFrame
from vebus_protocol.registry import MESSAGES, Unknown, UnknownSync
from vebus_protocol.schema import Evidence, Field, Message, OfRam, OfSetting, Shape, Space
from vebus_tools.export.schema import (
    CAPTURES,
    COLUMNS,
    COMMON,
    DAMAGED,
    REASON,
    UNDECODED,
    Column,
    Kind,
    Place,
    Table,
    plain_column,
)
from vebus_tools.generated.tables import needs_request

__all__ = [
    "CAPTURES",
    "COLUMNS",
    "COMMON",
    "DAMAGED",
    "UNDECODED",
    "Column",
    "Kind",
    "Place",
    "Table",
    "all_tables",
    "columns_rows",
    "message_tables",
    "schema_mark",
    "table_of",
]


# --- columns of a message ---------------------------------------------------------------------------------------------
_INTEGERS = {
    (8, False): Kind.U8,
    (16, False): Kind.U16,
    (24, False): Kind.U32,
    (32, False): Kind.U32,
    (8, True): Kind.I8,
    (16, True): Kind.I16,
    (32, True): Kind.I32,
}
_SCALES = ("announced", "assumed", "unknown")
_UNCONFIRMED = (Evidence.INFERRED, Evidence.UNKNOWN)
_WORD_BREAK = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z][a-z])")


class _Names:
    """Names of one table: each belongs to one field and what stands beside it."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}."
        self._owners: dict[str, str] = {column.name: "" for column in (*COMMON, *_EXCHANGE, REASON)} | {"rest": ""}

    def take(self, abbrev: str) -> str:
        whole = abbrev.replace(".", "_")
        outside = whole.partition("_")[2] or whole
        inside = abbrev.removeprefix(self._prefix).replace(".", "_")
        short = inside if abbrev.startswith(self._prefix) else outside
        candidates = (short, outside, whole, *(f"{short}_{count}" for count in range(2, 99)))
        name = next(name for name in candidates if name not in self._owners)
        self._owners[name] = abbrev
        return name

    def beside(self, value: str, role: str) -> str:
        name = f"{value}_{role}"
        return name if name not in self._owners else f"{name}_2"


_EXCHANGE: tuple[Column, ...] = (
    plain_column("request", Kind.I64, "Number of the frame with the request", abbrev="vebus.response_to"),
    plain_column("response_time", Kind.F64, "Time since the request", unit="ms", abbrev="vebus.response_time"),
)


def _number_kind(spec: Field) -> Kind:
    if spec.scale is not None:
        return Kind.F64
    if spec.width:
        return Kind.BOOL if spec.width == 1 and spec.enum is None else _bits_kind(spec.width)
    return _INTEGERS[spec.layout.bits, spec.layout.signed] if spec.layout else Kind.I64


def _bits_kind(width: int) -> Kind:
    return next(kind for (bits, signed), kind in _INTEGERS.items() if not signed and width <= bits)


def _raw_kind(spec: Field) -> Kind:
    if spec.layout is not None and spec.layout.shape is Shape.LIST:
        return Kind.INTS
    if spec.width:
        return _bits_kind(spec.width)
    return _INTEGERS[spec.layout.bits, spec.layout.signed] if spec.layout else Kind.I64


def _value_kind(spec: Field) -> Kind:
    if spec.is_number:
        return _number_kind(spec)
    shape = spec.layout.shape if spec.layout else Shape.BYTES
    if shape is Shape.LIST:
        return Kind.INTS if spec.scale is None else Kind.FLOATS
    return Kind.TEXT if shape is Shape.TEXT else Kind.BYTES


def _place(spec: Field, names: _Names) -> Place:
    value = names.take(spec.abbrev)
    announced = isinstance(spec.scale, OfRam | OfSetting)
    asked = needs_request(spec)
    has_raw = announced or (spec.scale is not None and spec.evidence in _UNCONFIRMED)
    told = spec.scale.variable if isinstance(spec.scale, OfRam) else getattr(spec.scale, "setting", None)
    return Place(
        spec=spec,
        value=value,
        raw=names.beside(value, "raw") if has_raw else "",
        name=names.beside(value, "name") if spec.enum is not None and spec.is_number else "",
        scale=names.beside(value, "scale") if announced else "",
        id=names.beside(value, "id") if asked and told is None else "",
        unit=names.beside(value, "unit") if asked else "",
    )


def _columns_of(place: Place) -> Iterator[Column]:
    spec = place.spec
    several = not spec.is_number

    def made(name: str, kind: Kind, label: str, *, unit: str = "", enum_of: bool = False) -> Column:
        members = tuple(spec.enum) if enum_of and spec.enum else ()
        return Column(
            name=name,
            kind=kind,
            label=label,
            unit=unit,
            meaning=spec.meaning,
            abbrev=spec.abbrev,
            evidence=spec.evidence,
            source=spec.source,
            vocabulary=tuple(member.text for member in members),
            numbers=tuple(int(member) for member in members),
        )

    yield made(place.value, _value_kind(spec), spec.label, unit=spec.unit)
    if place.raw:
        yield made(place.raw, _raw_kind(spec), f"{spec.label}, number on the wire")
    if place.name:
        yield made(place.name, Kind.NAME, f"{spec.label}, name of the number", enum_of=True)
    if place.scale:
        column = plain_column(
            place.scale, Kind.TEXTS if several else Kind.NAME, f"{spec.label}, where its scale is from"
        )
        yield column if several else plain_column(column.name, column.kind, column.label, *_SCALES)
    if place.id:
        yield made(place.id, Kind.INTS if several else Kind.U16, f"{spec.label}, RAM variable or setting asked for")
    if place.unit:
        yield plain_column(place.unit, Kind.TEXTS if several else Kind.TEXT, f"{spec.label}, unit")


def _specs(declared: type[Message]) -> Iterator[Field]:
    for spec in declared.FIELDS:
        yield spec
        yield from spec.bits
    yield from declared.COMPUTED


def _carriers(space: Space) -> Iterator[type[Message]]:
    return (declared for declared in MESSAGES if declared.INFO.carries is space)


def _name_of(declared: type[Message]) -> str:
    return _WORD_BREAK.sub("_", declared.__name__).lower()


@lru_cache(maxsize=512)
def table_of(declared: type[Message]) -> Table:
    """Table of a message."""
    names = _Names(declared.INFO.abbrev)
    shared: dict[tuple[str, Kind], Place] = {}
    places: list[Place] = []
    for carrier in _carriers(declared.INFO.space):
        for spec in _specs(carrier):  # carriers stand for each other, so that their fields share columns
            first = shared.get((spec.abbrev, _value_kind(spec)))
            place = _place(spec, names) if first is None else _like(first, spec)
            shared.setdefault((spec.abbrev, _value_kind(spec)), place)
            places.append(place)
    places += [_place(spec, names) for spec in _specs(declared)]
    columns = {column.name: column for place in reversed(places) for column in reversed(tuple(_columns_of(place)))}
    exchange = _EXCHANGE if declared.INFO.space is Space.WINMON else ()
    rest = plain_column("rest", Kind.BYTES, declared.INFO.rest_label, abbrev="vebus.unknown")
    return Table(
        name=_name_of(declared),
        title=declared.INFO.title,
        columns=(*COMMON, *exchange, *reversed(columns.values()), rest),
        places=tuple(places),
        declared=declared,
        rest="rest",
    )


def _like(first: Place, spec: Field) -> Place:
    return Place(
        spec=spec,
        value=first.value,
        raw=first.raw,
        name=first.name,
        scale=first.scale,
        id=first.id,
        unit=first.unit,
    )


@lru_cache(maxsize=1)
def message_tables() -> Mapping[str, Table]:
    """All tables of messages by name; those of messages that only carry others are for what cannot be read inside."""
    return {(table := table_of(declared)).name: table for declared in (*MESSAGES, FbFrame, Unknown, UnknownSync)}


@lru_cache(maxsize=1)
def all_tables() -> Mapping[str, Table]:
    """All tables that can hold frames, by name."""
    return {**message_tables(), DAMAGED.name: DAMAGED, UNDECODED.name: UNDECODED}


def columns_rows(tables: Iterable[Table]) -> Iterator[tuple[str | None, ...]]:
    """Rows of table ``columns``."""
    for table in tables:
        for column in table.columns:
            facts = column.documentation
            texts = (facts.get(name.name) for name in COLUMNS.columns[3:])
            yield (table.name, column.name, column.kind.value, *texts)


@lru_cache(maxsize=8)
def schema_mark(fields: Sequence[str] = ()) -> str:
    """Twelve hex digits that change when the columns of any table do; ``fields`` are those that were asked for."""
    chosen = sorted(fields)
    facts = [
        (table.name, column.name, column.kind.value) for table in all_tables().values() for column in table.columns
    ]
    return hashlib.sha256(
        json.dumps([*facts, *[column.name for column in CAPTURES.columns], *chosen]).encode()
    ).hexdigest()[:12]
