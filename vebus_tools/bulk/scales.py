"""Which scales are known when: the announcements in a stream, found among columns and judged by the session."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vebus_protocol.frame import HEADER_SIZE, ReceivedFrame, dissect_frame
from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Link
from vebus_protocol.variables import ASSISTANT_MEMORY
from vebus_protocol.winmon import ReadRam, ReadRamInfo, ReadSettingInfo, WinmonFrame
from vebus_tools.bulk.columns import Books
from vebus_tools.bulk.exchanges import ContextTable, Exchanges, asks_for_assistants
from vebus_tools.bulk.framing import Ints, Mask
from vebus_tools.bulk.stream import Batch, Group
from vebus_tools.bulk.times import Floats
from vebus_tools.decoder import findings_of
from vebus_tools.exchanges import FIRST_REPLY
from vebus_tools.framing import Piece
from vebus_tools.generated import quick_chain
from vebus_tools.records import Record, Severity, Stamp, TimeSource
from vebus_tools.session import Context, Session

__all__ = ["Scales"]

_TID = HEADER_SIZE + 1
_CODE = HEADER_SIZE + 2
_WINMON = b"\0"  # first payload byte
_ASKS = (ReadRamInfo, ReadSettingInfo)


class Scales:
    """Follows the announcements of one stream.

    Request and reply find each other by transaction id, so only the frames of ids that ever asked for a scale go
    through the session; all others leave the scales alone.
    """

    def __init__(self, book: ScaleBook | None = None, *, exchanges: bool = False) -> None:
        """``book`` holds the scales to assume; ``exchanges`` follows every request and reply of winmon."""
        self.contexts: Mapping[int, Context] = {}
        """What the session would say of records of the last batch, by record index; with ``exchanges`` only."""
        self._exchanges = Exchanges() if exchanges else None
        self._book = book or ScaleBook()
        self._session = Session(book=self._book)
        self._known = Context(book=self._book)
        self._asking: set[int] = set()

    def books(self, batch: Batch, groups: list[Group], times: Floats) -> Books:
        """Scales of a batch: from which record index on which are known."""
        winmon = [group for group in groups if group.parts and group.parts.plans[0][0].declared is WinmonFrame]
        found = [(0, self._known)]
        for row in self._rows(batch, winmon).tolist():
            record = _record(batch, row, float(times[row]))
            if record is None:
                continue
            context = self._session.observe(record)
            if context.book is not self._known.book or context.assistants is not self._known.assistants:
                self._known = Context(book=context.book, assistants=context.assistants)
                found.append((row, self._known))
            self._note(record)
        if self._exchanges is not None:
            singles = self._singles(batch, groups, times)
            self.contexts = ContextTable(self._exchanges.told(batch, winmon, singles, times), found)
        return [(row, context.book) for row, context in found]

    def _note(self, record: Record) -> None:
        """Keep only the ids whose last request asked for a scale: the replies to all others announce nothing."""
        if not record.chain:
            return
        first, last = record.chain[0].message, record.chain[-1].message
        if isinstance(first, WinmonFrame) and getattr(last, "code", FIRST_REPLY) < FIRST_REPLY:
            for_assistants = self._exchanges is not None and isinstance(last, ReadRam) and max(last.ids, default=0)
            wanted = isinstance(last, _ASKS) or for_assistants >= ASSISTANT_MEMORY
            (self._asking.add if wanted else self._asking.discard)(first.tid)

    @staticmethod
    def _singles(batch: Batch, groups: list[Group], times: Floats) -> dict[int, Record]:
        """Good records that stand in no group with a plan."""
        unplaced = [group.rows for group in groups if not group.parts or not group.parts.plans]
        rows = sorted([*_loose(batch), *(np.concatenate(unplaced).tolist() if unplaced else ())])
        made = ((row, _record(batch, row, float(times[row]))) for row in rows)
        return {row: record for row, record in made if record is not None}

    def _rows(self, batch: Batch, winmon: list[Group]) -> Ints:
        """Records that may announce something: requests that ask for it, and all with the same id up to the next one.

        What no group has may be a request too: where there is such a thing, all frames of these ids are looked at.
        """
        others = np.array(_loose(batch), dtype=np.int64)
        bodies = [group for group in winmon if group.parts and len(group.parts.plans) > 1]
        marked = [(group.rows, group.planes[_TID], *self._kinds(group)) for group in bodies]
        if not marked:
            return others
        rows, tids, is_request, asks = (np.concatenate(parts) for parts in zip(*marked, strict=True))
        order = np.lexsort((rows, tids))
        rows, tids, is_request, asks = rows[order], tids[order], is_request[order], asks[order]
        if len(others):
            self._asking.update(np.unique(tids[asks]).tolist(), _ids_of(batch, others.tolist()))
            return np.sort(np.concatenate((rows[np.isin(tids, sorted(self._asking))], others)))
        begins = np.concatenate(([True], tids[1:] != tids[:-1]))
        told = is_request | begins  # where it is decided whether what follows belongs to an asking request
        value = np.where(is_request, asks, np.isin(tids, sorted(self._asking)))
        last = np.maximum.accumulate(np.where(told, np.arange(len(rows)), 0))
        open_after = value[last]
        before = np.where(begins, np.isin(tids, sorted(self._asking)), np.concatenate(([False], open_after[:-1])))
        return np.sort(np.concatenate((rows[open_after | (is_request & before)], others)))

    def _kinds(self, group: Group) -> tuple[Mask, Mask]:
        """Which frames of a group are requests, and which of them ask for what is to be learned."""
        count = len(group.rows)
        is_request = np.full(count, int(group.planes[_CODE, 0]) < FIRST_REPLY)
        if group.parts is not None and group.parts.last.declared in _ASKS:
            return is_request, np.ones(count, dtype=np.bool_)
        return is_request, asks_for_assistants(group) if self._exchanges else np.zeros(count, dtype=np.bool_)


def _loose(batch: Batch) -> list[int]:
    """Records outside the segments that may be good frames of winmon, ascending."""
    return [
        row
        for row, piece in sorted(batch.others.items())
        if isinstance(piece.frame, ReceivedFrame) and piece.frame.good and piece.frame.payload[:1] == _WINMON
    ]


def _ids_of(batch: Batch, rows: list[int]) -> set[int]:
    """Transaction ids of these records: any of them may ask."""
    frames = (batch.others[row].frame for row in rows)
    return {frame.payload[1] for frame in frames if isinstance(frame, ReceivedFrame) and len(frame.payload) > 1}


def _record(batch: Batch, row: int, at: float) -> Record | None:
    """Record of a good frame; None for any other, which the session would not look into."""
    piece = batch.others.get(row)
    if piece is None:
        start = int(batch.offset[row]) - batch.base
        wire = batch.data[start : start + int(batch.size[row])].tobytes()
        piece = Piece(int(batch.offset[row]), wire, dissect_frame(wire))
    chain = quick_chain(piece.frame)
    findings = tuple(findings_of(piece, chain))
    if piece.frame is None or any(finding.severity is Severity.ERROR for finding in findings):
        return None
    return Record(
        number=batch.first + row,
        stamp=Stamp(at, TimeSource.BYTES),
        link=Link.RS485,
        offset=piece.offset,
        wire=piece.data,
        frame=piece.frame,
        chain=chain,
        findings=findings,
    )
