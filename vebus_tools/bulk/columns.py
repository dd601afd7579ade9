"""One message as columns: every declared field an array, with name, unit, type and validity from the declaration."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vebus_protocol.frame import HEADER_SIZE
from vebus_protocol.scaling import NOT_KNOWN, Rule, ScaleBook, rule_of
from vebus_protocol.schema import Field, Message, OfRam, OfSetting, Shape, WireEnum
from vebus_tools.bulk.framing import Bytes, Ints, Mask
from vebus_tools.bulk.stream import Group
from vebus_tools.generated import Plan, Slot, names_in
from vebus_tools.generated.tables import needs_request

__all__ = ["NO_SCALE", "SCALES", "Books", "Column", "Table", "number_of", "table_of"]

Array = npt.NDArray[Any]
Books = Sequence[tuple[int, ScaleBook]]
"""From which record index of the batch on which scales are known; the first entry is for index 0."""

_UNSIGNED = {1: np.uint8, 2: np.uint16, 3: np.uint32, 4: np.uint32}
_SIGNED = {1: np.int8, 2: np.int16, 4: np.int32}
_WORD_BITS = 16

SCALES = ("announced", "assumed", "unknown")
"""What the numbers of `Column.scales` mean."""
NO_SCALE = len(SCALES)
"""There is no value, whatever the scale."""
_ANNOUNCED, _ASSUMED, _UNKNOWN = range(NO_SCALE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One field of all rows of a table.

    ``values`` are physical, in ``unit``: float64 where a scale divides, otherwise the narrowest integer type of the
    field, bool for one bit, and for bytes or lists a second axis.  ``valid`` is None where every row has a value, else
    False where there is none ("not available", no such field in this frame); the number there has no meaning.  ``raw``
    are the numbers on the wire where ``values`` are something else.  ``enum`` names the numbers.  ``scaled`` is False
    where the scale stands in the request of a reply: ``values`` are the raw numbers then, as in a decoder that has not
    seen the request.  ``scales`` says for a scale of the device where it is from: an index into SCALES, or NO_SCALE.
    """

    abbrev: str
    label: str
    unit: str
    values: Array
    valid: Mask | None = None
    raw: Array | None = None
    scales: Bytes | None = None
    enum: type[WireEnum] | None = None
    scaled: bool = True
    spec: Field | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All frames of one message and one length in a batch.

    ``rows`` are record indices in the batch.  ``columns`` go by abbreviation, those of what carries the message first;
    where fields of one message share an abbreviation, the second is ``<abbreviation>#2`` and so on.
    ``payload`` has the unstuffed payload of each row.
    """

    declared: type[Message]
    rows: Ints
    columns: Mapping[str, Column]
    payload: Bytes


def table_of(group: Group, books: Books) -> Table | None:
    """Columns of a group; None for one that no plan can be made of."""
    if group.parts is None or not group.parts.plans:
        return None
    columns: dict[str, Column] = {}
    for plan, start in group.parts.plans:
        for column in _columns(plan, group.planes[HEADER_SIZE + start :], group.rows, books):
            columns[_free(column.abbrev, columns)] = column
    return Table(
        declared=group.parts.last.declared,
        rows=group.rows,
        columns=columns,
        payload=group.planes[HEADER_SIZE:-2].T,
    )


def _free(abbrev: str, columns: Mapping[str, Column]) -> str:
    """The abbreviation, with a number behind it where fields of one message share it."""
    if abbrev not in columns:
        return abbrev
    return next(name for count in itertools.count(2) if (name := f"{abbrev}#{count}") not in columns)


def _columns(plan: Plan, planes: Bytes, rows: Ints, books: Books) -> Iterator[Column]:
    narrow = {slot.spec.name: number_of(slot, planes) for slot in plan.slots if slot.is_number}
    wide = _Wide(narrow)
    place = _Place(wide, rows, books)
    for slot in plan.slots:
        spec = slot.spec
        if spec.name in narrow:
            yield _column(spec, narrow[spec.name], place)
            for part in spec.bits:
                yield _column(part, _bits(part, narrow[spec.name]), place)
        elif slot.count == 0:
            yield _plain(spec, planes[slot.offset : slot.offset + slot.size].T)
        else:
            yield _list(slot, planes)
    for spec in plan.declared.COMPUTED:
        if all(name in wide for name in names_in(spec.expression)):
            found = np.broadcast_to(np.asarray(spec.expression(wide)), rows.shape).astype(np.int64)
            yield _column(spec, found, place)
    if plan.declared.INFO.carries is None and plan.rest_at < plan.length:
        data = planes[plan.rest_at : plan.length].T
        yield Column(abbrev="vebus.unknown", label=plan.declared.INFO.rest_label, unit="", values=data)


class _Wide(dict[str, Any]):
    """Numbers by name for expressions, in a type that no product overflows; made when one asks."""

    def __init__(self, narrow: Mapping[str, Array]) -> None:
        super().__init__(narrow)
        self._narrow = narrow

    def __getitem__(self, name: str) -> Array:
        wide: Array = self._narrow[name].astype(np.int64)
        return wide


# --- raw numbers ------------------------------------------------------------------------------------------------------
def number_of(slot: Slot, planes: Bytes, at: int = 0) -> Array:
    """One number of every row, in the narrowest type."""
    size = slot.size // max(slot.count, 1)
    first = slot.offset + at * size
    order = range(size - 1, -1, -1) if slot.big_endian else range(size)
    if size == 1:
        value: Array = planes[first]
    else:
        kind = _UNSIGNED[size]
        value = planes[first + order[0]].astype(kind)
        for shift, place in enumerate(order[1:], 1):
            value |= planes[first + place].astype(kind) << kind(8 * shift)
    return value.view(_SIGNED[size]) if slot.signed else value


def _bits(part: Field, value: Array) -> Array:
    found: Array = value >> part.shift & (1 << part.width) - 1 if part.shift else value & (1 << part.width) - 1
    return found


def _plain(spec: Field, data: Bytes) -> Column:
    if spec.layout is not None and spec.layout.shape is Shape.TEXT:
        packed = np.ascontiguousarray(data)
        return Column(abbrev=spec.abbrev, label=spec.label, unit="", values=packed, spec=spec)
    return Column(abbrev=spec.abbrev, label=spec.label, unit="", values=data, spec=spec)


def _list(slot: Slot, planes: Bytes) -> Column:
    spec = slot.spec
    values = np.stack([number_of(slot, planes, at) for at in range(slot.count)], axis=1)
    scaled = spec.scale is None
    return Column(
        abbrev=spec.abbrev, label=spec.label, unit="", values=values, enum=spec.enum, scaled=scaled, spec=spec
    )


# --- physical values --------------------------------------------------------------------------------------------------
class _Place:
    """What a value depends on besides its own number: the other numbers of the message, and the scales at that time."""

    def __init__(self, wide: _Wide, rows: Ints, books: Books) -> None:
        self.wide = wide
        self.rows = rows
        self.books = books

    def ages(self) -> Iterator[tuple[slice, ScaleBook]]:
        """Rows that share the same scales; rows ascend."""
        edges = [*np.searchsorted(self.rows, [first for first, _ in self.books]).tolist(), len(self.rows)]
        for (_, book), start, stop in zip(self.books, edges, edges[1:], strict=False):
            if stop > start:
                yield slice(start, stop), book


def _column(spec: Field, raw: Array, place: _Place) -> Column:
    values, valid, scales = _valued(spec, raw, place)
    return Column(
        abbrev=spec.abbrev,
        label=spec.label,
        unit=spec.unit,
        values=values,
        valid=valid,
        raw=None if values is raw else raw,
        scales=scales,
        enum=spec.enum,
        scaled=not needs_request(spec),
        spec=spec,
    )


def _valued(spec: Field, raw: Array, place: _Place) -> tuple[Array, Mask | None, Bytes | None]:
    if spec.enum is not None:
        return raw, None, None
    if spec.width == 1:
        return raw != 0, None, None
    valid = _validity(spec, raw, place)
    if needs_request(spec):
        return raw, valid, None
    if isinstance(spec.scale, OfRam | OfSetting):
        return _announced(spec, raw, place, valid)
    if spec.scale is None:
        return raw, valid, None
    return (*_ruled(rule_of(spec, {}, ScaleBook()), spec, raw, valid), None)


def _validity(spec: Field, raw: Array, place: _Place) -> Mask | None:
    valid: Mask | None = None
    if spec.absent:
        valid = ~np.isin(raw, spec.absent)
    if spec.valid is not None:
        here = all(name in place.wide for name in names_in(spec.valid))
        found = np.asarray(spec.valid(place.wide)) if here else np.asarray(False)  # noqa: FBT003
        there = np.broadcast_to(found.astype(np.bool_), raw.shape)
        valid = there if valid is None else valid & there
    return valid


def _ruled(rule: Rule, spec: Field, raw: Array, valid: Mask | None) -> tuple[Array, Mask | None]:
    """The formula of `Rule.value` on arrays, with the same divisions in the same order."""
    if rule.signed is rule.bit is rule.over is None and rule.multiply == 1 and not rule.offset and rule.divide != 1:
        return raw.astype(np.float64) / rule.divide, valid
    wide = raw.astype(np.int64)
    if rule.signed is not None:
        bits = spec.width or (spec.layout.bits if spec.layout else 0) or _WORD_BITS
        wide &= (1 << bits) - 1
        if rule.signed:
            wide -= (wide >> bits - 1) << bits
    if rule.bit is not None:
        return wide >> rule.bit & 1, valid
    top = (wide + rule.offset) * rule.multiply if rule.offset or rule.multiply != 1 else wide
    if rule.over is not None:
        there = top != 0
        values = rule.over * rule.divide / np.where(there, top, 1)
        return values, there if valid is None else valid & there
    return (top if rule.divide == 1 else top / rule.divide), valid


def _announced(spec: Field, raw: Array, place: _Place, valid: Mask | None) -> tuple[Array, Mask | None, Bytes]:
    """A scale that the device announces: by the scales of each time, and by the factor where the message has one."""
    values = np.zeros(raw.shape, dtype=np.float64)
    known = np.ones(raw.shape, dtype=np.bool_) if valid is None else valid.copy()
    scales = np.zeros(raw.shape, dtype=np.uint8)
    names = names_in(spec.scale.times) if isinstance(spec.scale, OfRam) else ()
    for rows, book in place.ages():
        factors = np.stack([place.wide[name][rows] for name in names], axis=1) if names else np.zeros((1, 0), np.int64)
        combos, which = np.unique(factors, axis=0, return_inverse=True) if names else (factors, None)
        for number, combo in enumerate(combos.tolist()):
            own = np.arange(rows.start, rows.stop)
            own = own[np.ravel(which) == number] if which is not None else own
            rule = rule_of(spec, dict(zip(names, combo, strict=True)), book)
            scales[own] = _ASSUMED if rule.assumed else _ANNOUNCED
            if rule.reason:
                values[own] = raw[own]
                scales[own] = np.where(known[own] & (rule.reason == NOT_KNOWN), _UNKNOWN, NO_SCALE)
                known[own] = False
                continue
            values[own], there = _ruled(rule, spec, raw[own], None)
            if there is not None:
                known[own] &= there
    scales[~known & (scales != _UNKNOWN)] = NO_SCALE
    return values, None if known.all() else known, scales
