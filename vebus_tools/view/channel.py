"""Objects over a socket between two processes of this program; one end never waits.

The bytes are pickles: both ends run the same code, and the socket pair has no name that anybody else could connect to.
"""

from __future__ import annotations

import os
import pickle
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

__all__ = ["Channel"]

_SIZE = struct.Struct("<I")
_READ_SIZE = 1 << 16


class Channel:
    """One end of a socket pair."""

    def __init__(self, end: socket.socket) -> None:
        """``end`` becomes non-blocking."""
        os.set_blocking(end.fileno(), False)
        self._end = end
        self._outgoing = b""
        self._incoming = bytearray()
        self.open = True

    def fileno(self) -> int:
        """Descriptor that gets readable when there is something to receive, or the other end is gone."""
        return self._end.fileno()

    @property
    def busy(self) -> bool:
        """Whether the other end has not taken all that was sent; then nothing more should be made for it."""
        self._push()
        return bool(self._outgoing)

    def send(self, message: object) -> None:
        """Send an object without waiting: what the socket does not take now is kept and goes first next time."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._outgoing += _SIZE.pack(len(data)) + data
        self._push()

    def receive(self) -> list[object]:
        """All objects that have come; `open` is False from the end of the other side on."""
        while self.open:
            try:
                data = self._end.recv(_READ_SIZE)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self._incoming += data
            self.open = bool(data)
        found = []
        while len(self._incoming) >= _SIZE.size:
            (size,) = _SIZE.unpack_from(self._incoming)
            if len(self._incoming) < _SIZE.size + size:
                break
            body = bytes(self._incoming[_SIZE.size : _SIZE.size + size])
            del self._incoming[: _SIZE.size + size]
            found.append(pickle.loads(body))  # noqa: S301  (see above: our own bytes)
        return found

    def close(self) -> None:
        """Hang up; the other end sees it."""
        self.open = False
        self._end.close()

    def _push(self) -> None:
        while self._outgoing and self.open:
            try:
                sent = self._end.send(self._outgoing)
            except BlockingIOError:
                return
            except OSError:
                self.open = False
                return
            self._outgoing = self._outgoing[sent:]
