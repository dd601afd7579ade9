"""The fields of one message -> nodes with values, texts and marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from vebus_protocol.scaling import Physical, decimals_of, physical
from vebus_protocol.schema import Evidence, Field, Message, OfRam, OfSetting, Shape
from vebus_protocol.variables import RAM_VARIABLES, SETTINGS
from vebus_tools.nodes import Node
from vebus_tools.session import Context

__all__ = ["FieldNodes"]

_NOT_KNOWN = "scale not known"
_SIGN_BIT = 0x8000
_BYTE_BITS = 8


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
            node = self._field(span.field, span.raw, span.start, span.size, raws)
            end = span.start + span.size
            yield replace(node, beside=tuple(beside.get(span.field.name, ())))
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
            raw = spec.expression(raws)
        except (LookupError, TypeError):
            return None  # an optional field that it needs is not in this frame
        found = physical(spec, raw, raws, self.context.book, variable=self._variable(spec))
        if found.value is None and spec.valid is not None:
            return None
        node = self._scaled(spec, int(raw), found)
        return replace(node, generated=True)

    def _field(self, spec: Field, raw: Any, start: int, size: int, raws: dict[str, Any]) -> Node:
        shape = spec.layout.shape if spec.layout else Shape.INTEGER
        if shape is Shape.BYTES:
            node = self._plain(spec, raw, raw.hex(" ") or "none")
        elif shape is Shape.TEXT:
            node = self._plain(spec, *[raw.decode("ascii", "backslashreplace")] * 2)
        elif shape is Shape.LIST:
            node = self._list(spec, raw, start, raws)
        else:
            node = self._number(spec, raw, raws)
        return replace(node, start=start, size=size)

    def _plain(self, spec: Field, value: Any, text: str) -> Node:
        return Node(abbrev=spec.abbrev, label=spec.label, text=text, value=value, mark=spec.evidence.mark, field=spec)

    def _number(self, spec: Field, raw: int, raws: dict[str, Any]) -> Node:
        found = physical(spec, raw, raws, self.context.book, variable=self._variable(spec))
        node = self._scaled(spec, raw, found)
        return replace(node, children=tuple(self._bits(spec, raw, raws)))

    def _variable(self, spec: Field) -> int | None:
        if isinstance(spec.scale, OfSetting):
            return self.context.setting_id
        return self.context.ram_ids[0] if isinstance(spec.scale, OfRam) and self.context.ram_ids else None

    def _scaled(self, spec: Field, raw: int, found: Physical) -> Node:
        unit = spec.unit or self._unit(spec)
        name, mark = "", spec.evidence.mark
        value: int | float | str | None = found.value
        if spec.enum is not None:
            name = spec.enum.text_of(raw) or ""
            value, text = raw, f"{name or 'Unknown'} ({_hex(spec, raw)})"
        elif found.value is None and found.reason == _NOT_KNOWN:
            value, text, mark = raw, _unscaled(raw), _NOT_KNOWN
        elif found.value is None:
            text = f"{found.reason} ({_hex(spec, raw)})"
        elif spec.display == "hex" and spec.scale is None:
            text = _hex(spec, raw)
        else:
            text = _with_unit(found.value, decimals_of(spec, self.context.book, variable=self._variable(spec)), unit)
            mark = mark or ("assumed scale" if found.assumed else "")
        differs = spec.scale is not None and value != raw
        return Node(
            abbrev=spec.abbrev,
            label=spec.label,
            text=text,
            value=value,
            raw=raw if differs else None,
            unit=unit,
            name=name,
            mark=mark,
            field=spec,
        )

    def _unit(self, spec: Field) -> str:
        variable = self._variable(spec)
        if isinstance(spec.scale, OfSetting):
            known = SETTINGS.get(variable) if variable is not None else None
            return known.unit if known else ""
        ram = RAM_VARIABLES.get(variable) if variable is not None and isinstance(spec.scale, OfRam) else None
        return ram.unit if ram else ""

    def _bits(self, spec: Field, raw: int, raws: dict[str, Any]) -> Iterator[Node]:
        width = spec.layout.bits if spec.layout else _BYTE_BITS
        for part in sorted(spec.bits, key=lambda item: item.shift):
            value = part.pick(raw)
            found = physical(part, value, raws, self.context.book)
            node = self._scaled(part, value, found)
            if part.width == 1 and part.enum is None:
                node = replace(node, value=bool(value), text=str(bool(value)))
            yield replace(node, bits=_pattern(raw, part, width))

    def _list(self, spec: Field, raws_: tuple[int, ...], start: int, raws: dict[str, Any]) -> Node:
        size = spec.layout.element_size if spec.layout else 1
        items = tuple(
            replace(self._item(spec, at, raw, raws), start=start + at * size, size=size) for at, raw in enumerate(raws_)
        )
        text = ", ".join(item.text for item in items) or "none"
        return Node(
            abbrev=f"{spec.abbrev}.list", label=spec.label, text=text, value=len(raws_), children=items, field=spec
        )

    def _item(self, spec: Field, at: int, raw: int, raws: dict[str, Any]) -> Node:
        if not isinstance(spec.scale, OfRam):
            return replace(self._scaled(spec, raw, Physical(value=raw, assumed=False)), label=f"{spec.label} {at + 1}")
        if at >= len(self.context.ram_ids):
            node = self._scaled(spec, raw, Physical(value=None, assumed=False, reason=_NOT_KNOWN))
            return replace(node, label=f"Value {at + 1}")
        one = FieldNodes(self.message, replace(self.context, ram_ids=(self.context.ram_ids[at],)), self.start)
        found = physical(spec, raw, raws, self.context.book, variable=self.context.ram_ids[at])
        known = RAM_VARIABLES.get(self.context.ram_ids[at])
        name = f" {known.label}" if known else ""
        return replace(one._scaled(spec, raw, found), label=f"RAM[{self.context.ram_ids[at]}]{name}")


def _unscaled(raw: int) -> str:
    return f"{raw} (signed: {raw - 2 * _SIGN_BIT})" if _SIGN_BIT <= raw < 2 * _SIGN_BIT else str(raw)


def _with_unit(value: float, decimals: int, unit: str) -> str:
    text = f"{value:.{decimals}f}"
    return f"{text} {unit}" if unit else text


def _hex(spec: Field, raw: int) -> str:
    digits = (spec.layout.bits // 4) if spec.layout else max(1, -(-spec.width // 4)) if spec.width else 1
    return f"0x{raw & ((1 << 4 * max(digits, 1)) - 1):0{digits}x}" if digits > 1 else f"0x{raw:x}"


def _pattern(raw: int, part: Field, width: int) -> str:
    marks = []
    for at in range(width - 1, -1, -1):
        inside = part.mask >> at & 1
        marks.append(str(raw >> at & 1) if inside else ".")
    groups = ["".join(marks[at : at + 4]) for at in range(0, width, 4)]
    return " ".join(groups)
