"""Cell values that another program writes while we run: a FIFO, or a file that grows."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from vebus_tools.records import CaptureError
from vebus_tools.rehearsal import CellLines

if TYPE_CHECKING:
    from pathlib import Path

    from vebus_tools.battery import Bank, Sample

__all__ = ["Follower"]

_READ_SIZE = 1 << 16


class Follower:
    """Follows a CSV file; what stood in it before is old and counts as nothing, except the names of the columns."""

    def __init__(self, path: Path, bank: Bank) -> None:
        """Open it, a FIFO without waiting for its writer.  Raises CaptureError, CellError."""
        self.lost = False
        """Whether the writer of a FIFO has gone."""
        self._lines = CellLines(str(path), bank)
        self._pending = b""
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as problem:
            raise CaptureError(f"--cells {path}: {problem.strerror}") from problem
        self._fifo = stat.S_ISFIFO(os.fstat(self._descriptor).st_mode)
        self._came = False
        if not self._fifo:
            self._skip()

    def _skip(self) -> None:
        """Read the head, and go to the end."""
        head = os.read(self._descriptor, _READ_SIZE)
        first, newline, _ = head.partition(b"\n")
        if newline:
            self._lines.take(first.decode("utf-8", "replace"), 0.0)
            os.lseek(self._descriptor, 0, os.SEEK_END)
        else:
            self._pending = head

    def take(self, now: float) -> Sample | None:
        """The newest whole line since the last call, as measured now; None where none has come.  Raises CellError."""
        newest = None
        for line in self._read():
            newest = self._lines.take(line.decode("utf-8", "replace"), now) or newest
        return newest

    def _read(self) -> list[bytes]:
        while True:
            try:
                data = os.read(self._descriptor, _READ_SIZE)
            except BlockingIOError:
                break
            if not data:
                self.lost = self._fifo and self._came
                break
            self._came = True
            self._pending += data
        *lines, self._pending = self._pending.split(b"\n")
        return lines
