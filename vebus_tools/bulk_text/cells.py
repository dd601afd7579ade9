"""The text of one field, and of all that stands on its lines, as a function of the few numbers that decide it.

A field that is arithmetic has a template, into which the texts of its numbers go; all others are printed by the sink
when a combination of their numbers first occurs, and looked up from then on.  Both begin with a node of the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vebus_protocol.frame import HEADER_SIZE
from vebus_protocol.scaling import ScaleBook, decimals_of
from vebus_protocol.schema import Field, Message, OfRam, OfSetting, Reciprocal
from vebus_tools.bulk.columns import number_of
from vebus_tools.bulk.framing import Bytes, Ints
from vebus_tools.bulk_text.forms import RecordForm
from vebus_tools.bulk_text.templates import Template, cut
from vebus_tools.field_nodes import FieldNodes
from vebus_tools.generated.plan import Plan, Slot, names_in, python_of
from vebus_tools.generated.source import value_source
from vebus_tools.generated.tables import reads
from vebus_tools.nodes import Node
from vebus_tools.records import Finding
from vebus_tools.session import Context

__all__ = ["Cell", "Rows", "Texts", "cells_of"]

Texts = list[str] | str
"""A text for each row, or one for all of them."""

_KEY_BITS = 62
_TABLE_BITS = 16
_MOST = 1 << 16
_UNKNOWN = "vebus.unknown"


@dataclass(frozen=True, slots=True)
class Rows:
    """Payloads of one message: byte ``j`` of each in row ``j`` of ``planes``, and what is known when they come."""

    plan: Plan
    planes: Bytes
    context: Context

    def message(self, row: int) -> Message:
        """The message in one row, by the reference."""
        return self.plan.declared.parse(self.planes[: self.plan.length, row].tobytes())

    def node(self, row: int, spec: Field | None) -> Node | None:
        """Node of a field in one row, None where it has none; no field stands for the bytes behind all of them."""
        for node in FieldNodes(self.message(row), self.context, HEADER_SIZE).nodes():
            if node.field is spec if spec is not None else node.abbrev == _UNKNOWN:
                return node
        return None


class Cell:
    """One field, by a key of all the numbers that its text depends on."""

    def __init__(
        self, spec: Field | None, slots: Sequence[Slot], form: RecordForm, findings: Sequence[Finding]
    ) -> None:
        """``slots`` are the fields it reads, ``findings`` what stands below it."""
        self._spec = spec
        self._slots = slots
        self._form = form
        self._findings = findings
        self._texts: dict[Any, str] = {}
        self._table = _Table() if sum(8 * slot.size for slot in slots) <= _TABLE_BITS else None
        self._context: Context | None = None
        scales = () if spec is None else (spec.scale, *(part.scale for part in spec.bits))
        self.announced = any(isinstance(scale, OfRam | OfSetting) for scale in scales)

    def texts(self, rows: Rows, *, first: bool) -> Texts:
        """Texts of all rows; ``first`` as for `RecordForm.nodes`."""
        if self.announced and self._context is not rows.context:
            self._context = rows.context
            self._forget()
        keys = self._keys(rows)
        if keys is None:
            return [self._text(key, rows, at, first=first) for at, key in enumerate(self._raw_keys(rows))]
        if (keys == keys[0]).all():
            return self._text(int(keys[0]), rows, 0, first=first)
        if self._table is None:
            known = self._texts.get
            return [known(key) or self._text(key, rows, at, first=first) for at, key in enumerate(keys.tolist())]
        return self._table.look_up(keys, lambda key, at: self._text(key, rows, at, first=first))

    def _forget(self) -> None:
        self._texts.clear()
        if self._table is not None:
            self._table = _Table()

    def _keys(self, rows: Rows) -> Ints | None:
        """Keys as numbers, None where they are too wide for that."""
        if (
            self._spec is None
            or any(not slot.is_number for slot in self._slots)
            or sum(8 * slot.size for slot in self._slots) > _KEY_BITS
        ):
            return None
        key = np.zeros(rows.planes.shape[1], dtype=np.int64)
        for slot in self._slots:
            number = number_of(slot, rows.planes).astype(np.int64)
            key = key << 8 * slot.size | number & (1 << 8 * slot.size) - 1
        return key

    def _raw_keys(self, rows: Rows) -> list[bytes]:
        parts = [rows.planes[slot.offset : slot.offset + slot.size] for slot in self._slots]
        data = np.concatenate(parts) if parts else rows.planes[rows.plan.rest_at : rows.plan.length]
        whole, width = np.ascontiguousarray(data.T).tobytes(), len(data)
        return [whole[at : at + width] for at in range(0, len(whole), width)]

    def _text(self, key: Any, rows: Rows, at: int, *, first: bool) -> str:  # noqa: ANN401  (bytes or a number)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= _MOST:
                self._texts.clear()
            text = self._texts[key] = self._made(rows, at, first=first)
        return text

    def _made(self, rows: Rows, at: int, *, first: bool) -> str:
        node = rows.node(at, self._spec)
        return "" if node is None else self._form.nodes((node,), self._findings, first=first)


class _Table:
    """Texts by keys of few bits."""

    def __init__(self) -> None:
        self._place = np.full(1 << _TABLE_BITS, -1, dtype=np.int32)
        self._texts = np.empty(0, dtype=object)

    def look_up(self, keys: Ints, make: Callable[[int, int], str]) -> list[str]:
        """Texts of these keys; ``make`` gives that of a new key and the place where it first stands."""
        places = self._place[keys]
        if (places < 0).any():
            new, first = np.unique(keys, return_index=True)
            fresh = self._place[new] < 0
            new, first = new[fresh], first[fresh]
            made = np.array([make(key, at) for key, at in zip(new.tolist(), first.tolist(), strict=True)], dtype=object)
            self._place[new] = len(self._texts) + np.arange(len(new), dtype=np.int32)
            self._texts = np.concatenate((self._texts, made))
            places = self._place[keys]
        found: list[str] = self._texts[places].tolist()
        return found


# --- arithmetic -------------------------------------------------------------------------------------------------------
class Arithmetic(Cell):
    """A field whose numbers are arithmetic of raw ones, with what stands beside it: only the template is looked up."""

    def __init__(
        self, specs: Sequence[Field], slots: Sequence[Slot], form: RecordForm, findings: Sequence[Finding]
    ) -> None:
        """``specs`` are a field and those beside it, all `_is_arithmetic`."""
        super().__init__(specs[0], slots, form, findings)
        self._specs = specs
        self._numbers = _compiled(_numbers_source(specs, slots), {})
        self._shapes: dict[tuple[bool, ...], Callable[[int], str]] = {}
        self._print: Callable[[int], str] | None = None

    def _text(self, key: Any, rows: Rows, at: int, *, first: bool) -> str:  # noqa: ANN401  (see Cell)
        text = self._print(key) if self._print is not None else ""
        if text:
            return text
        numbers = self._numbers(key)
        shape = tuple([value != raw for raw, value in numbers])
        if shape not in self._shapes:
            self._shapes[shape] = self._printer(rows, at, numbers, first=first)
        if all(number.scale is None or there for number, there in zip(self._specs, shape, strict=True)):
            self._print = self._shapes[shape]
        return self._shapes[shape](key)

    def _printer(
        self, rows: Rows, at: int, numbers: Sequence[tuple[int, float]], *, first: bool
    ) -> Callable[[int], str]:
        """Code that prints what the form prints of this row, with holes for the numbers; "" for another shape."""
        template = self._template(rows, at, numbers, first=first)
        lines = _numbers_source(self._specs, self._slots)[:-1]
        for place, (raw, value) in enumerate(numbers):
            same = "!=" if raw == value else "=="
            lines.append(f"    if value_{place} {same} raw_{place}: return ''")
        args = "".join(f"{hole}, " for hole in template.holes)
        lines.append(f"    return {template.pattern!r} % ({args})")
        return _compiled(lines, {"number": self._form.number})

    def _template(self, rows: Rows, at: int, numbers: Sequence[tuple[int, float]], *, first: bool) -> Template:
        """What the form prints of this row; its holes are the expressions that go there."""
        node = rows.node(at, self._spec)
        if node is None:  # a computed number that is not valid here; arithmetic ones always are
            return Template(("",), ())
        markers: dict[str, str] = {}
        marked = []
        for place, (one, (raw, value)) in enumerate(zip((node, *node.beside), numbers, strict=True)):
            stand_in: float = _MARK_INT + place if isinstance(value, int) else _MARK_FLOAT * (place + 1)
            markers[f"<<{place}>>"] = f"{_format(self._specs[place])!r} % value_{place}"
            markers[self._form.number(stand_in)] = f"number(value_{place})"
            markers[str(_MARK_RAW + place)] = f"raw_{place}"
            own_raw = _MARK_RAW + place if value != raw else None
            marked.append(replace(one, text=f"<<{place}>>", value=stand_in, raw=own_raw))
        whole = replace(marked[0], beside=tuple(marked[1:]))
        return cut(self._form.nodes((whole,), self._findings, first=first), markers)


_MARK_FLOAT = -9.87654e123
_MARK_INT = 98765432100000
_MARK_RAW = 87654321000000


def _is_arithmetic(spec: Field) -> bool:
    """Whether value and text of a number are nothing but its declared arithmetic."""
    plain = spec.enum is None and spec.width != 1 and not spec.bits and not spec.absent and spec.valid is None
    hexadecimal = spec.display == "hex" and spec.scale is None
    return plain and not hexadecimal and not isinstance(spec.scale, OfRam | OfSetting | Reciprocal)


def _format(spec: Field) -> str:
    unit = spec.unit.replace("%", "%%")
    return f"%.{decimals_of(spec, ScaleBook())}f{' ' if unit else ''}{unit}"


def _numbers_source(specs: Sequence[Field], slots: Sequence[Slot]) -> list[str]:
    """From a key to the raw number and the value of each field, as lines of a function."""
    lines = ["def made(key):"]
    for slot in reversed(slots):
        bits, name = 8 * slot.size, slot.spec.name
        lines.append(f"    {name} = key & {(1 << bits) - 1}")
        if slot.signed:
            lines.append(f"    {name} -= {name} >> {bits - 1} << {bits}")
        lines.append(f"    key >>= {bits}")
    for place, spec in enumerate(specs):
        raw = spec.name if spec.expression is None else f"int({python_of(spec.expression)})"
        lines += [f"    raw_{place} = {raw}", f"    value_{place} = {value_source(spec, f'raw_{place}')}"]
    return [*lines, f"    return [{', '.join(f'(raw_{place}, value_{place})' for place in range(len(specs)))}]"]


def _compiled(lines: list[str], space: dict[str, Any]) -> Callable[[int], Any]:
    exec("\n".join(lines), space)  # noqa: S102  (our own source)
    made: Callable[[int], Any] = space["made"]
    return made


# --- the cells of a message -------------------------------------------------------------------------------------------
def cells_of(plan: Plan, form: RecordForm, findings: Sequence[Finding]) -> list[Cell]:
    """Cells of a message in the order of its nodes; ``findings`` stand below what is left over."""
    known = {slot.spec.name: slot for slot in plan.slots}
    computed = [spec for spec in plan.declared.COMPUTED if all(name in known for name in names_in(spec.expression))]
    found = [
        _cell(slot.spec, [spec for spec in computed if spec.beside == slot.spec.name], known, form)
        for slot in plan.slots
    ]
    found += [_cell(spec, [], known, form) for spec in computed if not spec.beside]
    if plan.declared.INFO.carries is None and plan.rest_at < plan.length:
        found.append(Cell(None, (), form, findings))
    return found


def _cell(spec: Field, beside: list[Field], known: dict[str, Slot], form: RecordForm) -> Cell:
    """Cell of a field and of what is printed beside it."""
    names = dict.fromkeys((*((spec.name,) if spec.name in known else ()), *_read_by(spec)))
    names |= dict.fromkeys(name for one in beside for name in _read_by(one))
    slots = [known[name] for name in names if name in known]
    narrow = all(slot.is_number for slot in slots) and sum(8 * slot.size for slot in slots) <= _KEY_BITS
    if narrow and all(map(_is_arithmetic, (spec, *beside))):
        return Arithmetic((spec, *beside), slots, form, ())
    return Cell(spec, slots, form, ())


def _read_by(spec: Field) -> tuple[str, ...]:
    own = names_in(spec.expression) if spec.expression is not None else ()
    return (*own, *reads(spec), *(name for part in spec.bits for name in reads(part)))
