"""The live table on a terminal: start, keys, ends of every sort, and a terminal as it was before."""

import os
import pty
import re
import signal
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.screens import Terminal, on_terminal
from tests.sniffers import frames, sniffing
from vebus_tools.capture import open_capture
from vebus_tools.link import PtyEnd
from vebus_tools.view.terminal import LEAVE
from vebus_tools.view.terminal import Terminal as Screen

ROW = re.compile(r"^Sync +Multi +(\d+)", re.MULTILINE)


def sync_count(terminal: Terminal) -> int:
    found = ROW.search(str(terminal.screen))
    return int(found[1]) if found else 0


def wait_for_sync(terminal: Terminal, count: int) -> None:
    terminal.wait_for(lambda _screen: sync_count(terminal) >= count, f"{count} sync frames")


def child_of(process_id: int) -> int:
    """The process that shows."""
    found = Path(f"/proc/{process_id}/task/{process_id}/children").read_text(encoding="ascii").split()
    return int(found[0])


def bytes_in(path: Path) -> int:
    with open_capture(path) as capture:
        return sum(len(chunk.data) for chunk in capture.chunks)


def wait_until_gone(process_id: int) -> None:
    end = time.monotonic() + 10.0
    while Path(f"/proc/{process_id}").exists():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def pty_pair() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal; the signals that a terminal in use sets are put back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    ends = pty.openpty()
    yield ends
    for fd in ends:
        os.close(fd)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_an_exception_leaves_the_terminal_restored(pty_pair: tuple[int, int]) -> None:
    ours, theirs = pty_pair
    before = termios.tcgetattr(theirs)

    def fail() -> None:
        with Screen(theirs, theirs):
            assert termios.tcgetattr(theirs) != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert termios.tcgetattr(theirs) == before
    assert os.read(ours, 1 << 10).endswith(LEAVE.encode())


def assert_restored(terminal: Terminal, before: list[object]) -> None:
    assert not terminal.screen.alternate
    assert terminal.screen.cursor
    assert terminal.attributes() == before


def test_start_keys_quit(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "-i", "sim:", "--view", size=(100, 60)) as terminal:
        before = terminal.attributes()
        wait_for_sync(terminal, 20)
        assert terminal.screen.alternate
        assert not terminal.screen.cursor
        assert terminal.attributes() != before
        assert "Bus load" in str(terminal.screen)
        terminal.type("/vebus.sync.counter\r")
        terminal.wait_for_text("filter: vebus.sync.counter (")
        assert "AC phase" not in str(terminal.screen)
        terminal.type("/nonsense\r")
        terminal.wait_for_text('no field or protocol "vebus.sync.counternonsense"')
        terminal.type("\x1b")
        terminal.wait_for(lambda screen: "no field" not in str(screen), "the complaint to go")
        terminal.type("/\x15\r")
        terminal.wait_for_text("AC phase")
        terminal.type("?")
        terminal.wait_for_text("un-notch")
        terminal.type("xb")
        terminal.wait_for_text("01010101")
        terminal.type("p")
        terminal.wait_for_text("PAUSED")
        terminal.type("q")
        assert terminal.finish() == 0
        assert_restored(terminal, before)
        assert b"0 bad checksums" in terminal.screen.normal


def test_clear_counts_anew_and_scrolling_does_not(checkout_environment: dict[str, str]) -> None:
    with on_terminal(
        checkout_environment, "-i", "sim:", "--view", "-Y", "vebus.sync.counter", size=(80, 24)
    ) as terminal:
        wait_for_sync(terminal, 60)
        terminal.type("\x1b[B\x1b[6~G" + "\x1b[A")
        wait_for_sync(terminal, 90)
        terminal.type("c")
        terminal.wait_for(lambda _screen: 0 < sync_count(terminal) < 60, "a count that begins anew")
        terminal.type("\x1b")
        assert terminal.finish() == 0


def test_a_new_size_is_painted(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "-i", "sim:", "--view", size=(80, 24)) as terminal:
        terminal.wait_for_text("AC phase")
        terminal.resize(130, 50)
        terminal.wait_for_text("Sync  ")
        assert len(terminal.screen.rows[0]) == 130
        terminal.resize(30, 5)
        terminal.wait_for_text(" vebus ")
        terminal.type("q")
        assert terminal.finish() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_in_order(checkout_environment: dict[str, str], tmp_path: Path, number: int) -> None:
    path = tmp_path / "bus.pcapng"
    with on_terminal(checkout_environment, "-i", "sim:", "--view", "-w", path, "-f", "vebus.sync.counter") as terminal:
        before = terminal.attributes()
        wait_for_sync(terminal, 10)
        child = child_of(terminal.process.pid)
        assert terminal.finish(number) == 0
        assert_restored(terminal, before)
        wait_until_gone(child)
        assert bytes_in(path) >= 100


