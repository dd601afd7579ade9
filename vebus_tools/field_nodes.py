"""The fields of one message -> nodes with values, texts and marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypedDict, Unpack

from vebus_protocol.scaling import decimals_of, physical
from vebus_protocol.schema import Evidence, Field, Message, OfRam, OfSetting, Shape, Span
from vebus_protocol.variables import ASSISTANT_MEMORY, RAM_VARIABLES, SETTINGS
from vebus_tools.assistants import RecordPlace
from vebus_tools.nodes import Node
from vebus_tools.session import Context

__all__ = ["FieldNodes", "item_node", "number_node"]

_NOT_KNOWN = "scale not known"
_SIGN_BIT = 0x8000
_WORD = 0xFFFF
_BYTE_BITS = 8
_NOBODY = Message()
_KEPT_BITS = 16  # values of wider fields hardly repeat
_KEPT_NODES = 1 << 12


class _Place(TypedDict, total=False):
    """Attributes of a Node that say where it stands."""

    start: int
    size: int
    generated: bool
    bits: str
    beside: tuple[Node, ...]
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What of a field is the same in every record: its mark, its hex digits, and nodes that may be used again.

    ``repeats`` says that a node depends on the raw number and its place alone.
    """

    spec: Field
    mark: str
    digits: int
    repeats: bool
    nodes: dict[tuple[int, int], Node] = field(default_factory=dict)

    def keep(self, key: tuple[int, int], node: Node) -> Node:
        """Remember a node for the next record with the same number in the same place."""
        if len(self.nodes) >= _KEPT_NODES:
            self.nodes.clear()
        self.nodes[key] = node
        return node


_FACTS: dict[int, _Facts] = {}  # by identity: declarations live as long as the program, and their hash is slow


