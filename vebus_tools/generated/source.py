"""Python source of one message at one length: bytes to raw numbers, values and the parts of its summary line.

The source is made from the walk of the declaration and compiled once; `Reader.source` shows it.  Arithmetic stands in
it as the declaration says it, everything else asks a table that the reference fills.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Any

from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Field, Linear, Message, Reciprocal, Shape
from vebus_tools.dissection import summary_names
from vebus_tools.generated.plan import DerivationError, Plan, Slot, names_in, plan_of, python_of
from vebus_tools.generated.tables import NodeTable, needs_request
from vebus_tools.generated.tables import reads as reads_of
from vebus_tools.nodes import Value
from vebus_tools.session import Context

__all__ = ["Part", "Reader", "parts_for", "reader_of", "value_source"]

_BRACED = re.compile(r"\{(\w+)[^}]*\}")
_STORED = re.compile(r"v\[('[^']+')\] = ")
_WHOLE = re.compile(r"[\w ()+*&|-]+")
"""An expression that makes whole numbers of whole numbers."""
_CODES = {1: "B", 2: "H", 4: "I"}
_MEANING_UNKNOWN = "unknown meaning"

Values = dict[str, "Value | list[Value]"]
Summary = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Compiled source of one message at one length; payloads are the bytes of the message alone.

    ``make`` gives the message, ``values`` every field by its abbreviation (repeated ones as a list), ``summary`` the
    text of its parts and the marks behind them; ``summary`` is None where only the request of a reply explains it.
    """

    plan: Plan
    source: str
    make: Callable[[bytes], Message]
    values: Callable[[bytes, Context], Values]
    summary: Callable[[bytes, Context], Summary] | None


@lru_cache(maxsize=4096)
def reader_of(declared: type[Message], length: int) -> Reader:
    """Compile a message of ``length`` bytes.  Raises DerivationError with field and reason."""
    plan = plan_of(declared, length)  # type: ignore[arg-type]  # mypy asks the instances for a hash
    names: dict[str, Any] = {"declared": declared}
    lines = [
        f"# {declared.__name__}, {length} bytes",
        *_make(plan, names),
        "",
        *_values(plan, names),
    ]
    try:
        lines += ["", *_summary(plan, names)]
    except DerivationError as reason:
        lines += ["", f"# no summary: {reason}"]
    source = "\n".join(lines) + "\n"
    exec(compile(source, f"<{declared.__name__} of {length} bytes>", "exec"), names)  # noqa: S102  (our own source)
    return Reader(
        plan=plan,
        source=source,
        make=names["make"],
        values=names["values"],
        summary=names.get("summary"),
    )


# --- bytes to raw numbers ---------------------------------------------------------------------------------------------
def _unpacked(plan: Plan, names: dict[str, Any]) -> list[str]:
    """Lines that give every field its raw value under its name, and ``rest``."""
    if not plan.slots:
        return ["    rest = p"]
    codes, targets, after = "<", [], []
    for slot in plan.slots:
        name = slot.spec.name
        if slot.is_list and not slot.count:
            after.append(f"    {name} = ()")
        elif slot.count == 0:
            codes += f"{slot.size}s"
            targets.append(name)
        elif slot.is_list:
            code, parts, value = _number(f"{name}_{{}}", slot)
            codes += code * slot.count
            every = [[part.format(at) for part in parts] for at in range(slot.count)]
            targets += [part for parts in every for part in parts]
            items = ", ".join(value.format(*[at] * value.count("{}")) for at in range(slot.count))
            after.append(f"    {name} = ({items}{',' if slot.count else ''})")
        else:
            code, parts, value = _number(name, slot)
            codes += code
            targets += parts
            if value != name:
                after.append(f"    {name} = {value}")
    names["unpack"] = Struct(codes).unpack_from
    return [f"    ({', '.join(targets)},) = unpack(p)" if targets else "", *after, f"    rest = p[{plan.rest_at} :]"]


def _number(name: str, slot: Slot) -> tuple[str, list[str], str]:
    """Struct codes, names of the parts, and the expression that makes one number of them."""
    size = slot.size // max(slot.count, 1)
    if size in _CODES and (size == 1 or not slot.big_endian):
        code = _CODES[size]
        return (code.lower() if slot.signed else code), [name], name
    if slot.signed:
        raise DerivationError(f"{slot.spec.abbrev}: no rule for a signed number of {size} bytes in this order")
    parts = [f"{name}_b{at}" for at in range(size)]
    shifts = range(8 * (size - 1), -1, -8) if slot.big_endian else range(0, 8 * size, 8)
    value = " | ".join(f"{part} << {shift}" if shift else part for part, shift in zip(parts, shifts, strict=True))
    return "B" * size, parts, value


