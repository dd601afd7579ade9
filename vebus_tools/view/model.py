"""What the live table shows: a fold of records into rows, with times as arguments; knows no terminal.

A row is one kind of message of one sender.  All rows count every record; what is only needed to look at a row (values,
rates) is made when somebody looks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.mk3 import ReceivedMk3Frame
from vebus_tools.dissection import dissect, ends_of, info_title, link_remarks
from vebus_tools.kinds import BAD_CHECKSUM, NO_FRAME, Key, has_bad_checksum, key_of, title_of
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.records import Record, Stamp
from vebus_tools.session import NO_CONTEXT, Context, Session

if TYPE_CHECKING:
    from vebus_tools.filters import Filter
    from vebus_tools.nodes import Dissection

__all__ = ["INTERVALS", "MAX_ROWS", "RATE_S", "RECENT_S", "Intervals", "Model", "Row", "Speed"]

INTERVALS = 64
"""Period and jitter are those of this many intervals, the newest ones."""

RATE_S = 5.0
"""Rates are means over this many seconds."""

RECENT_S = 1.0
"""A byte counts as just changed for this many seconds."""

MAX_ROWS = 400
"""More kinds than this share one row: noise with lucky checksums must not fill the memory."""

_OTHERS = "Other messages"

Dissect = Callable[[Record, Context, NameTable], "Dissection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of message of one sender, as of one moment.

    ``rate`` is in 1/s, ``period_s`` the mean and ``jitter_s`` the standard deviation of the newest intervals, both None
    before there are two or three frames; ``age_s`` is the time since the last frame.  ``values`` is the summary text of
    the last frame, ``longest`` the most characters that it had so far, ``data`` the payload.  ``changed`` has the bits
    of ``data`` that changed so far and are not notched, ``recent`` the indices of bytes with such a change within
    RECENT_S.  ``shown`` says whether the last frame passes the filter, ``style`` is what the maker of the model wants
    that frame marked with.
    """

    ident: int
    name: str
    sender: str
    rank: int
    style: str
    count: int
    rate: float
    period_s: float | None
    jitter_s: float | None
    age_s: float
    values: str
    longest: int
    data: bytes
    changed: bytes
    recent: frozenset[int]
    shown: bool


