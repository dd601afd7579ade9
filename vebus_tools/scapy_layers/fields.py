"""Fields of Scapy packets that take everything from the declaration of a field: layout, names, bits, scale.

The value of a field is the raw number of the wire, as in ``vebus_protocol``; shown is what a dump shows.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from scapy.fields import AnyField, ConditionalField, Field
from scapy.volatile import RandBin, RandChoice, RandField, RandNum, VolatileValue

from vebus_protocol import schema
from vebus_protocol.errors import EncodeError
from vebus_protocol.schema import Message, Shape
from vebus_tools.field_nodes import item_node, number_node
from vebus_tools.nodes import Value
from vebus_tools.session import NO_CONTEXT, Context

if TYPE_CHECKING:
    from scapy.packet import Packet

__all__ = ["Bits", "DeclaredField", "context_of", "declared_fields", "field_names", "physical"]

_MOST_RANDOM = 8  # bytes, or numbers of a list


class Bits(int):
    """Number with named bits: reads as a number, its parts as attributes (``flags.no_eeprom``).

    It cannot change; ``with_bits`` returns another one.
    """

    _parts: tuple[schema.Field, ...]

    def __new__(cls, value: int, parts: tuple[schema.Field, ...]) -> Self:
        """A number and the declarations of its parts."""
        made = super().__new__(cls, value)
        made._parts = parts
        return made

    def __getnewargs__(self) -> tuple[int, tuple[schema.Field, ...]]:  # type: ignore[override]
        return int(self), self._parts

    def __getattr__(self, name: str) -> int:
        """Number in the bits of this name."""
        if not name.startswith("_"):
            return self._part(name).pick(int(self))
        raise AttributeError(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(part.name for part in self._parts)})

    def with_bits(self, **numbers: int) -> Bits:
        """The same with other numbers in these parts.  Raises AttributeError, ValueError."""
        value = int(self)
        for name, number in numbers.items():
            part = self._part(name)
            if not 0 <= number < 1 << part.width:
                raise ValueError(f"{name}={number}: {part.width} bits hold 0..{(1 << part.width) - 1}")
            value = value & ~part.mask | number << part.shift
        return Bits(value, self._parts)

    def _part(self, name: str) -> schema.Field:
        for part in self._parts:
            if part.name == name:
                return part
        raise AttributeError(f"no bits {name!r}; there are {', '.join(part.name for part in self._parts)}")


class _RandomNumbers(RandField[list[int]]):
    """A list of random numbers of one width."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def _fix(self) -> list[int]:
        return [random.randint(self.low, self.high) for _ in range(random.randrange(_MOST_RANDOM))]  # noqa: S311


