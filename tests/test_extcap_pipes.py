"""The pipes of `vebus extcap`: messages of the toolbar in any pieces, readers that come late, leave, or do neither."""

import os
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sniffers import frames, heard, listen, run
from vebus_tools.capture import open_capture
from vebus_tools.capture.notes import InterfaceNotes, Statistics
from vebus_tools.extcap.capture import PipeCapture
from vebus_tools.extcap.fifo import Fifo, open_fifo
from vebus_tools.extcap.toolbar import MAX_PAYLOAD, Command, Message, Messages, Toolbar
from vebus_tools.records import CaptureError, Link

_MESSAGES = st.lists(
    st.builds(Message, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40)), min_size=1, max_size=5
)


# --- messages --------------------------------------------------------------------------------------------------------
def test_a_message_is_that_of_the_developers_guide() -> None:
    assert Message(3, Command.ADD, b"hi\n").build() == b"T\x00\x00\x05\x03\x02hi\n"
    assert Message(1, Command.SET).build() == b"T\x00\x00\x02\x01\x01"
    assert len(Message(1, Command.SET, bytes(70_000)).build()) == 6 + MAX_PAYLOAD


@given(_MESSAGES, st.integers(1, 7))
def test_messages_come_back_whatever_the_pieces(sent: list[Message], size: int) -> None:
    data = b"".join(one.build() for one in sent)
    messages = Messages()
    found = [one for at in range(0, len(data), size) for one in messages.feed(data[at : at + size])]
    assert found == sent


@settings(max_examples=15)  # a wrong length may swallow 64 KiB before it is over
@given(st.binary(max_size=200))
def test_junk_is_passed_over(junk: bytes) -> None:
    messages = Messages()
    list(messages.feed(junk))
    mark = Message(1, Command.SET)
    behind = list(messages.feed(mark.build() * 12_000))
    assert mark in behind


# --- the toolbar -----------------------------------------------------------------------------------------------------
@pytest.fixture
def pipes(tmp_path: Path) -> tuple[str, str]:
    """From the user, to the user."""
    for name in ("in", "out"):
        os.mkfifo(tmp_path / name)
    return str(tmp_path / "in"), str(tmp_path / "out")


def test_without_pipes_nothing_is_said() -> None:
    toolbar = Toolbar(None, None)
    toolbar.say(0, Command.SET, "text")
    assert toolbar.said() == []
    toolbar.close()


def test_what_is_said_before_anybody_reads_waits_for_the_reader(pipes: tuple[str, str]) -> None:
    toolbar = Toolbar(*pipes)
    toolbar.say(2, Command.SET, "1 frame")
    assert toolbar.said() == []
    reader = os.open(pipes[1], os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipes[0], os.O_WRONLY)
    os.write(writer, Message(1, Command.SET).build())
    toolbar.flush()
    assert os.read(reader, 100) == Message(2, Command.SET, b"1 frame").build()
    assert toolbar.said() == [Message(1, Command.SET)]
    os.close(writer)
    assert toolbar.said() == []
    os.close(reader)
    toolbar.say(2, Command.SET, "2 frames")  # nobody there any more
    toolbar.close()
    toolbar.close()


def test_a_toolbar_that_nobody_empties_costs_nothing(pipes: tuple[str, str]) -> None:
    toolbar = Toolbar(*pipes)
    reader = os.open(pipes[1], os.O_RDONLY | os.O_NONBLOCK)
    for number in range(2000):
        toolbar.say(3, Command.ADD, f"{number} " + "x" * 200)
    messages = Messages()
    found: list[Message] = []
    while True:
        toolbar.flush()
        try:
            found += messages.feed(os.read(reader, 1 << 16))
        except BlockingIOError:
            break
    assert found[-1].payload.startswith(b"1999 ")
    assert all(len(one.payload) > 200 for one in found)
    os.close(reader)
    toolbar.close()


# --- the pipe of the capture -----------------------------------------------------------------------------------------
def test_a_pipe_that_nobody_opens_ends_when_it_is_stopped(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    stopping = threading.Event()
    threading.Timer(0.05, stopping.set).start()
    assert open_fifo(str(tmp_path / "fifo"), stopping) is None


def test_a_pipe_that_is_removed_ends_the_waiting_and_stays_away(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    threading.Timer(0.05, path.unlink).start()
    assert open_fifo(str(path), threading.Event()) is None
    assert not path.exists()


def test_a_pipe_whose_caller_died_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo")
    parents = iter((4711, 4711, 4711, 1))
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    assert open_fifo(str(tmp_path / "fifo"), threading.Event()) is None
    assert not list(parents)


def test_a_pipe_that_cannot_be_opened_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="No such file"):
        open_fifo(str(tmp_path / "missing" / "fifo"), threading.Event())


@pytest.fixture
def pipe() -> tuple[int, Fifo, threading.Event]:
    """The reading end, the writing one, and what stops it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    stopping = threading.Event()
    return reader, Fifo(writer, stopping), stopping


def test_a_reader_that_leaves_is_seen_without_writing(pipe: tuple[int, Fifo, threading.Event]) -> None:
    reader, fifo, _ = pipe
    assert not fifo.abandoned()
    os.close(reader)
    assert fifo.abandoned()
    with pytest.raises(BrokenPipeError):
        fifo.write(b"more")
    fifo.close()
    fifo.close()


def test_a_reader_that_sleeps_cannot_hold_the_end_back(pipe: tuple[int, Fifo, threading.Event]) -> None:
    reader, fifo, stopping = pipe
    threading.Timer(0.05, stopping.set).start()
    with pytest.raises(BrokenPipeError):
        all(fifo.write(bytes(1 << 14)) for _ in range(100))
    os.close(reader)
    fifo.close()


def test_a_slow_reader_gets_everything(pipe: tuple[int, Fifo, threading.Event]) -> None:
    reader, fifo, _ = pipe
    parts: list[bytes] = []

    def read() -> None:
        while part := os.read(reader, 1000):
            parts.append(part)

    thread = threading.Thread(target=read)
    thread.start()
    data = bytes(range(256)) * 2000
    rest = memoryview(data)
    while rest:
        rest = rest[fifo.write(rest) :]
    fifo.close()
    thread.join()
    os.close(reader)
    assert b"".join(parts) == data


# --- the capture -----------------------------------------------------------------------------------------------------
def _summary() -> Statistics:
    return Statistics(started=1.0, ended=2.0, received=3, dropped=0, accepted=3, comment="3 frames")


def test_the_head_is_there_at_once_and_packets_with_each_tick(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    fifo = open_fifo(str(path), threading.Event())
    assert fifo is not None
    capture = PipeCapture(fifo, Link.RS485, "vebus-sim", InterfaceNotes(), _summary)
    head = path.stat().st_size
    assert head == capture.size > 0
    records = heard(run(listen([frames(3)])))
    capture.remark("marker 1: pump on")
    capture.write(records[0], 0.0)
    assert path.stat().st_size == head
    capture.tick(0.0)
    assert path.stat().st_size == capture.size > head
    capture.write(records[1], 0.0)
    assert not capture.is_full(1e12)
    capture.remark("marker 2")
    capture.close()
    data = path.read_bytes()
    assert data.count(b"marker 1: pump on") == 1
    assert b"3 frames; marker 2" in data, "a marker behind the last packet stands in the statistics"
    assert struct.unpack_from("<I", data, len(data) - 4)[0] > 0
    with open_capture(str(path)) as read:
        assert [chunk.data for chunk in read.chunks] == [record.wire for record in records[:2]]
