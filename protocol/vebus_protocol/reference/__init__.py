"""The protocol reference as one Markdown page, written from the declarations alone.

    python -m vebus_protocol.reference > protocol/README.md

Nothing of the protocol is stated here a second time: envelopes, messages, enumerations, scales and rules are walked,
and the words beside them are their docstrings and attributes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from vebus_protocol import enums, frame, mk3
from vebus_protocol.frame import FbFrame, Rs485Header, Rs485Trailer
from vebus_protocol.mk3 import Mk3Header, Mk3Leds, Mk3Trailer
from vebus_protocol.reference.fields import ENUM_SECTIONS, enum_link, field_rows, head_of, loose_rows, rule_words
from vebus_protocol.reference.markdown import Row, doc, heading_of, link, sentences, table
from vebus_protocol.reference.texts import (
    ABOUT,
    ABOUT_ASSISTANTS,
    ABOUT_RAM,
    ABOUT_SETTINGS,
    HOW_TO_READ,
    REGENERATE,
    SOURCES,
)
from vebus_protocol.registry import MESSAGES
from vebus_protocol.scaling import DEFAULT_TABLE, DEVICE_TABLES, DeviceTable, ScaleBook, SettingScale
from vebus_protocol.schema import Evidence, Link, Message, Space, WireEnum
from vebus_protocol.variables import ASSISTANT_MEMORY, ASSISTANT_WORDS, RAM_VARIABLES, SETTINGS, AssistantId

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["REGENERATE", "reference_page"]

_LINK_NAMES = {Link.RS485: "RS485", Link.MK3: "MK2/MK3"}
_PAYLOAD_START = 4  # RS485 frame: ids, kind, number
_ADAPTER_BODY = 2  # FF and a letter stand before a winmon body behind an adapter
_WORD = 0x10000
_LONG_KEY = 32  # more values than this are shown by their bits


def reference_page() -> str:
    """The whole page as Markdown text, ending with a newline."""
    parts = [*_introduction(), *_contents(), *_envelopes(), *_families(), *_enumerations(), *_ram(), *_settings()]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


# --- introduction ----------------------------------------------------------------------------------------------------
def _introduction() -> Iterator[str]:
    yield "# VE.Bus protocol reference"
    yield ABOUT
    yield table(("evidence", "mark behind a value in a dump"), ((level.value, level.mark) for level in Evidence))
    yield HOW_TO_READ
    yield table(("source", "what it is"), SOURCES)


def _contents() -> Iterator[str]:
    yield "## Contents"
    lines = [f"- {link('Envelopes')}: the bytes around a payload, stuffing and checksums"]
    lines += [f"- {link(heading_of(family))}" for family in _family_modules()]
    lines += [f"- {link('Enumerations')}"]
    lines += [f"- {link('RAM variables')}, {link('Settings')}"]
    yield "\n".join(lines)


# --- envelopes -------------------------------------------------------------------------------------------------------
def _envelopes() -> Iterator[str]:
    yield "## Envelopes"
    rules = (frame.stuff, frame.checksum, frame.looks_like_frame)
    yield from _envelope("RS485 frame", frame, (Rs485Header, Rs485Trailer, FbFrame), rules)
    yield from _envelope(
        "MK2/MK3 frame", mk3, (Mk3Header, Mk3Leds, Mk3Trailer), (mk3.plain_checksum, mk3.second_checksum)
    )


def _envelope(
    heading: str, module: ModuleType, parts: tuple[type[Message], ...], rules: tuple[Callable[[bytes], object], ...]
) -> Iterator[str]:
    yield f"### {heading}"
    yield doc(module)
    yield table(("rule", "what it says"), ((f"`{rule.__name__}`", " ".join(doc(rule).split())) for rule in rules))
    for part in parts:
        yield f"#### {part.__name__}"
        yield doc(part)
        yield table(head_of(("byte",)), field_rows(part, (0,)))
    yield f"#### Generated fields of the {heading}"
    yield "No bytes of their own: what a decoder finds out about a frame."
    yield table(
        ("filter name", "meaning", "unit"), ((f"`{one.abbrev}`", one.label, one.unit) for one in module.GENERATED)
    )


# --- messages --------------------------------------------------------------------------------------------------------
def _family_modules() -> tuple[ModuleType, ...]:
    names = dict.fromkeys(declared.__module__ for declared in MESSAGES)
    return tuple(sys.modules[name] for name in names)


def _families() -> Iterator[str]:
    for module in _family_modules():
        yield f"## {heading_of(module)}"
        yield doc(module)
        members = _members(module)
        yield table(("key", "message", "direction", "links", "evidence"), map(_index_row, members))
        for declared in members:
            yield from _message(declared)


def _members(module: ModuleType) -> list[type[Message]]:
    """Messages of one family in the order of their declaration."""
    own = {declared for declared in MESSAGES if declared.__module__ == module.__name__}
    return [value for value in vars(module).values() if isinstance(value, type) and value in own]


def _index_row(declared: type[Message]) -> Row:
    info = declared.INFO
    links = "" if info.links == frozenset(Link) else ", ".join(_LINK_NAMES[one] for one in Link if one in info.links)
    return (_key(declared), link(_title(declared)), info.direction.value, links, info.evidence.value)


def _title(declared: type[Message]) -> str:
    return f"{declared.__name__}: {declared.INFO.title}"


def _key(declared: type[Message]) -> str:
    """Telling bytes in hex, with their place where it is not the first byte."""
    keys = [
        _byte_set(values) if at == 0 else f"{_byte_set(values)} at {at}"
        for at, values in sorted(declared.INFO.match.items())
    ]
    return ", ".join(keys) or "any"


def _byte_set(values: frozenset[int]) -> str:
    """`05..0B` for a run, `.......0` where only some bits decide, single bytes otherwise."""
    fixed = 0xFF
    for value in values:
        fixed &= ~(value ^ min(values))
    if len(values) == 1 << (8 - fixed.bit_count()) > _LONG_KEY:
        bits = "".join(str(min(values) >> at & 1) if fixed >> at & 1 else "." for at in range(7, -1, -1))
        return f"`{bits}` (bits)"
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return " ".join(f"`{run[0]:02X}`" if len(run) == 1 else f"`{run[0]:02X}..{run[-1]:02X}`" for run in runs)


def _message(declared: type[Message]) -> Iterator[str]:
    info = declared.INFO
    yield f"### {_title(declared)}"
    yield doc(declared)
    links = ", ".join(_LINK_NAMES[one] for one in Link if one in info.links)
    facts = [
        f"- Space: {info.space.value}; key: {_key(declared)}; {_length(declared)}",
        f"- Links: {links}; direction: {info.direction.value}",
        f"- Evidence: {info.evidence.value}; source: {info.source}",
    ]
    if info.replies:
        facts.append(f"- Answered by: {_byte_set(info.replies)}")
    if info.carries is not None:
        facts.append(f"- Carries: a body of the space {info.carries.value}")
    yield "\n".join(facts)
    names, starts = _places(declared)
    yield table(head_of(names), field_rows(declared, starts))


def _length(declared: type[Message]) -> str:
    lengths = declared.INFO.lengths
    if lengths is None:
        return f"at least {declared.SIZE} byte{'s' * (declared.SIZE != 1)}"
    low, high = min(lengths), max(lengths)
    return (
        f"{low} bytes"
        if low == high
        else f"{low}..{high} bytes"
        if len(lengths) == high - low + 1
        else (f"{', '.join(map(str, sorted(lengths)))} bytes")
    )


def _places(declared: type[Message]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of the offset columns of a message and where it starts by each count."""
    info = declared.INFO
    columns: list[tuple[str, int, Link | None]]
    if info.space is Space.WINMON:
        carriers = (one for one in MESSAGES if one.INFO.carries is Space.WINMON and Link.RS485 in one.INFO.links)
        on_bus = _PAYLOAD_START + next(carriers).SIZE
        columns = [("body", 0, None), ("RS485", on_bus, Link.RS485), ("p[n]", _ADAPTER_BODY, Link.MK3)]
    else:
        columns = [("payload", 0, None), ("RS485", _PAYLOAD_START, Link.RS485)]
    chosen = [(name, start) for name, start, link in columns if link is None or link in info.links]
    return tuple(name for name, _ in chosen), tuple(start for _, start in chosen)


