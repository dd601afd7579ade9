"""What a display filter compares: the occurrences of fields in a dissection, and the relations between them.

Nothing here raises: values that cannot be compared with each other are neither equal nor in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from vebus_tools.filter_syntax import Character, Cut
from vebus_tools.frame_fields import COLUMNS, FRAME, RECORD_FIELDS, record_nodes
from vebus_tools.nodes import RAW_SUFFIX
from vebus_tools.records import Severity
from vebus_tools.times import TimeForm, Timing

if TYPE_CHECKING:
    from vebus_tools.nodes import Dissection, Node, Value

__all__ = [
    "OWN_KINDS",
    "RELATIONS",
    "SEVERITIES",
    "Found",
    "Item",
    "Moment",
    "collect",
    "sliced",
    "texts",
]


@dataclass(frozen=True, slots=True)
class Item:
    """One occurrence of a field, or one value of the filter; ``labels`` are its name and its text for people."""

    value: Value
    raw: Value = None
    labels: tuple[str, ...] = ()

    @property
    def bare(self) -> Item:
        """The number on the wire, without the name that belongs to the physical value."""
        return Item(self.raw, self.raw)


Found = Mapping[str, tuple[Item, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A dissection with the stamps that its times are measured against, None where the caller knows none.

    ``time`` is the form of the time column.
    """

    dissection: Dissection
    timing: Timing | None = None
    time: TimeForm = TimeForm.RELATIVE


OWN_KINDS: Mapping[str, str] = {
    FRAME: "bytes",
    **{abbrev: entry.kind for abbrev, entry in RECORD_FIELDS.items()},
    **dict.fromkeys(COLUMNS, "text"),
}
"""Names that every record has, with their kinds."""

SEVERITIES: Mapping[str, int] = {
    name: severity.value for severity in Severity for name in (severity.text, severity.name.capitalize())
}
"""Names of ``_ws.expert.severity``; "Warn" and "Warning" are the same."""


def collect(moment: Moment, names: Iterable[str]) -> Found:
    """All occurrences of these names, in printing order: fields, blocks as their bytes, fields of the record.

    A name that ends with ``.raw`` is a field of that name, or else the numbers on the wire of the field before it.
    """
    found: dict[str, tuple[Item, ...]] = dict.fromkeys(names, ())
    scaled = {name.removesuffix(RAW_SUFFIX): name for name in found if name.endswith(RAW_SUFFIX)}
    raws: dict[str, tuple[Item, ...]] = dict.fromkeys(scaled, ())
    data = moment.dissection.record.unstuffed
    for block in moment.dissection.blocks:
        if block.protocol in found:
            found[block.protocol] += (Item(data[block.start : block.start + block.size]),)
        for node in block.walk():
            if node.abbrev in found:
                found[node.abbrev] += (_item(node),)
            if node.abbrev in raws:
                raws[node.abbrev] += (_item(node).bare,)
    for name, items in raws.items():
        found[scaled[name]] = found[scaled[name]] or items
    own = frozenset(name for name, items in found.items() if not items and name in OWN_KINDS)
    if own:
        _collect_own(moment, own, found)
    return found


def _collect_own(moment: Moment, names: frozenset[str], found: dict[str, tuple[Item, ...]]) -> None:
    """Add the fields that every record has."""
    if FRAME in names:
        found[FRAME] = (Item(moment.dissection.record.wire),)
    for node in record_nodes(moment.dissection, moment.timing, moment.time, names):
        if node.abbrev in names:
            found[node.abbrev] += (_item(node),)


def _item(node: Node) -> Item:
    labels = tuple(dict.fromkeys(label for label in (node.name, node.text) if label))
    return Item(node.value, node.value if node.raw is None else node.raw, labels)


def sliced(item: Item, cuts: tuple[Cut, ...]) -> Item | None:
    """These parts of bytes or text, one behind the other; None where a part of them is not there."""
    value = item.value
    if not isinstance(value, bytes | str):
        return None
    bounds = [cut.bounds(len(value)) for cut in cuts]
    parts = [value[found[0] : found[1]] for found in bounds if found is not None]
    if len(parts) != len(cuts):
        return None
    if isinstance(value, bytes):
        return Item(b"".join(part for part in parts if isinstance(part, bytes)))
    return Item("".join(part for part in parts if isinstance(part, str)))


# --- relations -------------------------------------------------------------------------------------------------------
_Same = TypeVar("_Same", bytes, str, float)
_Order = tuple[bool, bool, bool]


def _three(left: _Same, right: _Same) -> _Order:
    """Less, equal, greater; all False with a NaN."""
    return left < right, left == right, left > right


_NO_ORDER: _Order = (False, False, False)


def _order(left: Value, right: Value) -> _Order:
    """How two values stand to each other; bytes decide for bytes, and a character is text beside text."""
    if isinstance(left, bytes) or isinstance(right, bytes):
        first, second = _as_bytes(left), _as_bytes(right)
        return _NO_ORDER if first is None or second is None else _three(first, second)
    left = chr(left) if isinstance(left, Character) and isinstance(right, str) else left
    right = chr(right) if isinstance(right, Character) and isinstance(left, str) else right
    if isinstance(left, str) and isinstance(right, str):
        return _three(left, right)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left < right, left == right, left > right  # int and float compare exactly, without a conversion
    return _NO_ORDER


def _as_bytes(value: Value) -> bytes | None:
    """One byte of a number 0..255; of a text one byte per character up to U+00FF, else UTF-8."""
    if isinstance(value, str):
        narrow = all(ord(char) <= 0xFF for char in value)
        return value.encode("latin-1") if narrow else value.encode("utf-8", "surrogatepass")
    if isinstance(value, int):
        return bytes((value,)) if 0 <= value <= 0xFF else None
    return value if isinstance(value, bytes) else None


def _equal(left: Item, right: Item) -> bool:
    return _order(left.value, right.value)[1] or _is_called(left, right.value) or _is_called(right, left.value)


def _is_called(item: Item, name: Value) -> bool:
    """Whether a text is a label of this item; the name of a number may be written in any case, as in Wireshark."""
    if not isinstance(name, str) or isinstance(item.value, bytes):
        return False
    if isinstance(item.value, str):
        return name in item.labels
    return name.casefold() in (label.casefold() for label in item.labels)


def texts(item: Item) -> tuple[str, ...]:
    """Where ``contains`` and ``matches`` look: a text, bytes as one character each, or the labels of a number."""
    if isinstance(item.value, str):
        return (item.value,)
    return (item.value.decode("latin-1"),) if isinstance(item.value, bytes) else item.labels


def _contains(left: Item, right: Item) -> bool:
    if isinstance(left.value, bytes):
        part = _as_bytes(right.value)
        return part is not None and part in left.value
    wanted = chr(right.value) if isinstance(right.value, Character) else right.value
    if isinstance(wanted, bytes):
        wanted = wanted.decode("latin-1")
    return isinstance(wanted, str) and any(wanted in text for text in texts(left))


RELATIONS: Mapping[str, Callable[[Item, Item], bool]] = {
    "==": _equal,
    "<": lambda left, right: _order(left.value, right.value)[0],
    "<=": lambda left, right: any(_order(left.value, right.value)[:2]),
    ">": lambda left, right: _order(left.value, right.value)[2],
    ">=": lambda left, right: any(_order(left.value, right.value)[1:]),
    "contains": _contains,
}
"""Relations between two items that have a value."""