def _make(plan: Plan, names: dict[str, Any]) -> list[str]:
    given = ", ".join(f"{slot.spec.name}={slot.spec.name}" for slot in plan.slots)
    both = ", ".join(part for part in (given, "rest=rest") if part)
    return ["def make(p):", *_unpacked(plan, names), f"    return declared({both})"]


# --- values -----------------------------------------------------------------------------------------------------------
def value_source(spec: Field, raw: str) -> str | None:
    """Expression for the value of a raw number under the name ``raw``, or None where it takes a table."""
    if spec.width == 1 and spec.enum is None:
        return f"({raw} != 0)"
    if spec.enum is not None:
        return raw
    if spec.absent or spec.valid is not None:
        return None
    return _scaled(spec.scale, raw)


def _scaled(scale: object, raw: str) -> str | None:
    match scale:
        case None:
            return raw
        case Linear(multiply=multiply, divide=divide, offset=offset):
            top = f"({raw} + {offset})" if offset else raw
            top = f"{top} * {multiply}" if multiply != 1 else top
            return f"{top} / {divide}" if divide != 1 else top
        case Reciprocal(numerator=numerator):
            return f"({numerator} / {raw} if {raw} else None)"
    return None


def _computed(plan: Plan) -> Iterator[tuple[Field, str]]:
    """Computed fields whose fields are all here, with their expressions."""
    here = {slot.spec.name for slot in plan.slots}
    for spec in plan.declared.COMPUTED:
        if here.issuperset(names_in(spec.expression)):
            text = python_of(spec.expression)
            yield spec, text if _WHOLE.fullmatch(text) else f"int({text})"


def _values(plan: Plan, names: dict[str, Any]) -> list[str]:
    *unpacked, rest = _unpacked(plan, names)
    head = ["def values(p, context):", *unpacked]
    lines: list[str] = []
    for spec, expression in _computed(plan):
        lines += _value_lines(spec, expression, plan, names)
    for slot in plan.slots:
        lines += _slot_values(slot, plan, names)
    if plan.declared.INFO.carries is None and plan.rest_at < plan.length:
        head.append(rest)
        lines.append("    v['vebus.unknown'] = rest")
    keys = [_STORED.match(line, 4) for line in lines]
    if all(keys) and len({key[1] for key in keys if key}) == len(lines):  # nothing but values, each in its own place
        pairs = [f"        {line[4:].removeprefix('v[').replace('] = ', ': ', 1)}," for line in lines]
        return [*head, "    return {", *pairs, "    }"]
    return [*head, "    v = {}", *_gathered(lines), "    return v"]


def _gathered(lines: list[str]) -> list[str]:
    """The same lines, with a list for each field that stands more than once in the message."""
    stored = Counter(key for line in lines for key in _STORED.findall(line))
    repeated = [key for key, count in stored.items() if count > 1]
    if not repeated:
        return lines
    gathered = [
        _STORED.sub(r"v.setdefault(\1, []).append(", line) + ")" if set(_STORED.findall(line)) & set(repeated) else line
        for line in lines
    ]
    one = "        v[key] = v[key][0]"
    return [
        *gathered,
        f"    for key in v.keys() & {{{', '.join(repeated)}}}:",
        "        if len(v[key]) == 1:",
        f"    {one}",
    ]


def _slot_values(slot: Slot, plan: Plan, names: dict[str, Any]) -> list[str]:
    spec, name = slot.spec, slot.spec.name
    if slot.is_list and not slot.count:
        return [f"    v[{spec.abbrev + '.list'!r}] = 0"]
    if slot.count == 0:
        is_text = spec.layout is not None and spec.layout.shape is Shape.TEXT
        value = f"{name}.decode('ascii', 'backslashreplace')" if is_text else name
        return [f"    v[{spec.abbrev!r}] = {value}"]
    if not spec.is_number:
        value = f"[{_item_value(spec, plan, names)} for at, x in enumerate({name})]"
        one = f"{value}[0]" if slot.count == 1 else value
        return [
            f"    v[{spec.abbrev + '.list'!r}] = {slot.count}",
            *([f"    v[{spec.abbrev!r}] = {one}"] * (slot.count > 0)),
        ]
    lines = _value_lines(spec, name, plan, names)
    for part in spec.bits:
        bits = _bits(name, part)
        lines += _value_lines(part, bits, plan, names)
    return lines


