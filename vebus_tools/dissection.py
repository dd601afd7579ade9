"""A record and what the session knows of it -> blocks of nodes.  One walk over the declarations, for every dump."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from vebus_protocol import frame as rs485
from vebus_protocol import mk3
from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import FbFrame, ReceivedFrame, Rs485Header, Rs485Trailer
from vebus_protocol.mk3 import Mk3Header, Mk3Leds, Mk3Trailer, ReceivedMk3Frame
from vebus_protocol.registry import Placed
from vebus_protocol.schema import Direction, Field, Link, Message
from vebus_tools.field_nodes import FieldNodes
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.nodes import Block, Dissection, Node
from vebus_tools.records import Finding, Group, Record, Severity
from vebus_tools.session import NO_CONTEXT, Context

__all__ = [
    "GENERATED",
    "PROTOCOLS",
    "dissect",
    "ends_of",
    "history_nodes",
    "info_title",
    "link_remarks",
    "summary_names",
]

_RS485 = {spec.name: spec for spec in rs485.GENERATED}
_MK3 = {spec.name: spec for spec in mk3.GENERATED}
GENERATED: dict[str, Field] = {
    spec.name: spec
    for spec in (
        Field(name="direction", abbrev="vebus.direction", label="Direction"),
        Field(name="resync", abbrev="vebus.resync", label="Skipped bytes"),
        Field(name="unknown", abbrev="vebus.unknown", label="Undecoded"),
        Field(name="interval", abbrev="vebus.sync.interval", label="Time since previous sync", unit="ms", decimals=3),
        Field(name="response_in", abbrev="vebus.response_in", label="Response in"),
        Field(name="response_to", abbrev="vebus.response_to", label="Request in"),
        Field(name="response_time", abbrev="vebus.response_time", label="Response time", unit="ms", decimals=3),
    )
}
_DIRECTIONS = {Direction.TO_DEVICE: "out", Direction.FROM_DEVICE: "in"}
PROTOCOLS = {Link.RS485: "VE.Bus", Link.MK3: "MK3"}


def dissect(record: Record, context: Context = NO_CONTEXT, names: NameTable = DEFAULT_NAMES) -> Dissection:
    """Take a record apart into blocks of nodes.  Never raises on what the bus says."""
    walker = _Walker(record, context, names)
    return walker.dissection()


@dataclass(frozen=True, slots=True)
class _Walker:
    record: Record
    context: Context
    names: NameTable

    def dissection(self) -> Dissection:
        source, destination = ends_of(self.record, self.context, self.names)
        blocks = tuple(self._blocks(source, destination))
        info, remarks = self._info(blocks)
        return Dissection(
            record=self.record,
            source=source,
            destination=destination,
            protocol=PROTOCOLS[self.record.link],
            info=info,
            remarks=tuple(remarks),
            blocks=blocks,
            findings=(*self.record.findings, *self.context.findings),
        )

    # blocks ------------------------------------------------------------------------------------------------------

    def _blocks(self, source: str, destination: str) -> Iterator[Block]:
        frame = self.record.frame
        if frame is None:
            yield self._skipped()
        elif isinstance(frame, FbFrame):
            nodes = tuple(FieldNodes(frame, self.context, 0).nodes())
            yield Block(protocol="vebus", title=f"{frame.INFO.title}", start=0, size=5, nodes=nodes)
        elif isinstance(frame, ReceivedFrame):
            yield self._rs485(frame, source)
            yield from self._messages()
        else:
            yield self._mk3(frame, source, destination)
            yield from self._messages()

    def _skipped(self) -> Block:
        data = self.record.wire
        protocol = "vebus" if self.record.link is Link.RS485 else "mk3"
        node = _generated(GENERATED["resync"], len(data), f"{len(data)} ({self.record.reason})")
        node = replace(node, start=0, size=len(data))
        return Block(protocol=protocol, title=f"Skipped bytes: {len(data)}", start=0, size=len(data), nodes=(node,))

    def _rs485(self, frame: ReceivedFrame, source: str) -> Block:
        kind = FrameKind.text_of(frame.kind) or f"kind 0x{frame.kind:02x}"
        size = len(frame.unstuffed)
        nodes = [
            *_rs485_head(frame.sender, frame.kind, frame.number, source),
            _count("len", size, hidden=True),
            *(self._inline() or [_count("stuffed", frame.escapes)]),
            *self._generated_nodes(),
            *_rs485_tail(frame.checksum, frame.expected, size - 2),
        ]
        title = f"Victron VE.Bus, {kind}, Src: {source} (0x{frame.sender:04x}), Nr: {frame.number}"
        return Block(protocol="vebus", title=title, start=0, size=size, nodes=tuple(nodes))

    def _mk3(self, frame: ReceivedMk3Frame, source: str, destination: str) -> Block:
        size = len(frame.wire)
        nodes = [*FieldNodes(Mk3Header(length=frame.wire[0]), self.context, 0).nodes()]
        if frame.leds is not None:
            on, blink = frame.leds
            nodes += FieldNodes(Mk3Leds(on=on, blink=blink), self.context, size - 3).nodes()
        nodes += [_generated(_MK3[end], name, hidden=True) for end, name in (("src", source), ("dst", destination))]
        nodes += self._generated_nodes()
        (checksum,) = FieldNodes(Mk3Trailer(checksum=frame.checksum), self.context, size - 1).nodes()
        nodes += _checksum(checksum, frame.checksum, frame.expected, _MK3)
        title = f"Victron MK2/MK3, {source} to {destination}, Length: {len(frame.payload)}"
        return Block(protocol="mk3", title=title, start=0, size=size, nodes=tuple(nodes))

    def _inline(self) -> list[Node]:
        return [
            node
            for placed in self.record.chain
            if placed.message.INFO.inline
            for node in FieldNodes(placed.message, self.context, placed.start).nodes()
        ]

    def _messages(self) -> Iterator[Block]:
        shown = [placed for placed in self.record.chain if not placed.message.INFO.inline]
        if not shown:
            return
        nodes = [
            node
            for placed in shown
            for node in FieldNodes(placed.message, self.context, placed.start).nodes(rest=placed is shown[-1])
        ]
        last = shown[-1].message.INFO
        carried = len(shown) > 1
        title = ", ".join(_title_parts(shown, nodes))
        start = shown[0].start
        end = max((node.start + node.size for node in nodes), default=start)
        protocol = "winmon" if carried or shown[0].message.INFO.carries else last.abbrev
        yield Block(protocol=protocol, title=title, start=start, size=end - start, nodes=tuple(nodes))

    def _generated_nodes(self) -> Iterator[Node]:
        direction = _DIRECTIONS.get(self.context.direction or self.record.direction)
        if direction and self.record.link is Link.MK3:
            yield _generated(GENERATED["direction"], direction)
        yield from history_nodes(self.context)

    # the Info column ---------------------------------------------------------------------------------------------

    def _info(self, blocks: tuple[Block, ...]) -> tuple[str, Iterable[str]]:
        frame, chain = self.record.frame, self.record.chain
        if frame is None:
            return f"[{len(self.record.wire)} bytes skipped]", [self.record.reason]
        number = [f"Nr={frame.number}"] if isinstance(frame, ReceivedFrame) else []
        title = info_title(frame, chain)
        if not isinstance(frame, FbFrame) and not frame.checksum_ok:
            text = f"Checksum 0x{frame.checksum:02x} incorrect, should be 0x{frame.expected:02x}"
            return ", ".join((title, *number)), [text]
        messages = [placed.message for placed in chain] or ([frame] if isinstance(frame, FbFrame) else [])
        nodes = [node for block in blocks for node in block.walk()]
        parts, marks = _summary(messages, nodes)
        parts += [f"{len(chain[-1].message.rest)} bytes undecoded" for _ in chain[:1] if _undecoded(self.record)]
        return ", ".join((title, *number, *parts)), [*link_remarks(self.context), *marks]


def history_nodes(context: Context) -> Iterator[Node]:
    """What the records before this one say of it: time since the last sync, request or reply."""
    if context.sync_interval_s is not None:
        yield _milliseconds(GENERATED["interval"], context.sync_interval_s)
    if context.response_in:
        yield _generated(GENERATED["response_in"], context.response_in)
    if context.response_to:
        yield _generated(GENERATED["response_to"], context.response_to)
        if context.response_time_s is not None:
            yield _milliseconds(GENERATED["response_time"], context.response_time_s)


def ends_of(record: Record, context: Context, names: NameTable) -> tuple[str, str]:
    """Source and destination as the summary list names them."""
    frame = record.frame
    if isinstance(frame, ReceivedFrame):
        return names.name(frame.sender), "Bus"
    if isinstance(frame, ReceivedMk3Frame):
        direction = context.direction or record.direction
        ends = {Direction.TO_DEVICE: ("Host", "MK3"), Direction.FROM_DEVICE: ("MK3", "Host")}
        return ends.get(direction, ("?", "?"))
    return "?", "Bus" if record.link is Link.RS485 else "?"


def link_remarks(context: Context) -> Iterator[str]:
    """Where the reply to a request stands, or the request of a reply."""
    if context.response_in:
        yield f"Response in: {context.response_in}"
    if context.response_to:
        time = "" if context.response_time_s is None else f", {context.response_time_s * 1000:.3f} ms"
        yield f"Request in: {context.response_to}{time}"


def _undecoded(record: Record) -> bool:
    return any(found.group is Group.UNDECODED and found.abbrev == "vebus.unknown" for found in record.findings)


def _generated(spec: Field, value: float | str, text: str = "", *, hidden: bool = False) -> Node:
    return Node(
        abbrev=spec.abbrev,
        label=spec.label,
        text=text or str(value),
        value=value,
        unit=spec.unit,
        generated=True,
        hidden=hidden,
        field=spec,
    )


def _milliseconds(spec: Field, seconds: float) -> Node:
    milliseconds = round(seconds * 1000, 6)
    return _generated(spec, milliseconds, f"{milliseconds:.3f} ms")


def _renamed(node: Node, sender: int, source: str) -> Node:
    """The sender's line shows the name of the user's table."""
    if node.abbrev != "vebus.addr":
        return node
    src = _generated(_RS485["src"], source, hidden=True)
    return replace(node, text=f"{source} (0x{sender:04x})", name=source, children=(src,))


def _checksum(node: Node, checksum: int, expected: int, specs: dict[str, Field]) -> Iterator[Node]:
    got, good = f"0x{checksum:02x}", checksum == expected
    yield replace(node, text=f"{got} [correct]" if good else f"{got} incorrect, should be 0x{expected:02x}")
    yield _generated(specs["status"], "Good" if good else "Bad")
    if not good:
        yield _generated(specs["expected"], expected, hidden=True)


# Envelopes repeat, and their nodes depend on nothing else: 128 numbers for each sender and kind, 256 checksums.
@lru_cache(maxsize=4096)
def _rs485_head(sender: int, kind: int, number: int, source: str) -> tuple[Node, ...]:
    header = Rs485Header(sender=sender, kind=kind, number=number)
    return tuple(_renamed(node, sender, source) for node in FieldNodes(header, NO_CONTEXT, 0).nodes())


@lru_cache(maxsize=4096)
def _rs485_tail(checksum: int, expected: int, start: int) -> tuple[Node, ...]:
    value, end = FieldNodes(Rs485Trailer(checksum=checksum, end=rs485.END), NO_CONTEXT, start).nodes()
    return (*_checksum(value, checksum, expected, _RS485), end)


@lru_cache(maxsize=1024)
def _count(name: str, value: int, *, hidden: bool = False) -> Node:
    return _generated(_RS485[name], value, hidden=hidden)


def info_title(frame: rs485.ReceivedFrame | FbFrame | ReceivedMk3Frame, chain: tuple[Placed, ...]) -> str:
    """What the Info column begins with."""
    if isinstance(frame, FbFrame):
        return frame.INFO.title
    if isinstance(frame, ReceivedFrame) and frame.kind not in (FrameKind.SYNC, FrameKind.DATA):
        return f"Unknown kind 0x{frame.kind:02x}"
    if not chain:
        return "Empty"
    message = chain[-1].message
    if message.INFO.title.startswith("Unknown") and message.FIELDS and not any(c.isdigit() for c in message.INFO.title):
        return f"{message.INFO.title} 0x{getattr(message, message.FIELDS[0].name):02x}"
    return message.INFO.title


def _title_parts(shown: list[Placed], nodes: list[Node]) -> Iterator[str]:
    if len(shown) > 1 or shown[0].message.INFO.carries:
        yield "Winmon"
    yield shown[-1].message.INFO.title
    for node in nodes:
        if node.abbrev == "vebus.tid":
            yield f"Tid: {node.text}"


def _summary(messages: list[Message], nodes: list[Node]) -> tuple[list[str], list[str]]:
    """``Key=Value`` parts in the declared order, and the marks of the values shown."""
    parts: list[str] = []
    marks: dict[str, None] = {}
    for message in messages:
        by_name = _by_name(type(message), nodes)
        for name in summary_names(type(message)):  # type: ignore[arg-type]  # mypy asks the instances for a hash
            for node in by_name.get(name, ()):
                part = _part(node, message)
                if part:
                    parts.append(part)
                    if node.mark and node.mark != "unknown meaning":
                        marks[node.mark] = None
    return parts, list(marks)


@lru_cache(maxsize=512)
def summary_names(declared: type[Message]) -> tuple[str, ...]:
    """Fields that the Info column shows of a message, in this order; bits are ``field.bit``."""
    if declared.INFO.summary is not None:
        return declared.INFO.summary
    specs = (*declared.FIELDS, *declared.COMPUTED)
    return tuple(spec.name for spec in specs if spec.symbol or spec.summary_text) + tuple(
        f"{spec.name}.{b.name}" for spec in specs for b in spec.bits if b.symbol or b.summary_text
    )


@lru_cache(maxsize=512)
def _names_of(declared: type[Message]) -> dict[str, str]:
    """Abbreviation -> name in the declaration, for all fields of a message."""
    names = {spec.abbrev: spec.name for spec in (*declared.FIELDS, *declared.COMPUTED)}
    return names | {b.abbrev: f"{spec.name}.{b.name}" for spec in declared.FIELDS for b in spec.bits}


def _by_name(declared: type[Message], nodes: list[Node]) -> dict[str, list[Node]]:
    names = _names_of(declared)  # type: ignore[arg-type]  # see above
    found: dict[str, list[Node]] = {}
    for node in nodes:
        if node.abbrev in names:
            found.setdefault(names[node.abbrev], []).append(node)
    return found


def _part(node: Node, message: Message) -> str:
    spec = node.field
    if spec is None:
        return ""
    if spec.summary_text:
        return spec.summary_text if node.value else ""
    beside = "".join(f" ({extra.text})" for extra in node.beside if extra.value is not None and extra.unit)
    text = node.text + beside
    if not spec.symbol:
        return text
    symbol = node.label.split(" ", 1)[0] if spec.symbol == "RAM" and node.label.startswith("RAM[") else spec.symbol
    if "{" in symbol:
        symbol = symbol.format_map({field.name: getattr(message, field.name) for field in message.FIELDS})
    return f"{symbol}={text}"


def severity_of(findings: tuple[Finding, ...]) -> Severity | None:
    """The worst severity, or None without findings."""
    return max((found.severity for found in findings), default=None)
