"""Declarations: a frozen, typed dataclass face on Construct layouts.

A message is a class; a field is written once, with its layout, scale, unit, meaning, evidence and source:

    @message(PAYLOAD, {0: 0x41}, title="AC input configuration", abbrev="vebus.config")
    class AcInputConfiguration(Message):
        cmd: int = const(0x41, "Frame type")
        minimum: int = field(U16, "Minimum limit", scale=Linear(divide=10), unit="A", evidence=DOCUMENTED, source="...")

The attributes hold the *raw* numbers of the wire, because most scales of this bus belong to the device and are
only learned at run time (mk3.md section 8); ``scaling.physical`` turns them into values with units.  Raw numbers
also make the round trip exact: an unknown enum value, a reserved bit and every unexplained byte (``rest``) are
written back unchanged.

Decoder, text dumps, filters, reference page and every later generator walk ``Message.FIELDS``; none of them keeps a
table of its own.  Construct is loaded (`structs`) when a message or a value first goes through it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, ClassVar, Literal, Self, TypeVar, dataclass_transform

from vebus_protocol.errors import EncodeError, MessageError
from vebus_protocol.expressions import this

__all__ = [
    "ASCII",
    "CONFIRMED",
    "DOCUMENTED",
    "I8",
    "I16",
    "INFERRED",
    "LIST_I16",
    "LIST_U8",
    "LIST_U16",
    "RAW",
    "SINGLE",
    "U8",
    "U16",
    "U16_BE",
    "U24",
    "U32",
    "UNKNOWN",
    "Direction",
    "Evidence",
    "Field",
    "Layout",
    "Linear",
    "Link",
    "Message",
    "MessageInfo",
    "OfRam",
    "OfSetting",
    "Raw",
    "Reciprocal",
    "Scale",
    "Shape",
    "Space",
    "Span",
    "WireEnum",
    "bit",
    "computed",
    "const",
    "field",
    "message",
    "raw",
    "this",
]


class Evidence(enum.Enum):
    """How well a fact is known, strongest first; the letters are those of the dossier of the bus."""

    DOCUMENTED = "documented"
    CONFIRMED = "confirmed by several projects"
    SINGLE = "single source"
    INFERRED = "inferred"
    UNKNOWN = "unknown"

    @property
    def mark(self) -> str:
        """Text in square brackets that a dump prints behind a value of this level; empty for facts."""
        return _MARKS.get(self.value, "")


DOCUMENTED, CONFIRMED, SINGLE, INFERRED, UNKNOWN = Evidence
_MARKS = {INFERRED.value: "unconfirmed", UNKNOWN.value: "unknown meaning"}


class Link(enum.Enum):
    """The two links that carry these messages."""

    RS485 = "rs485"
    MK3 = "mk3"


class Space(enum.Enum):
    """What the first byte of a message means: name spaces that share no numbers."""

    ENVELOPE = "envelope"  # the bytes around a payload: declared for their names and places, never looked up
    SYNC = "sync"  # payload of an RS485 frame of kind FD
    PAYLOAD = "payload"  # payload of an RS485 frame of kind FE, or an MK2/MK3 frame that does not begin with FF
    ADAPTER = "adapter"  # MK2/MK3 frame that begins with FF: commands to, and replies of, the adapter itself
    WINMON = "winmon"  # body of a winmon request or reply, on either link


class Direction(enum.Enum):
    """Where a message travels, seen from the bus devices; BOTH where the bytes do not tell."""

    TO_DEVICE = "to device"
    FROM_DEVICE = "from device"
    BOTH = "both"


class WireEnum(enum.IntEnum):
    """An open enumeration: each member has a number and a text, and numbers without a member stay numbers."""

    text: str

    def __new__(cls, value: int, text: str) -> Self:
        """Attach the printed text to the number."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.text = text
        return member

    @classmethod
    def text_of(cls, value: int) -> str | None:
        """Printed text of a number, or None for a number that nobody has named."""
        member = cls._value2member_map_.get(value)
        return member.text if isinstance(member, cls) else None


