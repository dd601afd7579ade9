"""Links: opened to listen only, with quiet control lines and a rate that was read back; ends that others connect to."""

import contextlib
import errno
import fcntl
import inspect
import os
import shutil
import socket
import struct
import subprocess
import termios
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vebus_protocol.errors import VEBusError
from vebus_tools.link import (
    LINK_LOST,
    BusyLinkError,
    LinkError,
    LinkFacts,
    LostLinkError,
    PacedReader,
    PtyEnd,
    Reader,
    TcpServer,
    list_ports,
    memory_pair,
    open_link,
    wait_for,
)
from vebus_tools.link import ends as ends_module
from vebus_tools.link import ports as ports_module
from vebus_tools.link import readers as readers_module
from vebus_tools.link import tty as tty_module

SYNC = bytes.fromhex("83 83 fd 02 55 51 18 02 97 ff")
RATE = 256_000
WAIT_S = 10.0


@pytest.fixture
def pty() -> Iterator[PtyEnd]:
    end = PtyEnd()
    yield end
    end.close()


@contextlib.contextmanager
def listening(url: str, baud: int = RATE) -> Iterator[Reader]:
    reader = open_link(url, baud=baud)
    try:
        yield reader
    finally:
        reader.close()


def take(reader: Reader, size: int) -> bytes:
    """Read until ``size`` bytes are there; the limit of the waiting only ends a test that has failed already."""
    data = b""
    while len(data) < size:
        more = reader.read(WAIT_S)
        assert more, f"{len(data)} of {size} bytes"
        data += more
    return data


def need_socat() -> str:
    path = shutil.which("socat")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("socat is not installed (Debian package socat)")
        pytest.skip("socat is not installed (Debian package socat)")
    return path


# --- reading ---------------------------------------------------------------------------------------------------------
def test_every_byte_value_comes_through_a_pty(pty: PtyEnd) -> None:
    everything = bytes(range(256))
    with listening(pty.path) as reader:
        pty.write(everything)
        assert take(reader, 256) == everything
        assert reader.facts.rate == RATE


def test_nothing_can_be_written_through_a_reader(pty: PtyEnd) -> None:
    with listening(pty.path) as reader:
        assert not hasattr(reader, "write")
        with pytest.raises(OSError, match="Bad file descriptor") as problem:
            os.write(reader.fileno(), b"x")
        assert problem.value.errno == errno.EBADF


def test_no_code_of_the_readers_writes() -> None:
    for module in (readers_module, tty_module):
        source = inspect.getsource(module)
        assert "os.write" not in source
        assert ".write(" not in source
        assert ".send" not in source


def test_the_other_side_of_a_pty_sees_no_byte(pty: PtyEnd) -> None:
    with listening(pty.path) as reader:
        for _ in range(20):
            pty.write(SYNC)
        take(reader, 200)
    assert pty.read() == b""


def test_a_timeout_gives_nothing(pty: PtyEnd) -> None:
    with listening(pty.path) as reader:
        assert reader.read(0.0) == b""


def test_a_closed_pty_is_a_lost_link() -> None:
    end = PtyEnd()
    with listening(end.path) as reader:
        end.close()
        with pytest.raises(LostLinkError, match="the link is gone"):
            reader.read(WAIT_S)
    assert LostLinkError.exit_code == LINK_LOST


def test_socket_url_reads_and_reports_the_end() -> None:
    server = TcpServer()
    with listening(f"socket://{server.name}") as reader:
        server.write(SYNC)
        assert take(reader, len(SYNC)) == SYNC
        assert server.read() == b""
        server.close()
        with pytest.raises(LostLinkError, match="the other side closed it"):
            reader.read(WAIT_S)


def test_loop_url_is_read_through_pyserial() -> None:
    with listening("loop://") as reader:
        reader._port.write(SYNC)  # type: ignore[attr-defined]
        assert take(reader, len(SYNC)) == SYNC
        assert reader.read(0.0) == b""
        assert reader._port.rts is False  # type: ignore[attr-defined]
        assert reader._port.dtr is False  # type: ignore[attr-defined]
        assert not hasattr(reader, "write")


