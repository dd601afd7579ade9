"""One declared field -> its Lua table."""

from __future__ import annotations

from vebus_protocol.schema import Field, Layout, Linear, OfSetting, Reciprocal, Scale, Shape
from vebus_tools.wireshark.expressions import lua_function
from vebus_tools.wireshark.literals import Literal, record, set_of

__all__ = ["field_table"]


def field_table(spec: Field) -> dict[str, Literal]:
    """All facts of a field that the runtime needs; facts that are not there are left out."""
    return record(
        name=spec.name,
        label=spec.label,
        abbrev=spec.abbrev,
        unit=spec.unit,
        scale=_scale(spec.scale) if spec.scale else None,
        decimals=spec.decimals,
        absent=set_of(spec.absent) if spec.absent else None,
        absent_text=spec.absent_text if spec.absent else None,
        valid=None if spec.valid is None else lua_function(spec.valid),
        enum=spec.enum.__name__ if spec.enum else None,
        unnamed=spec.unnamed if spec.enum else None,
        display=spec.display if spec.display != "dec" else None,
        symbol=spec.symbol,
        summary_text=spec.summary_text,
        constant=spec.constant,
        optional=spec.optional,
        mark=spec.evidence.mark,
        phrase=spec.phrase,
        beside=spec.beside,
        expression=None if spec.expression is None else lua_function(spec.expression),
        shift=spec.shift if spec.width else None,
        width=spec.width or None,
        digits=_digits(spec),
        bits_wide=_bits_wide(spec) or None,
        bits=[field_table(part) for part in sorted(spec.bits, key=lambda part: part.shift)] if spec.bits else None,
        **(_layout(spec.layout) if spec.layout else {}),
    )


def _layout(layout: Layout) -> dict[str, Literal]:
    return {
        "shape": layout.shape.value,
        "size": layout.size,
        **({"element": layout.element_size} if layout.shape is Shape.LIST else {}),
        **({"signed": True} if layout.signed else {}),
        **({"big": True} if _is_big_endian(layout) else {}),
    }


def _is_big_endian(layout: Layout) -> bool:
    """The order of the bytes, asked of the layout itself."""
    if layout.shape is not Shape.INTEGER or layout.size == 1:
        return False
    return bool(layout.construct.parse(bytes(layout.size - 1) + b"\1") == 1)


def _digits(spec: Field) -> int:
    """Hex digits of a number of this field."""
    if spec.layout:
        return spec.layout.bits // 4
    return max(1, -(-spec.width // 4)) if spec.width else 1


def _bits_wide(spec: Field) -> int:
    if spec.width:
        return spec.width
    return spec.layout.bits if spec.layout else 0


def _scale(scale: Scale) -> Literal:
    if isinstance(scale, Linear):
        return record(kind="linear", multiply=scale.multiply, divide=scale.divide, offset=scale.offset)
    if isinstance(scale, Reciprocal):
        return record(kind="reciprocal", numerator=scale.numerator)
    if isinstance(scale, OfSetting):
        return record(kind="setting", setting=_number_or_function(scale.setting))
    return record(
        kind="ram",
        variable=_number_or_function(scale.variable),
        times=_number_or_function(scale.times),
        frequency=scale.frequency,
        announced_sign=scale.announced_sign,
    )


def _number_or_function(expression: object) -> Literal | None:
    if expression is None or isinstance(expression, int):
        return expression
    return lua_function(expression)