class Shape(enum.Enum):
    """Which Python value a layout yields."""

    INTEGER = "integer"
    BYTES = "bytes"
    LIST = "list"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the bytes of a field are read: ``size`` in bytes (0 = all that is left), ``element_size`` of one number."""

    name: str
    shape: Shape
    size: int
    signed: bool = False
    element_size: int = 0
    big_endian: bool = False

    @property
    def construct(self) -> Any:
        """The same layout as Construct's."""
        from vebus_protocol import structs

        if self.shape is Shape.INTEGER:
            return structs.number(self.size, signed=self.signed, big_endian=self.big_endian)
        if self.shape is Shape.LIST:
            return structs.listed(self.element_size, signed=self.signed, big_endian=self.big_endian)
        return structs.octets(self.size)

    @property
    def bits(self) -> int:
        """Width of one number in bits; 0 for bytes."""
        return 8 * (self.element_size or (self.size if self.shape is Shape.INTEGER else 0))

    def encode(self, value: Any) -> bytes:
        """Bytes of one raw value.  Raises EncodeError where it does not fit."""
        try:
            return bytes(self.construct.build(value))
        except (_refusal(), TypeError, OverflowError) as problem:
            raise EncodeError(f"{value!r} does not fit {self.name}") from problem

    def decode(self, data: bytes) -> Raw:
        """Raw value of exactly these bytes; their number has to be that of the layout."""
        found: Raw = _plain(self.construct.parse(data))
        return found


def _refusal() -> type[Exception]:
    """What Construct raises; asked for only where something was raised."""
    from vebus_protocol.structs import ConstructError

    return ConstructError  # type: ignore[no-any-return]  # Construct has no types


def _integer(name: str, size: int, *, signed: bool = False, big_endian: bool = False) -> Layout:
    return Layout(name=name, shape=Shape.INTEGER, size=size, signed=signed, element_size=size, big_endian=big_endian)


def _list(name: str, item: Layout) -> Layout:
    return Layout(name=name, shape=Shape.LIST, size=0, signed=item.signed, element_size=item.size)


U8 = _integer("u8", 1)
U16 = _integer("u16", 2)
U16_BE = _integer("u16be", 2, big_endian=True)
U24 = _integer("u24", 3)
U32 = _integer("u32", 4)
I8 = _integer("i8", 1, signed=True)
I16 = _integer("i16", 2, signed=True)
LIST_U8 = _list("u8[]", U8)
LIST_U16 = _list("u16[]", U16)
LIST_I16 = _list("i16[]", I16)
RAW = Layout(name="bytes", shape=Shape.BYTES, size=0)


def raw(size: int) -> Layout:
    """``size`` bytes without a known inner layout."""
    return Layout(name=f"bytes[{size}]", shape=Shape.BYTES, size=size)