# --- enumerations, RAM variables, settings ---------------------------------------------------------------------------
def _enumerations() -> Iterator[str]:
    yield "## Enumerations"
    yield "All of them are open: a number without a name stays a number and is written back unchanged."
    for found in _open_enumerations():
        yield f"### {found.__name__}"
        yield doc(found)
        width = 2 if max(found) <= 0xFF else 4 if max(found) < _WORD else 8
        rows = ((str(int(one)), f"`0x{int(one):0{width}X}`", f"`{one.name}`", one.text) for one in found)
        yield table(("number", "hex", "name", "text"), rows)


def _open_enumerations() -> list[type[WireEnum]]:
    """Enumerations with a section of their own: all that are named, and all that a field of a message uses."""
    named = [getattr(enums, name) for name in enums.__all__]
    specs = [spec for declared in MESSAGES for spec in (*declared.FIELDS, *declared.COMPUTED)]
    used = [spec.enum for whole in specs for spec in (whole, *whole.bits)]
    words = [part.enum for spec in ASSISTANT_WORDS.values() for part in spec.bits]
    found = {one for one in (*named, *used, *words, AssistantId) if isinstance(one, type) and issubclass(one, WireEnum)}
    return sorted(found - ENUM_SECTIONS.keys(), key=lambda one: one.__name__)


