"""More damage than a test run has time for: `python -m tests.soak --help`."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.streams import LINKS, corpus, sized
from vebus_protocol.frame import MAX_WIRE_FRAME
from vebus_protocol.schema import Link
from vebus_tools.decoder import Decoder
from vebus_tools.dissection import dissect
from vebus_tools.framing import MAX_SKIPPED, Mk3Splitter, Piece, Rs485Splitter
from vebus_tools.nodes import Dissection
from vebus_tools.records import Chunk
from vebus_tools.session import Session

__all__ = ["PENDING", "Result", "soak", "soak_link"]

PENDING = {Link.RS485: 2 * MAX_WIRE_FRAME, Link.MK3: 2 * 22}
"""Bytes that a splitter may hold back: two frames of the greatest length."""

_BLOCK = 100_000
_CHUNKS = (1, 7, 61, 4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one link went through; ``dissected`` counts records that were taken apart completely."""

    link: Link
    size: int
    records: int
    dissected: int
    seconds: float

    def __str__(self) -> str:
        """One line, with the throughput."""
        rate = self.size / self.seconds / 1000
        return (
            f"{self.link.value}: {self.size} bytes in {self.records} records, {self.dissected} dissected, "
            f"{self.seconds:.1f} s, {rate:.0f} kB/s"
        )


def soak(megabytes: float, seed: int) -> Iterator[Result]:
    """Half of the bytes through each link.  Raises AssertionError with the seed that shows what is wrong."""
    for link in LINKS:
        yield soak_link(link, round(megabytes * 500_000), seed)


def soak_link(link: Link, size: int, seed: int) -> Result:
    """Split every byte twice, cut in two ways, and decode it; dissect every tenth record."""
    began = time.perf_counter()
    stream, session = Decoder(link), Session()
    whole, cut = _Watched(link), _Watched(link)
    done = records = dissected = blocks = 0
    while done < size:
        data = b"".join(corpus(link, min(_BLOCK, size - done), seed + blocks))
        where = f"{link.value}, seed {seed + blocks}"
        step = _CHUNKS[blocks % len(_CHUNKS)]
        assert whole.feed(data, where) == [piece for part in sized(data, step) for piece in cut.feed(part, where)], (
            where
        )
        for record in stream.feed(Chunk(data=data)):
            records += 1
            assert record.number == records, where
            context = session.observe(record)
            if records % 10 == 0:
                _check(dissect(record, context), where)
                dissected += 1
        done += len(data)
        blocks += 1
    return Result(link=link, size=done, records=records, dissected=dissected, seconds=time.perf_counter() - began)


class _Watched:
    """A splitter whose offsets and pending bytes are checked at every moment."""

    def __init__(self, link: Link) -> None:
        self._splitter = Rs485Splitter() if link is Link.RS485 else Mk3Splitter()
        self._bound = PENDING[link]
        self._at = 0
        self._received = 0

    def feed(self, data: bytes, where: str) -> list[Piece]:
        self._received += len(data)
        pieces = list(self._splitter.feed(data))
        for piece in pieces:
            assert piece.offset == self._at, where
            self._at += len(piece.data)
        assert len(self._splitter._pending) < self._bound, where
        assert len(self._splitter._skipped._data) < MAX_SKIPPED, where
        held = len(self._splitter._pending) + len(self._splitter._skipped._data)
        assert self._at + held == self._received, where
        return pieces


def _check(dissection: Dissection, where: str) -> None:
    """Every byte of the unstuffed frame is in one node."""
    spans = sorted(
        (node.start, node.start + node.size) for block in dissection.blocks for node in block.nodes if node.size
    )
    at = 0
    for start, end in spans:
        assert start == at, where
        at = end
    assert at == len(dissection.record.unstuffed), where
