"""The toolbar in Wireshark: messages over two pipes, which may be missing, full or closed at any time.

A message is ``T``, three bytes with the length of what follows, number of the control, command, payload (developer's
guide of Wireshark, "Control Protocol").
"""

from __future__ import annotations

import contextlib
import enum
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["MAX_PAYLOAD", "Command", "Message", "Messages", "Toolbar"]

MAX_PAYLOAD = 65_535
_SYNC = b"T"
_HEAD, _INNER = 4, 2
_READ_SIZE = 4096
_MOST_WAITING = 200


class Command(enum.IntEnum):
    """What a message does to its control; the last four belong to none."""

    INITIALIZED = 0
    SET = 1
    ADD = 2
    REMOVE = 3
    ENABLE = 4
    DISABLE = 5
    STATUS = 6
    INFORMATION = 7
    WARNING = 8
    ERROR = 9


@dataclass(frozen=True, slots=True)
class Message:
    """One message; ``command`` is a Command, or a number that nobody knows."""

    control: int
    command: int
    payload: bytes = b""

    def build(self) -> bytes:
        """Bytes on the pipe; a longer payload than MAX_PAYLOAD is cut."""
        payload = self.payload[:MAX_PAYLOAD]
        size = (len(payload) + _INNER).to_bytes(_HEAD - 1, "big")
        return _SYNC + size + bytes((self.control, self.command)) + payload


class Messages:
    """Cuts a stream into messages; what is none is passed over."""

    def __init__(self) -> None:
        """Start without bytes."""
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take bytes, yield the messages that are complete."""
        pending = self._pending
        pending += data
        while True:
            start = pending.find(_SYNC)
            del pending[: start if start >= 0 else len(pending)]
            if len(pending) < _HEAD:
                return
            size = int.from_bytes(pending[1:_HEAD], "big")
            if not _INNER <= size <= MAX_PAYLOAD + _INNER:
                del pending[:1]
                continue
            if len(pending) < _HEAD + size:
                return
            yield Message(pending[_HEAD], pending[_HEAD + 1], bytes(pending[_HEAD + _INNER : _HEAD + size]))
            del pending[: _HEAD + size]


class Toolbar:
    """Both pipes: `said` is what the user did, `say` what is shown.  Nothing here waits or raises."""

    def __init__(self, from_user: str | None, to_user: str | None) -> None:
        """Paths of the pipes, None where there is no toolbar."""
        self._from_user, self._to_user = from_user, to_user
        self._in = self._out = -1
        self._messages = Messages()
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._rest = b""

    def said(self) -> list[Message]:
        """Messages that have come."""
        if self._in < 0 and self._from_user is not None:
            self._in = _opened(self._from_user, os.O_RDONLY)
        if self._in < 0:
            return []
        try:
            return list(self._messages.feed(os.read(self._in, _READ_SIZE)))
        except OSError:
            return []

    def say(self, control: int, command: Command, text: str) -> None:
        """Show something; of what nobody takes the oldest is forgotten."""
        if self._to_user is not None:
            self._waiting.append(Message(control, command, text.encode()).build())
            self.flush()

    def flush(self) -> None:
        """Hand over what waits, as far as it is taken."""
        if self._out < 0 and self._to_user is not None:
            self._out = _opened(self._to_user, os.O_WRONLY)
        while self._out >= 0 and (self._rest or self._waiting):
            self._rest = self._rest or self._waiting.popleft()
            try:
                self._rest = self._rest[os.write(self._out, self._rest) :]
            except BlockingIOError:
                return
            except OSError:
                self._hang_up()

    def _hang_up(self) -> None:
        """The user closed the toolbar: nothing more is said."""
        with contextlib.suppress(OSError):
            os.close(self._out)
        self._out, self._to_user = -1, None

    def close(self) -> None:
        """Close both pipes."""
        for fd in (self._in, self._out):
            if fd >= 0:
                os.close(fd)
        self._in = self._out = -1
        self._from_user = self._to_user = None


def _opened(path: str, mode: int) -> int:
    """Descriptor of a pipe, -1 as long as nobody is at the other side of it."""
    try:
        return os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return -1
