"""One capture to rows, by the fastest way that can serve the request, and what there was in it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vebus_protocol.errors import VEBusError
from vebus_protocol.scaling import ScaleBook
from vebus_tools.decoder import decode_chunks
from vebus_tools.export.rows import EVERYTHING, RowMaker, Rows, Selection, listed
from vebus_tools.export.tables import DAMAGED, UNDECODED
from vebus_tools.generated import quick_chain, quick_dissect
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.records import CaptureError, Chunk, Link, Record
from vebus_tools.session import Context, Session
from vebus_tools.times import Timeline, Timing

if TYPE_CHECKING:
    from vebus_tools.filters import Filter

__all__ = ["CaptureRows", "Seen", "UnevenCaptureError", "Way", "Wish"]

_ROWS_AT_A_TIME = 4096


class UnevenCaptureError(VEBusError):
    """Packets are not all alike, so that only the ways that read one by one can be taken."""


class Way(enum.Enum):
    """How a capture is read: all columns at once, of a raw stream of the bus or of packets with stamps, or one by one.

    REFERENCE reads with Construct, RECORDS with the code that is generated from the declarations.
    """

    STREAM = "stream"
    PACKETS = "packets"
    RECORDS = "records"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to take of a capture: times in seconds since its first frame, a display filter, tables and columns."""

    select: Selection = EVERYTHING
    start: float | None = None
    stop: float | None = None
    passes: Filter | None = None
    names: NameTable = DEFAULT_NAMES
    book: ScaleBook = field(default_factory=ScaleBook)


@dataclass(slots=True, kw_only=True)
class Seen:
    """What an export found: rows of all tables, times in microseconds since 1970, seconds since the first frame."""

    rows: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    first_time: int | None = None
    last_time: int | None = None
    duration: float | None = None
    problem: str = ""

    def take(self, tables: Iterable[Rows]) -> None:
        """Count some rows."""
        for found in tables:
            self.rows += found.count
            self.tables[found.table.name] = self.tables.get(found.table.name, 0) + found.count
            ends = _ends(found.cells.get("elapsed"))
            if ends is not None:
                self.duration = ends[1] if self.duration is None else max(self.duration, ends[1])
            ends = _ends(found.cells.get("time"))
            if ends is not None:
                self.first_time = ends[0] if self.first_time is None else min(self.first_time, ends[0])
                self.last_time = ends[1] if self.last_time is None else max(self.last_time, ends[1])

    @property
    def damaged(self) -> int:
        """Rows of table ``damaged``."""
        return self.tables.get(DAMAGED.name, 0)

    @property
    def undecoded(self) -> int:
        """Rows of table ``undecoded``."""
        return self.tables.get(UNDECODED.name, 0)


def _ends(cells: Any) -> tuple[Any, Any] | None:  # noqa: ANN401  (numbers of a column)
    """Least and largest value of a column."""
    if cells is None:
        return None
    values = getattr(cells, "values", None)
    if values is not None:
        return values.min().item(), values.max().item()
    there = [value for value in listed(cells) if value is not None]
    return (min(there), max(there)) if there else None


class CaptureRows:
    """The rows of one capture, to be iterated once; ``seen`` counts them meanwhile.

    A capture that cannot be read to its end gives what could be read, and ``seen.problem`` says why.
    """

    def __init__(self, capture: str, wish: Wish) -> None:
        """``capture`` is its name in the export."""
        self._capture = capture
        self._wish = wish
        self.seen = Seen()

    def of(self, chunks: Iterable[Chunk], link: Link, way: Way) -> Iterator[list[Rows]]:
        """Rows of these chunks.

        Raises CaptureError where nothing could be read, and for `Way.PACKETS` UnevenCaptureError, perhaps after some
        rows, where they cannot be read like that.
        """
        readable = _Readable(chunks)
        wide = way in (Way.STREAM, Way.PACKETS)
        for rows in self._wide(readable, way) if wide else self._single(readable, link, fast=way is Way.RECORDS):
            found = [one for one in rows if one.count]
            self.seen.take(found)
            yield found
        if readable.failure is not None:
            if not readable.any:
                raise readable.failure
            self.seen.problem = str(readable.failure)

    def _wide(self, chunks: Iterable[Chunk], way: Way) -> Iterator[Sequence[Rows]]:
        from vebus_tools.bulk import UnevenPackets, read_columns, read_packet_columns
        from vebus_tools.export.wide import WideMaker

        wish = self._wish
        maker = WideMaker(self._capture, wish.names, wish.select, (wish.start, wish.stop))
        if way is Way.STREAM:
            pieces = read_columns((chunk.data for chunk in chunks), book=wish.book, exchanges=True)
        else:
            pieces = read_packet_columns(chunks, book=wish.book, exchanges=True)
        try:
            for piece in pieces:
                yield maker.rows(piece)
        except UnevenPackets as problem:
            raise UnevenCaptureError(str(problem)) from problem

    def _single(self, chunks: Iterable[Chunk], link: Link, *, fast: bool) -> Iterator[Sequence[Rows]]:
        wish, timeline = self._wish, Timeline()
        session = Session(book=wish.book)
        maker = RowMaker(self._capture, wish.names, wish.select)
        for record in decode_chunks(chunks, link, chain=quick_chain if fast else None):
            context, timing = session.observe(record), timeline.place(record.stamp)
            first = timing.first or record.stamp
            since = record.stamp.at - first.at
            early = wish.start is not None and since < wish.start
            late = wish.stop is not None and since > wish.stop
            if not early and not late and self._passes(record, context, timeline, timing):
                maker.take(record, context, first)
            if maker.count >= _ROWS_AT_A_TIME:
                yield maker.drain()
        yield maker.drain()

    def _passes(self, record: Record, context: Context, timeline: Timeline, timing: Timing) -> bool:
        passes = self._wish.passes
        if passes is None:
            return True
        dissection = quick_dissect(record, context, self._wish.names)
        first = timing.first or record.stamp
        found = passes(dissection, first=first, previous=timing.previous, displayed=timing.displayed)
        if found:
            timeline.shown(record.stamp)
        return found


class _Readable(Iterator[Chunk]):
    """Chunks up to the first that cannot be read."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = iter(chunks)
        self.failure: CaptureError | None = None
        self.any = False

    def __next__(self) -> Chunk:
        try:
            found = next(self._chunks)
        except CaptureError as problem:
            self.failure = problem
            raise StopIteration from None
        self.any = True
        return found
