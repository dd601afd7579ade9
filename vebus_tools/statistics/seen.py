"""One record as most statistics count it: when, how long, of which kind, by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import ReceivedFrame
from vebus_tools.dissection import dissect, ends_of
from vebus_tools.kinds import BAD_CHECKSUM, Key, has_bad_checksum, key_of, title_of
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.records import Link, Record, Severity
from vebus_tools.session import NO_CONTEXT, Context
from vebus_tools.timebase import BYTE_TIME_S
from vebus_tools.times import nanoseconds

__all__ = [
    "MAX_KINDS",
    "NOBODY",
    "NO_PHASE",
    "NO_SENDER",
    "Kind",
    "Kinds",
    "Lines",
    "Port",
    "Seen",
    "byte_ns",
    "is_good",
]

MAX_KINDS = 1000
"""More kinds than this share one: noise with lucky checksums must not fill the memory."""

NOBODY = "?"
"""Sender of bytes that belong to no frame, and of frames whose sender is not to be trusted."""

NO_SENDER = -1
NO_PHASE = -1
_NUMBERS = 0x80
_OTHERS = "Other messages"

Port = tuple[Link, str]
"""Link and interface: one bus, or one adapter."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """All records of one message of one sender; two kinds are the same only if they are the same object.

    ``sync`` says that its frames begin a cycle, ``frame`` that they are frames at all, ``port`` where they were heard.
    """

    title: str
    sender: str
    port: Port
    sync: bool = False
    frame: bool = True
    bad: bool = False


class Seen(NamedTuple):
    """One record; ``sender`` and ``number`` are those of an RS485 frame, otherwise NO_SENDER.

    ``at_ns`` counts from the first record of the capture, in nanoseconds; ``size`` are its bytes on the wire, escapes
    included.  ``good`` is False for damaged frames and for bytes that belong to none.

    ``step`` is how far the frame number is ahead of that of the last good frame (modulo 128): 1 where nothing is
    missing, 0 for a repeated number; 1 where there is nothing to compare.  ``phase_ns`` is the time since the last sync
    frame and ``cycle`` how many of them there were, this one included; NO_PHASE in front of the first.
    ``silence_ns`` is the time since the end of the record before, negative where they overlap, 0 for the first one.
    """

    at_ns: int
    size: int
    kind: Kind
    sender: int
    number: int
    good: bool
    step: int
    phase_ns: int
    cycle: int
    silence_ns: int


class Kinds:
    """Finds the kind of each record; remembers at most MAX_KINDS."""

    def __init__(self, names: NameTable = DEFAULT_NAMES) -> None:
        """``names`` are those of senders."""
        self._names = names
        self._known: dict[Key, Kind] = {}
        self._ports: list[Port] = []

    def of(self, record: Record, context: Context = NO_CONTEXT) -> Kind:
        """The kind of a record."""
        key = key_of(record, context)
        kind = self._known.get(key)
        if kind is None:
            full = len(self._known) >= MAX_KINDS
            kind = self._others(record) if full else self._made(record, context)
            if not full:
                self._known[key] = kind
        return kind

    def _others(self, record: Record) -> Kind:
        port = record.link, record.interface
        frame = record.frame is not None
        key = (*port, _OTHERS, frame)
        if key not in self._known:
            self._known[key] = Kind(_OTHERS, NOBODY, port, frame=frame)
        return self._known[key]

    def _made(self, record: Record, context: Context) -> Kind:
        port = record.link, record.interface
        if port not in self._ports:
            self._ports.append(port)
        title, _ = title_of(record, dissect(record, context, self._names))
        frame, bad = record.frame, has_bad_checksum(record)
        sender = NOBODY if frame is None or bad else ends_of(record, context, self._names)[0]
        if port != self._ports[0]:
            sender = f"{sender} on {record.interface or record.link.value}"
        sync = isinstance(frame, ReceivedFrame) and frame.kind == FrameKind.SYNC and not bad
        return Kind(title, sender, port, sync=sync, frame=frame is not None, bad=title == BAD_CHECKSUM)


class _Line:
    """What one bus or adapter has shown last."""

    __slots__ = ("byte_ns", "cycle", "end_ns", "number", "sync_ns")

    def __init__(self, link: Link) -> None:
        self.byte_ns = byte_ns(link)
        self.number = NO_SENDER
        self.sync_ns = 0
        self.cycle = 0
        self.end_ns: int | None = None


class Lines:
    """Follows the records of a capture, each bus or adapter for itself, all of them and in their order."""

    def __init__(self) -> None:
        """Start without history."""
        self._lines: dict[Port, _Line] = {}
        self._first_ns: int | None = None
        self.last_ns = 0
        """Time of the latest record so far, from the first one on."""

    def seen(self, record: Record, kind: Kind) -> Seen:
        """What the statistics count of a record."""
        frame = record.frame
        sender, number = (frame.sender, frame.number) if isinstance(frame, ReceivedFrame) else (NO_SENDER, NO_SENDER)
        return self.place(nanoseconds(record.stamp.at), len(record.wire), kind, sender, number, is_good(record))

    def place(self, stamp_ns: int, size: int, kind: Kind, sender: int, number: int, good: bool) -> Seen:  # noqa: FBT001, PLR0917  (one call a frame, by position)
        """The same of its facts; ``stamp_ns`` is its stamp in nanoseconds."""
        if self._first_ns is None:
            self._first_ns = stamp_ns
        at_ns = stamp_ns - self._first_ns
        self.last_ns = max(self.last_ns, at_ns)
        line = self._lines.get(kind.port)
        if line is None:
            line = self._lines[kind.port] = _Line(kind.port[0])
        silence_ns = 0 if line.end_ns is None else at_ns - line.end_ns
        line.end_ns = at_ns + round(size * line.byte_ns)
        step = 1
        if good and number >= 0:
            if line.number >= 0:
                step = (number - line.number) % _NUMBERS
            line.number = number
            if kind.sync:
                line.sync_ns = at_ns
                line.cycle += 1
        phase_ns = at_ns - line.sync_ns if line.cycle else NO_PHASE
        return Seen(at_ns, size, kind, sender, number, good, step, phase_ns, line.cycle, silence_ns)


def is_good(record: Record) -> bool:
    """Whether a record is an undamaged frame."""
    return record.frame is not None and not any(found.severity is Severity.ERROR for found in record.findings)


def byte_ns(link: Link) -> float:
    """Time of one byte on the line in nanoseconds, at the usual rate."""
    return BYTE_TIME_S[link] * 1e9
