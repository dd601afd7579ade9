"""The declarations as one table, ready to be written as Lua: messages, fields, enums, scales, names, constants.

Nothing is written down here a second time: what the declarations say is walked, and what only functions know (which
message answers which) is asked of those functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vebus_protocol import frame, mk3
from vebus_protocol.enums import FrameKind, SenderId
from vebus_protocol.frame import FbFrame, Rs485Header, Rs485Trailer
from vebus_protocol.mk3 import Mk3Header, Mk3Leds, Mk3Trailer
from vebus_protocol.registry import ENVELOPES, MESSAGES, Unknown, UnknownSync
from vebus_protocol.scaling import DEFAULT_TABLE, DEVICE_TABLES
from vebus_protocol.scaling.fields import _FREQUENCY_DECIMALS, _PERIODS_PER_SECOND
from vebus_protocol.schema import Evidence, Field, Link, Message, Space, WireEnum
from vebus_protocol.variables import (
    ALWAYS_SIGNED,
    ASSISTANT_MEMORY,
    ASSISTANT_WORDS,
    RAM_VARIABLES,
    SETTINGS,
    AssistantId,
)
from vebus_protocol.winmon import WinmonFrame
from vebus_tools import dissection, framing, glossary
from vebus_tools.framing import _LAST_NUMBER, _LETTERS, _MIN_PAYLOAD, _MK3_FIRST, _RESERVED
from vebus_tools.session import REPLY_WINDOW_S
from vebus_tools.wireshark.exchange_tables import exchange_facts, winmon_codes
from vebus_tools.wireshark.field_tables import field_table
from vebus_tools.wireshark.literals import Literal, record, set_of
from vebus_tools.wireshark.rule_tables import rule_tables

__all__ = ["ENCAPSULATIONS", "declared", "protocol_names"]

ENCAPSULATIONS = {Link.RS485: 45, Link.MK3: 46}
"""Wireshark's own numbers of USER0 and USER1 in its table of encapsulations."""

_FALLBACKS: dict[str, type[Message]] = {Space.SYNC.value: UnknownSync, "other": Unknown}
_ENVELOPES: dict[str, type[Message]] = {
    "rs485_header": Rs485Header,
    "rs485_trailer": Rs485Trailer,
    "special": FbFrame,
    "mk3_header": Mk3Header,
    "mk3_leds": Mk3Leds,
    "mk3_trailer": Mk3Trailer,
}


def declared() -> dict[str, Literal]:
    """The whole table, by the names that the Lua runtime uses."""
    return {
        "constants": _constants(),
        "enums": {name: {int(m): m.text for m in values} for name, values in sorted(_enums().items())},
        "links": {
            link.value: record(protocol=name, encapsulation=ENCAPSULATIONS[link])
            for link, name in ((Link.RS485, Rs485Header.INFO.abbrev), (Link.MK3, Mk3Header.INFO.abbrev))
        },
        "protocols": [record(name=name, title=title) for name, title in protocol_names()],
        "fields": [_wireshark_field(entry) for entry in glossary.entries().values()],
        "ram_variables": {int(k): record(label=v.label, unit=v.unit) for k, v in sorted(RAM_VARIABLES.items())},
        "settings": {int(k): record(unit=v.unit) for k, v in sorted(SETTINGS.items()) if v.unit},
        "ram_scales": _ram_scales(),
        "setting_scales": _setting_scales(),
        "always_signed": set_of(ALWAYS_SIGNED),
        "assistants": {"memory": ASSISTANT_MEMORY, "names": AssistantId.__name__, "words": _assistant_words()},
        "winmon_codes": winmon_codes(),
        "generated": _generated(),
        "envelopes": {name: _message(one) for name, one in _ENVELOPES.items()},
        "fallbacks": {name: _message(one) for name, one in _FALLBACKS.items()},
        "messages": [_message(one) for one in MESSAGES],
    }


def protocol_names() -> Iterator[tuple[str, str]]:
    """Filter name and title of the protocols that Wireshark gets; a name that is also a field stays the field's.

    Titles have to differ in Wireshark: where two are alike, the second one has its name behind it.
    """
    fields = glossary.entries()
    titles: set[str] = set()
    for name, title in glossary.protocols():
        if name != "frame" and name not in fields:
            yield name, f"{title} ({name})" if title in titles else title
            titles.add(title)


# --- constants -------------------------------------------------------------------------------------------------------
def _constants() -> dict[str, Literal]:
    return {
        "end_byte": frame.END,
        "escape": frame.ESCAPE,
        "sync_marker": frame.SYNC_MARKER,
        "header_size": frame.HEADER_SIZE,
        "min_frame": frame.MIN_FRAME,
        "max_wire_frame": frame.MAX_WIRE_FRAME,
        "max_skipped": framing.MAX_SKIPPED,
        "last_number": _LAST_NUMBER,
        "kind_special": int(FrameKind.SPECIAL),
        "kind_sync": int(FrameKind.SYNC),
        "kind_data": int(FrameKind.DATA),
        "reserved": set_of(map(int, _RESERVED)),
        "adapter_marker": mk3.ADAPTER_MARKER,
        "led_flag": mk3.LED_FLAG,
        "min_payload": _MIN_PAYLOAD,
        "max_payload": mk3.MAX_PAYLOAD,
        "padding": mk3.PADDING,
        "second_rule": set_of(mk3.SECOND_RULE_TYPES),
        "swapped": list(mk3._SWAPPED),  # noqa: SLF001  (the rule's own list; no other text of it exists)
        "mk3_first": set_of(_MK3_FIRST),
        "letters": set_of(_LETTERS),
        "reply_window_s": REPLY_WINDOW_S,
        "periods_per_second": _PERIODS_PER_SECOND,
        "frequency_decimals": _FREQUENCY_DECIMALS,
        "assumed_mark": "assumed scale",
        "unknown_mark": Evidence.UNKNOWN.mark,
        "carrier_title": WinmonFrame.INFO.title,
        "carrier_protocol": WinmonFrame.INFO.title.lower(),
        "tid_abbrev": WinmonFrame.spec("tid").abbrev,
    }


