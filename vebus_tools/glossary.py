"""What a display filter, a field list or a dump can name: fields, protocols and values, as ``tshark -G`` lists them.

Everything is read from the declarations, those of the fields that every record has (``frame_fields``) among them; only
the types of generated fields, which have no layout, are listed here.  Columns of ``-G fields`` as tshark 4.0 prints
them: ``F``, name, abbreviation, type, protocol, base (for booleans the width of the field around them), bit mask,
explanation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from vebus_protocol import frame, mk3
from vebus_protocol.registry import ENVELOPES, MESSAGES, Unknown, UnknownSync
from vebus_protocol.schema import Field, Layout, Message, Shape, Space
from vebus_protocol.variables import ASSISTANT_WORDS
from vebus_tools import dissection
from vebus_tools.frame_fields import COLUMNS, FRAME, RECORD_FIELDS, Entry
from vebus_tools.nodes import RAW_SUFFIX
from vebus_tools.records import Severity

__all__ = [
    "Entry",
    "conflicts",
    "entries",
    "field_lines",
    "known_enums",
    "known_fields",
    "names_of",
    "names_of_messages",
    "protocol_lines",
    "protocols",
    "repeatable",
    "value_lines",
]

_BYTE_BITS = 8
_FALLBACKS: tuple[type[Message], ...] = (Unknown, UnknownSync)


_GENERATED_TYPES = {
    "vebus.src": "FT_STRING",
    "vebus.len": "FT_UINT16",
    "vebus.stuffed": "FT_UINT16",
    "vebus.checksum.status": "FT_STRING",
    "vebus.checksum.expected": "FT_UINT8",
    "mk3.src": "FT_STRING",
    "mk3.dst": "FT_STRING",
    "mk3.checksum.status": "FT_STRING",
    "mk3.checksum.expected": "FT_UINT8",
    "vebus.direction": "FT_STRING",
    "vebus.resync": "FT_UINT32",
    "vebus.unknown": "FT_BYTES",
    "vebus.sync.interval": "FT_DOUBLE",
    "vebus.response_in": "FT_FRAMENUM",
    "vebus.response_to": "FT_FRAMENUM",
    "vebus.response_time": "FT_DOUBLE",
}


# --- one field -------------------------------------------------------------------------------------------------------
def _value_type(spec: Field, around: Layout | None = None) -> str:
    """Wireshark's type of a declared field's value; ``around`` is the layout that a bit field lives in.

    A scaled field is FT_DOUBLE, whatever the number on the wire is.
    """
    generated = _GENERATED_TYPES.get(spec.abbrev)
    if generated is not None and spec.layout is None:
        return generated
    if spec.scale is not None:
        return "FT_DOUBLE"
    return _wire_type(spec, around)


def _wire_type(spec: Field, around: Layout | None) -> str:
    if spec.width:
        return "FT_BOOLEAN" if spec.width == 1 and spec.enum is None else f"FT_UINT{around.bits if around else 8}"
    if spec.layout is None:
        return "FT_INT32"
    if spec.layout.shape is Shape.BYTES:
        return "FT_BYTES"
    if spec.layout.shape is Shape.TEXT:
        return "FT_STRING"
    return f"FT_{'' if spec.layout.signed else 'U'}INT{spec.layout.bits}"


def _entry(spec: Field, kind: str, around: Layout | None) -> Entry:
    base = ""
    if kind == "FT_BOOLEAN":
        base = str(around.bits if around else _BYTE_BITS)
    elif "INT" in kind:
        base = "BASE_HEX" if spec.display == "hex" else "BASE_DEC"
    return Entry(
        abbrev=spec.abbrev,
        label=spec.label,
        ftype=kind,
        base=base,
        mask=spec.mask if spec.width else 0,
        unit=spec.unit,
        blurb=spec.meaning,
        enum=spec.enum,
    )


def _entries_of(spec: Field, around: Layout | None = None) -> Iterator[Entry]:
    """The field, its raw number where it is scaled, the count of a list, and its bits."""
    entry = _entry(spec, _value_type(spec, around), around)
    yield entry
    if spec.scale is not None:
        raw = _entry(spec, _wire_type(spec, around), around)
        yield replace(raw, abbrev=spec.abbrev + RAW_SUFFIX, label=f"{spec.label} (raw)", unit="")
    if spec.layout is not None and spec.layout.shape is Shape.LIST:
        yield Entry(abbrev=f"{spec.abbrev}.list", label=f"{spec.label}, how many", ftype="FT_UINT16", base="BASE_DEC")
    for part in spec.bits:
        yield from _entries_of(part, spec.layout)


# --- all fields ------------------------------------------------------------------------------------------------------
def _messages() -> tuple[type[Message], ...]:
    return (*ENVELOPES, *MESSAGES, *_FALLBACKS)


def _specs(declared: type[Message]) -> Iterator[Field]:
    yield from declared.FIELDS
    yield from declared.COMPUTED


def _all_entries(messages: Iterable[type[Message]]) -> Iterator[Entry]:
    for declared in messages:
        for spec in _specs(declared):
            yield from _entries_of(spec)
    for spec in (*frame.GENERATED, *mk3.GENERATED, *dissection.GENERATED.values()):
        yield from _entries_of(spec)
    for word in ASSISTANT_WORDS.values():  # the words themselves are values of RAM variables
        for part in word.bits:
            yield from _entries_of(part, word.layout)


@lru_cache(maxsize=1)
def entries() -> Mapping[str, Entry]:
    """All declared and generated fields by abbreviation, in the order of declaration; the first declaration counts."""
    found: dict[str, Entry] = {}
    for entry in _all_entries(_messages()):
        found.setdefault(entry.abbrev, entry)
    return found


def conflicts(messages: Iterable[type[Message]] | None = None) -> list[str]:
    """One line for each abbreviation that two declarations give different types or units; empty if all is well."""
    first: dict[str, Entry] = {}
    found = []
    for entry in _all_entries(_messages() if messages is None else messages):
        other = first.setdefault(entry.abbrev, entry)
        if (other.ftype, other.unit) != (entry.ftype, entry.unit):
            known, new = (f'{one.ftype} in "{one.unit}" ({one.label})' for one in (other, entry))
            found.append(f"{entry.abbrev}: {known} and {new}")
    return list(dict.fromkeys(found))


@lru_cache(maxsize=1)
def known_fields() -> Mapping[str, str]:
    """Kind ("number", "text", "bytes", "boolean") of every name that a filter or ``-e`` may use.

    Holds the declared and generated fields, ``.raw`` of the scaled ones, the fields of the record, the columns, and the
    protocols (bytes).
    """
    kinds = dict.fromkeys((name for name, _ in protocols()), "bytes")
    kinds |= {abbrev: entry.kind for abbrev, entry in (*RECORD_FIELDS.items(), *entries().items())}
    return kinds | dict.fromkeys(COLUMNS, "text")


@lru_cache(maxsize=1)
def known_enums() -> Mapping[str, Mapping[str, int]]:
    """Names of the values of fields with their numbers; a name that several numbers share has the first."""
    named: dict[str, Mapping[str, int]] = {}
    for entry in entries().values():
        if entry.enum is not None:
            named[entry.abbrev] = {member.text: int(member) for member in reversed(entry.enum)}
    return named


@lru_cache(maxsize=1)
def repeatable() -> frozenset[str]:
    """Abbreviations that can stand more than once in one record: lists, and names that parts of a frame share."""
    found = {"_ws.expert", "_ws.expert.message", "_ws.expert.severity", "_ws.expert.group"}
    heads: dict[str, Counter[str]] = {}
    for declared in ENVELOPES:
        heads.setdefault(declared.INFO.abbrev, Counter()).update(_names(declared))
    carriers = [declared for declared in MESSAGES if declared.INFO.carries is not None]
    for declared in (*MESSAGES, *_FALLBACKS):
        body = _names(declared)
        found |= {spec.abbrev for spec in declared.FIELDS if spec.layout and spec.layout.shape is Shape.LIST}
        outer = [_names(part) for part in carriers if part.INFO.carries is declared.INFO.space]
        for head in (*heads.values(), Counter[str]()):
            for carrier in (*outer, Counter[str]()):
                found |= {name for name, count in (head + carrier + body).items() if count > 1}
    return frozenset(found)


def _names(declared: type[Message]) -> Counter[str]:
    return Counter(entry.abbrev for spec in _specs(declared) for entry in _entries_of(spec))


@lru_cache(maxsize=256)
def names_of(declared: type[Message]) -> frozenset[str]:
    """Fields that a message declares, and the protocol of its block."""
    return frozenset(_names(declared)) | {declared.INFO.abbrev}


@lru_cache(maxsize=1)
def names_of_messages() -> frozenset[str]:
    """Names that are in a record only where one of its messages declares them."""
    anywhere = {FRAME, *RECORD_FIELDS, *COLUMNS, *_GENERATED_TYPES}
    for declared in (*ENVELOPES, *_FALLBACKS):
        anywhere |= names_of(declared)  # type: ignore[arg-type]  # mypy asks the instances for a hash
    for word in ASSISTANT_WORDS.values():
        anywhere |= {entry.abbrev for entry in _entries_of(word)}
    blocks = {name for name, _ in protocols()}
    own: set[str] = set()
    for declared in MESSAGES:
        own |= names_of(declared)  # type: ignore[arg-type]  # mypy asks the instances for a hash
    return frozenset(own & (entries().keys() | blocks)) - anywhere - {"winmon"}


# --- the lists -------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def protocols() -> tuple[tuple[str, str], ...]:
    """Filter name and title of each protocol that a dump prints as a block of its own."""
    titles: dict[str, list[str]] = {
        FRAME: ["Frame"],
        frame.Rs485Header.INFO.abbrev: [frame.Rs485Header.INFO.title],
        mk3.Mk3Header.INFO.abbrev: [mk3.Mk3Header.INFO.title],
        "winmon": ["Winmon"],
    }
    own = frozenset(titles)
    for declared in MESSAGES:
        info = declared.INFO
        carried = info.space is Space.WINMON or info.carries is not None
        if not (info.inline or carried or info.abbrev in own):
            titles.setdefault(info.abbrev, []).append(info.title)
    return tuple((name, ", ".join(dict.fromkeys(parts))) for name, parts in titles.items())


_SHORT = {"vebus": "VE.Bus", "mk3": "MK3", FRAME: "Frame", "winmon": "Winmon"}


def protocol_lines() -> Iterator[str]:
    """Lines of ``-G protocols``: name, short name, filter name."""
    for name, title in protocols():
        yield "\t".join(map(_cell, (title, _SHORT.get(name, name), name)))


def field_lines() -> Iterator[str]:
    """Lines of ``-G fields``: a ``P`` line for each protocol, then an ``F`` line for each field."""
    for name, title in protocols():
        yield "\t".join(("P", _cell(title), name))
    for entry in (*RECORD_FIELDS.values(), *_column_entries(), *entries().values()):
        cells = (entry.label, entry.abbrev, entry.ftype, entry.protocol, entry.base, f"0x{entry.mask:x}", _blurb(entry))
        yield "\t".join(("F", *map(_cell, cells)))


def value_lines() -> Iterator[str]:
    """Lines of ``-G values``: ``V``, abbreviation, number, text.  Booleans are True and False, which have no line."""
    for severity in Severity:
        yield f"V\t_ws.expert.severity\t{severity.value}\t{severity.text}"
    for entry in entries().values():
        for member in () if entry.enum is None else entry.enum:
            value = f"0x{member:x}" if entry.base == "BASE_HEX" else str(int(member))
            yield f"V\t{entry.abbrev}\t{value}\t{_cell(member.text)}"


def _column_entries() -> Iterator[Entry]:
    for abbrev, title in COLUMNS.items():
        yield Entry(abbrev=abbrev, label=f"{title} column", ftype="FT_STRING")


def _blurb(entry: Entry) -> str:
    return ", ".join(part for part in (entry.blurb, f"in {entry.unit}" if entry.unit else "") if part)


def _cell(text: str) -> str:
    return " ".join(text.split())