def _bits(name: str, part: Field) -> str:
    shifted = f"{name} >> {part.shift}" if part.shift else name
    return f"({shifted} & {(1 << part.width) - 1})"


def _value(spec: Field, raw: str, plan: Plan, names: dict[str, Any]) -> str:
    direct = value_source(spec, raw)
    return direct if direct is not None else f"{_asked(spec, raw, plan, names)}.value"


def _item_value(spec: Field, plan: Plan, names: dict[str, Any]) -> str:
    direct = value_source(spec, "x")
    return direct if direct is not None else f"{_table(spec, plan, names)}.item(context, at, x).value"


def _value_lines(spec: Field, raw: str, plan: Plan, names: dict[str, Any]) -> list[str]:
    if spec.expression is not None and spec.valid is not None:
        node = _asked(spec, raw, plan, names)
        return [f"    node = {node}", "    if node is not None:", f"        v[{spec.abbrev!r}] = node.value"]
    return [f"    v[{spec.abbrev!r}] = {_value(spec, raw, plan, names)}"]


def _asked(spec: Field, raw: str, plan: Plan, names: dict[str, Any]) -> str:
    """Call of the table of a field; makes the table."""
    missing = set(reads_of(spec)) - set(plan.raw_specs)
    if missing:
        raise DerivationError(f"{spec.abbrev}: {', '.join(sorted(missing))} is not in {plan.length} bytes")
    return f"{_table(spec, plan, names)}({', '.join(('context', raw, *reads_of(spec)))})"


def _table(spec: Field, plan: Plan, names: dict[str, Any]) -> str:
    """Name of the table of a field; makes the table."""
    place = [*plan.declared.FIELDS, *plan.declared.COMPUTED, *(b for s in plan.declared.FIELDS for b in s.bits)]
    at = next(number for number, other in enumerate(place) if other is spec)
    table = f"node_{at}_{spec.name}"
    if table not in names:
        names[table] = NodeTable(spec)
    return table


