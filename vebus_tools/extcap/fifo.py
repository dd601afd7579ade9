"""The pipe to Wireshark: opened, written and watched without ever waiting for somebody who is gone."""

from __future__ import annotations

import errno
import io
import os
import select
import stat
from typing import TYPE_CHECKING

from vebus_tools.records import CaptureError

if TYPE_CHECKING:
    import threading

__all__ = ["Fifo", "open_fifo"]

_LOOK_S = 0.02


def open_fifo(path: str, stopping: threading.Event) -> Fifo | None:
    """Wait until somebody reads the pipe, and open it.

    None when it was stopped before that, or when those who wanted the capture are gone: the pipe removed, or the parent
    process dead.  What is no pipe becomes a plain file.  Raises CaptureError.
    """
    pipe, parent = _is_pipe(path), os.getppid()
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if pipe else os.O_CREAT | os.O_TRUNC)
    while os.getppid() == parent:
        try:
            return Fifo(os.open(path, flags, 0o666), stopping)
        except OSError as problem:
            if pipe and problem.errno == errno.ENOENT:
                return None
            if problem.errno != errno.ENXIO:  # nobody reads it yet
                raise CaptureError(f"{path}: cannot open for writing: {problem.strerror}") from problem
        if stopping.wait(_LOOK_S):
            return None
    return None


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116  (a path that may be anything)
    except (OSError, ValueError):
        return False


class Fifo(io.RawIOBase):
    """A pipe that is written; a reader that neither reads nor leaves cannot keep it from ending."""

    def __init__(self, fd: int, stopping: threading.Event) -> None:
        """``fd`` does not block, and belongs to this object now."""
        self._fd = fd
        self._stopping = stopping
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._watch = select.poll()
        self._watch.register(fd, 0)

    def writable(self) -> bool:
        """See io.RawIOBase."""
        return True

    def write(self, data: object) -> int:
        """Write a part or all.  Raises BrokenPipeError when nobody reads, or will before the end."""
        part = bytes(data)  # type: ignore[call-overload]  # io.RawIOBase takes any buffer
        while True:
            try:
                return os.write(self._fd, part)
            except BlockingIOError:
                if self._stopping.is_set():
                    raise BrokenPipeError(errno.EPIPE, "nobody reads any more") from None
                self._poll.poll(_LOOK_S * 1000)

    def abandoned(self) -> bool:
        """Whether the reader has gone."""
        return any(events & (select.POLLERR | select.POLLNVAL) for _, events in self._watch.poll(0))

    def close(self) -> None:
        """Close the pipe; a second time does nothing."""
        if not self.closed:
            os.close(self._fd)
        super().close()