def test_standard_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    get, put = os.pipe()
    with open(get, encoding="latin-1") as stdin, listening_to_stdin(monkeypatch, stdin) as reader:  # noqa: PTH123
        os.write(put, SYNC)
        assert take(reader, len(SYNC)) == SYNC
        os.close(put)
        assert reader.read(WAIT_S) is None


@contextlib.contextmanager
def listening_to_stdin(monkeypatch: pytest.MonkeyPatch, stdin: object) -> Iterator[Reader]:
    monkeypatch.setattr("sys.stdin", stdin)
    with listening("-") as reader:
        yield reader


@dataclass(frozen=True)
class Piece:
    at_s: float
    data: bytes


def test_paced_bytes_come_in_order_and_end() -> None:
    pieces = [Piece(0.0, b"a"), Piece(0.001, b"b"), Piece(0.002, b"c")]
    reader = PacedReader(pieces, LinkFacts(name="sim:"))
    read = b""
    while (data := reader.read(WAIT_S)) is not None:
        read += data
    assert read == b"abc"


def test_paced_bytes_are_not_early() -> None:
    reader = PacedReader([Piece(3600.0, b"late")], LinkFacts(name="sim:"))
    assert reader.read(0.001) == b""


# --- what cannot be opened -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("socket://127.0.0.1", "is no address"),
        ("socket://127.0.0.1:99999", "socket://HOST:PORT"),
        ("socket://127.0.0.1:1", "cannot connect"),
        ("nonsense://x", "cannot open"),
        ("hwgrep://(", "no regular expression"),
        ("hwgrep://no such adapter", "no port matches"),
    ],
)
def test_wrong_urls_are_one_clear_line(url: str, text: str) -> None:
    with pytest.raises(LinkError, match=text) as problem:
        open_link(url, baud=RATE)
    assert "\n" not in str(problem.value)


def test_missing_port_directory_and_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="no such port"):
        open_link(str(tmp_path / "ttyUSB0"), baud=RATE)
    with pytest.raises(LinkError, match="is no serial port"):
        open_link(str(tmp_path), baud=RATE)
    with pytest.raises(LinkError, match="is no serial port"):
        open_link("/dev/null", baud=RATE)