def ASCII(size: int) -> Layout:  # noqa: N802  (reads like the other layout constants in a declaration)
    """``size`` bytes that are read as ASCII text; bytes outside ASCII stay visible as escapes."""
    return Layout(name=f"ascii[{size}]", shape=Shape.TEXT, size=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """value = (raw + offset) * multiply / divide.  Dividing keeps decimal values exact (1331 / 100 is 13.31)."""

    multiply: int = 1
    divide: int = 1
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reciprocal:
    """value = numerator / raw; raw 0 has no value."""

    numerator: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfRam:
    """The scale of a RAM variable, which the device announces (winmon 36); see ``scaling``.

    ``variable`` is its id, an expression over the message, or None where the request says it.  ``times`` is an
    expression that multiplies the value; ``frequency`` turns a period into Hz (10 / value); ``announced_sign`` is true
    where the announced scale also decides whether the raw number is signed.
    """

    variable: Any = None
    times: Any = None
    frequency: bool = False
    announced_sign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSetting:
    """The scale of a setting, which the device announces (winmon 35); ``setting`` as in OfRam."""

    setting: Any = None


Scale = Linear | Reciprocal | OfRam | OfSetting


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """All that is known of one field; generators need nothing else.

    ``offset`` counts in the message (for ``rest`` and fields after a list it is the earliest place).  A bit field has
    ``width`` > 0 and lives in its parent.  A computed field has ``expression`` (over the raw numbers of the message)
    and no bytes of its own.  ``unnamed`` is the text of values that ``enum`` does not name.
    """

    name: str = ""
    label: str
    layout: Layout | None = None
    abbrev: str = ""
    meaning: str = ""
    unit: str = ""
    scale: Scale | None = None
    decimals: int | None = None
    absent: tuple[int, ...] = ()
    absent_text: str = "not available"
    valid: Any = None
    enum: type[WireEnum] | None = None
    unnamed: str = "Unknown"
    bits: tuple[Field, ...] = ()
    sign: str = ""
    display: str = "dec"
    symbol: str = ""
    summary_text: str = ""
    constant: int | None = None
    optional: bool = False
    evidence: Evidence = Evidence.UNKNOWN
    source: str = ""
    offset: int = 0
    shift: int = 0
    width: int = 0
    expression: Any = None
    beside: str = ""
    phrase: str = ""

    @property
    def mask(self) -> int:
        """Bits of the parent that a bit field covers, in place."""
        return ((1 << self.width) - 1) << self.shift

    @property
    def telling_bytes(self) -> bytes:
        """The bytes of a constant; empty for other fields."""
        if self.constant is None or self.layout is None:
            return b""
        return self.constant.to_bytes(self.layout.size, "big" if self.layout.big_endian else "little")

    @property
    def is_number(self) -> bool:
        """Whether the raw value is one integer (also for bits and computed fields)."""
        return self.layout is None or self.layout.shape is Shape.INTEGER

    def pick(self, value: int) -> int:
        """Take the bits of this bit field out of its parent's raw value."""
        return (value >> self.shift) & ((1 << self.width) - 1)


Raw = int | bytes | tuple[int, ...]
"""What a field with bytes of its own holds, by the shape of its layout."""


@dataclass(frozen=True, slots=True)
class Span:
    """One field of a parsed message with its raw value and its place in the unstuffed frame."""

    field: Field
    raw: Raw
    start: int
    size: int


_SPEC = "vebus"


def field(layout: Layout, label: str, *, default: Any = dataclasses.MISSING, **facts: Any) -> Any:
    """Declare a field with bytes of its own; ``facts`` are the attributes of Field."""
    spec = Field(label=label, layout=layout, **facts)
    if default is dataclasses.MISSING and spec.optional:
        default = None
    if default is dataclasses.MISSING and layout.size == 0:
        default = () if layout.shape is Shape.LIST else b""
    return dataclasses.field(default=default, metadata={_SPEC: spec})


def const(
    value: int,
    label: str,
    layout: Layout = U8,
    *,
    init: Literal[False] = False,  # noqa: ARG001  (tells type checkers that a message is made without this field)
    **facts: Any,
) -> Any:
    """Declare a byte that tells messages apart; another value is another message."""
    facts.setdefault("display", "hex")
    facts.setdefault("evidence", Evidence.CONFIRMED)
    spec = Field(label=label, layout=layout, constant=value, **facts)
    return dataclasses.field(default=value, metadata={_SPEC: spec})


def computed(expression: Any, label: str, **facts: Any) -> Field:
    """Declare a value that follows from raw numbers of the same message (an expression over ``this``)."""
    return Field(label=label, expression=expression, **facts)


def bit(name: str, shift: int, label: str, *, width: int = 1, **facts: Any) -> Field:
    """Declare named bits of an integer field, ``shift`` counted from its least significant bit."""
    return Field(name=name, label=label, shift=shift, width=width, **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageInfo:
    """What is known of a message as a whole: where it stands, how it is recognised, how it prints.

    ``carries`` is the space of the body that stands in ``rest``, ``replies`` the codes that answer a winmon request,
    ``check`` says where the bytes of a message contradict each other.  ``assumes`` is what a decode of the message
    takes for granted, empty where it rests on published facts.
    """

    space: Space
    match: Mapping[int, frozenset[int]]
    title: str
    abbrev: str
    lengths: frozenset[int] | None = None
    links: frozenset[Link] = frozenset(Link)
    direction: Direction = Direction.BOTH
    carries: Space | None = None
    replies: frozenset[int] = frozenset()
    inline: bool = False
    summary: tuple[str, ...] | None = None
    rest_label: str = "Undecoded"
    rest_known: bool = False
    check: Callable[[bytes], tuple[str, ...]] | None = None
    assumes: str = ""
    evidence: Evidence = Evidence.CONFIRMED
    source: str = ""

    def recognises(self, payload: bytes, link: Link) -> bool:
        """Whether the telling bytes, the link and the length fit."""
        if link not in self.links or (self.lengths is not None and len(payload) not in self.lengths):
            return False
        return all(at < len(payload) and payload[at] in values for at, values in self.match.items())


T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _with_slots(cls: type[T]) -> type[T]:
    """The fields and slots of a dataclass; what `Message` has for all of its kinds is not compiled for each of them."""
    return dataclass(init=False, repr=False, eq=False, kw_only=True, slots=True)(cls)


@_with_slots
class Message:
    """Root of all declared messages: frozen, compared by value, made by keywords.

    ``rest`` keeps the bytes behind the declared fields, one for one.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = ()
    COMPUTED: ClassVar[tuple[Field, ...]] = ()
    INFO: ClassVar[MessageInfo]
    SIZE: ClassVar[int] = 0
    LAYOUT: ClassVar[Any]
    VALUES: ClassVar[Any] = attrgetter("rest")

    rest: bytes = b""

    def __init__(self, **values: Any) -> None:
        """Every field by its name; a class gets an ``__init__`` of its own when the first message of it is made."""
        made = _init_of(type(self))
        if type(self) is not Message:  # all declarations begin with the one of Message
            setattr(type(self), "__init__", made)  # noqa: B010  (mypy takes an assignment for a mistake)
        made(self, **values)

    def __setattr__(self, name: str, value: object) -> None:
        """Messages never change.  Raises FrozenInstanceError."""
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        """Messages never change.  Raises FrozenInstanceError."""
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        """Whether the other is a message of the same class with the same raw values."""
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(self.VALUES(self) == self.VALUES(other))

    def __hash__(self) -> int:
        """Hash of all raw values."""
        return hash(self.VALUES(self))

    def __repr__(self) -> str:
        """Class and raw values, as they are written to make the message."""
        values = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self))
        return f"{type(self).__qualname__}({values})"

    def __getstate__(self) -> list[Any]:
        """Raw values, for copies and pickles."""
        return [getattr(self, one.name) for one in dataclasses.fields(self)]

    def __setstate__(self, state: list[Any]) -> None:
        """Raw values of a copy, which is not changed after that."""
        for one, value in zip(dataclasses.fields(self), state, strict=True):
            object.__setattr__(self, one.name, value)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read one message from exactly these bytes.

        Raises MessageError when they are too few or a telling byte differs.
        """
        if len(payload) < cls.SIZE:
            text = f"{cls.INFO.title}: {len(payload)} bytes, needs at least {cls.SIZE}: {payload.hex(' ')}"
            raise MessageError(text)
        try:
            found = cls.LAYOUT.parse(payload)
        except _refusal() as problem:
            text = f"{cls.INFO.title}: {str(problem).splitlines()[-1].strip()}: {payload.hex(' ')}"
            raise MessageError(text) from problem
        return cls(**{name: _plain(found[name]) for name in cls.names()})

    @classmethod
    def fits(cls, payload: bytes) -> bool:
        """Whether `parse` reads these bytes: there are enough of them, and the telling ones are right."""
        return len(payload) >= cls.SIZE and all(
            payload[spec.offset : spec.offset + len(spec.telling_bytes)] == spec.telling_bytes for spec in cls.FIELDS
        )

    def build(self) -> bytes:
        """Write the message; the bytes of ``parse`` come back unchanged.  Raises EncodeError with the field's name."""
        try:
            return bytes(self.LAYOUT.build({name: getattr(self, name) for name in self.names()}))
        except (_refusal(), TypeError, OverflowError) as problem:
            raise EncodeError(f"{self.INFO.title}: {self._misfit() or problem}") from problem

    def _misfit(self) -> str:
        for spec in self.FIELDS:
            value, layout = getattr(self, spec.name), spec.layout
            if value is None or layout is None:
                continue
            low = -(1 << (layout.bits - 1)) if layout.signed else 0
            high = (1 << layout.bits) - 1 + low
            if layout.shape is Shape.INTEGER and not (isinstance(value, int) and low <= value <= high):
                return f"{spec.name} = {value!r} does not fit {layout.name} ({low}..{high})"
            if spec.constant is not None and value != spec.constant:
                return f"{spec.name} = {value!r} must be 0x{spec.constant:02x}"
        return ""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Attribute names in wire order, ``rest`` last."""
        return (*(spec.name for spec in cls.FIELDS), "rest")

    @classmethod
    def spec(cls, name: str) -> Field:
        """Declaration of one field by its attribute name.  Raises KeyError."""
        for found in (*cls.FIELDS, *cls.COMPUTED):
            if found.name == name:
                return found
        raise KeyError(name)

    def spans(self, base: int = 0) -> Iterator[Span]:
        """Fields that have bytes, in wire order; ``base`` is where the message starts in the unstuffed frame."""
        at = base
        for spec in self.FIELDS:
            value = getattr(self, spec.name)
            if value is None or spec.layout is None:
                continue
            layout = spec.layout
            size = layout.size or len(value) * (layout.element_size or 1)
            yield Span(spec, value, at, size)
            at += size

    def raws(self) -> dict[str, Any]:
        """Raw values by name, as expressions see them."""
        return {spec.name: getattr(self, spec.name) for spec in self.FIELDS}


def _init_of(cls: type[Message]) -> Callable[..., None]:
    """``__init__`` of a message class, as a dataclass would have it: every field is a keyword."""
    names: dict[str, Any] = {"_keep": object.__setattr__}
    given, body = [], []
    for one in dataclasses.fields(cls):
        if one.default is dataclasses.MISSING:
            given.append(one.name)
        else:
            names[f"_default_{one.name}"] = one.default
            given.append(f"{one.name}=_default_{one.name}")
        body.append(f"    _keep(self, {one.name!r}, {one.name})")
    source = "\n".join((f"def __init__(self, *, {', '.join(given)}):", *body))
    exec(source, names)  # noqa: S102  (our own source)
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


class _Late:
    """An attribute of a message class that is worked out when it is first read, then kept in its place."""

    def __init__(self, name: str, make: Callable[[type[Message]], Any], declared: type[Message]) -> None:
        self._name, self._make, self._declared = name, make, declared

    def __get__(self, instance: object, owner: type) -> Any:
        value = self._make(self._declared)
        setattr(self._declared, self._name, value)
        return value


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_NOTHING = (Evidence.UNKNOWN, "")


def _named(spec: Field, name: str, abbrev: str, offset: int = 0, inherited: tuple[Evidence, str] = _NOTHING) -> Field:
    """The declaration with its name and place; a bit that says nothing of its evidence has that of its field."""
    full = spec.abbrev or f"{abbrev}.{name}"
    own = (spec.evidence, spec.source)
    known = inherited if own == _NOTHING else own
    bits = tuple(_named(one, one.name, full, offset, known) for one in spec.bits)
    return replace(spec, name=name, abbrev=full, offset=offset, evidence=known[0], source=known[1], bits=bits)


def _placed(cls: type[Message]) -> tuple[Field, ...]:
    found, offset = [], 0
    for item in dataclasses.fields(cls):
        spec = item.metadata.get(_SPEC)
        if spec is None:
            continue
        found.append(_named(spec, item.name, cls.INFO.abbrev, offset))
        offset += spec.layout.size
    return tuple(found)


def _computed(cls: type[Message]) -> tuple[Field, ...]:
    return tuple(_named(spec, name, cls.INFO.abbrev) for name, spec in vars(cls).items() if isinstance(spec, Field))


def _least_size(cls: type[Message]) -> int:
    return sum(spec.layout.size for spec in cls.FIELDS if spec.layout and not spec.optional)


def _struct(cls: type[Message]) -> Any:
    from vebus_protocol import structs

    return structs.struct_of(cls.FIELDS)


def _values_of(cls: type[Message]) -> Callable[[Message], Any]:
    """Getter of all raw values of a message."""
    return attrgetter(*(one.name for one in dataclasses.fields(cls)))


_LATE: Mapping[str, Callable[[type[Message]], Any]] = {
    "FIELDS": _placed,
    "COMPUTED": _computed,
    "SIZE": _least_size,
    "LAYOUT": _struct,
    "VALUES": _values_of,
}


M = TypeVar("M", bound=Message)


def _values(wanted: int | range | tuple[int, ...] | frozenset[int]) -> frozenset[int]:
    return frozenset((wanted,)) if isinstance(wanted, int) else frozenset(wanted)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, const))
def message(
    space: Space,
    match: Mapping[int, int | range | tuple[int, ...]],
    *,
    title: str,
    abbrev: str,
    lengths: range | tuple[int, ...] | None = None,
    links: tuple[Link, ...] = tuple(Link),
    **facts: Any,
) -> Callable[[type[M]], type[M]]:
    """Turn a class into a declared message: frozen dataclass, Construct layout and the key it is found by.

    ``match`` maps offsets in the message to the byte values that tell it apart, ``lengths`` limits it to messages of
    these lengths in bytes; the other arguments are the attributes of MessageInfo.
    """
    if facts.get("evidence") is Evidence.INFERRED:
        facts.setdefault("assumes", "The meaning of this message is inferred, nobody has confirmed it")
    info = MessageInfo(
        space=space,
        match={at: _values(wanted) for at, wanted in match.items()},
        title=title,
        abbrev=abbrev,
        lengths=None if lengths is None else frozenset(lengths),
        links=frozenset(links),
        **facts,
    )

    def declare(cls: type[M]) -> type[M]:
        made = _with_slots(cls)
        made.INFO = info
        made.__init__ = Message.__init__  # type: ignore[method-assign]  # not that of a parent, which has fewer fields
        for name, make in _LATE.items():
            setattr(made, name, _Late(name, make, made))
        return made

    return declare
