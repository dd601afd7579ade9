"""Ends that other programs connect to: a pty, a TCP server, one half of a pair in memory.

None of them blocks unless told to, so that one loop serves any number (``wait_for``).  Like a serial line they do not
wait for a listener: what nobody reads is dropped and counted in ``unheard``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import selectors
import socket
import struct
import termios
import time
import tty
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from vebus_tools.link.errors import LinkError

__all__ = ["End", "MemoryEnd", "PtyEnd", "TcpServer", "is_loopback", "memory_pair", "wait_for"]

READ_SIZE = 1 << 16
MAX_BACKLOG = 1 << 18
"""Bytes that a TCP client may lag behind before it is disconnected: 10 s of a saturated bus."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ABSENT_POLL_S = 0.02


class End(Protocol):
    """One end of a virtual line."""

    @property
    def name(self) -> str:
        """Path or address that another program opens."""

    @property
    def unheard(self) -> int:
        """Bytes dropped because nobody took them."""

    def fileno(self) -> int:
        """Descriptor that is readable when ``read`` has something to do."""

    def present(self) -> bool:
        """Whether somebody is at the other side."""

    def read(self) -> bytes:
        """What has come, perhaps nothing."""

    def write(self, data: bytes, wait_s: float = 0.0) -> None:
        """Send bytes to whoever listens; wait at most ``wait_s`` for a slow one."""

    def drain(self, wait_s: float) -> None:
        """Wait until what was sent has been taken, at most ``wait_s``."""

    def close(self) -> None:
        """Release the end; a second time does nothing."""


