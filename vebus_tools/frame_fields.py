"""The fields that every record has, whatever it carries: ``frame.*``, ``_ws.expert.*`` and the columns of the list.

They are declared here once and made here once; display filters, ``-G fields``, ``-e`` and the machine forms all take
them from this module.  Names and types are Wireshark's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from vebus_protocol.schema import WireEnum
from vebus_tools.nodes import Block, Dissection, Node, Value
from vebus_tools.records import Finding, Group, Record, Severity, Stamp, TimeSource
from vebus_tools.times import NO_TIMING, TimeForm, Timing, elapsed_text, epoch_text, time_text

__all__ = [
    "COLUMNS",
    "FRAME",
    "RECORD_FIELDS",
    "Entry",
    "column_texts",
    "expert_title",
    "frame_block",
    "frame_title",
    "info_text",
    "record_nodes",
    "short_finding",
]

FRAME = "frame"
"""Name of the frame block, which stands in front of all protocols."""

_KINDS = {"FT_BOOLEAN": "boolean", "FT_BYTES": "bytes", "FT_STRING": "text"}
_SECONDS = " seconds"
_BAD_SUM = "incorrect"  # a node says "0x5b incorrect, should be 0x5a"
_START = Stamp(0.0, TimeSource.START)


# --- the list --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One field as ``-G fields`` lists it.

    ``ftype`` is a type of Wireshark (``FT_UINT8``).  ``base`` is ``BASE_DEC``, ``BASE_HEX`` or empty; for a boolean it
    is the number of bits of the field around it, and ``mask`` says which of them it is.  ``unit`` is that of the value,
    empty for plain numbers.
    """

    abbrev: str
    label: str
    ftype: str
    base: str = ""
    mask: int = 0
    unit: str = ""
    blurb: str = ""
    enum: type[WireEnum] | None = None

    @property
    def kind(self) -> str:
        """What a filter compares it with: "number", "text", "bytes" or "boolean"."""
        return _KINDS.get(self.ftype, "number")

    @property
    def protocol(self) -> str:
        """Name of the protocol that the field belongs to."""
        first, _, rest = self.abbrev.partition(".")
        return f"{first}.{rest.partition('.')[0]}" if first == "_ws" else first


def _entry(abbrev: str, label: str, ftype: str, unit: str = "", blurb: str = "") -> Entry:
    base = "BASE_DEC" if ftype.startswith("FT_UINT") else ""
    return Entry(abbrev=abbrev, label=label, ftype=ftype, base=base, unit=unit, blurb=blurb)


RECORD_FIELDS: Mapping[str, Entry] = {
    entry.abbrev: entry
    for entry in (
        _entry("frame.time_epoch", "Epoch Time", "FT_RELATIVE_TIME", "seconds", "Only where stamps have a date"),
        _entry("frame.time_delta", "Time delta from previous captured frame", "FT_RELATIVE_TIME", "seconds"),
        _entry("frame.time_relative", "Time since reference or first frame", "FT_RELATIVE_TIME", "seconds"),
        _entry("frame.number", "Frame Number", "FT_UINT32"),
        _entry("frame.len", "Frame length on the wire", "FT_UINT32", "bytes"),
        _entry("frame.cap_len", "Frame length stored into the capture file", "FT_UINT32", "bytes"),
        _entry("frame.protocols", "Protocols in frame", "FT_STRING"),
        _entry("frame.time_source", "Time stamp source", "FT_STRING"),
        _entry("frame.interface", "Interface", "FT_STRING"),
        _entry("frame.raw", "Bytes as heard", "FT_BYTES", blurb="With escapes"),
        _entry("_ws.expert", "Expert Info", "FT_STRING"),
        _entry("_ws.expert.message", "Message", "FT_STRING"),
        _entry("_ws.expert.severity", "Severity level", "FT_UINT32", blurb="1 chat to 4 error"),
        _entry("_ws.expert.group", "Group", "FT_STRING"),
    )
}
"""Fields that every record has, in the order of the lists."""

COLUMNS: Mapping[str, str] = {
    "_ws.col.number": "No.",
    "_ws.col.time": "Time",
    "_ws.col.def_src": "Source",
    "_ws.col.def_dst": "Destination",
    "_ws.col.protocol": "Protocol",
    "_ws.col.packet_length": "Length",
    "_ws.col.info": "Info",
}
"""Columns of the summary list as fields, with their titles."""


_ALL = frozenset((*RECORD_FIELDS, *COLUMNS))
_TIMES = frozenset(name for name in RECORD_FIELDS if name.startswith("frame.time_") and name != "frame.time_source")
_FINDINGS = frozenset(name for name in RECORD_FIELDS if name.startswith("_ws.expert"))
_FRAME_FIELDS = RECORD_FIELDS.keys() - _TIMES - _FINDINGS


def record_nodes(
    dissection: Dissection,
    timing: Timing | None = NO_TIMING,
    time: TimeForm = TimeForm.RELATIVE,
    names: frozenset[str] = _ALL,
) -> Iterator[Node]:
    """Nodes of all fields of a record: those of the frame block, of its findings, and its columns.

    ``timing`` None: the caller knows no other stamps.  Times without a date then count from the start of the capture,
    and differences are left out.  ``time`` is the form of the time column.  Groups of fields of which ``names`` has
    none are left out, to save time.
    """
    if not names.isdisjoint(_TIMES):
        yield from _time_nodes(dissection.record.stamp, timing)
    if not names.isdisjoint(_FRAME_FIELDS):
        yield from _frame_nodes(dissection)
    if not names.isdisjoint(_FINDINGS):
        for finding in dissection.findings:
            yield from _expert_nodes(finding)
    if not names.isdisjoint(COLUMNS):
        for abbrev, text in column_texts(dissection, timing, time).items():
            yield _node(abbrev, COLUMNS[abbrev], text)


