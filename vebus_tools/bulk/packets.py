"""Captures of packets -> batches: every packet holds whole frames and has a stamp of its own, as pcapng and logs have.

A packet that is exactly one good frame is taken as it is; every other one goes through the splitter by itself, as
`Decoder` does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vebus_protocol.errors import VEBusError
from vebus_protocol.schema import Direction, Link
from vebus_tools.bulk.framing import Ints, segments
from vebus_tools.bulk.stream import Batch, batch_of
from vebus_tools.bulk.times import SOURCES, Floats
from vebus_tools.framing import Piece, Rs485Splitter
from vebus_tools.records import Chunk

__all__ = ["PacketBatch", "UnevenPackets", "packet_batches"]


class UnevenPackets(VEBusError):  # noqa: N818  (it is a reason to take another way, nothing is wrong)
    """A chunk that is no whole packet of one bus with a stamp like all others: only the general decoder reads these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketBatch:
    """Some consecutive records with what their packets say.

    ``time`` is in seconds, since 1970 where ``epoch`` is set; ``source`` is an index into SOURCES.  ``place`` is the
    place of each record in its own stream: the packets of one direction.
    """

    batch: Batch
    time: Floats
    source: npt.NDArray[np.uint8]
    place: Ints
    epoch: bool
    interface: str


def packet_batches(chunks: Iterable[Chunk], size: int = 1 << 20) -> Iterator[PacketBatch]:
    """Batches of about ``size`` bytes.  Raises UnevenPackets."""
    packets = _Packets()
    waiting: list[Chunk] = []
    count = 0
    for chunk in chunks:
        waiting.append(chunk)
        count += len(chunk.data)
        if count >= size:
            yield packets.batch(waiting)
            waiting, count = [], 0
    if waiting:
        yield packets.batch(waiting)


class _Packets:
    def __init__(self) -> None:
        self._first = 1
        self._base = 0
        self._kind: tuple[bool, Link | None, str, bool | None] | None = None
        self._ends: dict[Direction | None, int] = {}

    def batch(self, chunks: list[Chunk]) -> PacketBatch:
        self._check(chunks)
        size = np.fromiter((len(chunk.data) for chunk in chunks), dtype=np.int64, count=len(chunks))
        start = np.cumsum(size) - size
        array = np.frombuffer(b"".join([chunk.data for chunk in chunks]), dtype=np.uint8)
        found = segments(array)
        whole = _whole(found.start, found.size, start, size, found.good)
        kept = np.zeros(len(found.good), dtype=np.bool_)
        kept[np.searchsorted(found.start, start[whole])] = True
        found.good[~kept] = False
        pieces, owners = self._pieces(chunks, start, whole)
        batch = batch_of(self._first, self._base, array, found, pieces)
        owner = np.empty(len(batch), dtype=np.int64)
        owner[batch.frame >= 0] = np.flatnonzero(whole)
        owner[batch.frame < 0] = owners
        self._first += len(batch)
        place = self._places(chunks, size)[owner] + batch.offset - (self._base + start[owner])
        self._base += len(array)
        return PacketBatch(
            batch=batch,
            time=np.array([chunk.stamp.at for chunk in chunks if chunk.stamp], dtype=np.float64)[owner],
            source=np.array([SOURCES.index(chunk.stamp.source) for chunk in chunks if chunk.stamp], np.uint8)[owner],
            place=place,
            epoch=bool(chunks[0].stamp and chunks[0].stamp.epoch),
            interface=chunks[0].interface,
        )

    def _check(self, chunks: list[Chunk]) -> None:
        kinds = {
            (chunk.whole, chunk.link, chunk.interface, None if chunk.stamp is None else chunk.stamp.epoch)
            for chunk in chunks
        }
        if self._kind is not None:
            kinds.add(self._kind)
        if len(kinds) != 1:
            raise UnevenPackets("packets of several sorts")
        (self._kind,) = kinds
        whole, link, _, epoch = self._kind
        if not whole or link not in (Link.RS485, None) or epoch is None:
            raise UnevenPackets("not whole packets of a bus with stamps")

    def _pieces(
        self, chunks: list[Chunk], start: Ints, whole: npt.NDArray[np.bool_]
    ) -> tuple[list[tuple[int, Piece]], list[int]]:
        pieces: list[tuple[int, Piece]] = []
        owners: list[int] = []
        rank = np.cumsum(whole)
        for at in np.flatnonzero(~whole).tolist():
            splitter, base = Rs485Splitter(), self._base + int(start[at])
            for one in (*splitter.feed(chunks[at].data), *splitter.flush()):
                pieces.append((int(rank[at]), Piece(base + one.offset, one.data, one.frame, one.reason)))
                owners.append(at)
        return pieces, owners

    def _places(self, chunks: list[Chunk], size: Ints) -> Ints:
        """Where each packet stands in the stream of its direction."""
        place = np.empty(len(chunks), dtype=np.int64)
        directions = [chunk.direction for chunk in chunks]
        for direction in dict.fromkeys(directions):
            own = np.array([one is direction for one in directions])
            before = self._ends.get(direction, 0)
            ends = before + np.cumsum(size[own])
            place[own] = ends - size[own]
            self._ends[direction] = int(ends[-1])
        return place


def _whole(
    seg_start: Ints, seg_size: Ints, start: Ints, size: Ints, good: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Which packets are exactly one good segment."""
    if not len(seg_start):
        return np.zeros(len(start), dtype=np.bool_)
    at = np.minimum(np.searchsorted(seg_start, start), len(seg_start) - 1)
    found: npt.NDArray[np.bool_] = (seg_start[at] == start) & (seg_size[at] == size) & good[at]
    return found
