"""What a stream of records means together: a fold, `observe(record)`, that says for each record what went before.

Frame-number gaps, sync period, request and reply, scales that the device announced, places of assistants' records,
last frames of each sender.
Damaged frames change nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypedDict

from vebus_protocol.adapter import FreezeSnapshot
from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.scaling import RamScale, ScaleBook, SettingScale
from vebus_protocol.schema import Direction, Link, Message
from vebus_protocol.winmon import (
    RamInfo,
    RamInfoMissing,
    RamInfoSplit,
    RamOffsetPiece,
    RamScalePiece,
    RamValues,
    ReadRam,
    ReadRamInfo,
    ReadSetting,
    ReadSettingInfo,
    RequestSnapshot,
    SettingInfo,
    SettingInfoMissing,
    SettingInfoSplit,
    SettingOffsetPiece,
    SettingScalePiece,
)
from vebus_tools.assistants import NO_RECORDS, AssistantRecords
from vebus_tools.exchanges import Exchange, Key, Role, answers, exchange_of
from vebus_tools.records import Finding, Group, Record, Severity

__all__ = ["NO_CONTEXT", "Context", "Knowledge", "Port", "SenderState", "Session"]

REPLY_WINDOW_S = 5.0  # the vendor's code waits 1 s and tries up to five times (mk3.md 2.7)
_NUMBERS = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the session knows when a record is printed.

    ``ram_ids`` and ``setting_id`` are what the request of this reply asked for, ``assistants`` what stands from RAM id
    128 on.  Times are in seconds, ``direction`` is set where only the order of the frames tells it.
    """

    book: ScaleBook = field(default_factory=ScaleBook)
    assistants: AssistantRecords = NO_RECORDS
    response_in: int | None = None
    response_to: int | None = None
    response_time_s: float | None = None
    ram_ids: tuple[int, ...] = ()
    setting_id: int | None = None
    sync_interval_s: float | None = None
    direction: Direction | None = None
    findings: tuple[Finding, ...] = ()


NO_CONTEXT = Context()
Port = tuple[Link, str]
"""Link and interface of a record: one bus, or one adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a first pass leaves for the second one: scales of each port, and request number -> reply number.

    ``assistants`` are the records of each port as they were before the first one changed.
    """

    books: Mapping[Port, ScaleBook] = field(default_factory=dict)
    assistants: Mapping[Port, AssistantRecords] = field(default_factory=dict)
    responses: Mapping[int, int] = field(default_factory=dict)
    unanswered: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderState:
    """Last known state of one sender: frame counts and the newest message of each title."""

    sender: int
    frames: int = 0
    bad: int = 0
    last: Mapping[str, Message] = field(default_factory=dict)


@dataclass(slots=True)
class _Sender:
    """Counts of one sender while they grow."""

    frames: int = 0
    bad: int = 0
    last: dict[str, Message] = field(default_factory=dict)


class _Told(TypedDict, total=False):
    """Attributes of a Context as they come together."""

    response_in: int | None
    response_to: int
    response_time_s: float
    ram_ids: tuple[int, ...]
    setting_id: int | None
    direction: Direction


@dataclass(slots=True)
class _Pending:
    number: int
    at: float
    message: Message
    expects_reply: bool
    snapshot: tuple[int, ...] = ()  # ids that the adapter had frozen when this was asked
    answered: bool = False
    scale: int = 0  # first half of an announcement that comes in pieces


@dataclass(slots=True)
class _Port:
    """What one bus or adapter has shown; others in the same capture have other devices, numbers and scales."""

    book: ScaleBook
    assistants: AssistantRecords
    first_assistants: AssistantRecords = NO_RECORDS  # as long as no record changed
    pending: dict[Key, _Pending] = field(default_factory=dict)
    snapshot: tuple[int, ...] = ()
    last_number: int | None = None
    last_sync: float | None = None


