"""The columnar engine: megabytes of RS485 bus to columns, with numpy (extra ``bulk``).

    for piece in read_columns(chunks):
        for table in piece.tables:
            voltage = table.columns["vebus.acphase.dc.voltage"]
            print(voltage.unit, piece.frames.time[table.rows], voltage.values)

Everything is derived from the declarations by the walk of ``vebus_tools.generated.plan``; Construct and the walk of
``dissection`` are the reference that the tests hold it against.  No byte is lost: what is no good frame of kind FD or
FE goes through the general splitter and stands in ``Frames`` with its own kind, and what no plan can be made of is in
``Columns.unplaced``.

Arrays of a `Columns` have one element for each record (`Frames`) or for each row of a table; ``table.rows`` are
indices into the arrays of `Frames`.  Nothing here raises on what the bus says; chunks raise what reading them raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.scaling import ScaleBook
from vebus_tools.bulk.columns import NO_SCALE, SCALES, Column, Table, table_of
from vebus_tools.bulk.framing import Bytes, Ints
from vebus_tools.bulk.packets import UnevenPackets, packet_batches
from vebus_tools.bulk.scales import Scales
from vebus_tools.bulk.stream import Batch, Group, batches, groups_of
from vebus_tools.bulk.times import SOURCES, Clock, Floats
from vebus_tools.framing import Piece
from vebus_tools.records import Chunk
from vebus_tools.session import Context

__all__ = [
    "NO_SCALE",
    "SCALES",
    "SOURCES",
    "Column",
    "Columns",
    "Frames",
    "Status",
    "Table",
    "UnevenPackets",
    "read_columns",
    "read_packet_columns",
]

_SENDER, _KIND, _NUMBER = 0, 2, 3


class Status:
    """Numbers in `Frames.status`."""

    GOOD = 0
    BAD_CHECKSUM = 1
    BAD_ESCAPE = 2
    OTHER_KIND = 3
    """A five-byte FB frame."""
    SKIPPED = 4
    """Bytes that belong to no frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """What every record has; arrays of one length, a record in each element.

    ``number`` counts records from 1 over the whole stream.  ``time`` is in seconds since its start, estimated, or what
    packets say, with ``source`` an index into SOURCES.  ``offset`` and ``size`` place the bytes as heard in the stream.
    ``sender`` (id0 high), ``kind`` and ``sequence`` (the frame number on the bus) are -1 where no frame is.
    ``escapes`` counts stuffed payload bytes, ``status`` is one of `Status`.
    """

    number: Ints
    time: Floats
    source: npt.NDArray[np.uint8]
    offset: Ints
    size: Ints
    sender: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int16]
    sequence: npt.NDArray[np.int16]
    escapes: npt.NDArray[np.int16]
    status: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        """How many records."""
        return len(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A piece of the stream: its records, and a table for each message and length among its good frames.

    ``others`` are the records that the general splitter made (record index -> piece): damaged frames, FB frames, frames
    of other kinds, skipped bytes.  ``unplaced`` are groups of good frames that no plan can be made of.  ``data`` holds
    the bytes as heard, the first of them at ``base`` of the stream.  ``contexts`` (record index -> what the session
    says of scales, requests and replies of winmon) is there where `read_columns` was asked for exchanges.  Of packets
    ``epoch`` says whether times count from 1970, ``interface`` where they were heard, and ``place`` where each record
    stands in the stream of its direction.
    """

    frames: Frames
    tables: tuple[Table, ...]
    others: dict[int, Piece]
    unplaced: tuple[Group, ...]
    data: Bytes
    base: int
    contexts: Mapping[int, Context] = field(default_factory=dict)
    epoch: bool = False
    interface: str = ""
    place: Ints | None = None

    def wire(self, row: int) -> bytes:
        """Bytes of one record as heard.  Raises IndexError for an index outside the piece."""
        piece = self.others.get(row)
        if piece is not None:
            return piece.data
        start = int(self.frames.offset[row]) - self.base
        return self.data[start : start + int(self.frames.size[row])].tobytes()


def read_columns(
    chunks: Iterable[bytes],
    *,
    book: ScaleBook | None = None,
    baud: int | None = None,
    size: int = 1 << 20,
    times: bool = True,
    exchanges: bool = False,
) -> Iterator[Columns]:
    """Columns of an RS485 stream, in pieces of about ``size`` bytes.

    Args:
        chunks: The stream, cut in any way; the records do not depend on the cuts.
        book: Scales to assume until the stream announces them; None assumes those of the default device table.
        baud: Rate of the line in bit/s, None is the usual one.
        times: False leaves all times 0, which saves half of the work; announcements of scales are then believed
            however late they come.
        exchanges: True follows every request and reply of winmon, so that ``contexts`` say what replies mean.
        size: Bytes worked on at a time; 256 kB to 1 MB are fastest, memory stays near 20 times this.

    Yields:
        Consecutive pieces; scales and times go on from one to the next.
    """
    clock, scales = Clock(baud), Scales(book, exchanges=exchanges)
    for batch in batches(chunks, size):
        groups = list(groups_of(batch))
        time, source = clock.stamps(batch, groups) if times else _no_times(len(batch))
        yield _columns(batch, groups, time, source, scales)


def read_packet_columns(
    chunks: Iterable[Chunk], *, book: ScaleBook | None = None, size: int = 1 << 20, exchanges: bool = False
) -> Iterator[Columns]:
    """Columns of a capture of packets: chunks that hold whole frames of one bus and have stamps.

    Arguments and pieces as of `read_columns`; times are those of the packets.  Raises UnevenPackets, perhaps after some
    pieces, for chunks that are not alike: only the general decoder reads these.
    """
    scales = Scales(book, exchanges=exchanges)
    for packets in packet_batches(chunks, size):
        groups = list(groups_of(packets.batch))
        found = _columns(packets.batch, groups, packets.time, packets.source, scales)
        yield replace(found, epoch=packets.epoch, interface=packets.interface, place=packets.place)


def _columns(batch: Batch, groups: list[Group], time: Floats, source: npt.NDArray[np.uint8], scales: Scales) -> Columns:
    books = scales.books(batch, groups, time)
    tables = [(group, table_of(group, books)) for group in groups]
    return Columns(
        frames=_frames(batch, time, source),
        tables=tuple(table for _, table in tables if table is not None),
        others=batch.others,
        unplaced=tuple(group for group, table in tables if table is None),
        data=batch.data,
        base=batch.base,
        contexts=scales.contexts,
    )


def _no_times(count: int) -> tuple[Floats, npt.NDArray[np.uint8]]:
    return np.zeros(count, dtype=np.float64), np.zeros(count, dtype=np.uint8)


def _frames(batch: Batch, time: Floats, source: npt.NDArray[np.uint8]) -> Frames:
    count = len(batch)
    good = np.flatnonzero(batch.frame >= 0)
    segment = batch.frame[good]
    start = batch.segments.start[segment]
    sender = np.full(count, -1, dtype=np.int32)
    kind, sequence = np.full(count, -1, dtype=np.int16), np.full(count, -1, dtype=np.int16)
    escapes, status = np.zeros(count, dtype=np.int16), np.zeros(count, dtype=np.uint8)
    sender[good] = batch.data[start].astype(np.int32) << 8 | batch.data[start + 1]
    kind[good], sequence[good] = batch.data[start + _KIND], batch.data[start + _NUMBER]
    escapes[good] = batch.segments.escapes[segment]
    for row, piece in batch.others.items():
        frame = piece.frame
        status[row] = Status.SKIPPED if frame is None else Status.OTHER_KIND
        if isinstance(frame, ReceivedFrame):
            sender[row], kind[row], sequence[row] = frame.sender, frame.kind, frame.number
            escapes[row] = frame.escapes
            status[row] = _status(frame)
    return Frames(
        number=np.arange(batch.first, batch.first + count, dtype=np.int64),
        time=time,
        source=source,
        offset=batch.offset,
        size=batch.size,
        sender=sender,
        kind=kind,
        sequence=sequence,
        escapes=escapes,
        status=status,
    )


def _status(frame: ReceivedFrame) -> int:
    if not frame.checksum_ok:
        return Status.BAD_CHECKSUM
    return Status.BAD_ESCAPE if frame.bad_escapes else Status.GOOD
