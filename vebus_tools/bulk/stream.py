"""A stream of bytes -> batches of records as arrays: good frames by the segment, everything else by the splitter.

The records, their numbers and their places are those of `Decoder`, for every way to cut the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import END, HEADER_SIZE, MAX_WIRE_FRAME
from vebus_protocol.schema import Link, Space
from vebus_tools.bulk.framing import Bytes, Ints, Segments, planes_of, segments
from vebus_tools.framing import Piece, Rs485Splitter
from vebus_tools.generated import Parts, parts_of, telling_offsets

__all__ = ["Batch", "Group", "Stream", "batch_of", "batches", "groups_of"]

_CHUNK = 1 << 20
_TRAILER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some consecutive records.

    ``first`` is the number of the first one, from 1.  ``offset`` and ``size`` say where each record stands in the
    stream and how long it is.  ``frame`` is the index of its segment, -1 for the records in ``others`` (record index ->
    piece of the splitter).  ``data`` holds the bytes, its first at ``base`` of the stream.
    """

    first: int
    base: int
    data: Bytes
    offset: Ints
    size: Ints
    frame: Ints
    segments: Segments
    others: dict[int, Piece]

    def __len__(self) -> int:
        """How many records."""
        return len(self.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Good frames of one chain of messages and one length.

    ``rows`` are record indices in the batch, ascending.  ``planes`` has byte ``j`` of every unstuffed frame in row
    ``j``, ids and trailer included.  ``parts`` is None for what no plan can be made of.
    """

    parts: Parts | None
    space: Space
    rows: Ints
    planes: Bytes

    def payload(self, row: int) -> bytes:
        """Unstuffed payload of one frame of the group."""
        return self.planes[HEADER_SIZE:-_TRAILER, row].tobytes()


class Stream:
    """Cuts a stream into batches; ``feed`` it, then ``finish``."""

    def __init__(self) -> None:
        """Start at offset 0."""
        self._carried = b""
        self._base = 0  # place of the first carried byte
        self._count = 0
        self._others = _Others()

    def feed(self, data: bytes) -> Batch:
        """Take the next bytes and give the records that are complete."""
        whole = self._carried + data if self._carried else data
        array = np.frombuffer(whole, dtype=np.uint8)
        found = segments(array)
        if self._others.inside and len(found.good):
            found.good[0] = False
        pieces = self._pieces(whole, found)
        rest = whole[found.used :]
        if len(rest) > MAX_WIRE_FRAME:  # no frame any more, whatever follows
            pieces += [(int(found.good.sum()), piece) for piece in self._others.feed(rest, self._base + found.used)]
            rest = b""
        batch = batch_of(self._count + 1, self._base, array, found, pieces)
        self._count += len(batch)
        self._base += len(whole) - len(rest)
        self._carried = rest
        return batch

    def finish(self) -> Batch:
        """End of the stream: give what is pending."""
        pieces = [*self._others.feed(self._carried, self._base), *self._others.flush()]
        nothing = np.frombuffer(b"", dtype=np.uint8)
        batch = batch_of(self._count + 1, self._base, nothing, segments(nothing), [(0, piece) for piece in pieces])
        self._count += len(batch)
        self._base += len(self._carried)
        self._carried = b""
        return batch

    def _pieces(self, whole: bytes, found: Segments) -> list[tuple[int, Piece]]:
        """What is no good segment, each piece with the count of good segments in front of it."""
        pieces: list[tuple[int, Piece]] = []
        others, base = self._others, self._base
        edges = np.flatnonzero(np.diff(found.good.astype(np.int8), prepend=1, append=1))
        rank = np.concatenate(([0], np.cumsum(found.good)))
        if len(found.good) and found.good[0]:
            pieces += [(0, piece) for piece in others.flush()]
        for first, end in edges.reshape(-1, 2).tolist():
            before = int(rank[first])
            start, stop = int(found.start[first]), int(found.start[end - 1] + found.size[end - 1])
            pieces += [(before, piece) for piece in others.feed(whole[start:stop], base + start)]
            if end < len(found.good):
                pieces += [(before, piece) for piece in others.flush()]
        return pieces


def batch_of(first: int, base: int, array: Bytes, found: Segments, pieces: list[tuple[int, Piece]]) -> Batch:
    """Good segments and ``pieces`` as consecutive records from number ``first`` on.

    Each piece comes with the count of good segments in front of it.  ``array`` begins at ``base`` of the stream.
    """
    good = np.flatnonzero(found.good)
    ranks = np.array([rank for rank, _ in pieces], dtype=np.int64)
    at_good = np.arange(len(good)) + np.searchsorted(ranks, np.arange(len(good)), side="right")
    at_other = ranks + np.arange(len(ranks))
    offset, size, frame = (np.full(len(good) + len(pieces), -1, dtype=np.int64) for _ in range(3))
    offset[at_good] = found.start[good] + base
    size[at_good] = found.size[good]
    frame[at_good] = good
    offset[at_other] = [piece.offset for _, piece in pieces]
    size[at_other] = [len(piece.data) for _, piece in pieces]
    return Batch(
        first=first,
        base=base,
        data=array,
        offset=offset,
        size=size,
        frame=frame,
        segments=found,
        others=dict(zip(at_other.tolist(), (piece for _, piece in pieces), strict=True)),
    )


class _Others:
    """The splitter for what is no good segment; ``inside`` says that it has the beginning of the next one."""

    def __init__(self) -> None:
        self._splitter: Rs485Splitter | None = None
        self._base = 0
        self.inside = False

    def feed(self, data: bytes, offset: int) -> list[Piece]:
        """Pieces that are complete; ``data`` stands at ``offset`` of the stream and follows what came before."""
        if not data:
            return []
        if self._splitter is None:
            self._splitter, self._base = Rs485Splitter(), offset
        self.inside = data[-1] != END
        return [self._placed(piece) for piece in self._splitter.feed(data)]

    def flush(self) -> list[Piece]:
        """Pieces that waited for more of their kind: a frame, or the end of the stream, comes next."""
        if self._splitter is None:
            return []
        pieces = [self._placed(piece) for piece in self._splitter.flush()]
        self._splitter, self.inside = None, False
        return pieces

    def _placed(self, piece: Piece) -> Piece:
        return Piece(self._base + piece.offset, piece.data, piece.frame, piece.reason)


def batches(chunks: Iterable[bytes], size: int = _CHUNK) -> Iterator[Batch]:
    """Batches of a stream, gathered to about ``size`` bytes each: too small costs calls, too large costs cache."""
    stream, waiting, count = Stream(), [], 0
    for chunk in chunks:
        for at in range(0, len(chunk), size):
            piece = chunk[at : at + size]
            waiting.append(piece)
            count += len(piece)
            if count >= size:
                yield stream.feed(b"".join(waiting))
                waiting, count = [], 0
    yield stream.feed(b"".join(waiting))
    yield stream.finish()


# --- groups -----------------------------------------------------------------------------------------------------------
def groups_of(batch: Batch) -> Iterator[Group]:
    """Good frames of a batch, sorted into groups of one chain of messages and one length."""
    found, rows = batch.segments, np.flatnonzero(batch.frame >= 0)
    if not len(rows):
        return
    frames = batch.frame[rows]
    start, size = found.plain_start[frames], found.plain_size[frames]
    kinds = found.plain[start + HEADER_SIZE - 2] == FrameKind.SYNC
    # Length (7 bits are enough), kind and first payload byte fill 16 bits, which numpy sorts by radix.
    key = ((size << 9 & 0xFE00) | kinds.astype(np.int64) << 8 | found.plain[start + HEADER_SIZE]).astype(np.uint16)
    order = np.argsort(key, kind="stable")
    _, firsts = np.unique(key[order], return_index=True)
    for chosen in np.split(order, firsts[1:]):
        planes = planes_of(found.plain, start[chosen], int(size[chosen[0]]))
        space = Space.SYNC if kinds[chosen[0]] else Space.PAYLOAD
        yield from _by_message(space, rows[chosen], planes)


def _by_message(space: Space, rows: Ints, planes: Bytes, known: frozenset[int] = frozenset((0,))) -> Iterator[Group]:
    """Split by the bytes that tell messages apart; ``known`` are the offsets in which all rows agree."""
    telling = telling_offsets(space, planes[HEADER_SIZE:-_TRAILER, 0].tobytes())
    room = len(planes) - HEADER_SIZE - _TRAILER
    at = next((at for at in telling if at not in known and at < room), None)
    if at is None:
        yield _group(space, rows, planes)
        return
    key, known = planes[HEADER_SIZE + at], known | {at}
    if (key == key[0]).all():
        yield from _by_message(space, rows, planes, known)
        return
    order = np.argsort(key, kind="stable")
    _, firsts = np.unique(key[order], return_index=True)
    for chosen in np.split(order, firsts[1:]):
        yield from _by_message(space, rows[chosen], np.ascontiguousarray(planes[:, chosen]), known)


def _group(space: Space, rows: Ints, planes: Bytes) -> Group:
    parts = parts_of(space, planes[HEADER_SIZE:-_TRAILER, 0].tobytes(), Link.RS485)
    return Group(parts=parts, space=space, rows=rows, planes=planes)