class Session:
    """Folds records, each bus or adapter of a capture for itself; ``knowledge`` comes from a first pass."""

    def __init__(
        self, knowledge: Knowledge | None = None, book: ScaleBook | None = None, *, survey: bool = False
    ) -> None:
        """Start without history; ``book`` holds the scales to assume, those of ``knowledge`` win.

        ``survey`` keeps for `knowledge` which reply answers which request; only then memory grows with the capture.
        """
        self._survey = survey
        self._known = knowledge or Knowledge()
        self._assumed = book or ScaleBook()
        self._ports: dict[Port, _Port] = {}
        self._responses: dict[int, int] = {}
        self._unanswered: set[int] = set()
        self._senders: dict[int, _Sender] = {}

    @property
    def senders(self) -> Mapping[int, SenderState]:
        """Last known state of each RS485 sender, by id."""
        return {
            sender: SenderState(
                sender=sender, frames=state.frames, bad=state.bad, last=MappingProxyType(dict(state.last))
            )
            for sender, state in self._senders.items()
        }

    def knowledge(self) -> Knowledge:
        """What was learned so far, for a second pass; the session must be a survey."""
        waiting = {
            asked.number
            for port in self._ports.values()
            for asked in port.pending.values()
            if asked.expects_reply and not asked.answered
        }
        return Knowledge(
            books={key: port.book for key, port in self._ports.items()},
            assistants={key: port.first_assistants for key, port in self._ports.items()},
            responses=dict(self._responses),
            unanswered=frozenset(self._unanswered | waiting),
        )

    def observe(self, record: Record) -> Context:
        """Take the next record and say what the session knows of it."""
        self._count(record)
        port = self._port(record)
        if record.frame is None or not _good(record):
            return Context(book=port.book, assistants=port.assistants)
        findings = list(_gap(port, record))
        sync_interval_s = _sync(port, record)
        exchange = exchange_of(record)
        told = self._exchange(port, record, exchange, findings) if exchange is not None else _Told()
        _remember_snapshot(port, record)
        if record.number in self._known.unanswered:
            findings.append(Finding(Severity.WARN, Group.RESPONSE, "No reply to this request in the capture"))
        return Context(
            book=port.book,
            assistants=port.assistants,
            sync_interval_s=sync_interval_s,
            findings=tuple(findings),
            **told,
        )

    def skip_to(self, key: Port, *, last_number: int | None, last_sync_s: float | None) -> None:
        """Good frames went by unobserved: the frame number of the last one, and the time of the last sync, so far."""
        port = self._port_of(key)
        port.last_number, port.last_sync = last_number, last_sync_s

    def _port(self, record: Record) -> _Port:
        return self._port_of((record.link, record.interface))

    def _port_of(self, key: Port) -> _Port:
        if key not in self._ports:
            book = self._known.books.get(key, self._assumed)
            self._ports[key] = _Port(book, self._known.assistants.get(key, NO_RECORDS))
        return self._ports[key]

    def _count(self, record: Record) -> None:
        if not isinstance(record.frame, ReceivedFrame):
            return
        sender = record.frame.sender
        state = self._senders.get(sender)
        if state is None:
            state = self._senders[sender] = _Sender()
        state.frames += 1
        if not _good(record):
            state.bad += 1
        elif record.chain:
            message = record.chain[-1].message
            state.last[message.INFO.title] = message

    # request and reply -------------------------------------------------------------------------------------------

    def _exchange(self, port: _Port, record: Record, exchange: Exchange, findings: list[Finding]) -> _Told:
        pending = port.pending.get(exchange.key)
        misfit = _misfit(record, exchange.role, pending)
        role, told = exchange.role, _Told()
        if role is Role.EITHER:
            role = Role.REQUEST if misfit else Role.REPLY
            told["direction"] = Direction.TO_DEVICE if misfit else Direction.FROM_DEVICE
        if role is Role.REQUEST:
            told["response_in"] = self._request(port, record, exchange)
        elif pending is not None and not misfit:
            self._reply(port, record, pending, told)
        elif exchange.only_on_request:
            findings.append(Finding(Severity.NOTE, Group.RESPONSE, misfit))
        return told

    def _request(self, port: _Port, record: Record, exchange: Exchange) -> int | None:
        before = port.pending.get(exchange.key)
        if self._survey and before is not None and not before.answered and before.expects_reply:
            self._unanswered.add(before.number)
        message = record.chain[-1].message
        port.pending[exchange.key] = _Pending(
            record.number, record.stamp.at, message, exchange.expects_reply, snapshot=port.snapshot
        )
        return self._known.responses.get(record.number)

    def _reply(self, port: _Port, record: Record, pending: _Pending, told: _Told) -> None:
        pending.answered = True
        if self._survey:
            self._responses.setdefault(pending.number, record.number)
        port.book = _learned(port.book, pending, record.chain[-1].message)
        _learn_assistants(port, pending.message, record.chain[-1].message)
        told["response_to"] = pending.number
        told["response_time_s"] = record.stamp.at - pending.at
        told["ram_ids"] = _ram_ids(pending)
        told["setting_id"] = _setting_id(pending.message)


