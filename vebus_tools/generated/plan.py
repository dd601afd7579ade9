"""Where every byte of a message of one length belongs: the declaration, walked once, for all engines.

At a fixed length nothing is left open: optional fields are there or not, lists have a known count, and ``rest`` has a
known size.  What cannot be walked is refused by name, and the message stays with the reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from vebus_protocol.errors import VEBusError
from vebus_protocol.expressions import ExpressionError, Name, Operation, Tree, tree_of
from vebus_protocol.expressions import names_in as names_in_tree
from vebus_protocol.registry import MESSAGES, find
from vebus_protocol.schema import Field, Layout, Link, Message, Shape, Space

__all__ = [
    "DerivationError",
    "Parts",
    "Plan",
    "Slot",
    "names_in",
    "parts_of",
    "plan_of",
    "python_of",
    "telling_offsets",
]


class DerivationError(VEBusError):
    """A declaration that no engine can be derived from; the text names message, field and reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A field in a message of one length: ``offset`` and ``size`` in bytes from the start of the message.

    ``count`` numbers of ``size / count`` bytes stand there; it is 0 for bytes and text.
    """

    spec: Field
    offset: int
    size: int
    count: int
    big_endian: bool = False
    signed: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the raw value is one integer."""
        return self.spec.is_number

    @property
    def is_list(self) -> bool:
        """Whether the raw value is a tuple of integers, perhaps an empty one."""
        return self.spec.layout is not None and self.spec.layout.shape is Shape.LIST


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A message of ``length`` bytes: fields in wire order, ``rest`` from ``rest_at`` on, ``absent`` optional fields."""

    declared: type[Message]
    length: int
    slots: tuple[Slot, ...]
    absent: tuple[str, ...]
    rest_at: int

    @property
    def raw_specs(self) -> Mapping[str, Slot]:
        """Fields that hold one integer, by name."""
        return {slot.spec.name: slot for slot in self.slots if slot.is_number}


_SIZES = (1, 2, 3, 4)


@lru_cache(maxsize=4096)
def plan_of(declared: type[Message], length: int) -> Plan:
    """Walk a declaration for a length in bytes.

    Raises:
        DerivationError: for a layout that has no rule here, or a message that has not so few bytes.
    """
    slots: list[Slot] = []
    absent: list[str] = []
    at = 0
    for spec in declared.FIELDS:
        if spec.layout is None:
            raise DerivationError(f"{declared.__name__}.{spec.name}: no layout")
        left = length - at
        if spec.optional and (absent or left < (spec.layout.size or 1)):
            absent.append(spec.name)
            continue
        slot = _slot(spec, spec.layout, at, left)
        slots.append(slot)
        at += slot.size
    if at > length:
        raise DerivationError(f"{declared.__name__}: {length} bytes, needs at least {at}")
    return Plan(declared=declared, length=length, slots=tuple(slots), absent=tuple(absent), rest_at=at)


def _slot(spec: Field, layout: Layout, at: int, left: int) -> Slot:
    size = layout.element_size or layout.size
    if layout.shape in (Shape.INTEGER, Shape.LIST) and size not in _SIZES:
        raise DerivationError(f"{spec.abbrev}: no rule for a number of {size} bytes")
    if layout.shape in (Shape.BYTES, Shape.TEXT):
        return Slot(spec=spec, offset=at, size=size or max(left, 0), count=0)
    count = max(left, 0) // size if layout.shape is Shape.LIST else 1
    return Slot(
        spec=spec, offset=at, size=size * count, count=count, big_endian=layout.big_endian, signed=layout.signed
    )


# --- expressions over raw numbers ------------------------------------------------------------------------------------
def python_of(expression: object) -> str:
    """An expression over ``this`` as Python source over plain names.  Raises DerivationError for any other callable."""
    try:
        return _source(tree_of(expression))
    except ExpressionError as problem:
        raise DerivationError(str(problem)) from problem


def _source(tree: Tree) -> str:
    if isinstance(tree, Operation):
        return f"({_source(tree.left)} {tree.symbol} {_source(tree.right)})"
    return tree.field if isinstance(tree, Name) else str(tree.value)


_READ: dict[int, tuple[object, tuple[str, ...]]] = {}  # by identity: expressions have no hash of their own


def names_in(expression: object) -> tuple[str, ...]:
    """Fields that an expression reads, in the order they appear.  Raises DerivationError as python_of."""
    known = _READ.get(id(expression))
    if known is None or known[0] is not expression:
        known = _READ[id(expression)] = (expression, _names_in(expression))
    return known[1]


def _names_in(expression: object) -> tuple[str, ...]:
    try:
        return names_in_tree(tree_of(expression)) if callable(expression) else ()
    except ExpressionError as problem:
        raise DerivationError(str(problem)) from problem


# --- which messages a payload holds -----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Parts:
    """The chain of messages in payloads of one kind and length: each plan and the offset of its first byte."""

    plans: tuple[tuple[Plan, int], ...]

    @property
    def last(self) -> Plan:
        """The message itself, without what carries it."""
        return self.plans[-1][0]


@cache
def _telling(space: Space, first: int) -> tuple[int, ...]:
    """Offsets that decide which message begins with this byte; a carrier adds where its body begins."""
    offsets = {0}
    for declared in MESSAGES:
        if declared.INFO.space is space and first in declared.INFO.match.get(0, _ANY):
            offsets.update(declared.INFO.match)
            offsets.update(spec.offset for spec in declared.FIELDS if spec.constant is not None)
            if declared.INFO.carries is not None:
                offsets.add(declared.SIZE)
    return tuple(sorted(offsets))


_ANY = range(256)
_CARRIERS = {
    (declared.INFO.space, first): declared
    for declared in MESSAGES
    if declared.INFO.carries is not None
    for first in declared.INFO.match.get(0, range(256))
}


def telling_offsets(space: Space, payload: bytes) -> tuple[int, ...]:
    """Offsets whose values decide which messages are in this payload.

    Payloads of one length that agree in all of them hold the same messages.
    """
    own = _telling(space, payload[0])
    carrier = _CARRIERS.get((space, payload[0]))
    if carrier is None or len(payload) <= carrier.SIZE or carrier.INFO.carries is None:
        return own
    inner = _telling(carrier.INFO.carries, payload[carrier.SIZE])
    return (*own, *(carrier.SIZE + at for at in inner if at))


_PARTS: dict[tuple[object, ...], Parts | None] = {}
_MAX_PARTS = 1 << 16


def parts_of(space: Space, payload: bytes, link: Link) -> Parts | None:
    """The chain that the registry finds in this payload, as plans; None where one of them cannot be derived."""
    if not payload:
        return None
    telling = telling_offsets(space, payload)
    key = (space, link, len(payload), *[payload[at] for at in telling if at < len(payload)])
    try:
        return _PARTS[key]
    except KeyError:
        if len(_PARTS) >= _MAX_PARTS:
            _PARTS.clear()
        found = _PARTS[key] = _look_up(space, payload, link)
        return found


def _look_up(space: Space, payload: bytes, link: Link) -> Parts | None:
    try:
        return Parts(tuple(_plans(space, payload, link)))
    except DerivationError:
        return None


def _plans(space: Space, payload: bytes, link: Link, start: int = 0) -> Iterator[tuple[Plan, int]]:
    """What `registry.decode_payload` finds, without reading a field: plans, and where each begins."""
    declared = next((one for one in find(space, payload, link) if one.fits(payload)), None)
    if declared is None:
        return
    plan = plan_of(declared, len(payload))  # type: ignore[arg-type]
    yield plan, start
    if declared.INFO.carries is not None:
        yield from _plans(declared.INFO.carries, payload[plan.rest_at :], link, start + plan.rest_at)
