"""What records say only together with those before them: number gaps, sync periods, requests and replies, scales.

Most frames need nothing of it but two subtractions, which are made for a whole batch at once.  Only frames that may be
request or reply, gaps, and everything damaged go through the session, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import HEADER_SIZE, ReceivedFrame
from vebus_protocol.registry import Placed, direction_of
from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Link
from vebus_tools.bulk.framing import Bytes, Ints
from vebus_tools.bulk.stream import Batch, Group
from vebus_tools.bulk.times import SOURCES, Clock, Floats
from vebus_tools.decoder import findings_of
from vebus_tools.exchanges import EXCHANGED
from vebus_tools.framing import Piece
from vebus_tools.generated import chain_by, quick_chain, readers_of
from vebus_tools.records import Finding, Record, Severity, Stamp
from vebus_tools.session import Context, Session

__all__ = ["Heard", "History", "Portion", "Told", "may_be_exchanged", "records_of"]

_NUMBER = HEADER_SIZE - 1
_NUMBERS = 0x80
_PORT = (Link.RS485, "")
_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Heard:
    """A record that went through the session, with what the session said."""

    record: Record
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The history of one batch; arrays have one element for each record.

    ``at`` are times in seconds, ``source`` what they rest on (index into SOURCES).  ``gap`` says that the frame number
    does not follow the one before.  ``interval_s`` is the time since the previous sync, NaN where there is none.
    ``heard`` are the records that went through the session, by record index.  ``ages`` are the scales in force: each
    context from its record index on.
    """

    at: Floats
    source: npt.NDArray[np.uint8]
    gap: npt.NDArray[np.bool_]
    interval_s: Floats
    heard: dict[int, Heard]
    ages: list[tuple[int, Context]]


@dataclass(frozen=True, slots=True)
class Portion:
    """Frames of one group that are printed together: those in the places ``own`` of the group."""

    batch: Batch
    group: Group
    own: Ints
    told: Told

    @property
    def rows(self) -> Ints:
        """Their record indices."""
        found: Ints = self.group.rows[self.own]
        return found

    @property
    def planes(self) -> Bytes:
        """Byte ``j`` of each frame in row ``j``."""
        found: Bytes = self.group.planes[:, self.own]
        return found

    def heard(self) -> Iterator[Heard]:
        """What the session said of each; they must have gone through it."""
        return map(self.told.heard.__getitem__, self.rows.tolist())


class History:
    """Follows one stream, batch after batch."""

    def __init__(self, book: ScaleBook | None = None) -> None:
        """``book`` holds the scales to assume."""
        self._session = Session(book=book)
        self._clock = Clock()
        self._age = Context(book=book or ScaleBook())
        self._number = _NOBODY
        self._sync_s = float("nan")

    def follow(self, batch: Batch, groups: list[Group], alone: Callable[[Group], bool], *, gaps: bool = True) -> Told:
        """The history of the next batch.

        Frames of groups that are printed ``alone`` go through the session, and with ``gaps`` those behind a gap.
        """
        at, source = self._clock.stamps(batch, groups)
        damaged = {row: _damaged(batch, row, _stamp(at, source, row)) for row in batch.others}
        number, sync = _numbers_and_syncs(batch, groups, damaged)
        before = _before(np.where(number >= 0, number, np.nan).astype(np.float64), float(self._number))
        sync_before = _before(np.where(sync, at, np.nan), self._sync_s)
        gap = (number >= 0) & (before >= 0) & ((number - before - 1) % _NUMBERS != 0)
        told = Told(
            at=at,
            source=source,
            gap=gap,
            interval_s=np.where(sync, at - sync_before, np.nan),
            heard={},
            ages=[(0, self._age)],
        )
        for row, record in _asked(batch, told, damaged, _wanted(groups, told, alone, gaps=gaps)):
            last = before[row]
            self._session.skip_to(
                _PORT,
                last_number=None if last < 0 else int(last),
                last_sync_s=None if np.isnan(sync_before[row]) else float(sync_before[row]),
            )
            context = self._session.observe(record)
            told.heard[row] = Heard(record, context)
            if context.book is not self._age.book or context.assistants is not self._age.assistants:
                self._age = Context(book=context.book, assistants=context.assistants)
                told.ages.append((row + 1, self._age))
        if len(batch):
            self._number = int(number[-1]) if number[-1] >= 0 else int(before[-1])
            self._sync_s = float(at[-1]) if sync[-1] else float(sync_before[-1])
        return told


