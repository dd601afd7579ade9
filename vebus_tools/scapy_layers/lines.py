"""What a Scapy socket stands on: a reader that cannot send, or a line to a simulator that can."""

from __future__ import annotations

import ipaddress
import os
import socket
import tty
from collections import deque
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.schema import Link
from vebus_tools.link import LinkError, LostLinkError, MemoryEnd, open_link, wait_for
from vebus_tools.link.tty import is_pty
from vebus_tools.scapy_layers.simulation import SIMULATED, Outgoing, SimulatedLine
from vebus_tools.timebase import BYTE_TIME_S

if TYPE_CHECKING:
    from vebus_tools.framing import Piece
    from vebus_tools.link import Reader

__all__ = ["Line", "open_line"]

_BITS_PER_BYTE = 10
_NUMBERS = 0x80
_READ_SIZE = 1 << 16


class Line(Protocol):
    """Bytes from somewhere, and perhaps frames to it."""

    @property
    def name(self) -> str:
        """Port as it was named."""

    def fileno(self) -> int:
        """Descriptor that is readable with new bytes; -1 where there is none."""

    def read(self, timeout_s: float) -> bytes | None:
        """Bytes as soon as there are some, None at the end.  Raises LostLinkError."""

    def heard(self, piece: Piece) -> None:
        """Take note of what came: it tells whose turn it is."""

    def check(self) -> None:
        """Raise LinkError where nothing may be sent."""

    def post(self, frame: Outgoing) -> None:
        """Send a frame when its turn comes."""

    def close(self) -> None:
        """Release it."""


def open_line(port: str | MemoryEnd, link: Link, *, baud: int | None, simulator: bool, seed: int) -> Line:
    """Line for a port; see VEBusSocket.  Raises LinkError."""
    if isinstance(port, MemoryEnd):
        return _TurnLine(port.name, port, link)
    if port.startswith(SIMULATED):
        return _Simulation(port, link, seed)
    if simulator:
        return _TurnLine(port, _to_simulator(port), link)
    rate = baud or round(_BITS_PER_BYTE / BYTE_TIME_S[link])
    return _ReadOnly(open_link(port, baud=rate))


class _ReadOnly:
    """A port that was opened for reading: it has no way to send."""

    def __init__(self, reader: Reader) -> None:
        self.name = reader.facts.name
        self._reader = reader

    def fileno(self) -> int:
        return self._reader.fileno()

    def read(self, timeout_s: float) -> bytes | None:
        return self._reader.read(timeout_s)

    def heard(self, piece: Piece) -> None:
        """Nothing to note."""

    def check(self) -> None:
        raise LinkError(
            f"{self.name}: is open for reading only, nothing here sends on a real bus; "
            "send to VEBusSocket('sim:'), or with simulator=True to a pty or loopback end of vebus simulate"
        )

    def post(self, frame: Outgoing) -> None:  # noqa: ARG002
        self.check()

    def close(self) -> None:
        self._reader.close()


class _Simulation(SimulatedLine):
    """The built-in simulation under the face of a line."""

    def __init__(self, port: str, link: Link, seed: int) -> None:
        super().__init__(port.removeprefix(SIMULATED), link, seed)
        self.name = port

    def heard(self, piece: Piece) -> None:
        """Nothing to note: the simulation knows the numbers."""

    def check(self) -> None:
        """All may be sent."""


class _Simulator(Protocol):
    """What a simulator in another place is reached by."""

    def fileno(self) -> int: ...

    def read(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class _TurnLine:
    """A line to a simulator that only passes bytes: on the bus a frame goes out right behind one of the others.

    It has the number that follows, and may still be late: then nobody answers, and ``retry`` is what helps.
    """

    def __init__(self, name: str, end: _Simulator, link: Link) -> None:
        self.name = name
        self._end = end
        self._at_once = link is Link.MK3
        self._posted: deque[Outgoing] = deque()

    def fileno(self) -> int:
        return self._end.fileno()

    def read(self, timeout_s: float) -> bytes | None:
        wait_for([self._end], timeout_s)  # type: ignore[list-item]  # it asks for no more than a descriptor
        return self._end.read()

    def heard(self, piece: Piece) -> None:
        frame = piece.frame
        if self._posted and isinstance(frame, ReceivedFrame) and frame.good and frame.kind == FrameKind.DATA:
            self._send(self._posted.popleft(), (frame.number + 1) % _NUMBERS)

    def check(self) -> None:
        """All may be sent: the caller said that it is a simulator."""

    def post(self, frame: Outgoing) -> None:
        if self._at_once:
            self._send(frame, 0)
        else:
            self._posted.append(frame)

    def _send(self, frame: Outgoing, number: int) -> None:
        self._end.write(frame.data(number))
        frame.sent(number)

    def close(self) -> None:
        self._end.close()


# --- simulators elsewhere --------------------------------------------------------------------------------------------
class _Descriptor:
    """A connection or pty that was found to be on this computer."""

    def __init__(self, name: str, fd: int) -> None:
        self._name = name
        self._fd = fd
        os.set_blocking(fd, False)

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bytes:
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as problem:
            raise LostLinkError(f"{self._name}: the link is gone: {problem.strerror}") from problem
        if not data:
            raise LostLinkError(f"{self._name}: the link is gone: the other side closed it")
        return data

    def write(self, data: bytes) -> None:
        try:
            os.write(self._fd, data)
        except OSError as problem:
            raise LinkError(f"{self._name}: cannot send: {problem.strerror}") from problem

    def close(self) -> None:
        os.close(self._fd)


def _to_simulator(port: str) -> _Descriptor:
    """Open a loopback connection or a pty for both directions; nothing else.  Raises LinkError."""
    if port.startswith("socket://"):
        return _Descriptor(port, _loopback(port))
    try:
        seen = os.open(port, os.O_PATH | os.O_CLOEXEC)  # names the device without opening it, so that no line moves
    except OSError as problem:
        raise LinkError(f"{port}: cannot open: {problem.strerror}") from problem
    try:
        if not is_pty(seen):
            raise LinkError(f"{port}: is no pty; a simulator is a pty or socket://127.0.0.1:PORT of vebus simulate")
        fd = os.open(f"/proc/self/fd/{seen}", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        tty.setraw(fd)
    except OSError as problem:
        raise LinkError(f"{port}: cannot open: {problem.strerror}") from problem
    finally:
        os.close(seen)
    return _Descriptor(port, fd)


def _loopback(url: str) -> int:
    try:
        parts = urlsplit(url)
        address = ipaddress.ip_address("127.0.0.1" if parts.hostname == "localhost" else parts.hostname or "")
        port = parts.port or 0
    except ValueError as problem:
        raise LinkError(f"{url}: {problem}; write socket://127.0.0.1:PORT") from problem
    if not address.is_loopback:
        raise LinkError(f"{url}: is not on this computer; a simulator to send to is at socket://127.0.0.1:PORT")
    try:
        connection = socket.create_connection((str(address), port), timeout=5.0)
    except OSError as problem:
        text = problem.strerror or problem
        raise LinkError(f"{url}: cannot connect: {text}; is vebus simulate running?") from problem
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection.detach()
