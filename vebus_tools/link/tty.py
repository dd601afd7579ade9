"""A Linux tty, opened to listen: raw, any bit rate, locked, low latency, and never a control line raised by us.

RTS and DTR are dropped by the first system call after opening, before the bit rate or anything else is touched: on many
RS485 adapters RTS enables the bus driver, and a Multi resets on a blocked bus (vebus-rs485.md section 1).  The kernel
itself raises both lines for an instant inside open(2); no program can prevent that.
Sources: ioctl_tty(2), asm-generic/termbits.h, linux/serial.h, linux/tty_flags.h.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import stat
import struct
import termios
from dataclasses import dataclass
from pathlib import Path

from vebus_tools.link.errors import BusyLinkError, LinkError

__all__ = ["LineErrors", "TtyState", "can_open_tty", "close_tty", "holders", "is_pty", "line_errors", "open_tty"]

_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B
_TIOCGICOUNT = 0x545D
_TERMIOS2 = struct.Struct("4IB19B2I")
_BOTHER = 0o010000
_CBAUD = 0o010017
_CIBAUD_SHIFT = 16
_ASYNC_LOW_LATENCY = 1 << 13
_SERIAL_STRUCT_SIZE = 128  # larger than any struct serial_struct
_SERIAL_FLAGS_AT = 16
_ICOUNTER = struct.Struct("20i")
_MODEM_LINES = termios.TIOCM_DTR | termios.TIOCM_RTS
_RATE_TOLERANCE = 0.01  # a UART reads wrong beyond about 2 %, and the other end may be off as well
_PTY_MAJORS = range(136, 144)
_GENERIC = ("x86_64", "i386", "i686", "aarch64", "arm", "riscv", "s390x", "loongarch64")
_READABLE_CHARS = 1


def can_open_tty() -> bool:
    """Whether this computer has the calls used here: Linux, with the ioctl numbers most machines share."""
    return platform.system() == "Linux" and platform.machine().startswith(_GENERIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TtyState:
    """What opening a tty came to.

    ``rate`` in bit/s is what the driver reports, ``low_latency`` None where there is no such thing or nobody wanted it,
    ``latency_ms`` the latency timer of an FTDI adapter if it tells.
    """

    rate: int
    low_latency: bool | None
    latency_ms: int | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineErrors:
    """Counts of the driver since it was loaded: wrong stop bits, and bytes lost in the chip or the driver."""

    framing: int
    overruns: int


def open_tty(
    path: str, *, baud: int, exclusive: bool, low_latency: bool, writable: bool = False
) -> tuple[int, TtyState]:
    """Open a tty without blocking, for reading alone unless ``writable``.

    Raises LinkError, BusyLinkError when somebody has it.
    """
    fd = _open(path, os.O_RDWR if writable else os.O_RDONLY)
    try:
        pty = is_pty(fd)
        if not pty:
            _drop_modem_lines(fd, path)
        if exclusive:
            _lock(fd, path, pty=pty)
        rate = _configure(fd, path, baud)
        if not pty:
            _drop_modem_lines(fd, path)  # some drivers raise them when a rate is set
        warnings: list[str] = []
        lowered = _lower_latency(fd, path, warnings) if low_latency and not pty else None
        if not pty:
            termios.tcflush(fd, termios.TCIFLUSH)  # what was heard at another rate
    except OSError as problem:
        os.close(fd)
        raise LinkError(f"{path}: cannot set it up: {problem.strerror}; is it a serial port?") from problem
    except BaseException:
        os.close(fd)
        raise
    return fd, TtyState(rate=rate, low_latency=lowered, latency_ms=latency_ms(path), warnings=tuple(warnings))


def close_tty(fd: int) -> None:
    """Give the port back; a port that is gone already is no error."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, termios.TIOCNXCL)
    with contextlib.suppress(OSError):
        os.close(fd)


def line_errors(fd: int) -> LineErrors | None:
    """Error counts of the driver; None where it keeps none (ptys, some adapters)."""
    try:
        counts = _ICOUNTER.unpack(fcntl.ioctl(fd, _TIOCGICOUNT, bytes(_ICOUNTER.size)))
    except OSError:
        return None
    return LineErrors(framing=counts[6], overruns=counts[7] + counts[10])


