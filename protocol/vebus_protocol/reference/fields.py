"""Rows of a message's table: places, types, scales and meanings of its fields in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vebus_protocol.reference.markdown import Row, link, sentences
from vebus_protocol.scaling import Rule
from vebus_protocol.schema import (
    Field,
    Layout,
    Linear,
    Message,
    OfRam,
    OfSetting,
    Reciprocal,
    Scale,
    Shape,
    Space,
    WireEnum,
)
from vebus_protocol.variables import RamId, SettingId

__all__ = ["ENUM_SECTIONS", "enum_link", "field_rows", "head_of", "loose_rows", "rule_words", "scale_words"]

_NO_NAME = Field(label="").unnamed
ENUM_SECTIONS: dict[type[WireEnum], str] = {RamId: "RAM variables", SettingId: "Settings"}
"""Enumerations that a section of another name lists."""


def head_of(places: tuple[str, ...]) -> Row:
    """Column heads; ``places`` names the ways of counting offsets."""
    return (*places, "size", "type", "field", "unit", "scale", "meaning", "evidence", "source")


def field_rows(declared: type[Message], starts: tuple[int, ...]) -> Iterator[Row]:
    """Fields of a message, their bits, the bytes behind them and computed fields; ``starts`` is 0 in each count."""
    loose = ""
    for spec in declared.FIELDS:
        yield _field_row(spec, tuple(f"{spec.offset + start}{loose}" for start in starts))
        for part in spec.bits:
            yield _field_row(part, (_bit_place(part), *("" for _ in starts[1:])))
        if spec.layout is not None and spec.layout.size == 0:
            loose = "+"
    if _has_rest(declared):
        info, places = declared.INFO, tuple(f"{declared.SIZE + start}+" for start in starts)
        text = info.rest_label if info.carries is None else "the carried message"
        yield (*places, "n", "bytes", "`rest`", "", "", text, "", "")
    for spec in declared.COMPUTED:
        yield _field_row(spec, tuple("" for _ in starts))


def loose_rows(spec: Field, *places: str) -> Iterator[Row]:
    """A field that stands in no message, below ``places``, and its bits."""
    yield _field_row(spec, places)
    for part in spec.bits:
        yield _field_row(part, (*("" for _ in places[1:]), _bit_place(part)))


def _has_rest(declared: type[Message]) -> bool:
    """Whether bytes can stand behind the declared fields."""
    if declared.INFO.space is Space.ENVELOPE or any(
        one.layout and one.layout.name == "bytes" for one in declared.FIELDS
    ):
        return False
    whole = sum(one.layout.size for one in declared.FIELDS if one.layout)
    return declared.INFO.lengths is None or max(declared.INFO.lengths) > whole


def _field_row(spec: Field, places: Row) -> Row:
    return (
        *places,
        _size(spec),
        spec.layout.name if spec.layout else "" if spec.width else "computed",
        "<br>".join(f"`{name}`" for name in (spec.name, spec.abbrev) if name),
        spec.unit,
        scale_words(spec.scale),
        _meaning(spec),
        spec.evidence.value,
        spec.source,
    )


def _bit_place(spec: Field) -> str:
    return f"bit {spec.shift}" if spec.width == 1 else f"bits {spec.shift}..{spec.shift + spec.width - 1}"


def _size(spec: Field) -> str:
    if spec.layout is None:
        return ""
    size = _layout_size(spec.layout)
    return f"0 or {size}" if spec.optional else size


def _layout_size(layout: Layout) -> str:
    if layout.size:
        return str(layout.size)
    return f"n x {layout.element_size}" if layout.shape is Shape.LIST else "n"


def _meaning(spec: Field) -> str:
    constant = "" if spec.constant is None else f"always 0x{spec.constant:02X}"
    absent = ", ".join(f"0x{value:02X}" for value in spec.absent)
    return sentences(
        f"**{spec.label}**",
        "" if spec.expression is None else f"= `{_expression(spec.expression)}`",
        constant,
        spec.phrase,
        spec.meaning,
        spec.sign,
        f"values: {enum_link(spec.enum)}" if spec.enum else "",
        f"any other value: {spec.unnamed.lower()}" if spec.enum and spec.unnamed not in ("", _NO_NAME) else "",
        f"{absent} = {spec.absent_text}" if absent else "",
        f"only where `{_expression(spec.valid)}`, otherwise {spec.absent_text}" if spec.valid is not None else "",
    )


def enum_link(found: type[WireEnum]) -> str:
    """Link to the section that lists an enumeration."""
    return link(ENUM_SECTIONS.get(found, found.__name__))


def _expression(expression: object) -> str:
    """An expression over a message in the names of its fields."""
    text = re.sub(r"\bthis\.", "", str(expression))
    return text[1:-1] if text.startswith("(") and text.endswith(")") and _is_one_group(text) else text


def _is_one_group(text: str) -> bool:
    depth = 0
    for at, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if not depth:
            return at == len(text) - 1
    return False


# --- scales ----------------------------------------------------------------------------------------------------------
def scale_words(scale: Scale | None) -> str:
    """A scale in words."""
    if isinstance(scale, Linear):
        return _linear(scale.multiply, scale.divide, scale.offset)
    if isinstance(scale, Reciprocal):
        return f"{scale.numerator} / raw"
    if isinstance(scale, OfRam):
        value = f"{_owner('RAM variable', scale.variable)}, announced by the device"
        value = f"10 / value; {value}" if scale.frequency else value
        return value if scale.times is None else f"{value}; times `{_expression(scale.times)}`"
    if isinstance(scale, OfSetting):
        return f"{_owner('setting', scale.setting)}, announced by the device"
    return ""


def _owner(noun: str, which: object) -> str:
    if which is None:
        return f"that of the {noun} in the request"
    return f"{noun} {which}" if isinstance(which, int) else f"{noun} `{_expression(which)}`"


def _linear(multiply: int, divide: int, offset: int) -> str:
    start = f"(raw {'+' if offset > 0 else '-'} {abs(offset)})" if offset else ""
    factor = f"x {multiply}" if multiply != 1 else ""
    divisor = f"/ {divide}" if divide != 1 else ""
    return " ".join(part for part in (start, factor, divisor) if part) or "x 1"


def rule_words(rule: Rule) -> str:
    """An announced scale in words."""
    if rule.reason:
        return rule.reason
    if rule.bit is not None:
        return f"bit {rule.bit}"
    return _linear(rule.multiply, rule.divide, rule.offset) + (", signed" if rule.signed else "")