# --- summary ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the summary line.

    ``raw`` is the expression of its number, ``beside`` those of what follows in round brackets; ``each`` is the field's
    name where every number of a list is a part of its own.
    """

    spec: Field
    raw: str
    each: str = ""
    beside: tuple[tuple[Field, str], ...] = ()


def parts_for(plan: Plan) -> Iterator[Part]:
    """Parts in the declared order, without those that are not in a message of this length."""
    found: dict[str, Part] = {}
    computed = tuple(_computed(plan))
    for slot in plan.slots:
        spec, name = slot.spec, slot.spec.name
        beside = tuple((other, raw) for other, raw in computed if other.beside == name and other.unit)
        each = "" if spec.is_number or not slot.count else name
        if spec.is_number or slot.count:
            found[name] = Part(spec=spec, raw="x" if each else name, each=each, beside=() if each else beside)
        elif slot.size or not spec.layout or spec.layout.shape is not Shape.LIST:
            found[name] = Part(spec=spec, raw="")
        for part in spec.bits:
            bits = _bits(name, part)
            found[f"{name}.{part.name}"] = Part(spec=part, raw=bits)
    for spec, raw in computed:
        found[spec.name] = Part(spec=spec, raw=raw)
    for name in summary_names(plan.declared):  # type: ignore[arg-type]  # mypy asks the instances for a hash
        if name in found:
            yield found[name]


def _summary(plan: Plan, names: dict[str, Any]) -> list[str]:
    lines = ["def summary(p, context):", *_unpacked(plan, names)]
    parts = list(parts_for(plan))
    texts = [direct_text(part) for part in parts]
    if all(text is not None for text in texts):
        marks = tuple(dict.fromkeys(mark for part in parts if (mark := _mark(part.spec))))
        body = ", ".join(text for text in texts if text)
        return [*lines, f"    return f{body!r}, {marks!r}"]
    lines += ["    parts = []", "    marks = {}"]
    for part, text in zip(parts, texts, strict=True):
        lines += direct_lines(part, text) if text is not None else table_lines(part, plan, names)
    return [*lines, "    return ', '.join(parts), tuple(marks)"]


def _mark(spec: Field) -> str:
    return "" if spec.evidence.mark == _MEANING_UNKNOWN else spec.evidence.mark


def direct_lines(part: Part, text: str) -> list[str]:
    """Lines that add a part without a table."""
    mark = _mark(part.spec)
    return [f"    parts.append(f{text!r})", *([f"    marks[{mark!r}] = None"] if mark else [])]


def direct_text(part: Part) -> str | None:
    """The part as the inside of an f-string, or None where it takes a table."""
    if part.each or not part.raw or part.spec.summary_text or "{" in part.spec.symbol:
        return None
    own = _number_text(part.spec, part.raw)
    beside = [_number_text(spec, raw) for spec, raw in part.beside]
    if own is None or any(text is None for text in beside):
        return None
    return "".join((f"{part.spec.symbol}=" if part.spec.symbol else "", own, *(f" ({text})" for text in beside)))


def _number_text(spec: Field, raw: str) -> str | None:
    value = value_source(spec, raw)
    if (
        value is None
        or spec.enum is not None
        or spec.width == 1
        or needs_request(spec)
        or isinstance(spec.scale, Reciprocal)
    ):
        return None
    if spec.display == "hex" and spec.scale is None:
        bits = spec.layout.bits if spec.layout else spec.width
        digits = max(1, -(-bits // 4))
        return f"0x{{{raw} & {(1 << 4 * digits) - 1}:0{digits}x}}"
    decimals = decimals_of_fixed(spec)
    unit = f" {spec.unit}" if spec.unit else ""
    return f"{{{value}:.{decimals}f}}{unit}"


def decimals_of_fixed(spec: Field) -> int:
    """Decimals of a field whose scale stands in its declaration."""
    from vebus_protocol.scaling import decimals_of

    return decimals_of(spec, ScaleBook())


def table_lines(part: Part, plan: Plan, names: dict[str, Any]) -> list[str]:
    """Lines that add a part by what a table says; the table comes into ``names``."""
    spec = part.spec
    if not part.raw:
        return _bytes_lines(spec)
    if spec.summary_text:
        return [
            f"    if {_asked(spec, part.raw, plan, names)}.value:",
            *_appended(repr(spec.summary_text), spec, "    "),
        ]
    node = f"{_table(spec, plan, names)}.item(context, at, x)" if part.each else _asked(spec, part.raw, plan, names)
    lines = [f"    node = {node}", "    if node is not None:", *_symbol_lines(part, plan)]
    for other, raw in part.beside:
        lines += [
            f"        extra = {_asked(other, raw, plan, names)}",
            "        if extra is not None and extra.value is not None and extra.unit:",
            "            text += f' ({extra.text})'",
        ]
    lines += ["        parts.append(text)", "        if node.mark and node.mark != 'unknown meaning':"]
    lines.append("            marks[node.mark] = None")
    return [f"    for at, x in enumerate({part.each}):", *(f"    {line}" for line in lines)] if part.each else lines


def _symbol_lines(part: Part, plan: Plan) -> list[str]:
    """Text of the part with its symbol in front, by the rules of the Info column."""
    symbol = part.spec.symbol
    if not symbol:
        return ["        text = node.text"]
    own = repr(symbol)
    if "{" in symbol:
        fields = list(_BRACED.findall(symbol))
        if set(fields) - set(plan.raw_specs):
            raise DerivationError(f"{part.spec.abbrev}: its symbol names a field that is no number")
        own = f"{symbol!r}.format({', '.join(f'{name}={name}' for name in fields)})"
    lines = [f"        text = {own} + '=' + node.text"]
    if symbol == "RAM":
        lines += [
            "        if node.label.startswith('RAM['):",
            "            text = node.label.split(' ', 1)[0] + '=' + node.text",
        ]
    return lines


def _appended(text: str, spec: Field, indent: str) -> list[str]:
    mark = _mark(spec)
    return [f"{indent}    parts.append({text})", *([f"{indent}    marks[{mark!r}] = None"] if mark else [])]


def _bytes_lines(spec: Field) -> list[str]:
    is_text = spec.layout is not None and spec.layout.shape is Shape.TEXT
    text = f"{spec.name}.decode('ascii', 'backslashreplace')" if is_text else f"({spec.name}.hex(' ') or 'none')"
    if spec.symbol:
        text = f"{spec.symbol + '='!r} + {text}"
    if spec.symbol == "" and is_text:
        return [f"    if {spec.name}:", *_appended(text, spec, "    ")]
    return _appended(text, spec, "")
