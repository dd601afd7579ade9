"""What a stream of records means together: a fold, `observe(record)`, that says for each record what went before.

Frame-number gaps, sync period, request and reply, scales that the device announced, last frames of each sender.
Damaged frames change nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from vebus_protocol.adapter import FreezeSnapshot
from vebus_protocol.enums import FrameKind, WinmonReply
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.scaling import RamScale, ScaleBook, SettingScale
from vebus_protocol.schema import Direction, Message
from vebus_protocol.winmon import ReadRam, ReadRamInfo, ReadSetting, ReadSettingInfo, RequestSnapshot
from vebus_tools.exchanges import Exchange, Role, answers, exchange_of
from vebus_tools.records import Finding, Group, Record, Severity

__all__ = ["NO_CONTEXT", "Context", "Knowledge", "SenderState", "Session"]

REPLY_WINDOW_S = 5.0  # the vendor's code waits 1 s and tries up to five times (mk3.md 2.7)
_NUMBERS = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the session knows when a record is printed.

    ``ram_ids`` and ``setting_id`` are what the request of this reply asked for, times are in seconds, ``direction`` is
    set where only the order of the frames tells it.
    """

    book: ScaleBook = field(default_factory=ScaleBook)
    response_in: int | None = None
    response_to: int | None = None
    response_time_s: float | None = None
    ram_ids: tuple[int, ...] = ()
    setting_id: int | None = None
    sync_interval_s: float | None = None
    direction: Direction | None = None
    findings: tuple[Finding, ...] = ()


