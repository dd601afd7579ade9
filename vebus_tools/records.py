"""The nouns that every part of the toolkit shares: chunks of bytes, records, findings, time stamps."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from vebus_protocol.frame import FbFrame, ReceivedFrame
from vebus_protocol.mk3 import ReceivedMk3Frame
from vebus_protocol.registry import Placed
from vebus_protocol.schema import Direction, Link

__all__ = [
    "CaptureError",
    "Chunk",
    "Finding",
    "Group",
    "Link",
    "Received",
    "Record",
    "Severity",
    "Sink",
    "Stamp",
    "TimeSource",
    "Transmission",
]

from vebus_protocol.errors import VEBusError

Received = ReceivedFrame | FbFrame | ReceivedMk3Frame


class CaptureError(VEBusError):
    """A capture that cannot be read or written; the text says what, where and what to do."""


class TimeSource(enum.Enum):
    """Where a time stamp comes from."""

    LOG = "capture file"
    HOST = "host clock"
    START = "start of the capture"
    BYTES = "byte position"
    SYNC = "sync period"
    COUNTER = "0.4 us counter"

    @property
    def estimated(self) -> bool:
        """Whether the time was reconstructed and not measured."""
        return self not in (TimeSource.LOG, TimeSource.HOST)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time in seconds: since 1970 where ``epoch`` is set, else since the start of the capture.

    ``error_s`` is the estimated error in seconds of a time taken by this computer, None where nobody estimated it.
    """

    at: float
    source: TimeSource
    epoch: bool = False
    error_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Bytes from one end of the toolkit, with what that end knows of them.

    ``whole`` means that the bytes begin and end with a frame (a line of a log, a packet); otherwise they are a piece of
    an endless stream.  ``direction`` and ``link`` are None where the source does not tell.  ``comments`` are notes of
    people that the capture holds.
    """

    data: bytes
    stamp: Stamp | None = None
    direction: Direction | None = None
    link: Link | None = None
    whole: bool = False
    interface: str = ""
    comments: tuple[str, ...] = ()


class Severity(enum.IntEnum):
    """Severity of a finding, named as in Wireshark."""

    CHAT = 1
    NOTE = 2
    WARN = 3
    ERROR = 4

    @property
    def text(self) -> str:
        """Name as Wireshark prints it."""
        return {Severity.WARN: "Warning"}.get(self, self.name.capitalize())


class Group(enum.Enum):
    """Group of a finding, named as in Wireshark (Response and Assumption are close relatives of its own)."""

    CHECKSUM = "Checksum"
    SEQUENCE = "Sequence"
    RESPONSE = "Response"
    UNDECODED = "Undecoded"
    MALFORMED = "Malformed"
    ASSUMPTION = "Assumption"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to tell about a record; ``abbrev`` is the field below which it is shown ("" = the protocol block)."""

    severity: Severity
    group: Group
    text: str
    abbrev: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One frame, or one run of bytes that belong to none (``frame`` is None, ``reason`` says why).

    ``wire`` holds the bytes as heard, ``offset`` their place in the stream; all bytes of a stream are in exactly one
    record.  ``number`` counts from 1.  ``link`` is the link it was heard on.
    """

    number: int
    stamp: Stamp
    link: Link
    offset: int
    wire: bytes
    frame: Received | None
    chain: tuple[Placed, ...] = ()
    direction: Direction = Direction.BOTH
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    interface: str = ""
    comments: tuple[str, ...] = ()

    @property
    def unstuffed(self) -> bytes:
        """The bytes that field offsets count in: unstuffed for RS485 frames, otherwise as heard."""
        return self.frame.unstuffed if isinstance(self.frame, ReceivedFrame) else self.wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmission:
    """Bytes that a machine wants to send, and when their first byte may go out, in seconds of the machine's clock.

    Too late means dropped and reported, never sent after ``latest``.
    """

    earliest: float
    latest: float
    data: bytes


class Sink(Protocol):
    """Whatever takes records one by one: a printer, a writer, a counter."""

    def write(self, record: Record) -> None:
        """Take one record."""

    def stop(self) -> None:
        """Finish: write what is pending and release what is held."""