def _ram() -> Iterator[str]:
    yield "## RAM variables"
    yield ABOUT_RAM
    head = ("id", "name", "meaning", "unit", "sign", "assumed scale", "announced as", "evidence", "source")
    yield table(head, map(_ram_row, sorted(RAM_VARIABLES)))
    yield ABOUT_ASSISTANTS.format(first=ASSISTANT_MEMORY, ids=enum_link(AssistantId))
    rows = (
        row
        for (assistant, word), spec in ASSISTANT_WORDS.items()
        for row in loose_rows(spec, AssistantId.text_of(assistant) or str(assistant), str(word))
    )
    yield table(head_of(("assistant", "word")), rows)


def _ram_row(variable: int) -> Row:
    known = RAM_VARIABLES[variable]
    scaling = ScaleBook().ram(variable)
    return (
        str(int(variable)),
        f"`{known.name}`",
        sentences(f"**{known.label}**", known.meaning, "value in tenths of a second" if known.period else ""),
        known.unit,
        known.sign,
        "" if scaling is None else rule_words(scaling.scale.rule),
        "" if scaling is None else f"{scaling.scale.scale}, {scaling.scale.offset}",
        known.evidence.value,
        known.source,
    )


def _settings() -> Iterator[str]:
    yield "## Settings"
    yield ABOUT_SETTINGS
    devices = [table for name, table in DEVICE_TABLES.items() if name != DEFAULT_TABLE]
    limits = tuple(f"limits, {table.name}" for table in devices)
    head = ("id", "name", "meaning", "unit", "usual scale", "assumed scale", *limits, "evidence", "source")
    yield table(head, (_setting_row(setting, devices) for setting in sorted(SETTINGS)))


def _setting_row(setting: int, devices: Sequence[DeviceTable]) -> Row:
    known = SETTINGS[setting]
    scaling = ScaleBook().setting(setting)
    usual = "" if known.scale is None else rule_words(SettingScale(scale=known.scale, offset=known.offset).rule)
    rows = [device.settings.get(setting) for device in devices]
    return (
        str(int(setting)),
        f"`{known.name}`",
        sentences(f"**{known.label}**", known.meaning),
        known.unit,
        usual,
        "" if scaling is None else rule_words(scaling.scale.rule),
        *("" if row is None else f"{row.default}, {row.minimum}, {row.maximum}" for row in rows),
        known.evidence.value,
        known.source,
    )