def _wanted(
    groups: list[Group], told: Told, alone: Callable[[Group], bool], *, gaps: bool
) -> Iterator[tuple[Group, Ints]]:
    """Frames of groups that the session has to see."""
    for group in groups:
        if may_be_exchanged(group) or alone(group):
            yield group, np.arange(len(group.rows))
        elif gaps:
            yield group, np.flatnonzero(told.gap[group.rows])


def _asked(
    batch: Batch, told: Told, damaged: dict[int, Record], wanted: Iterable[tuple[Group, Ints]]
) -> list[tuple[int, Record]]:
    """Records for the session, in their order."""
    found = dict(damaged)
    for group, which in wanted:
        if len(which):
            found.update(records_of(batch, group, which, told))
    return sorted(found.items(), key=itemgetter(0))


def may_be_exchanged(group: Group) -> bool:
    """Whether frames of this group may be requests or replies."""
    return int(group.planes[HEADER_SIZE, 0]) in EXCHANGED


def _numbers_and_syncs(
    batch: Batch, groups: list[Group], damaged: dict[int, Record]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
    """Frame number of each good frame, else -1, and which of them are syncs."""
    number, sync = np.full(len(batch), _NOBODY, dtype=np.int16), np.zeros(len(batch), dtype=np.bool_)
    for group in groups:
        number[group.rows] = group.planes[_NUMBER]
        sync[group.rows] = group.planes[_NUMBER - 1] == FrameKind.SYNC
    for row, record in damaged.items():
        frame = record.frame
        if isinstance(frame, ReceivedFrame) and all(one.severity is not Severity.ERROR for one in record.findings):
            number[row], sync[row] = frame.number, frame.kind == FrameKind.SYNC
    return number, sync


def _before(values: Floats, first: float) -> Floats:
    """For each place the last value in front of it that is not NaN; ``first`` stands in front of all."""
    known = np.concatenate(([first], values))
    last = np.maximum.accumulate(np.where(np.isnan(known), 0, np.arange(len(known))))
    found: Floats = known[last[:-1]]
    return found


def _stamp(at: Floats, source: npt.NDArray[np.uint8], row: int) -> Stamp:
    return Stamp(float(at[row]), SOURCES[source[row]])


def _damaged(batch: Batch, row: int, stamp: Stamp) -> Record:
    piece = batch.others[row]
    chain = quick_chain(piece.frame)
    return Record(
        number=batch.first + row,
        stamp=stamp,
        link=Link.RS485,
        offset=piece.offset,
        wire=piece.data,
        frame=piece.frame,
        chain=chain,
        direction=direction_of(chain),
        findings=tuple(findings_of(piece, chain)),
        reason=piece.reason,
    )


def records_of(batch: Batch, group: Group, which: Ints, told: Told) -> Iterator[tuple[int, Record]]:
    """Record index -> record, for some frames of a group."""
    plain = np.ascontiguousarray(group.planes[:, which].T).tobytes()
    length, rows = len(group.planes), group.rows[which]
    readers = readers_of(group.space, plain[HEADER_SIZE : length - 2], Link.RS485)
    start, sizes = batch.offset[rows].tolist(), batch.size[rows].tolist()
    escapes = batch.segments.escapes[batch.frame[rows]].tolist()
    judge = _Judge()
    data, base, at, source = batch.data.data, batch.base, told.at[rows].tolist(), told.source[rows].tolist()
    for place, row in enumerate(rows.tolist()):
        frame = ReceivedFrame(
            wire=bytes(data[start[place] - base : start[place] - base + sizes[place]]),
            unstuffed=(unstuffed := plain[place * length : (place + 1) * length]),
            checksum=unstuffed[-2],
            expected=unstuffed[-2],
            escapes=escapes[place],
            bad_escapes=(),
        )
        stamp = Stamp(at[place], SOURCES[source[place]])
        chain = quick_chain(frame) if readers is None else chain_by(readers, frame.payload, HEADER_SIZE)
        yield (
            row,
            Record(
                number=batch.first + row,
                stamp=stamp,
                link=Link.RS485,
                offset=start[place],
                wire=frame.wire,
                frame=frame,
                chain=chain,
                direction=direction_of(chain),
                findings=judge.findings(frame, chain),
            ),
        )


class _Judge:
    """Findings of good frames of one group: the same for all, unless a message checks its own bytes."""

    def __init__(self) -> None:
        self._findings: tuple[Finding, ...] | None = None

    def findings(self, frame: ReceivedFrame, chain: tuple[Placed, ...]) -> tuple[Finding, ...]:
        found = self._findings
        if found is None:
            found = tuple(findings_of(Piece(0, frame.wire, frame), chain))
            if all(placed.message.INFO.check is None for placed in chain):
                self._findings = found
        return found
