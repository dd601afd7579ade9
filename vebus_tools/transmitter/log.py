"""The log of a session (X-17): a capture in the form of ``candump -L`` with comments, so that `vebus decode` reads it.

Each line is handed to the kernel before the frame that it tells of is: when this program dies the log is complete.
What is lost when the computer itself loses power is up to the file system; waiting for a disk takes longer than a slot.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from vebus_tools.records import CaptureError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Log"]

_ADDRESS_DIGITS = 4


class Log:
    """Appends lines to a file; times are those of `time.monotonic()`, and dates in the file."""

    def __init__(self, path: Path) -> None:
        """Create the file; one that is there already is not touched.  Raises CaptureError."""
        self.path = path
        self._epoch = time.time() - time.monotonic()
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as problem:
            raise CaptureError(f"{path}: cannot create the log: {problem.strerror}") from problem

    def sent(self, wire: bytes, at: float) -> None:
        """A frame that will be on the line next.  Raises CaptureError; then it must not be sent."""
        self._write(self._line("sent0", wire, at, " T"))

    def heard(self, wire: bytes, at: float) -> None:
        """A frame, or bytes that belong to none.  Raises CaptureError."""
        self._write(self._line("vebus0", wire, at, ""))

    def remark(self, text: str, at: float) -> None:
        """A change of state and its reason.  Raises CaptureError."""
        self._write(f"# ({at + self._epoch:.6f}) {text}\n")

    def _line(self, port: str, wire: bytes, at: float, flag: str) -> str:
        digits = wire.hex().upper()
        return f"({at + self._epoch:.6f}) {port} {digits[:_ADDRESS_DIGITS]}#{digits[_ADDRESS_DIGITS:]}{flag}\n"

    def _write(self, line: str) -> None:
        data = line.encode()
        try:
            written = os.write(self._fd, data)
        except OSError as problem:
            raise CaptureError(f"{self.path}: cannot write the log: {problem.strerror}") from problem
        if written != len(data):
            raise CaptureError(f"{self.path}: the log is full")

    def close(self) -> None:
        """Close the file, all of it on the disk."""
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1
