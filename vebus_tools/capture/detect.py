"""Which format a capture has and which link it was heard on, told from its first bytes."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

from vebus_protocol.frame import FbFrame, ReceivedFrame
from vebus_protocol.schema import Link
from vebus_tools.capture.candump import begins_like_log
from vebus_tools.capture.hextext import is_hex_line
from vebus_tools.capture.pcap import PCAP_MAGICS
from vebus_tools.capture.pcapng_numbers import PCAPNG_MAGIC
from vebus_tools.framing import splitter_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vebus_tools.framing import Piece
    from vebus_tools.records import Chunk

__all__ = ["HEAD_SIZE", "MAGIC_SIZE", "Format", "LinkVote", "detect_format", "detect_link", "sure_format"]

HEAD_SIZE = 1 << 16
"""Bytes that are looked at, at most."""
MAGIC_SIZE = 4
"""Bytes that the formats with a magic number begin with."""


class Format(enum.StrEnum):
    """A capture format; PCAP is only read, never written."""

    RAW = "raw"
    HEX = "hex"
    LOG = "log"
    PCAPNG = "pcapng"
    PCAP = "pcap"


# Bytes that text never has.  The bus is full of them: FF ends each of its frames.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f\xfe\xff]")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_COMMENT = re.compile(rb"(?:#|//).*", re.DOTALL)


def detect_format(head: bytes) -> Format:
    """Format of a capture that begins with ``head``.

    pcap and pcapng by their magic number; a log or hex text by its first line that reads as one.  Text without such a
    line counts as hex, whose reader then says what is wrong with it.  All else is raw.
    """
    found = sure_format(head)
    if found is None:
        found = _by_lines(head.split(b"\n"))
    return found or Format.HEX


def sure_format(head: bytes) -> Format | None:
    """Format as soon as the first bytes leave no doubt, so that more bytes cannot change it; None where they do."""
    if len(head) < MAGIC_SIZE:
        return None
    if head.startswith(PCAPNG_MAGIC):
        return Format.PCAPNG
    if head[:MAGIC_SIZE] in PCAP_MAGICS:
        return Format.PCAP
    *lines, unfinished = head.split(b"\n")
    return _by_lines(lines) or (Format.RAW if _is_binary(unfinished) else None)


def _by_lines(lines: Iterable[bytes]) -> Format | None:
    for line in lines:
        if _is_binary(line):
            return Format.RAW
        if begins_like_log(line):
            return Format.LOG
        if is_hex_line(line):
            return Format.HEX
    return None


def _is_binary(line: bytes) -> bool:
    """Whether this is no line of text; a comment may be in any language, all else is ASCII."""
    if _BINARY.search(line):
        return True
    return bool(_NOT_ASCII.search(_COMMENT.sub(b"", line.removeprefix(b"\xef\xbb\xbf"))))


class LinkVote:
    """Runs the splitters of both links side by side and counts the bytes that good frames explain.

    The count is looked at after every packet, and in a stream after fixed numbers of bytes: what comes out does not
    depend on how a stream was cut into chunks.
    """

    _STEP = 512

    def __init__(self) -> None:
        """Start with no bytes seen."""
        self.seen = 0
        self.explained = dict.fromkeys(Link, 0)
        self._told: Link | None = None
        self._splitters = {link: splitter_for(link) for link in Link}

    def take(self, chunk: Chunk) -> bool:
        """Count one chunk; True when the matter is settled and no more are needed."""
        if chunk.link is not None:
            self._told = self._told or chunk.link
        at = 0
        while at < len(chunk.data) and not self.settled:
            size = len(chunk.data) if chunk.whole else self._STEP - self.seen % self._STEP
            self._feed(chunk.data[at : at + size], whole=chunk.whole)
            at += size
        return self.settled

    @property
    def settled(self) -> bool:
        """Whether the source said it, the evidence is overwhelming, or enough bytes were seen."""
        if self._told is not None or self.seen >= HEAD_SIZE:
            return True
        if self.seen < self._STEP or self.seen % self._STEP:
            return False
        most, least = max(self.explained.values()), min(self.explained.values())
        return most * 4 >= self.seen * 3 and least * 10 <= self.seen

    def finish(self) -> Link:
        """The link: as the source said, else the one that explains more; RS485 when both explain as much."""
        if self._told is not None:
            return self._told
        for link, splitter in self._splitters.items():
            self._count(link, splitter.flush())
        return Link.MK3 if self.explained[Link.MK3] > self.explained[Link.RS485] else Link.RS485

    def _feed(self, data: bytes, *, whole: bool) -> None:
        self.seen += len(data)
        for link, splitter in self._splitters.items():
            self._count(link, splitter.feed(data))
            if whole:
                self._count(link, splitter.flush())

    def _count(self, link: Link, pieces: Iterator[Piece]) -> None:
        self.explained[link] += sum(len(piece.data) for piece in pieces if _is_good(piece))


def _is_good(piece: Piece) -> bool:
    frame = piece.frame
    if frame is None:
        return False
    if isinstance(frame, ReceivedFrame):
        return frame.good
    if isinstance(frame, FbFrame):
        return frame.complement_ok
    return frame.checksum_ok or frame.plain_instead


def detect_link(chunks: Iterable[Chunk]) -> Link:
    """Link that a capture with these first chunks was heard on; takes no more of them than it needs."""
    vote = LinkVote()
    for chunk in chunks:
        if vote.take(chunk):
            break
    return vote.finish()