# --- messages --------------------------------------------------------------------------------------------------------
def _message(one: type[Message]) -> dict[str, Literal]:
    info = one.INFO
    return record(
        title=info.title,
        abbrev=info.abbrev,
        space=info.space.value,
        match={at: set_of(values) for at, values in sorted(info.match.items())},
        lengths=None if info.lengths is None else set_of(info.lengths),
        links={link.value: True for link in Link if link in info.links},
        direction={"to device": "to", "from device": "from"}.get(info.direction.value, "both"),
        carries=info.carries.value if info.carries else None,
        inline=info.inline,
        summary=_summary(one),
        rest_label=info.rest_label,
        rest_known=info.rest_known,
        assumes=info.assumes,
        names=_names(one),
        rules=rule_tables(one),
        fields=[field_table(spec) for spec in one.FIELDS],
        computed=[field_table(spec) for spec in one.COMPUTED],
        **exchange_facts(one),
    )


def _summary(one: type[Message]) -> list[Literal]:
    """Names of what the Info column shows."""
    return list(dissection.summary_names(one))  # type: ignore[arg-type]  # mypy asks the instances for a hash


def _names(one: type[Message]) -> dict[str, Literal]:
    """Abbreviations of a message's fields and bits -> the names that its summary uses."""
    found: dict[str, Literal] = {spec.abbrev: spec.name for spec in (*one.FIELDS, *one.COMPUTED)}
    return found | {part.abbrev: f"{spec.name}.{part.name}" for spec in one.FIELDS for part in spec.bits}


def _generated() -> dict[str, Literal]:
    specs = {
        **{spec.name: spec for spec in frame.GENERATED},
        **{f"mk3_{spec.name}": spec for spec in mk3.GENERATED},
        **dissection.GENERATED,
    }
    return {name: field_table(spec) for name, spec in specs.items()}


def _every_field() -> Iterator[Field]:
    for one in (*ENVELOPES, *MESSAGES, *_FALLBACKS.values()):
        for spec in (*one.FIELDS, *one.COMPUTED):
            yield spec
            yield from spec.bits
    for spec in ASSISTANT_WORDS.values():
        yield from spec.bits


def _assistant_words() -> dict[int, Literal]:
    """Described words of assistants' records: assistant -> place behind the header -> field."""
    found: dict[int, dict[int, Literal]] = {}
    for (assistant, word), spec in sorted(ASSISTANT_WORDS.items()):
        found.setdefault(int(assistant), {})[word] = field_table(spec)
    return dict(found)


def _enums() -> dict[str, type[WireEnum]]:
    found: dict[str, type[WireEnum]] = {}
    named = (spec.enum for spec in _every_field() if spec.enum is not None)
    classes: Iterable[type[WireEnum]] = (SenderId, FrameKind, AssistantId, *named)
    for one in classes:
        if found.setdefault(one.__name__, one) is not one:
            raise ValueError(f"two enumerations are called {one.__name__}")
    return found


# --- scales ----------------------------------------------------------------------------------------------------------
def _ram_scales() -> dict[int, Literal]:
    rows = DEVICE_TABLES[DEFAULT_TABLE].ram
    return {variable: [row.scale.scale, row.scale.offset] for variable, row in sorted(rows.items())}


def _setting_scales() -> dict[int, Literal]:
    """The default device table, and behind it the usual scales of settings."""
    found: dict[int, Literal] = {
        int(setting): [usual.scale, usual.offset]
        for setting, usual in sorted(SETTINGS.items())
        if usual.scale is not None
    }
    rows = DEVICE_TABLES[DEFAULT_TABLE].settings
    found |= {setting: [row.scale.scale, row.scale.offset] for setting, row in sorted(rows.items())}
    return dict(sorted(found.items()))


# --- fields for Wireshark --------------------------------------------------------------------------------------------
def _wireshark_field(entry: glossary.Entry) -> Literal:
    is_hex = entry.base == "BASE_HEX"
    kind = entry.ftype
    if is_hex and kind.startswith("FT_INT"):
        kind = kind.replace("INT", "UINT")  # Wireshark shows no signed number in hex
    return record(
        abbrev=entry.abbrev,
        label=entry.label,
        kind=kind,
        hex=is_hex,
        mask=entry.mask or None,
        width=int(entry.base) if kind == "FT_BOOLEAN" else None,
        enum=entry.enum.__name__ if entry.enum else None,
        blurb=entry.blurb,
        owner=entry.protocol,
    )
