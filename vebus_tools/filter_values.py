"""What a display filter compares: the occurrences of fields in a dissection, and the relations between them.

Nothing here raises: values that cannot be compared with each other are neither equal nor in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from vebus_tools.filter_syntax import Character, Cut
from vebus_tools.records import Severity, Stamp

if TYPE_CHECKING:
    from vebus_tools.nodes import Dissection, Node, Value

__all__ = [
    "RECORD_FIELDS",
    "RELATIONS",
    "SEVERITIES",
    "Found",
    "Item",
    "Moment",
    "RecordField",
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
    """A dissection with the stamps of the first and of the previous record, None where the caller knows none."""

    dissection: Dissection
    first: Stamp | None = None
    previous: Stamp | None = None

    @property
    def stamp(self) -> Stamp:
        """Stamp of this record."""
        return self.dissection.record.stamp


# --- fields that belong to no protocol of the bus --------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class RecordField:
    """A field of Wireshark's own (frame.*, _ws.*); ``kind`` is "number", "text" or "bytes"."""

    abbrev: str
    label: str
    kind: str
    read: Callable[[Moment], Iterable[Item]]


SEVERITIES: Mapping[str, int] = {
    name: severity.value for severity in Severity for name in (severity.text, severity.name.capitalize())
}
"""Names of ``_ws.expert.severity``; "Warn" and "Warning" are the same."""


def _elapsed(now: Stamp, earlier: Stamp) -> tuple[Item, ...]:
    """Seconds between two stamps, to the nanosecond; nothing between a date and a time without one."""
    return (Item(round(now.at - earlier.at, 9)),) if now.epoch == earlier.epoch else ()


def _relative(moment: Moment) -> tuple[Item, ...]:
    if moment.first is not None:
        return _elapsed(moment.stamp, moment.first)
    return () if moment.stamp.epoch else (Item(moment.stamp.at),)


def _delta(moment: Moment) -> tuple[Item, ...]:
    if moment.previous is not None:
        return _elapsed(moment.stamp, moment.previous)
    return () if moment.first is None else (Item(0.0),)


def _severities(moment: Moment) -> Iterable[Item]:
    for finding in moment.dissection.findings:
        severity = finding.severity
        yield Item(severity.value, labels=(severity.text, severity.name))


RECORD_FIELDS: Mapping[str, RecordField] = {
    field.abbrev: field
    for field in (
        RecordField("frame", "Frame", "bytes", lambda m: (Item(m.dissection.record.wire),)),
        RecordField("frame.number", "Frame Number", "number", lambda m: (Item(m.dissection.record.number),)),
        RecordField(
            "frame.len", "Frame length on the wire", "number", lambda m: (Item(len(m.dissection.record.wire)),)
        ),
        RecordField("frame.time_epoch", "Epoch Time", "number", lambda m: (Item(m.stamp.at),) if m.stamp.epoch else ()),
        RecordField("frame.time_relative", "Time since first frame", "number", _relative),
        RecordField("frame.time_delta", "Time delta from previous captured frame", "number", _delta),
        RecordField("_ws.expert", "Expert Info", "text", lambda m: [Item(f.text) for f in m.dissection.findings]),
        RecordField("_ws.expert.severity", "Severity level", "number", _severities),
        RecordField(
            "_ws.expert.group", "Group", "text", lambda m: [Item(f.group.value) for f in m.dissection.findings]
        ),
        RecordField("_ws.expert.message", "Message", "text", lambda m: [Item(f.text) for f in m.dissection.findings]),
        RecordField("_ws.col.info", "Info column", "text", lambda m: (Item(m.dissection.info_column),)),
        RecordField("_ws.col.protocol", "Protocol column", "text", lambda m: (Item(m.dissection.protocol),)),
        RecordField("_ws.col.def_src", "Source column", "text", lambda m: (Item(m.dissection.source),)),
        RecordField("_ws.col.def_dst", "Destination column", "text", lambda m: (Item(m.dissection.destination),)),
    )
}


def collect(moment: Moment, names: Iterable[str]) -> Found:
    """All occurrences of these names, in printing order: fields, blocks as their bytes, fields of the record."""
    found: dict[str, tuple[Item, ...]] = dict.fromkeys(names, ())
    data = moment.dissection.record.unstuffed
    for block in moment.dissection.blocks:
        if block.protocol in found:
            found[block.protocol] += (Item(data[block.start : block.start + block.size]),)
        for node in block.walk():
            if node.abbrev in found:
                found[node.abbrev] += (_item(node),)
    for name, items in found.items():
        if not items and name in RECORD_FIELDS:
            found[name] = tuple(RECORD_FIELDS[name].read(moment))
    return found


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
