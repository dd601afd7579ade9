"""`vebus extcap --capture` in a process of its own: pipes and signals as Wireshark uses them, without Wireshark."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sniffers import frames
from vebus_protocol.mk3 import Mk3Frame, encode_mk3_frame
from vebus_tools.capture import open_capture
from vebus_tools.extcap.sentences import Control
from vebus_tools.extcap.toolbar import Command, Message, Messages
from vebus_tools.link import PtyEnd, TcpServer
from vebus_tools.records import Chunk, Link, TimeSource

_PATIENCE_S = 30.0


class Extcap:
    """The process, the reading end of its pipe, and what came through it."""

    def __init__(self, process: "subprocess.Popen[bytes]", reader: int) -> None:
        self.process = process
        self.reader = reader
        self.data = b""

    def read_until(self, enough: Callable[[bytes], bool]) -> bytes:
        """Read the capture until there is enough of it, or its end."""
        until = time.monotonic() + _PATIENCE_S
        while not enough(self.data):
            assert time.monotonic() < until, f"{len(self.data)} bytes, {self.process.poll()}"
            if select.select([self.reader], [], [], 0.1)[0]:
                part = os.read(self.reader, 1 << 16)
                if not part and self.process.poll() is not None:
                    break
                self.data += part
        return self.data

    def finish(self, number: int | None = None) -> tuple[int, str]:
        """Send a signal if wanted, read the rest, wait for the end; exit code and errors."""
        if number is not None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=_PATIENCE_S)
        while part := os.read(self.reader, 1 << 16):
            self.data += part
        return self.process.returncode, err.decode()

    def packets(self, folder: Path) -> list[Chunk]:
        """Packets of what came, which has to be a whole file."""
        path = folder / "read.pcapng"
        path.write_bytes(self.data)
        with open_capture(str(path)) as capture:
            return list(capture.chunks)


@contextlib.contextmanager
def _capturing(environment: dict[str, str], folder: Path, interface: str, *options: str) -> Iterator[Extcap]:
    """Run a capture into a pipe that is read; killed when the test is done with it."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    command = [sys.executable, "-m", "vebus_tools.cli", "extcap", "--capture", "--extcap-interface", interface]
    process = subprocess.Popen(
        [*command, "--fifo", str(fifo), *options],
        env=environment,
        cwd=os.sep,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield Extcap(process, reader)
    finally:
        if process.poll() is None:
            process.kill()
        with contextlib.suppress(ValueError):
            process.communicate()
        with contextlib.suppress(OSError):
            os.close(reader)


def _some(data: bytes) -> bool:
    return len(data) > 3000


# --- the simulated bus -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_capture_that_is_complete(
    checkout_environment: dict[str, str], tmp_path: Path, number: int
) -> None:
    before = time.time()
    with _capturing(checkout_environment, tmp_path, "vebus-sim", "--seed", "3") as extcap:
        extcap.read_until(_some)
        assert extcap.finish(number) == (0, "")
    packets = extcap.packets(tmp_path)
    assert len(packets) > 20
    stamps = [packet.stamp for packet in packets if packet.stamp is not None]
    assert all(stamp.epoch and stamp.source is TimeSource.LOG for stamp in stamps)
    assert before - 1 < stamps[0].at <= stamps[-1].at < time.time() + 1
    assert {(packet.link, packet.interface) for packet in packets} == {(Link.RS485, "vebus-sim")}
    assert b"longest silence" in extcap.data, "the counts stand at the end"


