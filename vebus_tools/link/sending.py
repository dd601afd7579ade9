"""A port for the transmitting BMS: opened to listen like any other, and for writing only from `arm` to `release`.

Nothing else in this package can write to a serial port.  Writing takes a descriptor of its own, so that after a stop no
byte can leave whatever the program does.  Where the kernel switches an RS485 driver (TIOCSRS485), it is told to: the
driver is then on for as long as a byte is shifted out and no longer, also when this program dies.
Sources: ioctl_tty(2), linux/serial.h (struct serial_rs485), Documentation/driver-api/serial/serial-rs485.rst.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import termios
from dataclasses import dataclass
from pathlib import Path

from vebus_tools.link.errors import LinkError, LostLinkError
from vebus_tools.link.tty import can_open_tty, close_tty, is_pty, open_tty

__all__ = ["PortFacts", "SendingPort", "open_sending_port"]

READ_SIZE = 1 << 12
_TIOCGRS485, _TIOCSRS485 = 0x542E, 0x542F
_RS485 = struct.Struct("3I20x")
_ENABLED, _RTS_ON_SEND, _RX_DURING_TX = 1 << 0, 1 << 1, 1 << 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFacts:
    """What is known of a port; ``kernel_rs485`` is whether the kernel can switch its bus driver."""

    name: str
    rate: int
    pty: bool
    usb: bool
    kernel_rs485: bool
    driver: str
    warnings: tuple[str, ...] = ()


class SendingPort:
    """One port, locked for us; it cannot write before `arm` and after `release`."""

    def __init__(self, fd: int, facts: PortFacts) -> None:
        """Use ``open_sending_port``."""
        self.facts = facts
        self._fd = fd
        self._out = -1
        self._rs485 = b""  # how the kernel had it before

    def fileno(self) -> int:
        """Descriptor that gets readable with new bytes."""
        return self._fd

    @property
    def armed(self) -> bool:
        """Whether it can write."""
        return self._out >= 0

    def read(self) -> bytes:
        """What has come, perhaps nothing.  Raises LostLinkError when the port is gone."""
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as problem:
            raise self._lost() from problem
        if not data:
            raise self._lost()
        return data

    def arm(self) -> None:
        """Open for writing; the driver of the bus is handed to the kernel where there is one.  Raises LinkError."""
        if self.armed:
            return
        path = self.facts.name
        try:
            if self.facts.kernel_rs485:
                self._rs485 = _hand_to_kernel(self._fd, path)
            if not self.facts.pty:
                fcntl.ioctl(self._fd, termios.TIOCNXCL)  # our own lock would keep us out; the flock stays
            self._out = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as problem:
            raise LinkError(f"{path}: cannot open it for sending: {problem.strerror}") from problem
        finally:
            if not self.facts.pty:
                with contextlib.suppress(OSError):
                    fcntl.ioctl(self._fd, termios.TIOCEXCL)

    def send(self, wire: bytes) -> None:
        """Hand a whole frame to the driver at once.  Raises LinkError where it does not take all of it."""
        try:
            taken = os.write(self._out, wire)
        except OSError as problem:
            if problem.errno == errno.EBADF:
                raise LinkError(f"{self.facts.name}: is not open for sending") from problem
            raise LinkError(f"{self.facts.name}: cannot send: {problem.strerror}") from problem
        if taken != len(wire):
            self.release()
            raise LinkError(f"{self.facts.name}: took {taken} of {len(wire)} bytes; is its output blocked?")

    def cut(self) -> None:
        """Throw away what was handed over and is not on the line yet."""
        if self.armed:
            with contextlib.suppress(OSError, termios.error):
                termios.tcflush(self._out, termios.TCOFLUSH)

    def release(self) -> None:
        """Give up writing, for good or until the next `arm`; what is not on the line yet is thrown away."""
        if self.armed:
            if (
                not self.facts.pty
            ):  # a pty would throw away what its reader has not taken yet, and nothing is ours there
                self.cut()
            os.close(self._out)
            self._out = -1
            if self._rs485:
                with contextlib.suppress(OSError):
                    fcntl.ioctl(self._fd, _TIOCSRS485, self._rs485)

    def close(self) -> None:
        """Release the port; a second time does nothing."""
        self.release()
        if self._fd >= 0:
            close_tty(self._fd)
            self._fd = -1

    def _lost(self) -> LostLinkError:
        return LostLinkError(f"{self.facts.name}: the link is gone: unplugged, or the other side closed it")


def open_sending_port(path: str, *, baud: int) -> SendingPort:
    """Open a device to listen, with an exclusive lock, so that `SendingPort.arm` may make it send later.

    Raises LinkError where it is no tty or cannot do the bit rate, BusyLinkError when somebody has it.
    """
    if not can_open_tty():
        raise LinkError(f"{path}: sending needs Linux, whose serial ports can be locked and checked")
    fd, state = open_tty(path, baud=baud, exclusive=True, low_latency=True)
    device = _device(path)
    facts = PortFacts(
        name=path,
        rate=state.rate,
        pty=is_pty(fd),
        usb="usb" in str(device),
        kernel_rs485=_has_rs485(fd),
        driver=_driver(device),
        warnings=state.warnings,
    )
    return SendingPort(fd, facts)


def _device(path: str) -> Path:
    return (Path("/sys/class/tty") / Path(path).resolve().name / "device").resolve()


def _driver(device: Path) -> str:
    with contextlib.suppress(OSError):
        return (device / "driver").readlink().name
    return ""


def _has_rs485(fd: int) -> bool:
    try:
        fcntl.ioctl(fd, _TIOCGRS485, bytes(_RS485.size))
    except OSError:
        return False
    return True


def _hand_to_kernel(fd: int, path: str) -> bytes:
    """RTS switches the driver, the kernel switches RTS: on for the bytes of a frame, without any delay behind them.

    Returns how it was before.
    """
    before = fcntl.ioctl(fd, _TIOCGRS485, bytes(_RS485.size))
    wanted = _ENABLED | _RTS_ON_SEND | _RX_DURING_TX
    fcntl.ioctl(fd, _TIOCSRS485, _RS485.pack(wanted, 0, 0))
    flags, _, after_ms = _RS485.unpack(fcntl.ioctl(fd, _TIOCGRS485, bytes(_RS485.size)))
    if flags & wanted != wanted or after_ms:
        raise LinkError(f"{path}: its driver does not hear itself while it sends, so nothing could be read back (X-9)")
    return before