# --- the frame block -------------------------------------------------------------------------------------------------
def frame_block(dissection: Dissection, timing: Timing = NO_TIMING) -> Block:
    """The block in front of all protocols.  Times that have no meaning (no date, no common clock) are left out."""
    record = dissection.record
    return Block(
        protocol=FRAME,
        title=frame_title(record),
        start=0,
        size=len(record.wire),
        nodes=(*_time_nodes(record.stamp, timing), *_frame_nodes(dissection)),
    )


def frame_title(record: Record) -> str:
    """Title line of the frame block."""
    size = len(record.wire)
    place = f" on interface {record.interface}" if record.interface else ""
    count = f"{size} byte{'' if size == 1 else 's'}"
    return f"Frame {record.number}: {count} on wire ({8 * size} bits), {count} captured ({8 * size} bits){place}"


def _time_nodes(stamp: Stamp, timing: Timing | None) -> Iterator[Node]:
    delta = "" if timing is None else elapsed_text(stamp, timing.previous)
    texts = {
        "frame.time_epoch": epoch_text(stamp) if stamp.epoch else "",
        "frame.time_delta": delta,
        "frame.time_relative": elapsed_text(stamp, _START if timing is None else timing.first),
    }
    for abbrev, text in texts.items():
        if text:
            yield _declared(abbrev, float(text), text + _SECONDS)


def _frame_nodes(dissection: Dissection) -> Iterator[Node]:
    record = dissection.record
    size = len(record.wire)
    bits = f"{size} bytes ({8 * size} bits)"
    yield _declared("frame.number", record.number)
    yield _declared("frame.len", size, bits)
    yield _declared("frame.cap_len", size, bits)
    yield _declared("frame.protocols", ":".join(dict.fromkeys(block.protocol for block in dissection.blocks)))
    source = _declared("frame.time_source", record.stamp.source.value)
    yield replace(source, mark="estimated") if record.stamp.source.estimated else source
    if record.interface:
        yield _declared("frame.interface", record.interface)
    yield _declared("frame.raw", record.wire, record.wire.hex())


def _declared(abbrev: str, value: Value, text: str = "", name: str = "") -> Node:
    entry = RECORD_FIELDS[abbrev]
    return _node(abbrev, entry.label, value, text, name=name, unit=entry.unit)


def _node(abbrev: str, label: str, value: Value, text: str = "", *, name: str = "", unit: str = "") -> Node:
    return Node(abbrev=abbrev, label=label, text=text or str(value), value=value, name=name, unit=unit, generated=True)


# --- findings --------------------------------------------------------------------------------------------------------
def expert_title(finding: Finding) -> str:
    """The line of a finding, as Wireshark prints it."""
    return f"Expert Info ({finding.severity.text}/{finding.group.value}): {finding.text}"


def _expert_nodes(finding: Finding) -> Iterator[Node]:
    severity = finding.severity
    yield _declared("_ws.expert", expert_title(finding), name=finding.text)
    yield _declared("_ws.expert.message", finding.text)
    yield _declared("_ws.expert.severity", severity.value, severity.name.capitalize(), name=severity.text)
    yield _declared("_ws.expert.group", finding.group.value)


# --- columns ---------------------------------------------------------------------------------------------------------
def column_texts(
    dissection: Dissection, timing: Timing | None = NO_TIMING, time: TimeForm = TimeForm.RELATIVE
) -> dict[str, str]:
    """Texts of the columns by their names; ``timing`` and ``time`` as in `record_nodes`."""
    record = dissection.record
    if timing is None:
        timing = NO_TIMING if record.stamp.epoch else Timing(first=_START)
    return {
        "_ws.col.number": str(record.number),
        "_ws.col.time": time_text(time, record.stamp, timing),
        "_ws.col.def_src": dissection.source,
        "_ws.col.def_dst": dissection.destination,
        "_ws.col.protocol": dissection.protocol,
        "_ws.col.packet_length": str(len(record.wire)),
        "_ws.col.info": info_text(dissection),
    }


def info_text(dissection: Dissection) -> str:
    """The Info column, with what is damaged in square brackets behind it unless a remark tells the same."""
    parts = [dissection.info_column.strip()]
    told = list(dissection.remarks)
    for finding in dissection.findings:
        text = short_finding(dissection, finding)
        damaged = finding.severity >= Severity.WARN and finding.group in (Group.CHECKSUM, Group.MALFORMED)
        if damaged and not any(text in remark or remark in text for remark in told if remark):
            told.append(text)
            parts.append(f"[{text}]")
    return " ".join(part for part in parts if part)


def short_finding(dissection: Dissection, finding: Finding) -> str:
    """A finding as the Info column tells it: a bad checksum with both numbers, everything else in its own words."""
    if finding.group is Group.CHECKSUM:
        for node in dissection.walk():
            if node.abbrev == finding.abbrev and _BAD_SUM in node.text:
                return f"{node.label} {node.text}"
    return finding.text