def test_a_reader_that_leaves_ends_it(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    with _capturing(checkout_environment, tmp_path, "vebus-sim") as extcap:
        extcap.read_until(_some)
        os.close(extcap.reader)
        _, err = extcap.process.communicate(timeout=_PATIENCE_S)
        assert (extcap.process.returncode, err) == (0, b"")


def test_settings_of_the_simulation_count(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    options = ("--scenario", "exact", "--speed", "20", "--extcap-capture-filter", 'vebus.type == "Sync"')
    with _capturing(checkout_environment, tmp_path, "vebus-sim", *options) as extcap:
        extcap.read_until(_some)
        assert extcap.finish(signal.SIGTERM) == (0, "")
    packets = extcap.packets(tmp_path)
    assert {packet.data[2] for packet in packets} == {0xFD}
    assert len(packets) > 30
    assert (20 * 256_000).to_bytes(8, "little") in extcap.data, "the rate of the line is noted, with the speed in it"
    assert b"vebus.type" in extcap.data, "the filter is noted in the capture"


@pytest.mark.parametrize(
    ("interface", "options", "code", "text"),
    [
        ("vebus-sim", ("--scenario", "no-such"), 1, "no scenario 'no-such'"),
        ("vebus-rs485-no/such/port", (), 1, "/dev/no/such/port"),
    ],
)
def test_what_cannot_begin_is_one_line_and_closes_the_pipe(
    checkout_environment: dict[str, str], tmp_path: Path, interface: str, options: tuple[str, ...], code: int, text: str
) -> None:
    with _capturing(checkout_environment, tmp_path, interface, *options) as extcap:
        found, err = extcap.finish()
    assert found == code
    assert text in err
    assert err.count("\n") == 1


# --- a port ----------------------------------------------------------------------------------------------------------
def test_a_port_is_captured_as_it_is_heard(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    end = PtyEnd()
    sent = frames(50)
    interface = f"vebus-rs485-{end.path.removeprefix('/dev/')}"
    with _capturing(checkout_environment, tmp_path, interface) as extcap:
        extcap.read_until(bool)
        end.write(sent, 5.0)
        extcap.read_until(lambda data: len(data) > 50 * 50)
        assert extcap.finish(signal.SIGTERM) == (0, "")
        assert end.read() == b"", "nothing was sent"
    end.close()
    assert b"".join(packet.data for packet in extcap.packets(tmp_path)) == sent


def test_an_adapter_at_an_address_is_captured(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    server = TcpServer()
    sent = encode_mk3_frame(Mk3Frame(payload=b"\xffV\x24\xdb\x11\x00\x00")) * 40
    with _capturing(checkout_environment, tmp_path, "vebus-mk3", "--address", f"socket://{server.name}") as extcap:
        while not server.present():
            extcap.read_until(lambda _: True)
            assert server.read() == b""
        server.write(sent)
        extcap.read_until(lambda data: len(data) > 40 * 40)
        assert extcap.finish(signal.SIGTERM) == (0, "")
    server.close()
    packets = extcap.packets(tmp_path)
    assert {packet.link for packet in packets} == {Link.MK3}
    assert b"".join(packet.data for packet in packets) == sent


def test_a_port_that_goes_away_is_told_with_what_was_captured(
    checkout_environment: dict[str, str], tmp_path: Path
) -> None:
    end = PtyEnd()
    interface = f"vebus-rs485-{end.path.removeprefix('/dev/')}"
    with _capturing(checkout_environment, tmp_path, interface) as extcap:
        extcap.read_until(bool)
        end.write(frames(50), 5.0)
        extcap.read_until(lambda data: len(data) > 50 * 50)
        end.close()
        code, err = extcap.finish()
    assert code == 3
    assert "the link is gone" in err
    assert len(extcap.packets(tmp_path)) == 50


# --- the toolbar -----------------------------------------------------------------------------------------------------
class _Wireshark:
    """The other side of the toolbar."""

    def __init__(self, folder: Path) -> None:
        for name in ("from-user", "to-user"):
            os.mkfifo(folder / name)
        self.options = (
            *("--extcap-control-in", str(folder / "from-user")),
            *("--extcap-control-out", str(folder / "to-user")),
        )
        self._reader = os.open(folder / "to-user", os.O_RDONLY | os.O_NONBLOCK)
        self._path = folder / "from-user"
        self._messages = Messages()
        self.heard: list[Message] = []

    def press(self, *messages: Message) -> None:
        writer = os.open(self._path, os.O_WRONLY)
        os.write(writer, b"".join(message.build() for message in messages))
        os.close(writer)

    def wait_for(self, extcap: Extcap, control: int, command: int, text: bytes) -> None:
        """Wait until something is shown."""
        until = time.monotonic() + _PATIENCE_S
        while not any((one.control, one.command) == (control, command) and text in one.payload for one in self.heard):
            assert time.monotonic() < until, self.heard
            with contextlib.suppress(BlockingIOError):
                self.heard += self._messages.feed(os.read(self._reader, 1 << 16))
            extcap.read_until(lambda _: True)
            time.sleep(0.01)


def test_the_toolbar_counts_marks_and_tells(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    shark = _Wireshark(tmp_path)
    with _capturing(checkout_environment, tmp_path, "vebus-sim", *shark.options) as extcap:
        extcap.read_until(_some)
        shark.press(
            Message(0, Command.INITIALIZED), Message(Control.TEXT, Command.SET, b"pump on"), Message(99, Command.SET)
        )
        shark.wait_for(extcap, Control.HEARD, Command.SET, b" 0 damaged, 0 missing")
        shark.press(Message(Control.MARK, Command.SET))
        shark.wait_for(extcap, Control.MARK, Command.STATUS, b"marker 1: pump on")
        shark.press(Message(Control.TEXT, Command.SET, b""), Message(Control.MARK, Command.SET))
        shark.wait_for(extcap, Control.MARK, Command.STATUS, b"marker 2: comment")
        extcap.read_until(lambda data: b"marker 2" in data)
        assert extcap.finish(signal.SIGTERM) == (0, "")
    assert extcap.data.count(b"marker 1: pump on") == 1
    assert shark.heard[0] == Message(Control.HEARD, Command.DISABLE)


def test_silence_is_told_in_the_log_and_on_stderr(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    shark = _Wireshark(tmp_path)
    end = PtyEnd()
    interface = f"vebus-rs485-{end.path.removeprefix('/dev/')}"
    with _capturing(checkout_environment, tmp_path, interface, *shark.options) as extcap:
        shark.wait_for(extcap, Control.MESSAGES, Command.ADD, b"no bytes yet")
        code, err = extcap.finish(signal.SIGTERM)
    end.close()
    assert (code, err.count("\n")) == (0, 1)
    assert "no bytes came" in err
    assert extcap.data.startswith(b"\x0a\x0d\x0d\x0a")
    assert b"0 frames, 0 bytes" in extcap.data