class DeclaredField(Field[Any, Any]):
    """A field whose layout, names, bits and scale are those of ``spec``; ``telling`` are values that name the message.

    None stands for a field that is not there and has no bytes.
    """

    __slots__ = ["islist", "spec", "telling"]

    def __init__(self, name: str, default: object, spec: schema.Field, telling: tuple[int, ...] = ()) -> None:
        """``default`` is a raw value."""
        self.spec = spec
        self.telling = telling
        self.islist = int(_layout(spec).shape is Shape.LIST)
        super().__init__(name, default, "s")
        self.sz = _layout(spec).size

    # values -----------------------------------------------------------------------------------------------------------
    def any2i(self, pkt: Packet | None, x: object) -> Any:  # noqa: ANN401, ARG002  (as Scapy has it)
        """Raw value of a number, of the name of an enum value, of a dict of bits, or of a text."""
        shape = _layout(self.spec).shape
        if x is None or isinstance(x, VolatileValue):
            return x
        if shape is Shape.LIST:
            return [self._number(item) for item in x] if isinstance(x, list | tuple | bytes) else [self._number(x)]
        if shape in (Shape.BYTES, Shape.TEXT):
            return x.encode("ascii") if isinstance(x, str) else x
        if isinstance(x, Mapping):
            return Bits(0, self.spec.bits).with_bits(**x)
        number = self._number(x)
        return Bits(number, self.spec.bits) if self.spec.bits and isinstance(number, int) else number

    def _number(self, x: object) -> object:
        if not isinstance(x, str):
            return x
        names = {member.text: int(member) for member in self.spec.enum or ()}
        if x not in names:
            raise ValueError(
                f"{self.name}={x!r}: is no name of {self.spec.abbrev}; give the raw number, or a name that "
                "`vebus decode -G values` lists"
            )
        return names[x]

    h2i = any2i

    # bytes ------------------------------------------------------------------------------------------------------------
    def addfield(self, pkt: Packet, s: bytes, val: object) -> bytes:  # noqa: ARG002
        """Append the bytes of a value.  Raises ValueError where it does not fit the layout."""
        if val is None:
            return s
        layout = _layout(self.spec)
        try:
            return s + layout.encode(val)
        except EncodeError as problem:
            raise ValueError(f"{self.name}: {problem} ({self.spec.abbrev})") from problem

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, Any]:
        """Take the value off the bytes; None where they are too few for it."""
        layout = _layout(self.spec)
        size = layout.size or len(s) - len(s) % (layout.element_size or 1)
        if len(s) < size:
            return s, None
        return s[size:], self.any2i(pkt, layout.decode(s[:size]))

    def i2len(self, pkt: Packet, x: object) -> int:
        """Bytes of a value."""
        return len(self.addfield(pkt, b"", x))

    # for people -------------------------------------------------------------------------------------------------------
    def i2repr(self, pkt: Packet | None, x: object) -> str:
        """Value with unit, name and mark, as a dump prints it."""
        context, raws = (NO_CONTEXT, {}) if pkt is None else (context_of(pkt), raws_of(pkt))
        if isinstance(x, list) and all(isinstance(item, int) for item in x):
            nodes = [item_node(self.spec, at, item, context) for at, item in enumerate(x)]
            return f"[{', '.join(_with_mark(node.text, node.mark) for node in nodes)}]"
        if isinstance(x, bytes) and _layout(self.spec).shape is Shape.BYTES:
            return x.hex(" ") or "none"
        if not isinstance(x, int):
            return repr(x)
        node = number_node(self.spec, x, raws, context)
        text = f"{node.text} (raw {x})" if node.raw is not None and self.spec.enum is None else node.text
        return _with_mark(text, node.mark) + self._bits_text(x, context)

    def _bits_text(self, value: int, context: Context) -> str:
        parts = sorted(self.spec.bits, key=lambda part: -part.shift)
        shown = [f"{part.name}={number_node(part, part.pick(value), {}, context).text}" for part in parts]
        return f" [{', '.join(shown)}]" if shown else ""

    def randval(self) -> Any:  # noqa: ANN401  (as Scapy has it)
        """Random value that keeps the message what it is; None for a constant."""
        layout = _layout(self.spec)
        if self.telling:
            return RandChoice(*self.telling) if len(self.telling) > 1 else None
        if layout.shape in (Shape.BYTES, Shape.TEXT):
            return RandBin(RandNum(layout.size, layout.size or _MOST_RANDOM))
        low = -(1 << layout.bits - 1) if layout.signed else 0
        high = low + (1 << layout.bits) - 1
        return _RandomNumbers(low, high) if layout.shape is Shape.LIST else RandNum(low, high)


class _Optional(ConditionalField):
    """A field at the end of a message that may be missing; then all optional ones behind it are missing, too."""

    __slots__ = ["_earlier"]

    def __init__(self, field: DeclaredField, earlier: tuple[str, ...]) -> None:
        super().__init__(field, lambda pkt: pkt.getfieldval(field.name) is not None)
        self._earlier = earlier

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, Any]:
        if not s or any(name not in pkt.fields for name in self._earlier):
            return s, None
        found: tuple[bytes, Any] = self.fld.getfield(pkt, s)
        return found