class PtyEnd:
    """The master of a pty; ``name`` is the path for the others, which may open and close it as they like."""

    def __init__(self, link_name: str | os.PathLike[str] | None = None) -> None:
        """Create the pty, and a symbolic link to it where wanted.

        Raises LinkError, also where ``link_name`` is something else than a symbolic link.
        """
        self.unheard = 0
        self._link: Path | None = None
        self._master, slave = os.openpty()
        try:
            tty.setraw(slave)
            self.path = os.ttyname(slave)
            os.set_blocking(self._master, False)
            if link_name is not None:
                self._link = _link(Path(link_name), self.path)
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        self.name = str(self._link or self.path)

    def fileno(self) -> int:
        """See End.fileno; readable all the time while nobody has the pty open, so wait with ``wait_for``."""
        return self._master

    def present(self) -> bool:
        """Whether somebody has the pty open."""
        poll = select.poll()
        poll.register(self._master, 0)
        return not poll.poll(0)

    def read(self) -> bytes:
        """See End.read."""
        try:
            return os.read(self._master, READ_SIZE)
        except OSError as problem:
            if problem.errno in (errno.EIO, errno.EAGAIN):  # nobody has it open, or nothing has come
                return b""
            raise

    def write(self, data: bytes, wait_s: float = 0.0) -> None:
        """See End.write; a reader that is 4 KiB late loses bytes, as with a serial port."""
        until = time.monotonic() + wait_s
        done = 0
        while done < len(data) and self.present():
            try:
                done += os.write(self._master, data[done:])
            except BlockingIOError:
                left = until - time.monotonic()
                if left <= 0:
                    break
                _writable(self._master, min(left, _ABSENT_POLL_S))  # also look whether the reader is still there
        self.unheard += len(data) - done

    def drain(self, wait_s: float) -> None:
        """See End.drain; closing the pty would throw away what its reader has not taken."""
        until = time.monotonic() + wait_s
        slave = os.open(self.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            while time.monotonic() < until:
                time.sleep(_ABSENT_POLL_S)  # bytes on their way from one side to the other are not counted yet
                if not struct.unpack("i", fcntl.ioctl(slave, termios.FIONREAD, bytes(4)))[0]:
                    return
        finally:
            os.close(slave)

    def close(self) -> None:
        """Close the pty and remove the symbolic link."""
        if self._link is not None:
            with contextlib.suppress(OSError):
                if self._link.readlink() == Path(self.path):
                    self._link.unlink()
            self._link = None
        if self._master >= 0:
            os.close(self._master)
            self._master = -1


def _link(link: Path, path: str) -> Path:
    try:
        if link.is_symlink():
            link.unlink()
        link.symlink_to(path)
    except FileExistsError as problem:
        raise LinkError(f"{link}: exists and is no symbolic link; choose another name") from problem
    except OSError as problem:
        raise LinkError(f"{link}: cannot create the symbolic link: {problem.strerror}") from problem
    return link


class TcpServer:
    """Serves any number of clients; all hear the same, and what they say comes in one stream."""

    def __init__(self, address: str = "127.0.0.1:0") -> None:
        """Listen at ``HOST:PORT``, ``:PORT`` or ``PORT``, on loopback where no host is named; port 0 is any free one.

        Raises LinkError.
        """
        host, port = _address(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, port), family=family)
        except OSError as problem:
            raise LinkError(f"{address}: cannot listen: {problem.strerror or problem}") from problem
        self._listener.settimeout(0)
        port = self._listener.getsockname()[1]
        self.name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.loopback = host in _LOOPBACK
        """Whether only programs on this computer can connect."""
        self.unheard = 0
        self.dropped_clients = 0
        """Clients that were disconnected because they read too slowly."""
        self._clients: dict[socket.socket, bytearray] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)

    def fileno(self) -> int:
        """One descriptor for the server and all of its clients."""
        return int(self._selector.fileno())  # epoll and kqueue have one

    def present(self) -> bool:
        """Whether a client is connected, as far as ``read`` has looked."""
        return bool(self._clients)

    def read(self) -> bytes:
        """Accept clients, send what is waiting, take what has come, all clients in one."""
        parts = []
        for key, events in self._selector.select(0):
            if key.fileobj is self._listener:
                self._accept()
                continue
            client = key.fileobj
            if not isinstance(client, socket.socket):  # pragma: no cover  (nothing else is registered)
                continue
            if events & selectors.EVENT_WRITE:
                self._send(client)
            if events & selectors.EVENT_READ and client in self._clients:
                parts.append(self._receive(client))
        return b"".join(parts)

    def write(self, data: bytes, wait_s: float = 0.0) -> None:
        """See End.write; accepts clients that wait, and disconnects those that are MAX_BACKLOG bytes late."""
        self._accept()
        if not self._clients:
            self.unheard += len(data)
        for client, waiting in list(self._clients.items()):
            waiting.extend(data)
            self._send(client)
        if self._late(MAX_BACKLOG) and wait_s > 0:
            self._wait(wait_s, MAX_BACKLOG // 2)
        for client in self._late(MAX_BACKLOG):
            self.unheard += len(self._clients[client])
            self.dropped_clients += 1
            self._drop(client)

    def drain(self, wait_s: float) -> None:
        """See End.drain."""
        self._wait(wait_s, 0)

    def _late(self, limit: int) -> list[socket.socket]:
        return [client for client, waiting in self._clients.items() if len(waiting) > limit]

    def _wait(self, wait_s: float, limit: int) -> None:
        until = time.monotonic() + wait_s
        while (late := self._late(limit)) and time.monotonic() < until:
            poll = select.poll()
            for client in late:
                poll.register(client, select.POLLOUT)
            poll.poll(1000 * _ABSENT_POLL_S)
            for client in late:
                self._send(client)

    def close(self) -> None:
        """Disconnect everybody and stop listening."""
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            self._drop(client)
        self._selector.close()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except (BlockingIOError, ConnectionError):
                return
            client.settimeout(0)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._clients[client] = bytearray()
            self._selector.register(client, selectors.EVENT_READ)

    def _receive(self, client: socket.socket) -> bytes:
        try:
            data = client.recv(READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._drop(client)
        return data

    def _send(self, client: socket.socket) -> None:
        waiting = self._clients[client]
        try:
            while waiting:
                del waiting[: client.send(waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting else 0)
        if self._selector.get_key(client).events != wanted:
            self._selector.modify(client, wanted)

    def _drop(self, client: socket.socket) -> None:
        if self._clients.pop(client, None) is not None:
            self._selector.unregister(client)
            client.close()


def is_loopback(address: str) -> bool:
    """Whether a `TcpServer` at this address is for this computer only; nothing is opened.  Raises LinkError."""
    return _address(address)[0] in _LOOPBACK


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        host = ""
    if not port.isdecimal() or int(port) > 0xFFFF:
        raise LinkError(f"{text}: is no address; write HOST:PORT, or the port alone for this computer only")
    return host.strip("[]") or _LOOPBACK[0], int(port)


class MemoryEnd:
    """One half of a pair in memory; bytes written to one half are read from the other."""

    def __init__(self, half: socket.socket, name: str) -> None:
        """Use ``memory_pair`` to make two that belong together."""
        self.name = name
        self.unheard = 0
        self._half = half
        half.settimeout(0)

    def fileno(self) -> int:
        """See End.fileno."""
        return self._half.fileno()

    def present(self) -> bool:
        """Whether this half is open."""
        return self._half.fileno() >= 0

    def read(self) -> bytes:
        """See End.read; empty also when the other half is closed."""
        try:
            return self._half.recv(READ_SIZE)
        except (BlockingIOError, ConnectionError):
            return b""

    def write(self, data: bytes, wait_s: float = 0.0) -> None:
        """See End.write."""
        until = time.monotonic() + wait_s
        done = 0
        with contextlib.suppress(ConnectionError):
            while done < len(data):
                try:
                    done += self._half.send(data[done:])
                except BlockingIOError:
                    left = until - time.monotonic()
                    if left <= 0:
                        break
                    _writable(self._half.fileno(), left)
        self.unheard += len(data) - done

    def drain(self, wait_s: float) -> None:
        """Nothing to wait for: the other half can read what was sent also when this one is closed."""

    def close(self) -> None:
        """See End.close."""
        self._half.close()


def memory_pair() -> tuple[MemoryEnd, MemoryEnd]:
    """Two ends of one line inside this process."""
    first, second = socket.socketpair()
    return MemoryEnd(first, "memory:0"), MemoryEnd(second, "memory:1")


def _writable(fd: int, wait_s: float) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(1000 * wait_s))


def wait_for(ends: Iterable[End], timeout_s: float) -> list[End]:
    """Wait until an end has something to read, at most ``timeout_s``; returns those that have.

    An end without anybody at the other side is looked at every 20 ms, instead of spinning on its hang-up.
    """
    ends = list(ends)
    until = time.monotonic() + timeout_s
    while True:
        absent = False
        poll, by_number = select.poll(), {}
        for end in ends:
            if isinstance(end, PtyEnd) and not end.present():
                absent = True
                continue
            by_number[end.fileno()] = end
            poll.register(end.fileno(), select.POLLIN)
        left = max(0.0, until - time.monotonic())
        ready = poll.poll(1000 * (min(left, _ABSENT_POLL_S) if absent else left))
        if ready or left <= (_ABSENT_POLL_S if absent else left):
            return [by_number[number] for number, _ in ready]
