"""Readers: whatever can be listened to, under one face.  None of them has a way to write.

Where the line is a file descriptor, one poll waits for it; pyserial URLs without one (``rfc2217://``, ``loop://``) are
read with a timeout.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vebus_tools.link.errors import LinkError, LostLinkError
from vebus_tools.link.ports import describe_port
from vebus_tools.link.tty import LineErrors, TtyState, can_open_tty, close_tty, line_errors, open_tty

__all__ = ["DescriptorReader", "LinkFacts", "PacedReader", "Reader", "Timed", "connect", "lost", "open_link"]

READ_SIZE = 1 << 16
HOST_ERROR_S = 0.001
"""How late a poll loop sees bytes on a busy computer: 99 of 100 times less than this."""

_USB_FRAME_S = 0.001  # full speed USB hands over once in a millisecond


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """What is known of an opened link.

    ``rate`` in bit/s, None where the other side has it; ``adapter`` describes the hardware; ``error_s`` is the
    estimated error of arrival times, None where nobody knows it (a network in between); ``lasting`` says whether it can
    come back after it was lost.
    """

    name: str
    rate: int | None = None
    adapter: str = ""
    error_s: float | None = None
    warnings: tuple[str, ...] = ()
    lasting: bool = True


class Reader(Protocol):
    """Something to listen to."""

    @property
    def facts(self) -> LinkFacts:
        """What is known of the link."""

    def fileno(self) -> int:
        """Descriptor that gets readable with new bytes; -1 where there is none."""

    def read(self, timeout_s: float) -> bytes | None:
        """Bytes as soon as there are some; empty after ``timeout_s``, None at the end of the input.

        Raises LostLinkError when the link is gone.
        """

    def line_errors(self) -> LineErrors | None:
        """Error counts of the driver, None where it keeps none."""

    def close(self) -> None:
        """Release the link."""


class DescriptorReader:
    """Reads a descriptor; ``ends`` says whether an end of file is the end of the input or a lost link."""

    def __init__(self, fd: int, facts: LinkFacts, *, tty: bool, ends: bool, owned: bool = True) -> None:
        self.facts = facts
        self._fd = fd
        self._tty = tty
        self._ends = ends
        self._owned = owned
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def fileno(self) -> int:
        """See Reader.fileno."""
        return self._fd

    def read(self, timeout_s: float) -> bytes | None:
        """See Reader.read."""
        if not self._poll.poll(max(timeout_s, 0.0) * 1000):
            return b""
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as problem:
            raise lost(self.facts.name, problem) from problem
        if data:
            return data
        if self._ends:
            return None
        raise lost(self.facts.name, None)

    def line_errors(self) -> LineErrors | None:
        """See Reader.line_errors."""
        return line_errors(self._fd) if self._tty else None

    def close(self) -> None:
        """See Reader.close."""
        if self._fd >= 0 and self._owned:
            (close_tty if self._tty else os.close)(self._fd)
        self._fd = -1


class _SerialReader:
    """Reads a pyserial port; its own reading is the only thing of it that is used."""

    def __init__(self, port: Any, facts: LinkFacts) -> None:  # noqa: ANN401  (pyserial has no types)
        self.facts = facts
        self._port = port

    def fileno(self) -> int:
        return -1

    def read(self, timeout_s: float) -> bytes | None:
        from serial import SerialException

        try:
            self._port.timeout = max(timeout_s, 0.001)
            first = bytes(self._port.read(1))
            waiting = min(self._port.in_waiting, READ_SIZE) if first else 0
            return first + bytes(self._port.read(waiting)) if waiting else first
        except (SerialException, OSError) as problem:
            raise lost(self.facts.name, problem) from problem

    def line_errors(self) -> LineErrors | None:
        return None

    def close(self) -> None:
        from serial import SerialException

        with contextlib.suppress(SerialException, OSError):
            self._port.close()


class Timed(Protocol):
    """Bytes with the time in seconds at which the first of them is on the line."""

    @property
    def at_s(self) -> float:
        """Seconds since the start."""

    @property
    def data(self) -> bytes:
        """The bytes."""


class PacedReader:
    """Plays timed bytes in real time, as if they came from a line; a simulated bus is listened to with it."""

    def __init__(self, source: Iterable[Timed], facts: LinkFacts) -> None:
        """Time 0 of ``source`` is the first call of ``read``; the rate of ``facts`` says how long bytes take."""
        self.facts = facts
        self._byte_s = 10 / facts.rate if facts.rate else 0.0
        self._source = iter(source)
        self._next: Timed | None = next(self._source, None)
        self._start: float | None = None

    def fileno(self) -> int:
        """See Reader.fileno."""
        return -1

    def read(self, timeout_s: float) -> bytes | None:
        """See Reader.read."""
        if self._next is None:
            return None
        now = time.monotonic()
        if self._start is None:
            self._start = now
        wait = self._start + self._there(self._next) - now
        if wait > timeout_s:
            time.sleep(max(timeout_s, 0.0))
            return b""
        if wait > 0:
            time.sleep(wait)
        return self._due(time.monotonic() - self._start)

    def _there(self, timed: Timed) -> float:
        return timed.at_s + len(timed.data) * self._byte_s

    def _due(self, elapsed_s: float) -> bytes:
        parts = []
        while self._next is not None and self._there(self._next) <= elapsed_s:
            parts.append(self._next.data)
            self._next = next(self._source, None)
        return b"".join(parts)

    def line_errors(self) -> LineErrors | None:
        """None: a simulated line has no driver."""
        return None

    def close(self) -> None:
        """Nothing to release."""
        self._next = None


# --- opening ---------------------------------------------------------------------------------------------------------
def open_link(url: str, *, baud: int, exclusive: bool = True, low_latency: bool = True) -> Reader:
    """Open a port to listen: a device path, a pyserial URL, or ``-`` for standard input.

    ``baud`` is in bit/s, and the port is refused where its driver makes it another rate; ``exclusive`` keeps other
    programs away from a device.  Raises LinkError, BusyLinkError.
    """
    if url == "-":
        return _standard_input()
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    if scheme == "socket":
        return _open_socket(url)
    if scheme == "hwgrep":
        return _open_device(_found_by(url), baud, exclusive=exclusive, low_latency=low_latency)
    if scheme or not can_open_tty():
        return _open_serial(url, baud, exclusive=exclusive)
    return _open_device(url, baud, exclusive=exclusive, low_latency=low_latency)


def _open_device(path: str, baud: int, *, exclusive: bool, low_latency: bool) -> Reader:
    if stat.S_ISFIFO(_mode(path)):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return DescriptorReader(fd, LinkFacts(name=path, lasting=False), tty=False, ends=True)
    fd, state = open_tty(path, baud=baud, exclusive=exclusive, low_latency=low_latency)
    adapter = describe_port(path)
    facts = LinkFacts(
        name=path, rate=state.rate, adapter=adapter, error_s=_error(state, adapter), warnings=state.warnings
    )
    return DescriptorReader(fd, facts, tty=True, ends=False)


def _mode(path: str) -> int:
    try:
        return Path(path).stat().st_mode
    except (OSError, ValueError):
        return 0


def _error(state: TtyState, adapter: str) -> float:
    """Estimated error of an arrival time: how late we may be, and how long the adapter may hold bytes back."""
    held = (state.latency_ms or 0) / 1000
    return HOST_ERROR_S + held + (_USB_FRAME_S if "USB" in adapter else 0.0)


def _standard_input() -> Reader:
    try:
        fd = sys.stdin.fileno()
    except (OSError, ValueError, AttributeError) as problem:
        raise LinkError("standard input: is closed; pipe something into it") from problem
    return DescriptorReader(fd, LinkFacts(name="-", lasting=False), tty=False, ends=True, owned=False)


def _open_socket(url: str) -> Reader:
    return DescriptorReader(connect(url), LinkFacts(name=url), tty=False, ends=False)


def connect(url: str) -> int:
    """Descriptor of a TCP connection to ``socket://HOST:PORT``, not blocking.  Raises LinkError."""
    import socket
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as problem:
        raise LinkError(f"{url}: {problem}; write socket://HOST:PORT") from problem
    if not host or not port:
        raise LinkError(f"{url}: is no address; write socket://HOST:PORT")
    try:
        connection = socket.create_connection((host, port), timeout=5.0)
    except OSError as problem:
        raise LinkError(
            f"{url}: cannot connect: {problem.strerror or problem}; is the other side running?"
        ) from problem
    connection.settimeout(0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection.detach()


def _open_serial(url: str, baud: int, *, exclusive: bool) -> Reader:
    """A pyserial port with RTS and DTR set to inactive before it is opened, so that opening does not raise them."""
    import serial

    try:
        port = serial.serial_for_url(url, do_not_open=True)
        port.baudrate, port.timeout = baud, 0.1
        port.dtr = port.rts = False
        if exclusive and "://" not in url and os.name == "posix":
            port.exclusive = True
        port.open()
    except (serial.SerialException, OSError, ValueError) as problem:
        text = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise LinkError(f"{url}: cannot open: {text}") from problem
    warnings = () if "://" in url else (f"{url}: this system does not tell which bit rate the port really has",)
    return _SerialReader(port, LinkFacts(name=url, rate=baud, warnings=warnings))


def _found_by(url: str) -> str:
    """Device path of the first port that ``hwgrep://PATTERN`` finds."""
    import re

    from serial.tools import list_ports

    pattern = url.partition("://")[2].partition("&")[0]
    try:
        found = sorted(list_ports.grep(pattern))
    except re.error as problem:
        raise LinkError(f"{url}: {pattern!r} is no regular expression: {problem}") from problem
    if not found:
        raise LinkError(f"{url}: no port matches; `vebus sniff -D` lists what there is")
    return str(found[0].device)


def lost(name: str, problem: OSError | None) -> LostLinkError:
    """The error that says that a link has gone."""
    gone = problem is None or problem.errno in (errno.EIO, errno.ENXIO, errno.ENODEV, errno.ECONNRESET)
    why = "unplugged, or the other side closed it" if gone or problem is None else str(problem.strerror or problem)
    return LostLinkError(f"{name}: the link is gone: {why}")