def _misfit(record: Record, role: Role, pending: _Pending | None) -> str:
    """Why a record is not the reply to this request, or nothing when it is."""
    if pending is None:
        return "No request with this ID in the capture"
    if not answers(record.chain[-1].message, pending.message):
        return f"Does not answer request {pending.number}, which has the same ID"
    passed_s = record.stamp.at - pending.at
    if passed_s > REPLY_WINDOW_S:
        return f"Too late for request {pending.number}, which has the same ID: {passed_s:.3f} s"
    if pending.answered and role is not Role.CONTINUATION:
        return f"Request {pending.number}, which has the same ID, was answered before"
    return ""


def _gap(port: _Port, record: Record) -> Iterator[Finding]:
    if not isinstance(record.frame, ReceivedFrame):
        return
    number, before = record.frame.number, port.last_number
    port.last_number = number
    if before is None:
        return
    missing = (number - before - 1) % _NUMBERS
    if number == before:
        yield Finding(Severity.WARN, Group.SEQUENCE, f"Frame number {number} repeated", "vebus.seq")
    elif missing:
        text = f"Frame number gap: {missing} missing before {number}, the last one was {before}"
        yield Finding(Severity.WARN, Group.SEQUENCE, text, "vebus.seq")


def _sync(port: _Port, record: Record) -> float | None:
    if not isinstance(record.frame, ReceivedFrame) or record.frame.kind != FrameKind.SYNC:
        return None
    before, port.last_sync = port.last_sync, record.stamp.at
    return None if before is None else record.stamp.at - before


def _remember_snapshot(port: _Port, record: Record) -> None:
    message = record.chain[-1].message if record.chain else None
    if isinstance(message, FreezeSnapshot):
        port.snapshot = message.ids


def _ram_ids(pending: _Pending) -> tuple[int, ...]:
    asked = pending.message
    if isinstance(asked, ReadRam):
        return asked.ids
    if isinstance(asked, ReadRamInfo):
        return (asked.id,)
    return pending.snapshot if isinstance(asked, RequestSnapshot) else ()


# scales --------------------------------------------------------------------------------------------------------------
_Announced = RamInfo | RamInfoSplit | SettingInfo | SettingInfoSplit


def _learned(book: ScaleBook, pending: _Pending, reply: Message) -> ScaleBook:
    """The book with what this reply announces; announcements of old devices come in pieces."""
    asked = pending.message
    if not isinstance(asked, ReadRamInfo | ReadSettingInfo):
        return book
    if isinstance(reply, _Announced):
        return _with(book, asked, reply.scale, reply.offset if reply.scale else 0)
    if isinstance(reply, RamInfoMissing | SettingInfoMissing):
        return _with(book, asked, 0, 0)
    if isinstance(reply, RamScalePiece | SettingScalePiece):
        pending.scale = reply.scale
        return book if reply.scale else _with(book, asked, 0, 0)
    if isinstance(reply, RamOffsetPiece | SettingOffsetPiece) and pending.scale:
        return _with(book, asked, pending.scale, reply.offset)
    return book


def _with(book: ScaleBook, asked: ReadRamInfo | ReadSettingInfo, scale: int, offset: int) -> ScaleBook:
    if isinstance(asked, ReadRamInfo):
        return book.with_ram(asked.id, RamScale(scale=scale, offset=offset))
    return book.with_setting(asked.id, SettingScale(scale=scale, offset=offset))


def _learn_assistants(port: _Port, asked: Message, reply: Message) -> None:
    if not isinstance(asked, ReadRam) or not isinstance(reply, RamValues):
        return
    before = port.assistants
    port.assistants = before.learned(zip(asked.ids, reply.values, strict=False))
    if port.assistants.continues(before) and before.continues(port.first_assistants):
        port.first_assistants = port.assistants


def _setting_id(asked: Message) -> int | None:
    return asked.id if isinstance(asked, ReadSetting | ReadSettingInfo) else None


def _good(record: Record) -> bool:
    return not record.findings or not any(found.severity is Severity.ERROR for found in record.findings)
