"""Which scales are known when: the announcements in a stream, found among columns and judged by the session."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vebus_protocol.frame import HEADER_SIZE, dissect_frame
from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Link
from vebus_protocol.variables import ASSISTANT_MEMORY
from vebus_protocol.winmon import ReadRam, ReadRamInfo, ReadSettingInfo, WinmonFrame
from vebus_tools.bulk.columns import Books
from vebus_tools.bulk.exchanges import ContextTable, Exchanges, asks_for_assistants
from vebus_tools.bulk.framing import Ints
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
        for group in winmon:
            if group.parts is not None and group.parts.last.declared in _ASKS:
                self._asking.update(np.unique(group.planes[_TID]).tolist())
            elif self._exchanges is not None:
                self._asking.update(np.unique(group.planes[_TID][asks_for_assistants(group)]).tolist())
        found = [(0, self._known)]
        # The ids of this batch, however they go on in the next one.
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
        rows = sorted([*batch.others, *(np.concatenate(unplaced).tolist() if unplaced else ())])
        made = ((row, _record(batch, row, float(times[row]))) for row in rows)
        return {row: record for row, record in made if record is not None}

    def _rows(self, batch: Batch, winmon: list[Group]) -> Ints:
        if not self._asking:
            return np.empty(0, dtype=np.int64)
        asking = sorted(self._asking)
        wanted = [group.rows[np.isin(group.planes[_TID], asking)] for group in winmon]
        return np.sort(np.concatenate([*wanted, np.array(sorted(batch.others), dtype=np.int64)]))


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