class Intervals:
    """Mean and spread of the time between events."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=INTERVALS + 1)

    def add(self, at: float) -> None:
        """Note an event, in seconds."""
        self._times.append(at)

    @property
    def last(self) -> float | None:
        """Time of the last event."""
        return self._times[-1] if self._times else None

    @property
    def period_s(self) -> float | None:
        """Mean interval in seconds; None before the second event."""
        times = self._times
        return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else None

    @property
    def jitter_s(self) -> float | None:
        """Standard deviation of the intervals in seconds; None before the third event."""
        mean = self.period_s
        if mean is None or len(self._times) < 3:
            return None
        times = list(self._times)
        squares = sum((after - before - mean) ** 2 for before, after in pairwise(times))
        return math.sqrt(squares / (len(times) - 1))


class Speed:
    """How fast a counter grows, over the last RATE_S seconds."""

    def __init__(self, at: float, count: int = 0) -> None:
        self._marks: deque[tuple[float, int]] = deque([(at, count)])

    def at(self, now: float, count: int) -> float:
        """Growth in 1/s; the times of the calls must not fall."""
        marks = self._marks
        marks.append((now, count))
        while len(marks) > 2 and now - marks[1][0] >= RATE_S:
            marks.popleft()
        passed = now - marks[0][0]
        return (count - marks[0][1]) / passed if passed > 0 else 0.0


class _Kind:
    """The state behind one row."""

    def __init__(self, ident: int, at: float) -> None:
        self.ident = ident
        self.name = ""
        self.sender = ""
        self.rank = 0
        self.repeats = ""  # what the values need not say again, because the name says it
        self.count = 0
        self.intervals = Intervals()
        self.speed = Speed(at)
        self.data = b""
        self.changed: list[int] = []
        self.notched: list[int] = []
        self.changed_at: list[float] = []
        self.record: Record | None = None
        self.context: Context = NO_CONTEXT
        self.dissection: Dissection | None = None
        self.before: Stamp | None = None
        self.values = ""
        self.longest = 0
        self.style = ""
        self.shown = True
        self.looked_at = -1  # count at which values and shown were made

    def take(self, record: Record, context: Context, dissection: Dissection | None, before: Stamp | None) -> None:
        at = record.stamp.at
        self.count += 1
        self.intervals.add(at)
        data = payload_of(record)
        if data != self.data:
            self._compare(data, at, first=self.record is None)
            self.data = data
        self.record, self.context, self.dissection, self.before = record, context, dissection, before

    def _compare(self, data: bytes, at: float, *, first: bool) -> None:
        more = len(data) - len(self.changed)
        if more > 0:
            self.changed += [0] * more
            self.notched += [0] * more
            self.changed_at += [-math.inf] * more
        if first:
            return
        old = self.data
        for index, byte in enumerate(data):
            bits = byte ^ old[index] if index < len(old) else 0xFF
            if bits:
                self.changed[index] |= bits
                if bits & ~self.notched[index]:
                    self.changed_at[index] = at

    def notch(self) -> None:
        self.notched = [old | new for old, new in zip(self.notched, self.changed, strict=True)]
        self.changed_at = [-math.inf] * len(self.changed_at)

    def unnotch(self) -> None:
        self.notched = [0] * len(self.notched)

    def row(self, now: float) -> Row:
        last = self.intervals.last
        size = len(self.data)
        return Row(
            ident=self.ident,
            name=self.name,
            sender=self.sender,
            rank=self.rank,
            style=self.style,
            count=self.count,
            rate=self.speed.at(now, self.count),
            period_s=self.intervals.period_s,
            jitter_s=self.intervals.jitter_s,
            age_s=max(0.0, now - last) if last is not None else 0.0,
            values=self.values,
            longest=self.longest,
            data=self.data,
            changed=bytes(bits & ~off for bits, off in zip(self.changed[:size], self.notched, strict=False)),
            recent=frozenset(index for index, at in enumerate(self.changed_at[:size]) if now - at < RECENT_S),
            shown=self.shown,
        )


class Model:
    """Folds records into rows; ``notch`` and ``clear`` act on all rows."""

    def __init__(
        self,
        session: Session,
        started_at: float,
        *,
        names: NameTable = DEFAULT_NAMES,
        dissect: Dissect = dissect,
        style: Callable[[Dissection], str] = lambda _dissection: "",
    ) -> None:
        """``session`` explains the records, ``dissect`` makes the values and ``style`` what marks a row.

        ``started_at`` and all other times are on the clock of the records' stamps.
        """
        self._session = session
        self._names = names
        self._dissect = dissect
        self._style = style
        self._kinds: dict[Key, _Kind] = {}
        self._filter: Filter | None = None
        self._first: Stamp | None = None
        self._previous: Stamp | None = None
        self._started = started_at  # or when the table was cleared: rates know nothing of before
        self._made = 0
        self.sync = Intervals()

    def take(self, record: Record, dissection: Dissection | None = None) -> None:
        """Take the next record; ``dissection`` is there already where a capture filter needed it."""
        context = NO_CONTEXT if dissection is not None else self._session.observe(record)
        key = key_of(record, context)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._new(key, record, context, dissection)
        kind.take(record, context, dissection, self._previous)
        self._first = self._first or record.stamp
        self._previous = record.stamp
        frame = record.frame
        if isinstance(frame, ReceivedFrame) and frame.kind == FrameKind.SYNC and frame.checksum_ok:
            self.sync.add(record.stamp.at)

    def _new(self, key: Key, record: Record, context: Context, dissection: Dissection | None) -> _Kind:
        if len(self._kinds) >= MAX_ROWS:
            key = (_OTHERS,)
            if key in self._kinds:
                return self._kinds[key]
        kind = self._kinds[key] = _Kind(self._made, max(self._started, record.stamp.at - RATE_S))
        self._made += 1
        if key == (_OTHERS,):
            kind.name, kind.sender, kind.rank = _OTHERS, "?", 1 << 20
        else:
            self._describe(kind, record, context, dissection)
        return kind

    def _describe(self, kind: _Kind, record: Record, context: Context, dissection: Dissection | None) -> None:
        frame = record.frame
        kind.sender, kind.rank = "?", 1 << 16
        if frame is None:
            kind.name = NO_FRAME
        elif has_bad_checksum(record):
            kind.name = BAD_CHECKSUM
        else:
            kind.sender = dissection.source if dissection is not None else ends_of(record, context, self._names)[0]
            kind.rank = frame.sender if isinstance(frame, ReceivedFrame) else kind.rank
            kind.name, kind.repeats = title_of(record, dissection or dissect(record, context, self._names))

    # what keys ask for -----------------------------------------------------------------------------------------------
    def clear(self, now: float) -> None:
        """Forget all rows; what the session learned of the bus stays."""
        self._kinds.clear()
        self._started = now

    def notch(self) -> None:
        """Hide the bits that changed so far; only others count as changes from now on."""
        for kind in self._kinds.values():
            kind.notch()

    def unnotch(self) -> None:
        """Show all changes again."""
        for kind in self._kinds.values():
            kind.unnotch()

    def choose(self, passes: Filter | None) -> None:
        """Show the rows whose last frame passes this filter; None shows all.  No count changes."""
        self._filter = passes
        for kind in self._kinds.values():
            kind.looked_at = -1

    # looking ---------------------------------------------------------------------------------------------------------
    def rows(self, now: float) -> tuple[Row, ...]:
        """All rows in the order in which they were first heard, hidden ones too; ``now`` must not fall."""
        return tuple(self._look(kind, now) for kind in self._kinds.values())

    def _look(self, kind: _Kind, now: float) -> Row:
        record = kind.record
        if kind.looked_at != kind.count and record is not None:
            dissection = kind.dissection or self._dissect(record, kind.context, self._names)
            kind.values = _values(dissection, kind)
            kind.longest = max(kind.longest, len(kind.values))
            kind.style = self._style(dissection)
            passes = self._filter
            kind.shown = passes is None or passes(dissection, first=self._first or record.stamp, previous=kind.before)
            kind.looked_at = kind.count
        return kind.row(now)


# --- kinds -----------------------------------------------------------------------------------------------------------
def payload_of(record: Record) -> bytes:
    """The bytes that a row compares: the payload of a good frame, otherwise all bytes as heard."""
    frame = record.frame
    good = isinstance(frame, ReceivedFrame | ReceivedMk3Frame) and not has_bad_checksum(record)
    return frame.payload if good else record.wire  # type: ignore[union-attr]  # good says that it has one


def _values(dissection: Dissection, kind: _Kind) -> str:
    """The summary text without what other columns say."""
    record = dissection.record
    frame = record.frame
    if frame is None or has_bad_checksum(record):
        return ", ".join((dissection.info, *dissection.remarks))
    parts = dissection.info.removeprefix(info_title(frame, record.chain)).removeprefix(", ")
    if isinstance(frame, ReceivedFrame):
        parts = parts.removeprefix(f"Nr={frame.number}").removeprefix(", ")
    if kind.repeats:
        parts = ", ".join(part for part in parts.replace(kind.repeats, "", 1).split(", ") if part)
    return " ".join((parts, *_marks(dissection, kind.context)))


def _marks(dissection: Dissection, context: Context) -> Iterator[str]:
    links = set(link_remarks(context))
    for remark in dissection.remarks:
        if remark not in links and not remark.startswith(("Request in", "Response in")):
            yield f"[{remark}]"