# --- opening ---------------------------------------------------------------------------------------------------------
def _open(path: str, access: int) -> int:
    try:
        fd = os.open(path, access | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise _open_error(path, problem) from problem
    if not stat.S_ISCHR(os.fstat(fd).st_mode) or not os.isatty(fd):
        os.close(fd)
        raise LinkError(f"{path}: is no serial port; `vebus decode {path}` reads files, `vebus sniff -D` lists ports")
    return fd


def _open_error(path: str, problem: OSError) -> LinkError:
    if problem.errno == errno.EBUSY:
        return _busy(path)
    advice = {
        errno.ENOENT: "no such port; `vebus sniff -D` lists what there is",
        errno.EACCES: "permission denied; join the group of the port (often dialout) and log in again",
        errno.ENXIO: "no adapter behind this port; plug it in",
        errno.ENODEV: "no adapter behind this port; plug it in",
        errno.EIO: "the adapter does not answer; unplug it and plug it in again",
    }.get(problem.errno or 0, f"cannot open: {problem.strerror}")
    return LinkError(f"{path}: {advice}")


def is_pty(fd: int) -> bool:
    """Whether an open tty is one end of a pty."""
    return os.major(os.fstat(fd).st_rdev) in _PTY_MAJORS


def _drop_modem_lines(fd: int, path: str) -> None:
    """RTS and DTR off; a driver without such lines has nothing that could enable a bus driver."""
    try:
        fcntl.ioctl(fd, termios.TIOCMBIC, struct.pack("I", _MODEM_LINES))
        state = struct.unpack("I", fcntl.ioctl(fd, termios.TIOCMGET, bytes(4)))[0]
    except OSError as problem:
        if problem.errno in (errno.ENOTTY, errno.EINVAL):
            return
        raise
    if state & _MODEM_LINES:
        raise LinkError(f"{path}: its driver keeps RTS or DTR active, which may block the bus; use another adapter")


def _lock(fd: int, path: str, *, pty: bool) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        raise _busy(path) from problem
    if pty:
        return  # TIOCEXCL would outlive us there, as the other end keeps the pty alive
    others = holders(path)
    if others:
        raise _busy(path)
    fcntl.ioctl(fd, termios.TIOCEXCL)


def _busy(path: str) -> BusyLinkError:
    names = ", ".join(holders(path))
    return BusyLinkError(f"{path}: in use by {names or 'another program'}; stop that first")


def holders(path: str) -> list[str]:
    """Other processes that have this device open, as "name (pid 123)"; only those that we may look at."""
    found: list[str] = []
    try:
        wanted = Path(path).stat().st_rdev
    except OSError:
        return found
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) != os.getpid() and _has_open(process, wanted):
            with contextlib.suppress(OSError):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                found.append(f"{name} (pid {process.name})")
    return found


def _has_open(process: Path, device: int) -> bool:
    try:
        for entry in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                facts = entry.stat()
                if stat.S_ISCHR(facts.st_mode) and facts.st_rdev == device:
                    return True
    except OSError:
        return False
    return False


# --- rate ------------------------------------------------------------------------------------------------------------
def _configure(fd: int, path: str, baud: int) -> int:
    """Raw mode, 8N1, no flow control, the rate; returns the rate that the driver really took."""
    fields = list(_TERMIOS2.unpack(fcntl.ioctl(fd, _TCGETS2, bytes(_TERMIOS2.size))))
    fields[0] = termios.IGNBRK  # a byte with a wrong stop bit stays a byte: what was heard is shown
    fields[1] = fields[3] = 0
    fields[2] = termios.CS8 | termios.CREAD | termios.CLOCAL | _BOTHER | _BOTHER << _CIBAUD_SHIFT
    fields[5 + termios.VMIN], fields[5 + termios.VTIME] = _READABLE_CHARS, 0
    fields[-2:] = baud, baud
    try:
        fcntl.ioctl(fd, _TCSETS2, _TERMIOS2.pack(*fields))
    except OSError as problem:
        raise LinkError(f"{path}: does not take {baud} bit/s: {problem.strerror}; use another adapter") from problem
    rate = int(_TERMIOS2.unpack(fcntl.ioctl(fd, _TCGETS2, bytes(_TERMIOS2.size)))[-1])
    if abs(rate - baud) > baud * _RATE_TOLERANCE:
        raise LinkError(
            f"{path}: asked for {baud} bit/s, the driver made it {rate}; "
            "at that rate nothing is readable, use an adapter that can do it (FTDI FT232R, FT231X)"
        )
    return rate


# --- latency ---------------------------------------------------------------------------------------------------------
def latency_ms(path: str) -> int | None:
    """Latency timer of an FTDI adapter in ms: how long it holds bytes back; None for others."""
    try:
        return int(_latency_file(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _latency_file(path: str) -> Path:
    return Path("/sys/class/tty") / Path(path).resolve().name / "device" / "latency_timer"


def _lower_latency(fd: int, path: str, warnings: list[str]) -> bool:
    try:
        facts = bytearray(fcntl.ioctl(fd, termios.TIOCGSERIAL, bytes(_SERIAL_STRUCT_SIZE)))
        flags = struct.unpack_from("i", facts, _SERIAL_FLAGS_AT)[0] | _ASYNC_LOW_LATENCY
        struct.pack_into("i", facts, _SERIAL_FLAGS_AT, flags)
        fcntl.ioctl(fd, termios.TIOCSSERIAL, bytes(facts))
    except OSError as problem:
        held = latency_ms(path)
        if held == 1:
            return True
        fix = "give the right to it, or use --no-low-latency"
        if held is not None:
            fix = f"fix: echo 1 | sudo tee {_latency_file(path)}"
        warnings.append(f"{path}: no low-latency mode ({problem.strerror}), times may be late; {fix}")
        return False
    return True
