"""`vebus sniff`: what is heard, counted, chosen, printed and recorded."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sniffers import PAUSE, Sniffer, frames, heard, listen, notices, run, sniffing
from tests.test_link import need_socat
from vebus_protocol.schema import Link
from vebus_tools.capture import open_capture
from vebus_tools.cli.conditions import duration_s, parse_ring, parse_stops
from vebus_tools.cli.failures import UsageError
from vebus_tools.cli.sniffing import port_lines
from vebus_tools.link import Port, PtyEnd, TcpServer
from vebus_tools.live import Stops
from vebus_tools.records import TimeSource
from vebus_tools.tally import Tally, plausible_link

MK3 = bytes.fromhex("05 ff 4c 00 00 00 b0")


@pytest.fixture
def pty() -> Iterator[PtyEnd]:
    end = PtyEnd()
    yield end
    end.close()


def stream_of(path: Path) -> bytes:
    with open_capture(path) as capture:
        return b"".join(chunk.data for chunk in capture.chunks)


# --- the listener ----------------------------------------------------------------------------------------------------
def test_every_byte_comes_out_once_and_in_order() -> None:
    stream = frames(50) + b"\x11\x22\x33" + frames(50, 50)
    steps = [stream[at : at + 7] for at in range(0, len(stream), 7)]
    listener = listen(steps)
    records = heard(run(listener))
    assert b"".join(record.wire for record in records) == stream
    assert [record.number for record in records] == list(range(1, len(records) + 1))
    assert listener.problem is None


def test_stamps_are_of_the_host_with_date_error_and_order() -> None:
    records = heard(run(listen([frames(3), PAUSE, frames(3, 3)])))
    assert all(record.stamp.source is TimeSource.HOST and record.stamp.epoch for record in records)
    assert all(record.stamp.error_s is not None and record.stamp.error_s >= 0.001 for record in records)
    times = [record.stamp.at for record in records]
    assert times == sorted(times)


def test_counts_of_a_damaged_stream() -> None:
    damaged = bytearray(frames(10))
    damaged[-2] ^= 1
    stream = frames(10) + bytes(damaged) + b"\x01\x02" + frames(5, 13)
    listener = listen([stream])
    run(listener)
    tally = listener.tally
    assert (tally.bytes, tally.frames, tally.bad_checksums) == (len(stream), 25, 1)
    assert (tally.resyncs, tally.skipped_bytes) == (1, 2)
    assert (tally.gaps, tally.missing) == (2, 118 + 4)
    assert "1 bad checksums, 1 resynchronisations (2 bytes skipped), 2 number gaps (122 frames missing)" in tally.line()


def test_counts_of_a_clean_stream_are_clean() -> None:
    listener = listen([frames(300)])
    events = run(listener)
    tally = listener.tally
    assert (tally.frames, tally.good, tally.accepted) == (300, 300, 300)
    assert (tally.bad_checksums, tally.resyncs, tally.gaps, tally.overruns, tally.unprinted) == (0, 0, 0, 0, 0)
    assert notices(events) == []


def test_longest_silence_is_between_last_and_first_byte() -> None:
    tally = Tally()
    tally.heard(10, 1.0, 2.0)
    tally.heard(10, 2.5, 3.0)
    tally.heard(10, 3.1, 3.2)
    assert tally.longest_silence_s == pytest.approx(0.5)
    tally.quiet(5.2)
    assert tally.longest_silence_s == pytest.approx(2.0)


@pytest.mark.parametrize("size", [1, 9, 10, 1000])
def test_it_stops_after_so_many_records(size: int) -> None:
    listener = listen([frames(20)] * 60, stops=Stops(packets=size))
    assert len(heard(run(listener))) == size
    assert listener.tally.accepted == size


def test_it_stops_after_a_time() -> None:
    listener = listen([PAUSE] * 100_000, stops=Stops(duration_s=0.05))
    run(listener)
    assert listener.problem is None


def test_it_stops_when_asked() -> None:
    listener = listen([PAUSE] * 100_000)
    listener.start()
    listener.stop()
    listener.join()
    assert listener.problem is None


def test_a_slow_printer_loses_lines_and_not_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.live.QUEUE_LIMIT", 100)
    listener = listen([frames(64)] * 10)
    listener.start()
    listener.join()  # nobody has taken an event so far
    events = [event for event in listener.events() if event is not None]
    assert len(heard(events)) == 100
    assert listener.tally.frames == 640
    assert listener.tally.unprinted == 540
    assert "540 records not printed" in listener.tally.line()


def test_nothing_is_queued_where_nothing_is_shown() -> None:
    listener = listen([frames(64)], showing=False)
    assert heard(run(listener)) == []
    assert listener.tally.frames == 64


@pytest.mark.parametrize(("data", "link"), [(frames(5), Link.RS485), (MK3 * 5, Link.MK3), (bytes(100), None)])
def test_the_link_of_bytes_is_told(data: bytes, link: Link | None) -> None:
    assert plausible_link(data) is link


# --- options ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "seconds"), [("2", 2), ("5ms", 0.005), ("1.5s", 1.5), ("10min", 600), ("2h", 7200), ("1 d", 86400)]
)
def test_times_have_units(text: str, seconds: float) -> None:
    assert duration_s(text, "-a") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-1", "0", "5 parsecs", "ms", "1e3", "nan"])
def test_wrong_times_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        duration_s(text, "-a")


def test_stop_conditions_are_read() -> None:
    stops = parse_stops(("duration:1.5", "filesize:20", "packets:50", "files:3"), 40)
    assert (stops.packets, stops.duration_s, stops.filesize_kb, stops.files) == (40, 1.5, 20, 3)
    assert parse_stops((), None) == Stops()


def test_ring_conditions_are_read() -> None:
    ring = parse_ring(("filesize:20", "duration:1h", "interval:60", "packets:7", "files:3", "printname:-"))
    assert (ring.filesize_kb, ring.duration_s, ring.interval_s, ring.packets, ring.files) == (20, 3600, 60, 7, 3)
    assert ring.print_name == "-"


@pytest.mark.parametrize("text", ["duration", "duration:", "frames:3", "packets:0", "packets:x", "files:2"])
def test_wrong_ring_conditions_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_ring((text,))


def test_ports_are_listed_like_interfaces() -> None:
    port = Port(
        path="/dev/ttyUSB0",
        text="FTDI FT232R",
        vendor_id=0x0403,
        product_id=0x6001,
        serial_number="A1",
        latency_ms=16,
        holders=("ser2net (pid 7)",),
    )
    assert list(port_lines([port])) == [
        "1. /dev/ttyUSB0 (FTDI FT232R, 0403:6001, serial number A1, latency timer 16 ms, in use by ser2net (pid 7))",
        "2. sim: (built-in simulated bus)",
    ]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "vebus sniff -i sim:"),
        (["-i", "sim:", "-b", "packets:5"], "name its file with -w"),
        (["-i", "sim:", "-F", "raw"], "name its file with -w"),
        (["-i", "sim:", "--compress", "gzip"], "name its file with -w"),
        (["-i", "sim:", "-w", "-", "-P"], "both write to standard output"),
        (["-i", "sim:", "-a", "never"], "is no condition"),
        (["-i", "sim:", "-f", "vebus.nonsense"], "-f: "),
        (["-i", "sim:", "-Y", "vebus.nonsense"], "-Y: "),
        (["-i", "sim:nowhere"], "no scenario"),
        (["-i", "/dev/no such port"], "no such port"),
    ],
)
def test_wrong_usage_is_said(checkout_environment: dict[str, str], arguments: list[str], text: str) -> None:
    with sniffing(checkout_environment, *arguments) as sniffer:
        code, out, err = sniffer.finish()
    assert code in {1, 2}
    assert out == ""
    assert text in err
    assert "Traceback" not in err


def test_ports_are_listed_on_request(checkout_environment: dict[str, str]) -> None:
    with sniffing(checkout_environment, "-D") as sniffer:
        code, out, err = sniffer.finish()
    assert (code, err) == (0, "")
    assert "sim: (built-in simulated bus)" in out


# --- the program -----------------------------------------------------------------------------------------------------
def test_the_simulated_bus_is_heard(checkout_environment: dict[str, str]) -> None:
    with sniffing(checkout_environment, "-i", "sim:", "-c", 50) as sniffer:
        code, out, err = sniffer.finish()
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 50
    assert any("AC phase" in line for line in lines)
    assert re.search(r"vebus: \d+ frames, \d+ bytes, 0 bad checksums", err)
    assert "longest silence" in err


def test_details_tell_the_error_of_the_time(checkout_environment: dict[str, str]) -> None:
    with sniffing(checkout_environment, "-i", "sim:", "-c", 1, "-V") as sniffer:
        _, out, _ = sniffer.finish()
    assert "[Time stamp source: host, estimated error " in out
    assert "on interface sim:, id 0" in out


def sniff_stdin(environment: dict[str, str], stream: bytes, *arguments: object) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "vebus_tools.cli", "sniff", "-i", "-", *map(str, arguments)]
    done = subprocess.run(
        command, input=stream, env={**environment, "PYTHONIOENCODING": "utf-8"}, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_standard_input_is_printed_to_its_end(checkout_environment: dict[str, str]) -> None:
    code, out, err = sniff_stdin(checkout_environment, frames(3) + b"\x01\x02\x03")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["1", "2", "3", "4"]
    assert "3 frames, 33 bytes" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-V", "-c", "1"], "Victron VE.Bus, Sync"),
        (["-V", "-c", "1"], "[Time stamp source: host]"),  # nobody knows how long bytes were in a pipe
        (["-x", "-c", "1"], "0000  83 83 fd"),
        (["-O", "vebus", "-c", "1"], "Victron VE.Bus, Sync"),
        (["-T", "fields", "-e", "vebus.seq", "-E", "header=y"], "vebus.seq\n0\n1\n"),
        (["-T", "tabs"], "\tSync"),
        (["-Y", "vebus.seq == 7"], "Nr=7"),
        (["-f", "vebus.seq == 7"], "    8 "),
        (["-t", "ud", "-c", "1"], "    1 20"),
    ],
)
def test_it_prints_what_decode_prints(
    checkout_environment: dict[str, str], arguments: list[str], expected: str
) -> None:
    code, out, _ = sniff_stdin(checkout_environment, frames(20), *arguments)
    assert code == 0
    assert expected in out


def test_json_is_complete(checkout_environment: dict[str, str]) -> None:
    code, out, _ = sniff_stdin(checkout_environment, frames(20), "-T", "json")
    assert code == 0
    assert len(json.loads(out)) == 20


def test_filters_choose_what_is_printed_and_recorded(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "chosen.bin"
    arguments = ("-f", "vebus.seq < 10", "-Y", "vebus.seq == 3", "-w", path, "-P")
    code, out, err = sniff_stdin(checkout_environment, frames(100), *arguments)
    assert code == 0
    assert len(out.splitlines()) == 1
    assert path.read_bytes() == frames(10)
    assert f"100 frames, {len(frames(100))} bytes" in err


def test_quiet_and_silent(checkout_environment: dict[str, str]) -> None:
    code, out, err = sniff_stdin(checkout_environment, frames(5), "-q")
    assert (code, out) == (0, "")
    assert "5 frames" in err
    assert sniff_stdin(checkout_environment, frames(5), "-Q") == (0, "", "")


@pytest.mark.parametrize("form", ["raw", "log", "pcapng", "hex"])
def test_recordings_hold_every_byte(checkout_environment: dict[str, str], tmp_path: Path, form: str) -> None:
    path = tmp_path / "recording"
    stream = frames(200) + b"\x01\x02\x03\x04\x05" + frames(20, 200)
    code, out, _ = sniff_stdin(checkout_environment, stream, "-w", path, "-F", form)
    assert (code, out) == (0, "")
    assert stream_of(path) == stream


def test_a_recording_can_go_to_standard_output(checkout_environment: dict[str, str]) -> None:
    code, out, _ = sniff_stdin(checkout_environment, frames(3), "-w", "-", "-F", "log")
    assert code == 0
    assert out.count("#") == 3


def test_adapter_traffic_is_recorded_as_such(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "mk3.pcapng"
    code, _, err = sniff_stdin(checkout_environment, MK3 * 4, "--link", "mk3", "-w", path)
    assert code == 0
    assert "4 frames" in err
    with open_capture(path) as capture:
        assert {chunk.link for chunk in capture.chunks} == {Link.MK3}


def test_files_follow_each_other_and_stop(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    arguments = ("-w", tmp_path / "bus.bin", "-b", "packets:10", "-a", "files:3")
    code, _, _ = sniff_stdin(checkout_environment, frames(100), *arguments)
    assert code == 0
    assert [path.stat().st_size for path in sorted(tmp_path.iterdir())] == [100, 100, 100]


def test_it_stops_at_a_size(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "bus.bin"
    with sniffing(checkout_environment, "-i", "sim:", "-w", path, "-a", "filesize:1") as sniffer:
        code, _, _ = sniffer.finish()
    assert code == 0
    assert 1000 <= path.stat().st_size < 1500


def feeding(end: PtyEnd | TcpServer, stream: bytes) -> threading.Thread:
    """Write a stream in pieces that the other side has time to take."""

    def write() -> None:
        for at in range(0, len(stream), 256):
            end.write(stream[at : at + 256], 30.0)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(
    checkout_environment: dict[str, str], pty: PtyEnd, tmp_path: Path, number: int
) -> None:
    path = tmp_path / "bus.pcapng"
    with sniffing(checkout_environment, "-i", pty.path, "-w", path, "-P") as sniffer:
        sniffer.wait_until_listening(pty)
        feeding(pty, frames(100)).join()
        sniffer.wait_for_file(path, 2000)
        code, out, err = sniffer.finish(number)
    assert code == 0
    assert len(out.splitlines()) == 100
    counts = f"100 frames, {len(frames(100))} bytes, 0 bad checksums, 0 resynchronisations"
    assert f"vebus: {counts}" in err
    assert stream_of(path) == frames(100)
    assert counts.encode() in path.read_bytes()


def test_nothing_is_ever_written_to_the_bus(checkout_environment: dict[str, str], pty: PtyEnd, tmp_path: Path) -> None:
    with sniffing(checkout_environment, "-i", pty.path, "-w", tmp_path / "bus.pcapng", "-P") as sniffer:
        sniffer.wait_until_listening(pty)
        feeding(pty, frames(500)).join()
        assert pty.read() == b""
        sniffer.finish(signal.SIGTERM)
    assert pty.read() == b""


def test_nothing_is_lost_between_pty_and_file(
    checkout_environment: dict[str, str], pty: PtyEnd, tmp_path: Path
) -> None:
    path, stream = tmp_path / "bus.pcapng", frames(10_000)
    with sniffing(checkout_environment, "-i", pty.path, "-w", path, "-q", "-c", 10_000) as sniffer:
        sniffer.wait_until_listening(pty)
        feeding(pty, stream).join()
        code, _, _ = sniffer.finish()
    assert code == 0
    assert pty.unheard == 0
    assert stream_of(path) == stream


def test_nothing_is_lost_between_tcp_and_file(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    path, stream, server = tmp_path / "bus.bin", frames(10_000), TcpServer()
    with sniffing(checkout_environment, "-i", f"socket://{server.name}", "-w", path, "-c", 10_000) as sniffer:
        wait_for_client(server, sniffer)
        feeding(server, stream).join()
        server.drain(30.0)
        code, _, _ = sniffer.finish()
    server.close()
    assert code == 0
    assert path.read_bytes() == stream


def wait_for_client(server: TcpServer, sniffer: Sniffer) -> None:
    while not server.present():
        assert sniffer.process.poll() is None, sniffer.process.communicate()
        server.read()


def test_nothing_is_lost_through_socat(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    ends = [tmp_path / "a", tmp_path / "b"]
    command = [need_socat(), "-d", "-d", *(f"pty,raw,echo=0,link={end}" for end in ends)]
    path, stream = tmp_path / "bus.bin", frames(5000)
    with subprocess.Popen(command, stderr=subprocess.PIPE) as socat:
        assert socat.stderr is not None
        while b"starting data transfer" not in socat.stderr.readline():
            assert socat.poll() is None
        with sniffing(checkout_environment, "-i", ends[1], "-w", path, "-c", 5000) as sniffer:
            sniffer.wait_for_file(path, 0)
            with ends[0].open("wb", buffering=0) as writer:
                writer.write(stream[:10])
                sniffer.wait_for_file(path, 10)  # the port is open: what comes now is heard
                writer.write(stream[10:])
                code, _, _ = sniffer.finish()
        socat.terminate()
        socat.stderr.read()
    assert code == 0
    assert path.read_bytes() == stream


def test_a_screen_that_stands_still_does_not_stop_the_recording(
    checkout_environment: dict[str, str], pty: PtyEnd, tmp_path: Path
) -> None:
    path, stream = tmp_path / "bus.bin", frames(5000)
    with sniffing(checkout_environment, "-i", pty.path, "-w", path, "-P") as sniffer:
        sniffer.wait_until_listening(pty)
        feeding(pty, stream).join()
        sniffer.wait_for_file(path, len(stream))  # nobody has read a line of what it prints: the pipe is full
        code, out, err = sniffer.finish(signal.SIGTERM)
    assert code == 0
    assert path.read_bytes() == stream
    assert len(out.splitlines()) == 5000
    assert "5000 frames" in err


def test_a_reader_that_leaves_ends_it(checkout_environment: dict[str, str], pty: PtyEnd) -> None:
    with sniffing(checkout_environment, "-i", pty.path, "-l") as sniffer:
        sniffer.wait_until_listening(pty)
        feeding(pty, frames(10)).join()
        assert sniffer.process.stdout is not None
        sniffer.process.stdout.readline()
        sniffer.process.stdout.close()
        while sniffer.process.poll() is None:
            pty.write(frames(100))
        assert sniffer.process.returncode == 141


def test_a_busy_port_is_refused(checkout_environment: dict[str, str], pty: PtyEnd) -> None:
    with sniffing(checkout_environment, "-i", pty.path) as first:
        first.wait_until_listening(pty)
        with sniffing(checkout_environment, "-i", pty.path) as second:
            code, _, err = second.finish()
        assert code == 1
        assert re.search(rf"{pty.path}: in use by .*\(pid {first.process.pid}\)", err)


def test_a_connection_refused_is_one_line(checkout_environment: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"socket://127.0.0.1:{free.getsockname()[1]}"
        with sniffing(checkout_environment, url) as sniffer:
            code, out, err = sniffer.finish()
    assert (code, out) == (1, "")
    assert "cannot connect" in err
    assert len(err.splitlines()) == 1