def test_ctrl_c_at_the_keys_ends_it_and_ctrl_z_does_not_stop_it(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "-i", "sim:", "--view", size=(100, 60)) as terminal:
        before = terminal.attributes()
        wait_for_sync(terminal, 10)
        terminal.type("\x1a\x1c")
        wait_for_sync(terminal, sync_count(terminal) + 50)
        terminal.type("\x03")
        assert terminal.finish() == 0
        assert_restored(terminal, before)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_killed_view_leaves_the_recording_going_on(
    checkout_environment: dict[str, str], tmp_path: Path, number: int
) -> None:
    path = tmp_path / "bus.pcapng"
    with on_terminal(checkout_environment, "-i", "sim:", "--view", "-w", path) as terminal:
        before = terminal.attributes()
        terminal.wait_for_text("AC phase")
        os.kill(child_of(terminal.process.pid), number)
        terminal.wait_for(lambda screen: b"the recording goes on" in screen.normal, "the end of the view")
        assert_restored(terminal, before)
        size = path.stat().st_size
        terminal.wait_for(lambda _screen: path.stat().st_size > size + 5_000, "a recording that grows")
        assert terminal.process.poll() is None
        assert terminal.finish(signal.SIGINT) == 0
        found = re.search(rb"(\d+) frames, (\d+) bytes", terminal.screen.normal)
        assert found is not None
        assert bytes_in(path) == int(found[2])


def test_a_killed_view_without_a_recording_is_the_end(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "-i", "sim:", "--view") as terminal:
        before = terminal.attributes()
        terminal.wait_for_text("AC phase")
        os.kill(child_of(terminal.process.pid), signal.SIGKILL)
        assert terminal.finish() == 1
        assert_restored(terminal, before)
        assert b"the live view ended by signal 9" in terminal.screen.normal


def test_a_killed_listener_leaves_a_usable_terminal(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "-i", "sim:", "--view") as terminal:
        before = terminal.attributes()
        terminal.wait_for_text("AC phase")
        child = child_of(terminal.process.pid)
        assert terminal.finish(signal.SIGKILL) == -signal.SIGKILL
        wait_until_gone(child)
        terminal.look()
        assert_restored(terminal, before)


def test_a_view_that_stands_still_costs_no_byte(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    end = PtyEnd()
    path = tmp_path / "bus.pcapng"
    stream = frames(128) * 60
    with on_terminal(checkout_environment, "-i", end.path, "--view", "-w", path) as terminal:
        terminal.wait_for_text("Nothing heard yet")
        child = child_of(terminal.process.pid)
        os.kill(child, signal.SIGSTOP)
        for at in range(0, len(stream), 512):
            end.write(stream[at : at + 512], 1.0)
            time.sleep(0.002)
        end.drain(10.0)
        terminal.wait_for(lambda _screen: path.stat().st_size > len(stream), "the recording")
        os.kill(child, signal.SIGCONT)
        terminal.wait_for(lambda _screen: sync_count(terminal) == 128 * 60, "all counts")
        terminal.type("q")
        assert terminal.finish() == 0
    end.close()
    assert bytes_in(path) == len(stream)


def test_a_marker_stands_in_the_recording(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "bus.pcapng"
    with on_terminal(checkout_environment, "-i", "sim:", "--view", "-w", path, size=(100, 60)) as terminal:
        wait_for_sync(terminal, 10)
        terminal.type("m")
        terminal.wait_for_text("marker 1: comment")
        terminal.type("m")
        terminal.wait_for_text("marker 2: comment")
        wait_for_sync(terminal, sync_count(terminal) + 20)
        terminal.type("q")
        assert terminal.finish() == 0
    data = path.read_bytes()
    assert data.index(b"marker 1") < data.index(b"marker 2")


def test_a_stop_condition_ends_the_view(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "-i", "sim:", "--view", "-c", "150") as terminal:
        before = terminal.attributes()
        assert terminal.finish() == 0
        assert_restored(terminal, before)


def test_without_colours_changes_are_still_marked(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "-i", "sim:", "--view", "--no-color") as terminal:
        terminal.wait_for_text("AC phase")
        terminal.wait_for_text(" 0.0")
        terminal.type("q")
        assert terminal.finish() == 0


def test_without_a_terminal_it_says_so_and_prints_lines(checkout_environment: dict[str, str]) -> None:
    with sniffing(checkout_environment, "-i", "sim:", "--view", "-c", "5") as sniffer:
        code, out, err = sniffer.finish()
    assert code == 0
    assert len(out.splitlines()) == 5
    assert err.startswith("vebus: --view needs a terminal for screen and keys; printing lines instead\n")


@pytest.mark.parametrize("options", [("-q",), ("-Q",), ("-w", "-")])
def test_options_that_contradict_the_view(checkout_environment: dict[str, str], options: tuple[str, ...]) -> None:
    with sniffing(checkout_environment, "-i", "sim:", "--view", *options) as sniffer:
        code, out, err = sniffer.finish()
    assert (code, out) == (2, "")
    assert "--view" in err


def test_a_wrong_first_filter_is_told_before_the_view(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "-i", "sim:", "--view", "-Y", "vebus.nonsense") as terminal:
        assert terminal.finish() == 2
        assert b"-Y" in terminal.screen.normal
        assert not terminal.screen.alternate