def _facts(spec: Field) -> _Facts:
    found = _FACTS.get(id(spec))
    if found is None or found.spec is not spec:
        bits = spec.layout.bits if spec.layout else spec.width
        found = _FACTS[id(spec)] = _Facts(
            spec=spec,
            mark=spec.evidence.mark,
            digits=max(1, (bits // 4) if spec.layout else -(-bits // 4)),
            repeats=bits <= _KEPT_BITS and spec.is_number and _fixed(spec) and all(map(_fixed, spec.bits)),
        )
    return found


def _fixed(spec: Field) -> bool:
    return spec.valid is None and not isinstance(spec.scale, OfRam | OfSetting)


@dataclass(frozen=True, slots=True)
class FieldNodes:
    """Walks one message; ``start`` is the place of its first byte in the unstuffed frame."""

    message: Message
    context: Context
    start: int

    def nodes(self, *, rest: bool = True) -> Iterator[Node]:
        """Nodes in wire order, computed ones behind the fields, then what is left over."""
        raws = self.message.raws()
        beside: dict[str, list[Node]] = {}
        behind = []
        for spec in self.message.COMPUTED:
            node = self._computed(spec, raws)
            if node is None:
                continue
            if spec.beside:
                beside.setdefault(spec.beside, []).append(node)
            else:
                behind.append(node)
        end = self.start
        for span in self.message.spans(self.start):
            end = span.start + span.size
            yield self._field(span, raws, tuple(beside.get(span.field.name, ())))
        yield from behind
        if rest and self.message.rest and self.message.INFO.carries is None:
            yield self._rest(end)

    def _rest(self, start: int) -> Node:
        info, data = self.message.INFO, self.message.rest
        return Node(
            abbrev="vebus.unknown",
            label=info.rest_label,
            text=data.hex(" "),
            value=data,
            start=start,
            size=len(data),
            mark="" if info.rest_known else Evidence.UNKNOWN.mark,
        )

    def _computed(self, spec: Field, raws: dict[str, Any]) -> Node | None:
        try:
            raw = int(spec.expression(raws))
        except (LookupError, TypeError, ZeroDivisionError):
            return None  # an optional field that it needs is not in this frame
        facts = _facts(spec)
        if facts.repeats and (kept := facts.nodes.get((raw, 0))):
            return kept
        node = self._scaled(spec, raw, raws, self._which(spec, raws), generated=True)
        if node.value is None and spec.valid is not None:
            return None
        return facts.keep((raw, 0), node) if facts.repeats else node

    def _field(self, span: Span, raws: dict[str, Any], beside: tuple[Node, ...]) -> Node:
        spec, raw = span.field, span.raw
        if isinstance(raw, bytes):
            is_text = spec.layout is not None and spec.layout.shape is Shape.TEXT
            return _plain(span, raw.decode("ascii", "backslashreplace") if is_text else raw, beside)
        if isinstance(raw, tuple):
            return self._list(span, raw, raws, beside)
        facts = _facts(spec)
        repeats = facts.repeats and not beside
        if repeats and (kept := facts.nodes.get((raw, span.start))):
            return kept
        node = self._scaled(
            spec,
            raw,
            raws,
            self._which(spec, raws),
            start=span.start,
            size=span.size,
            beside=beside,
            children=tuple(self._bits(spec, raw, raws)) if spec.bits else (),
        )
        return facts.keep((raw, span.start), node) if repeats else node

    def _which(self, spec: Field, raws: dict[str, Any]) -> int | None:
        """Id of the RAM variable or setting that a field holds: the message says it, or its request did."""
        if isinstance(spec.scale, OfRam):
            told, asked = spec.scale.variable, self.context.ram_ids[0] if self.context.ram_ids else None
        elif isinstance(spec.scale, OfSetting):
            told, asked = spec.scale.setting, self.context.setting_id
        else:
            return None
        if told is None:
            return asked
        return int(told(raws)) if callable(told) else int(told)

    def _scaled(
        self,
        spec: Field,
        raw: int,
        raws: dict[str, Any],
        which: int | None = None,
        label: str = "",
        **place: Unpack[_Place],
    ) -> Node:
        """Node of one number; ``place`` are the attributes of Node that say where it stands."""
        at = self._in_record(spec, raw, which)
        if at is not None:
            label = f"RAM[{which}] {at.label}"
            if not at.index or (at.word is not None and not self._announced(which)):
                return self._of_record(spec, raw, at, label, **place)
        book = self.context.book
        found = physical(spec, raw, raws, book, variable=which)
        unit = spec.unit or (at.word.unit if at and at.word else _unit(spec, which))
        name, mark = "", _facts(spec).mark
        value: int | float | None = found.value
        if spec.enum is not None:
            name = spec.enum.text_of(raw) or ""
            value, text = raw, _called(name or spec.unnamed, _hex(spec, raw))
        elif value is None and found.reason == _NOT_KNOWN:
            value, text, mark = raw, _unscaled(raw), _NOT_KNOWN
        elif value is None:
            text = f"{found.reason} ({_hex(spec, raw)})"
        elif spec.display == "hex" and spec.scale is None:
            text = _hex(spec, raw)
        else:
            text = _with_unit(value, decimals_of(spec, book, raws, variable=which), unit)
            mark = mark or ("assumed scale" if found.assumed else "")
        return Node(
            abbrev=spec.abbrev,
            label=label or spec.label,
            text=text,
            value=value,
            raw=raw if value != raw else None,
            unit=unit,
            name=name,
            mark=mark,
            field=spec,
            **place,
        )

    def _in_record(self, spec: Field, raw: int, which: int | None) -> RecordPlace | None:
        """What an assistant's record says of a RAM variable; of a header the number itself says it."""
        if which is None or which < ASSISTANT_MEMORY or not isinstance(spec.scale, OfRam):
            return None
        at = self.context.assistants.place(which)
        return at if at is None or at.index else RecordPlace(raw & _WORD, 0)

    def _announced(self, variable: int | None) -> bool:
        known = None if variable is None else self.context.book.ram(variable)
        return known is not None and known.scale.supported

    def _of_record(self, spec: Field, raw: int, at: RecordPlace, label: str, **place: Unpack[_Place]) -> Node:
        """Node of a header, or of a word whose meaning and scale are those of its assistant."""
        bare, word = raw & _WORD, at.word
        if word is None or word.layout is None:
            return Node(abbrev=spec.abbrev, label=label, text=at.header_text, value=bare, field=spec, **place)
        number = bare - _WORD - 1 if word.layout.signed and bare & _SIGN_BIT else bare
        node = self._scaled(word, number, {}, label=label, **place)
        return replace(
            node,
            abbrev=spec.abbrev,
            raw=raw if node.value != raw else None,
            mark="assumed scale" if word.scale else node.mark,
            children=tuple(self._bits(word, bare, {})),
            field=spec,
        )

    def _bits(self, spec: Field, raw: int, raws: dict[str, Any]) -> Iterator[Node]:
        width = spec.layout.bits if spec.layout else _BYTE_BITS
        for part in sorted(spec.bits, key=lambda item: item.shift):
            value, bits = part.pick(raw), _pattern(raw, part, width)
            node = self._scaled(part, value, raws, bits=bits)
            if part.width == 1 and part.enum is None:
                node = replace(node, value=bool(value), text=str(bool(value)))
            yield node

    def _list(self, span: Span, numbers: tuple[int, ...], raws: dict[str, Any], beside: tuple[Node, ...]) -> Node:
        spec = span.field
        size = spec.layout.element_size if spec.layout else 1
        items = tuple(
            self._item(spec, at, raw, raws, start=span.start + at * size, size=size) for at, raw in enumerate(numbers)
        )
        return Node(
            abbrev=f"{spec.abbrev}.list",
            label=spec.label,
            text=", ".join(item.text for item in items) or "none",
            value=len(numbers),
            children=items,
            field=spec,
            start=span.start,
            size=span.size,
            beside=beside,
        )

    def _item(self, spec: Field, at: int, raw: int, raws: dict[str, Any], **place: Unpack[_Place]) -> Node:
        if not isinstance(spec.scale, OfRam):
            return self._scaled(spec, raw, raws, label=f"{spec.label} {at + 1}", **place)
        if at >= len(self.context.ram_ids):
            return self._scaled(spec, raw, raws, label=f"Value {at + 1}", **place)
        which = self.context.ram_ids[at]
        known = RAM_VARIABLES.get(which)
        label = f"RAM[{which}] {known.label}" if known else f"RAM[{which}]"
        return self._scaled(spec, raw, raws, which, label=label, **place)


def number_node(spec: Field, raw: int, raws: dict[str, Any], context: Context) -> Node:
    """Node of one number without its place; ``raws`` are the numbers of its message that the declaration refers to."""
    walker = FieldNodes(_NOBODY, context, 0)
    node = walker._scaled(spec, raw, raws, walker._which(spec, raws))  # noqa: SLF001  (the same module)
    is_flag = spec.width == 1 and spec.enum is None
    return replace(node, value=bool(node.value), text=str(bool(node.value))) if is_flag else node


def item_node(spec: Field, at: int, raw: int, context: Context) -> Node:
    """Node of the number at place ``at``, from 0, of a list, without its place in the frame."""
    return FieldNodes(_NOBODY, context, 0)._item(spec, at, raw, {})  # noqa: SLF001  (the same module)


def _unit(spec: Field, which: int | None) -> str:
    if which is None or spec.scale is None:
        return ""
    known = (SETTINGS if isinstance(spec.scale, OfSetting) else RAM_VARIABLES).get(which)
    return known.unit if known else ""


def _plain(span: Span, value: str | bytes, beside: tuple[Node, ...]) -> Node:
    spec = span.field
    return Node(
        abbrev=spec.abbrev,
        label=spec.label,
        text=value if isinstance(value, str) else value.hex(" ") or "none",
        value=value,
        mark=spec.evidence.mark,
        field=spec,
        start=span.start,
        size=span.size,
        beside=beside,
    )


def _called(name: str, number: str) -> str:
    return f"{name} ({number})" if name else number


def _unscaled(raw: int) -> str:
    return f"{raw} (signed: {raw - 2 * _SIGN_BIT})" if _SIGN_BIT <= raw < 2 * _SIGN_BIT else str(raw)


def _with_unit(value: float, decimals: int, unit: str) -> str:
    text = f"{value:.{decimals}f}"
    return f"{text} {unit}" if unit else text


def _hex(spec: Field, raw: int) -> str:
    digits = _facts(spec).digits
    return f"0x{raw & ((1 << 4 * digits) - 1):0{digits}x}" if digits > 1 else f"0x{raw:x}"


def _pattern(raw: int, part: Field, width: int) -> str:
    return _bit_pattern(raw & part.mask, part.mask, width)


@lru_cache(maxsize=4096)
def _bit_pattern(raw: int, mask: int, width: int) -> str:
    marks = []
    for at in range(width - 1, -1, -1):
        inside = mask >> at & 1
        marks.append(str(raw >> at & 1) if inside else ".")
    groups = ["".join(marks[at : at + 4]) for at in range(0, width, 4)]
    return " ".join(groups)
