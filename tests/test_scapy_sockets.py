"""Scapy sockets: listening to anything, sending to simulators only."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from scapy.packet import Packet, Raw
from scapy.sendrecv import AsyncSniffer, sniff

from vebus_tools.link import End, LinkError, MemoryEnd, PtyEnd, TcpServer, memory_pair
from vebus_tools.scapy_layers import (
    MK3,
    AcPhase,
    AdapterAddress,
    DeviceStateReply,
    FbFrame,
    RamInfo,
    RamValues,
    ReadRam,
    ReadRamInfo,
    RequestAdapterState,
    RequestDeviceState,
    SyncFrame,
    VEBus,
    VEBusPieces,
    VEBusSocket,
    WinmonCommand,
    WinmonFrame,
)
from vebus_tools.simulator import ScenarioError, VirtualBus, load_scenario

_WAIT_S = 5.0
_SYNC = bytes.fromhex("8383fd025551180297ff")


@contextmanager
def _opened(*arguments: object, **options: object) -> Iterator[VEBusSocket]:
    opened = VEBusSocket(*arguments, **options)  # type: ignore[arg-type]
    try:
        yield opened
    finally:
        opened.close()


def _ask(opened: VEBusSocket, packet: Packet, **options: object) -> Packet:
    found = opened.sr1(packet, timeout=_WAIT_S, verbose=0, **options)
    assert found is not None, "nobody answered"
    return found


# --- the built-in simulation -----------------------------------------------------------------------------------------
def test_a_simulated_bus_is_listened_to() -> None:
    with _opened("sim:") as bus:
        assert bus.name == "sim:"
        heard = sniff(opened_socket=bus, count=6, timeout=_WAIT_S)
    assert [type(packet) for packet in heard[:4]] == [FbFrame, FbFrame, FbFrame, VEBus]
    assert SyncFrame in heard[3]
    assert all(packet.checksum_ok for packet in heard[3:])
    assert heard[0].time <= heard[5].time <= time.time()


def test_a_request_gets_its_answer_from_the_simulated_bus() -> None:
    with _opened("sim:exact") as bus:
        reply = _ask(bus, VEBus(addr="MK3") / WinmonFrame(tid=0xF0) / ReadRam(ram_id=[4, 13]))
        assert reply[WinmonFrame].tid == 0xF0
        volts, charge = reply[RamValues].physical("value")
        assert 40 < volts < 60
        assert 0 <= charge <= 100
        assert "RAM[4]=" in reply.summary(), "the socket's session knows what was asked"
        many = [VEBus(addr="MK3") / WinmonFrame(tid=0xF1 + at) / ReadRamInfo(ram_id=at) for at in range(4)]
        answered, unanswered = bus.sr(many, timeout=_WAIT_S, verbose=0)
        assert len(answered) == 4
        assert not unanswered
        assert all(RamInfo in answer and answer.tid == request.tid for request, answer in answered)


def test_a_request_gets_its_answer_from_the_simulated_adapter() -> None:
    with _opened("sim:", "mk3") as adapter:
        assert _ask(adapter, MK3() / AdapterAddress())[AdapterAddress]
        assert _ask(adapter, MK3() / RequestAdapterState()).checksum_ok
        reply = _ask(adapter, MK3() / WinmonCommand(cmd="W") / RequestDeviceState())
        assert DeviceStateReply in reply


def test_a_packet_that_cannot_be_built_is_told_and_the_simulation_goes_on() -> None:
    with _opened("sim:exact") as bus:
        with pytest.raises(ValueError, match=r"seq: 300 does not fit u8"):
            bus.send(VEBus(seq=300) / SyncFrame())
        assert len(sniff(opened_socket=bus, count=5, timeout=_WAIT_S)) == 5


def test_an_unknown_scenario_and_an_unknown_link_are_told() -> None:
    with pytest.raises(ScenarioError, match="no scenario 'nowhere'"):
        VEBusSocket("sim:nowhere")
    with pytest.raises(ValueError, match="is not a valid Link"):
        VEBusSocket("sim:", "can")


def test_a_closed_simulation_leaves_no_thread() -> None:
    def running() -> int:
        return sum(thread.name == "simulated line" for thread in threading.enumerate())

    with _opened("sim:"):
        assert running() == 1
    assert running() == 0
    bus = VEBusSocket("sim:")
    bus.close()
    bus.close()
    with pytest.raises(LinkError, match="is closed"):
        bus.send(VEBus() / SyncFrame())
    with pytest.raises(EOFError):
        bus.recv()


# --- simulators elsewhere --------------------------------------------------------------------------------------------
@contextmanager
def _simulator(end: End) -> Iterator[None]:
    """A simulated bus behind an end, as `vebus simulate` runs it."""
    bus, stopping = VirtualBus(load_scenario("exact")), threading.Event()

    def run() -> None:
        start = time.monotonic()
        while not stopping.wait(0.001):
            now = time.monotonic() - start
            bus.inject(end.read(), now, "client")
            for sent in bus.run(now):
                if sent.sender != "client":
                    end.write(sent.data)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        end.close()


def _in_memory() -> tuple[End, Callable[[], VEBusSocket]]:
    far, near = memory_pair()
    return far, lambda: VEBusSocket(near)


def _by_pty() -> tuple[End, Callable[[], VEBusSocket]]:
    end = PtyEnd()
    return end, lambda: VEBusSocket(end.name, simulator=True)


def _by_tcp() -> tuple[End, Callable[[], VEBusSocket]]:
    end = TcpServer()
    return end, lambda: VEBusSocket(f"socket://{end.name}", simulator=True)


@pytest.mark.parametrize("made", [_in_memory, _by_pty, _by_tcp])
def test_a_simulator_elsewhere_answers(made: Callable[[], tuple[End, Callable[[], VEBusSocket]]]) -> None:
    end, connect = made()
    opened = connect()
    with _simulator(end):
        request = VEBus(addr="MK3") / WinmonFrame(tid=0xF0) / ReadRam(ram_id=[4])
        found = None
        for _ in range(40):  # a frame that is late gets no answer
            found = found or opened.sr1(request, timeout=0.5, verbose=0)
        opened.close()
    assert found is not None
    assert RamValues in found


# --- what may not be sent to -----------------------------------------------------------------------------------------
def test_a_port_is_receive_only_unless_it_is_said_to_be_a_simulator() -> None:
    end = PtyEnd()
    with _opened(end.name) as port:
        end.write(_SYNC)
        (heard,) = sniff(opened_socket=port, count=1, timeout=_WAIT_S)
        assert bytes(heard) == _SYNC
        packet = VEBus() / SyncFrame()
        for send in (port.send, port.sr, port.sr1):
            with pytest.raises(LinkError, match="is open for reading only, nothing here sends on a real bus") as told:
                send(packet)
            assert "\n" not in str(told.value)
        assert end.read() == b""
    end.close()


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        ("/dev/null", "is no pty"),
        ("/dev/not-there", "cannot open: No such file"),
        ("socket://192.0.2.1:4000", "is not on this computer"),
        ("socket://example.org:4000", "does not appear to be an IPv4 or IPv6 address"),
        ("socket://127.0.0.1:1", "cannot connect: .*is vebus simulate running"),
        ("/dev/ttyS0", "is no pty|cannot open"),
    ],
)
def test_only_a_pty_or_a_loopback_connection_can_be_a_simulator(port: str, reason: str) -> None:
    with pytest.raises(LinkError, match=reason):
        VEBusSocket(port, simulator=True)


# --- streams ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def line() -> Iterator[tuple[MemoryEnd, VEBusSocket]]:
    far, near = memory_pair()
    with _opened(near) as opened:
        yield far, opened
    far.close()


def test_frames_are_cut_from_the_stream_and_no_byte_is_lost(line: tuple[MemoryEnd, VEBusSocket]) -> None:
    far, opened = line
    data = b"\x01\x02\xff" + _SYNC + b"\x00\xfb\x05\x7a\xff" + _SYNC
    for at in range(0, len(data), 3):
        far.write(data[at : at + 3])
    heard = sniff(opened_socket=opened, count=4, timeout=_WAIT_S)
    assert [type(packet) for packet in heard] == [VEBusPieces, VEBus, FbFrame, VEBus]
    assert heard[0][Raw].load == b"\x01\x02\xff"
    assert b"".join(map(bytes, heard)) == data


def test_a_frame_goes_out_behind_another_one_with_the_number_that_follows(line: tuple[MemoryEnd, VEBusSocket]) -> None:
    far, opened = line
    request = VEBus(addr="MK3") / WinmonFrame(tid=0xF0) / ReadRam(ram_id=[4])
    for own, expected in ((None, 0), (77, 77)):
        request.seq = own
        opened.send(request)
        far.write(_SYNC)
        assert opened.recv() is not None
        assert far.read() == b"", "behind a sync frame others may speak"
        far.write(bytes(VEBus(addr="Multi", seq=127) / AcPhase()))
        assert opened.recv() is not None
        sent = VEBus(far.read())
        assert (sent.seq, sent.checksum_ok, sent[ReadRam].ram_id) == (expected, True, [4])
    assert request.seq == 77, "what is sent does not change"


def test_several_packets_of_one_read_come_at_once(line: tuple[MemoryEnd, VEBusSocket]) -> None:
    far, opened = line
    far.write(_SYNC * 3)
    assert opened.recv() is not None
    assert opened.waiting
    assert opened.select([opened], 0.0) == [opened]
    assert [type(opened.recv()) for _ in range(3)] == [VEBus, VEBus, type(None)]


def test_a_sniffer_in_a_thread_can_be_stopped(line: tuple[MemoryEnd, VEBusSocket]) -> None:
    far, opened = line
    sniffer = AsyncSniffer(opened_socket=opened)
    started = threading.Event()
    sniffer.kwargs["started_callback"] = started.set
    sniffer.start()
    assert started.wait(_WAIT_S)
    far.write(_SYNC)
    until = time.monotonic() + _WAIT_S
    while not sniffer.count and time.monotonic() < until:
        time.sleep(0.005)
    assert [bytes(packet) for packet in sniffer.stop() or ()] == [_SYNC]


def test_a_capture_through_a_pipe_ends_with_what_is_left(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "pipe")  # noqa: PTH118
    os.mkfifo(path)

    def write() -> None:
        with open(path, "wb") as pipe:  # noqa: PTH123
            pipe.write(_SYNC + b"\x83")

    writer = threading.Thread(target=write)
    writer.start()
    with _opened(path) as opened:
        heard = sniff(opened_socket=opened, timeout=_WAIT_S)
    writer.join()
    assert b"".join(map(bytes, heard)) == _SYNC + b"\x83"