NO_CONTEXT = Context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a first pass over a capture leaves for the second one: scales, and request number -> reply number."""

    book: ScaleBook = field(default_factory=ScaleBook)
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
class _Pending:
    number: int
    at: float
    message: Message
    expects_reply: bool
    answered: bool = False


class Session:
    """Folds records.  One session for one bus or adapter; ``knowledge`` comes from a first pass."""

    def __init__(self, knowledge: Knowledge | None = None, book: ScaleBook | None = None) -> None:
        """Start without history; ``book`` holds the scales to assume, those of ``knowledge`` win."""
        self._known = knowledge
        self._book = knowledge.book if knowledge else book or ScaleBook()
        self._pending: dict[tuple[str, str, str | int], _Pending] = {}
        self._responses: dict[int, int] = {}
        self._unanswered: set[int] = set()
        self._snapshot: tuple[int, ...] = ()
        self._last_number: dict[str, int] = {}
        self._last_sync: dict[str, float] = {}
        self._senders: dict[int, SenderState] = {}
        self._half: tuple[str, int, int] | None = None  # what was read of a split announcement: kind, id, scale

    @property
    def senders(self) -> Mapping[int, SenderState]:
        """Last known state of each RS485 sender, by id."""
        return MappingProxyType(self._senders)

    def knowledge(self) -> Knowledge:
        """What was learned so far, for a second pass."""
        waiting = {p.number for p in self._pending.values() if p.expects_reply and not p.answered}
        return Knowledge(
            book=self._book, responses=dict(self._responses), unanswered=frozenset(self._unanswered | waiting)
        )

    def observe(self, record: Record) -> Context:
        """Take the next record and say what the session knows of it."""
        self._count(record)
        if record.frame is None or not _good(record):
            return Context(book=self._book)
        findings = list(self._gap(record))
        context = Context(book=self._book, sync_interval_s=self._sync(record))
        exchange = exchange_of(record)
        if exchange is not None:
            context = self._exchange(record, exchange, context, findings)
        self._remember_snapshot(record)
        if self._known and record.number in self._known.unanswered:
            findings.append(Finding(Severity.WARN, Group.RESPONSE, "No reply to this request in the capture"))
        return replace(context, book=self._book, findings=tuple(findings))

    def _count(self, record: Record) -> None:
        if not isinstance(record.frame, ReceivedFrame):
            return
        sender = record.frame.sender
        state = self._senders.get(sender, SenderState(sender=sender))
        if _good(record) and record.chain:
            message = record.chain[-1].message
            state = replace(state, last={**state.last, message.INFO.title: message})
        bad = state.bad + (not _good(record))
        self._senders[sender] = replace(state, frames=state.frames + 1, bad=bad)

    def _gap(self, record: Record) -> Iterator[Finding]:
        if not isinstance(record.frame, ReceivedFrame):
            return
        number = record.frame.number
        before = self._last_number.get(record.interface)
        self._last_number[record.interface] = number
        if before is None:
            return
        missing = (number - before - 1) % _NUMBERS
        if number == before:
            yield Finding(Severity.WARN, Group.SEQUENCE, f"Frame number {number} repeated", "vebus.seq")
        elif missing:
            text = f"Frame number gap: {missing} missing before {number}, the last one was {before}"
            yield Finding(Severity.WARN, Group.SEQUENCE, text, "vebus.seq")

    def _sync(self, record: Record) -> float | None:
        if not isinstance(record.frame, ReceivedFrame) or record.frame.kind != FrameKind.SYNC:
            return None
        before = self._last_sync.get(record.interface)
        self._last_sync[record.interface] = record.stamp.at
        return None if before is None else record.stamp.at - before

    # request and reply -------------------------------------------------------------------------------------------

    def _exchange(self, record: Record, exchange: Exchange, context: Context, findings: list[Finding]) -> Context:
        pending = self._pending.get(exchange.key)
        message = record.chain[-1].message
        waits = (
            pending is not None
            and not pending.answered
            and record.stamp.at - pending.at <= REPLY_WINDOW_S
            and answers(message, pending.message)
        )
        role = exchange.role
        if role is Role.EITHER:
            direction = record.direction
            if direction is Direction.BOTH:
                direction = Direction.FROM_DEVICE if waits else Direction.TO_DEVICE
                context = replace(context, direction=direction)
            role = Role.REQUEST if direction is Direction.TO_DEVICE else Role.REPLY
        if role is Role.REQUEST:
            return self._request(record, exchange, context)
        more = role is Role.CONTINUATION and pending is not None and pending.answered
        if pending is None or not (waits or more):
            if exchange.only_on_request:
                text = "No request with this ID in the capture"
                findings.append(Finding(Severity.NOTE, Group.RESPONSE, text))
            return context
        return self._reply(record, pending, context)

    def _request(self, record: Record, exchange: Exchange, context: Context) -> Context:
        before = self._pending.get(exchange.key)
        if before is not None and not before.answered and before.expects_reply:
            self._unanswered.add(before.number)
        message = record.chain[-1].message
        self._pending[exchange.key] = _Pending(record.number, record.stamp.at, message, exchange.expects_reply)
        found = self._known.responses.get(record.number) if self._known else None
        return replace(context, response_in=found)

    def _reply(self, record: Record, pending: _Pending, context: Context) -> Context:
        pending.answered = True
        self._responses.setdefault(pending.number, record.number)
        asked, message = pending.message, record.chain[-1].message
        self._learn(asked, message)
        return replace(
            context,
            response_to=pending.number,
            response_time_s=record.stamp.at - pending.at,
            ram_ids=self._ram_ids(asked),
            setting_id=_setting_id(asked),
        )

    def _ram_ids(self, asked: Message) -> tuple[int, ...]:
        if isinstance(asked, ReadRam):
            return asked.ids
        if isinstance(asked, ReadRamInfo):
            return (asked.id,)
        return self._snapshot if isinstance(asked, RequestSnapshot) else ()

    def _remember_snapshot(self, record: Record) -> None:
        message = record.chain[-1].message if record.chain else None
        if isinstance(message, FreezeSnapshot):
            self._snapshot = message.ids

    # scales ------------------------------------------------------------------------------------------------------

    def _learn(self, asked: Message, reply: Message) -> None:
        """Take an announced scale into the book; split announcements come in parts."""
        code = getattr(reply, "code", None)
        if isinstance(asked, ReadRamInfo):
            kind, which = "ram", asked.id
        elif isinstance(asked, ReadSettingInfo):
            kind, which = "setting", asked.id
        else:
            return
        scale, offset = getattr(reply, "scale", None), getattr(reply, "offset", None)
        if code in (WinmonReply.RAM_INFO, WinmonReply.SETTING_INFO):
            self._half = (kind, which, scale) if scale and offset is None else None
            if scale is None or scale == 0:
                self._announced(kind, which, 0, 0)
            elif offset is not None:
                self._announced(kind, which, scale, offset)
        elif code in (WinmonReply.RAM_OFFSET, WinmonReply.SETTING_OFFSET) and self._half and offset is not None:
            if self._half[:2] == (kind, which):
                self._announced(kind, which, self._half[2], offset)
            self._half = None

    def _announced(self, kind: str, which: int, scale: int, offset: int) -> None:
        if kind == "ram":
            self._book = self._book.with_ram(which, RamScale(scale=scale, offset=offset))
        else:
            self._book = self._book.with_setting(which, SettingScale(scale=scale, offset=offset))


def _setting_id(asked: Message) -> int | None:
    return asked.id if isinstance(asked, ReadSetting | ReadSettingInfo) else None


def _good(record: Record) -> bool:
    return not any(found.severity is Severity.ERROR for found in record.findings)