# --- from a declaration ----------------------------------------------------------------------------------------------
def field_names(declared: type[Message], taken: frozenset[str]) -> Iterator[tuple[str, schema.Field]]:
    """Name of each field in its packet class: the filter name without the prefix of the class, dots as underscores.

    Names that are ``taken`` or not unique give way to the name in the declaration, that to one with the class in front.
    """
    short = [_short(spec.abbrev, declared.INFO.abbrev) for spec in declared.FIELDS]
    family = declared.INFO.abbrev.rpartition(".")[2]
    for spec, name in zip(declared.FIELDS, short, strict=True):
        free = (one for one in (name, spec.name) if one not in taken and short.count(one) < 2)
        yield next(free, f"{family}_{spec.name}"), spec


def declared_fields(
    declared: type[Message],
    taken: frozenset[str],
    defaults: Mapping[str, object] | None = None,
    telling: Mapping[str, Iterable[int]] | None = None,
) -> list[AnyField]:
    """Fields of a packet class, in wire order.

    ``defaults`` are raw values, ``telling`` the values between which ``fuzz`` may choose where the declaration does not
    say it; both by the name in the declaration.
    """
    made: list[AnyField] = []
    optional: tuple[str, ...] = ()
    for name, spec in field_names(declared, taken):
        default = (defaults or {}).get(spec.name, _default(declared, spec))
        values = tuple((telling or {}).get(spec.name, _telling(declared, spec)))
        field = DeclaredField(name, default, spec, values)
        made.append(_Optional(field, optional) if spec.optional else field)
        optional = (*optional, name) if spec.optional else optional
    return made


def _short(abbrev: str, family: str) -> str:
    prefixes = (f"{family}.", f"{family.partition('.')[0]}.")
    rest = next((abbrev.removeprefix(prefix) for prefix in prefixes if abbrev.startswith(prefix)), abbrev)
    return rest.partition(".")[2].replace(".", "_") if rest == abbrev else rest.replace(".", "_")


def _telling(declared: type[Message], spec: schema.Field) -> tuple[int, ...]:
    if spec.constant is not None:
        return (spec.constant,)
    size = _layout(spec).size
    return tuple(sorted(declared.INFO.match.get(spec.offset, ()))) if size == 1 else ()


def _default(declared: type[Message], spec: schema.Field) -> object:
    """Smallest value that makes the message what it is; nothing for what may be missing."""
    layout, match = _layout(spec), declared.INFO.match
    if spec.optional or layout.shape is Shape.LIST:
        return None if spec.optional else []
    data = bytes(min(match.get(spec.offset + at, {0})) for at in range(layout.size))
    return spec.constant if spec.constant is not None else layout.decode(data)


def _layout(spec: schema.Field) -> schema.Layout:
    if spec.layout is None:
        raise TypeError(f"{spec.abbrev} has no bytes of its own")
    return spec.layout


# --- what a field asks of its packet ---------------------------------------------------------------------------------
def raws_of(pkt: Packet) -> dict[str, Any]:
    """Raw numbers of a packet by the names in the declaration."""
    return {field.spec.name: pkt.getfieldval(field.name) for field in pkt.fields_desc if hasattr(field, "spec")}


def context_of(pkt: Packet) -> Context:
    """What a session knows of the frame that this packet belongs to."""
    first = pkt.firstlayer()
    found: Context = getattr(first, "context", NO_CONTEXT) if "context" in first.__all_slots__ else NO_CONTEXT
    return found


def physical(pkt: Packet, name: str) -> Value | tuple[Value, ...]:
    """Value of a field, or of its bits (``"field.bit"``), with its scale; those of a list as a tuple.

    Raises KeyError for a name that is no field.
    """
    whole, _, bit = name.partition(".")
    field: Any = pkt.fieldtype[whole]
    raw, context = pkt.getfieldval(whole), context_of(pkt)
    if bit:
        part = next((part for part in field.spec.bits if part.name == bit), None)
        if part is None:
            raise KeyError(name)
        return None if raw is None else number_node(part, part.pick(int(raw)), raws_of(pkt), context).value
    if isinstance(raw, list):
        return tuple(item_node(field.spec, at, item, context).value for at, item in enumerate(raw))
    return number_node(field.spec, int(raw), raws_of(pkt), context).value if isinstance(raw, int) else raw


def _with_mark(text: str, mark: str) -> str:
    return f"{text} [{mark}]" if mark else text