def test_a_locked_port_names_its_holder(pty: PtyEnd) -> None:
    code = (
        "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NOCTTY); "
        "fcntl.flock(fd, fcntl.LOCK_EX); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [shutil.which("python3") or "python3", "-c", code, pty.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(BusyLinkError, match=rf"in use by .*\(pid {other.pid}\)"):
            open_link(pty.path, baud=RATE)
        reader = open_link(pty.path, baud=RATE, exclusive=False)
        reader.close()
        other.communicate()
    with listening(pty.path) as freed:
        assert freed.read(0.0) == b""


def test_two_readers_do_not_share_a_port(pty: PtyEnd) -> None:
    with listening(pty.path), pytest.raises(BusyLinkError):
        open_link(pty.path, baud=RATE)


# --- a serial port that writes down what is done to it ---------------------------------------------------------------
class FakeTty:
    """Stands in for the ioctl of a real serial port, on top of a pty that takes the rest."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.lines = termios.TIOCM_DTR | termios.TIOCM_RTS  # the kernel raises both inside open(2)
        self.highest_after_open: list[int] = []
        self.rounded: int | None = None
        self.refuse_latency = 0
        self.lines_stuck = False
        self.serial = bytes(128)
        self._real = fcntl.ioctl
        monkeypatch.setattr(tty_module, "is_pty", lambda _fd: False)
        monkeypatch.setattr(tty_module, "holders", lambda _path: [])
        monkeypatch.setattr(fcntl, "ioctl", self.ioctl)

    def ioctl(self, fd: int, request: int, argument: bytes | int = 0) -> object:
        names = {
            termios.TIOCMBIC: self._clear,
            termios.TIOCMGET: self._lines,
            termios.TIOCMBIS: self._set,
            termios.TIOCMSET: self._set,
            termios.TIOCGSERIAL: self._get_serial,
            termios.TIOCSSERIAL: self._set_serial,
            tty_module._TCGETS2: self._settings,
            tty_module._TIOCGICOUNT: self._counters,
        }
        name = names.get(request)
        self.calls.append(name.__name__.strip("_") if name else hex(request))
        return name(fd, argument) if name else self._real(fd, request, argument)

    def _clear(self, _fd: int, argument: bytes | int) -> bytes:
        assert isinstance(argument, bytes)
        if not self.lines_stuck:
            self.lines &= ~struct.unpack("I", argument)[0]
        return argument

    def _set(self, _fd: int, _argument: bytes | int) -> bytes:
        raise AssertionError("a control line was raised")

    def _lines(self, _fd: int, _argument: bytes | int) -> bytes:
        return struct.pack("I", self.lines)

    def _settings(self, fd: int, argument: bytes | int) -> bytes:
        assert isinstance(argument, bytes)
        data = bytearray(self._real(fd, tty_module._TCGETS2, argument))
        if self.rounded:
            struct.pack_into("I", data, len(data) - 4, self.rounded)
        return bytes(data)

    def _get_serial(self, _fd: int, _argument: bytes | int) -> bytes:
        if self.refuse_latency:
            raise OSError(self.refuse_latency, os.strerror(self.refuse_latency))
        return self.serial

    def _set_serial(self, _fd: int, argument: bytes | int) -> bytes:
        assert isinstance(argument, bytes)
        self.serial = argument
        return argument

    def _counters(self, _fd: int, _argument: bytes | int) -> bytes:
        return struct.pack("20i", 0, 0, 0, 0, 1000, 0, 7, 2, 0, 0, 3, *([0] * 9))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTty:
    return FakeTty(monkeypatch)


def test_control_lines_are_dropped_before_anything_else(pty: PtyEnd, fake: FakeTty) -> None:
    with listening(pty.path):
        assert fake.calls[0] == "clear"
        assert fake.lines == 0
        rate_set = fake.calls.index(hex(tty_module._TCSETS2))
        assert "clear" in fake.calls[rate_set:]


def test_a_line_that_stays_up_is_refused(pty: PtyEnd, fake: FakeTty) -> None:
    fake.lines_stuck = True
    with pytest.raises(LinkError, match="keeps RTS or DTR active"):
        open_link(pty.path, baud=RATE)


@pytest.mark.parametrize("rate", [250_000, 230_400, 38_400, 9_600])
def test_a_rounded_rate_is_refused(pty: PtyEnd, fake: FakeTty, rate: int) -> None:
    fake.rounded = rate
    with pytest.raises(LinkError, match=f"asked for 256000 bit/s, the driver made it {rate}"):
        open_link(pty.path, baud=RATE)


@pytest.mark.parametrize("rate", [256_000, 255_319, 257_000])
def test_a_rate_within_the_tolerance_is_taken(pty: PtyEnd, fake: FakeTty, rate: int) -> None:
    fake.rounded = rate
    with listening(pty.path) as reader:
        assert reader.facts.rate == rate


def test_low_latency_is_asked_for(pty: PtyEnd, fake: FakeTty) -> None:
    with listening(pty.path) as reader:
        assert struct.unpack_from("i", fake.serial, 16)[0] & 1 << 13
        assert reader.facts.warnings == ()


def test_low_latency_is_left_alone_when_not_wanted(pty: PtyEnd, fake: FakeTty) -> None:
    reader = open_link(pty.path, baud=RATE, low_latency=False)
    reader.close()
    assert "get_serial" not in fake.calls


def test_refused_low_latency_is_a_warning_with_the_fix(
    pty: PtyEnd, fake: FakeTty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timer = tmp_path / "latency_timer"
    timer.write_text("16\n", encoding="ascii")
    monkeypatch.setattr(tty_module, "_latency_file", lambda _path: timer)
    fake.refuse_latency = errno.EPERM
    with listening(pty.path) as reader:
        (warning,) = reader.facts.warnings
        assert f"echo 1 | sudo tee {timer}" in warning
        assert reader.facts.error_s == pytest.approx(0.017)
    timer.write_text("1\n", encoding="ascii")
    with listening(pty.path) as reader:
        assert reader.facts.warnings == ()
        assert reader.facts.error_s == pytest.approx(0.002)


def test_driver_counters_are_read(pty: PtyEnd, fake: FakeTty) -> None:
    assert fake.calls == []
    with listening(pty.path) as reader:
        counts = reader.line_errors()
        assert counts is not None
        assert (counts.framing, counts.overruns) == (7, 5)


def test_a_pty_has_no_driver_counters(pty: PtyEnd) -> None:
    with listening(pty.path) as reader:
        assert reader.line_errors() is None


def test_raw_mode_echoes_nothing(pty: PtyEnd) -> None:
    with listening(pty.path) as reader:
        _, _, flags, local, *_ = termios.tcgetattr(reader.fileno())
        assert local == 0
        assert flags & termios.CSIZE == termios.CS8
        assert not flags & (termios.PARENB | termios.CSTOPB | termios.CRTSCTS | termios.HUPCL)
        assert tty_module.can_open_tty()


# --- ends ------------------------------------------------------------------------------------------------------------
def test_a_pty_drops_what_nobody_hears(pty: PtyEnd) -> None:
    assert not pty.present()
    pty.write(SYNC)
    assert pty.unheard == len(SYNC)
    with listening(pty.path) as reader:
        assert pty.present()
        assert reader.read(0.0) == b""
        pty.write(b"new")
        assert take(reader, 3) == b"new"
    assert not pty.present()
    assert pty.read() == b""
    with listening(pty.path) as reader:
        pty.write(b"again")
        assert take(reader, 5) == b"again"


def test_a_pty_that_nobody_reads_loses_bytes_and_goes_on(pty: PtyEnd) -> None:
    with listening(pty.path):
        for _ in range(40):
            pty.write(bytes(1000))
        assert pty.unheard > 0


def test_pty_reads_what_a_program_writes(pty: PtyEnd) -> None:
    fd = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd)
    os.write(fd, SYNC)
    assert wait_for([pty], WAIT_S) == [pty]
    assert pty.read() == SYNC
    os.close(fd)


def test_link_name_points_to_the_pty_and_is_removed(tmp_path: Path) -> None:
    name = tmp_path / "bus"
    name.symlink_to("/dev/pts/none")  # left behind by a program that was killed
    end = PtyEnd(name)
    assert end.name == str(name)
    assert name.readlink() == Path(end.path)
    with listening(end.name) as reader:
        end.write(SYNC)
        assert take(reader, len(SYNC)) == SYNC
    end.close()
    end.close()
    assert not name.is_symlink()


def test_link_name_never_replaces_a_file(tmp_path: Path) -> None:
    name = tmp_path / "bus"
    name.write_text("mine", encoding="ascii")
    with pytest.raises(LinkError, match="is no symbolic link"):
        PtyEnd(name)
    assert name.read_text(encoding="ascii") == "mine"
    with pytest.raises(LinkError, match="cannot create"):
        PtyEnd(tmp_path / "nowhere" / "bus")


def test_all_tcp_clients_hear_the_same_and_are_heard() -> None:
    server = TcpServer()
    host, port = server.name.split(":")
    assert server.loopback
    server.write(b"nobody")
    assert server.unheard == 6
    clients = [socket.create_connection((host, int(port)), timeout=WAIT_S) for _ in range(3)]
    server.write(SYNC)
    for client in clients:
        assert client.recv(100) == SYNC
        client.sendall(b"x")
    heard = b""
    while len(heard) < 3:
        assert wait_for([server], WAIT_S) == [server]
        heard += server.read()
    assert heard == b"xxx"
    for client in clients:
        client.close()
    while server.present():
        wait_for([server], WAIT_S)
        server.read()
    server.close()


def test_a_slow_tcp_client_is_disconnected_and_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends_module, "MAX_BACKLOG", 1000)
    server = TcpServer("0")
    host, port = server.name.split(":")
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect((host, int(port)))
    server.write(b"")
    for _ in range(200):
        server.write(bytes(100_000))
        if server.dropped_clients:
            break
    assert server.dropped_clients == 1
    assert not server.present()
    fresh = socket.create_connection((host, int(port)), timeout=WAIT_S)
    server.write(SYNC)
    assert fresh.recv(100) == SYNC
    for client in (slow, fresh):
        client.close()
    server.close()


@pytest.mark.parametrize("address", ["", "host:", "host:port", "127.0.0.1:70000", "-1"])
def test_wrong_addresses_are_refused(address: str) -> None:
    with pytest.raises(LinkError, match="is no address"):
        TcpServer(address)


def test_a_taken_address_is_said() -> None:
    server = TcpServer()
    with pytest.raises(LinkError, match="cannot listen"):
        TcpServer(server.name)
    server.close()


def test_memory_pair_carries_both_ways() -> None:
    one, two = memory_pair()
    one.write(b"to two")
    two.write(b"to one")
    assert {end.name for end in wait_for([one, two], WAIT_S)} == {one.name, two.name}
    assert (one.read(), two.read()) == (b"to one", b"to two")
    assert one.read() == b""
    two.close()
    one.write(b"gone")
    assert one.unheard == 4
    one.close()


def test_waiting_for_an_absent_pty_ends(pty: PtyEnd) -> None:
    assert wait_for([pty], 0.05) == []


def test_socat_pair_carries_a_stream(tmp_path: Path) -> None:
    ends = [tmp_path / "a", tmp_path / "b"]
    command = [need_socat(), "-d", "-d", *(f"pty,raw,echo=0,link={end}" for end in ends)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as socat:
        assert socat.stderr is not None
        while b"starting data transfer" not in socat.stderr.readline():
            assert socat.poll() is None
        stream = SYNC * 2000
        with listening(str(ends[1])) as reader, ends[0].open("wb", buffering=0) as writer:
            threading.Thread(target=writer.write, args=(stream,)).start()
            assert take(reader, len(stream)) == stream
        socat.terminate()
        socat.stderr.read()


# --- list of ports ---------------------------------------------------------------------------------------------------
@dataclass(order=True)
class Found:
    device: str
    manufacturer: str | None = None
    product: str | None = None
    description: str = "n/a"
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None


def test_ports_are_listed_with_what_tells_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Found("/dev/ttyUSB0", "FTDI", "FT232R USB UART", "x", 0x0403, 0x6001, "A1"), Found("/dev/ttyS0")]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda include_links: [] if include_links else found)
    monkeypatch.setattr(ports_module, "holders", lambda path: ["ser2net (pid 7)"] if "USB" in path else [])
    monkeypatch.setattr(ports_module, "latency_ms", lambda path: 16 if "USB" in path else None)
    plain, usb = list_ports()
    assert (plain.path, plain.text, plain.usb_id, plain.latency_ms, plain.holders) == ("/dev/ttyS0", "", "", None, ())
    assert (usb.path, usb.text, usb.usb_id) == ("/dev/ttyUSB0", "FTDI FT232R USB UART", "0403:6001")
    assert (usb.latency_ms, usb.holders) == (16, ("ser2net (pid 7)",))
    assert ports_module.describe_port("/dev/ttyUSB0") == "FTDI FT232R USB UART, USB 0403:6001, serial number A1"
    assert ports_module.describe_port("/dev/ttyS7") == ""


def test_link_errors_are_of_our_family() -> None:
    assert issubclass(LinkError, VEBusError)
    assert issubclass(BusyLinkError, LinkError)
