"""The port that can send: only between arming and release, whole frames, and locked."""

import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.traceability import covers
from vebus_tools.link import BusyLinkError, LinkError, LostLinkError, PtyEnd
from vebus_tools.link.sending import PortFacts, SendingPort, open_sending_port
from vebus_tools.transmitter.process import transport_of

WIRE = bytes.fromhex("4c42fe104c4142010320000000ff")


@pytest.fixture
def end() -> Iterator[PtyEnd]:
    made = PtyEnd()
    yield made
    made.close()


def opened(end: PtyEnd) -> SendingPort:
    return open_sending_port(end.path, baud=256_000)


def test_it_listens_and_cannot_write_before_it_is_armed(end: PtyEnd) -> None:
    port = opened(end)
    end.write(b"\x83\x83")
    assert port.read() == b"\x83\x83"
    assert port.read() == b""
    with pytest.raises(LinkError, match="not open for sending"):
        port.send(WIRE)
    assert fcntl.fcntl(port.fileno(), fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    port.close()
    port.close()


def test_it_sends_from_arming_to_release(end: PtyEnd) -> None:
    port = opened(end)
    port.arm()
    port.arm()
    port.send(WIRE)
    assert end.read() == WIRE
    port.release()
    assert not port.armed
    with pytest.raises(LinkError, match="not open for sending"):
        port.send(WIRE)
    port.arm()
    port.send(WIRE)
    port.close()
    assert end.read() in (WIRE, b"")


def test_a_frame_that_does_not_fit_is_an_error_and_the_end(end: PtyEnd) -> None:
    port = opened(end)
    port.arm()
    with pytest.raises(LinkError, match=r"took \d+ of|cannot send"):
        _flood(port)
    port.close()


def _flood(port: SendingPort) -> None:
    for _ in range(20_000):
        port.send(WIRE)


@covers("X-7", trips=True)
def test_a_port_in_use_is_refused(end: PtyEnd) -> None:
    first = opened(end)
    with pytest.raises(BusyLinkError, match="in use"):
        opened(end)
    first.close()
    opened(end).close()


@pytest.mark.parametrize("path", ["/dev/does-not-exist", "/dev/null"])
def test_what_is_no_port_is_refused(path: str) -> None:
    with pytest.raises(LinkError):
        open_sending_port(path, baud=256_000)


def test_a_port_that_goes_away_is_lost(end: PtyEnd) -> None:
    port = opened(end)
    end.close()
    with pytest.raises(LostLinkError):
        port.read()
    port.close()


class Kernel:
    """Stands for a serial driver with RS485 calls; ``keeps`` are the flags that it accepts."""

    def __init__(self, keeps: int = 0xFF, after_ms: int = 0) -> None:
        self.flags, self._keeps, self._after = 0, keeps, after_ms
        self.history: list[int] = []

    def ioctl(self, _fd: int, request: int, data: bytes = b"") -> bytes:
        if request == 0x542F:
            self.flags = struct.unpack_from("I", data)[0] & self._keeps
            self.history.append(self.flags)
        return struct.pack("3I20x", self.flags, 0, self._after)


@covers("X-11", trips=False)
def test_the_kernel_is_told_to_switch_the_driver(end: PtyEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    monkeypatch.setattr(fcntl, "ioctl", kernel.ioctl)
    fd = os.open(end.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    port = SendingPort(fd, facts(pty=True, kernel_rs485=True, path=end.path))
    port.arm()
    assert kernel.history == [1 | 2 | 16], "on, RTS high while sending, and it hears itself"
    port.release()
    assert kernel.history[-1] == 0, "as it was before"
    port.close()


@covers("X-11", "X-9", trips=True)
@pytest.mark.parametrize("kernel", [Kernel(keeps=0x03), Kernel(after_ms=5)], ids=["deaf", "late"])
def test_a_driver_that_does_not_do_it_is_refused(kernel: Kernel, end: PtyEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "ioctl", kernel.ioctl)
    fd = os.open(end.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    port = SendingPort(fd, facts(pty=True, kernel_rs485=True, path=end.path))
    with pytest.raises(LinkError, match="does not hear itself"):
        port.arm()
    assert not port.armed
    port.close()


def facts(*, pty: bool = False, usb: bool = False, kernel_rs485: bool = False, path: str = "/dev/ttyX0") -> PortFacts:
    return PortFacts(name=path, rate=256_000, pty=pty, usb=usb, kernel_rs485=kernel_rs485, driver="driver")


@covers("X-8", trips=True)
@pytest.mark.parametrize("simulated_line", [False, True])
def test_no_real_port_is_said_to_hold_slots(*, simulated_line: bool) -> None:
    for one in (facts(), facts(usb=True), facts(kernel_rs485=True)):
        transport = transport_of(one, simulated_line=simulated_line)
        assert not transport.sync_aligned
        assert not transport.simulated
        assert transport.driver_timed is one.kernel_rs485
    assert transport_of(facts(pty=True), simulated_line=simulated_line).simulated is simulated_line


def test_a_pty_has_no_rs485_calls(end: PtyEnd) -> None:
    port = opened(end)
    assert (port.facts.pty, port.facts.usb, port.facts.kernel_rs485) == (True, False, False)
    with pytest.raises(OSError, match=r"."):
        fcntl.ioctl(port.fileno(), 0x542E, bytes(32))
    assert termios.tcgetattr(port.fileno())[3] == 0, "raw"
    port.close()
    assert Path(end.path).exists()
