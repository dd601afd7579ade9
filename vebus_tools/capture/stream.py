"""The byte edge of reading: one stream, from a file or a pipe, with a look ahead and with errors that name it."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vebus_tools.records import CaptureError

if TYPE_CHECKING:
    import os

__all__ = ["MAX_LINE", "ByteSource", "open_source", "problem_with"]

MAX_LINE = 1 << 16
"""Longest line, in bytes, that text readers get in one piece."""

_READ_SIZE = 1 << 16

_ADVICE = {
    errno.ENOENT: "no such file; check the name",
    errno.EISDIR: "is a directory; name a file in it",
    errno.EACCES: "permission denied; check the owner and mode of the file",
    errno.ENOSPC: "no space left on the device; free some, or write somewhere else",
}


def problem_with(name: str, problem: OSError | ValueError, *, doing: str) -> CaptureError:
    """The one-line CaptureError for what the operating system said of ``name`` while ``doing`` something."""
    if not isinstance(problem, OSError):
        return CaptureError(f"{name!r}: cannot {doing}: {problem}")
    text = _ADVICE.get(problem.errno or 0) or f"cannot {doing}: {problem.strerror or problem}"
    return CaptureError(f"{name}: {text}")


class ByteSource:
    """A stream of bytes under a name, with a look ahead.

    Nothing waits for more bytes than were asked for, so that a slow pipe is read as it comes.
    """

    def __init__(self, stream: BinaryIO, name: str, *, owned: bool = True) -> None:
        """Read ``stream``; ``name`` is for error messages, ``owned`` says whether ``close`` closes the stream."""
        self.name = name
        self.offset = 0
        """Place in the stream of the next byte that will be handed out."""
        self._stream = stream
        self._owned = owned
        self._ended = False
        self._buffer = b""
        self._at = 0

    def close(self) -> None:
        """Release the file; a stream that was passed in stays open."""
        self._ended = True
        if self._owned:
            self._stream.close()

    def fill(self) -> bool:
        """Wait for some more bytes; False at the end of the stream.  Raises CaptureError when reading fails."""
        if self._ended:
            return False
        try:
            more = getattr(self._stream, "read1", self._stream.read)(_READ_SIZE)
        except (OSError, ValueError) as problem:
            raise problem_with(self.name, problem, doing="read") from problem
        self._ended = not more
        if more:
            self._buffer = self._buffer[self._at :] + more
            self._at = 0
        return not self._ended

    def ahead(self) -> bytes:
        """Bytes that are here already, without taking them."""
        return self._buffer[self._at :]

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes without taking them; fewer only at the end of the stream."""
        while len(self._buffer) - self._at < count and self.fill():
            pass
        return self._buffer[self._at : self._at + count]

    def exactly(self, count: int) -> bytes:
        """Take ``count`` bytes; fewer only at the end of the stream."""
        self.peek(count)
        return self._take(count)

    def some(self, limit: int) -> bytes:
        """Take what is there, at least one byte and at most ``limit``; empty only at the end of the stream."""
        if self._at == len(self._buffer):
            self.fill()
        return self._take(limit)

    def line(self, limit: int = MAX_LINE) -> bytes:
        """Take one line with its line feed; a longer one in pieces of ``limit`` bytes; empty at the end."""
        while True:
            end = self._buffer.find(b"\n", self._at, self._at + limit)
            if end >= 0:
                return self._take(end + 1 - self._at)
            if len(self._buffer) - self._at >= limit or not self.fill():
                return self._take(limit)

    def _take(self, count: int) -> bytes:
        taken = self._buffer[self._at : self._at + count]
        self._at += len(taken)
        self.offset += len(taken)
        return taken


def open_source(source: str | os.PathLike[str], stdin: BinaryIO | None = None) -> ByteSource:
    """Open a path, or ``stdin`` for "-" (the standard input of the process where none is passed).

    Raises CaptureError.
    """
    if str(source) == "-":
        return ByteSource(stdin or _standard_input(), "standard input", owned=False)
    try:
        return ByteSource(Path(source).open("rb"), str(source))
    except (OSError, ValueError) as problem:
        raise problem_with(str(source), problem, doing="open") from problem


def _standard_input() -> BinaryIO:
    import sys

    if sys.stdin is None:  # started with a closed descriptor
        raise CaptureError("standard input: is closed; name a file")
    return sys.stdin.buffer
