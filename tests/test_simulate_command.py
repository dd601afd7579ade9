"""`vebus simulate` as a program: recordings, ptys, TCP, the end."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.checkout import ROOT
from vebus_protocol.schema import Link
from vebus_tools.capture import read_capture
from vebus_tools.decoder import decode_chunks
from vebus_tools.records import Chunk, Severity

COMMAND = [sys.executable, "-m", "vebus_tools.cli", "simulate"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'protocol'}"}
V_REQUEST, V_REPLY = bytes.fromhex("02ff56a9"), bytes.fromhex("07ff5628db1100424e")


def simulate(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=ENVIRONMENT,
        cwd=folder or ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A simulation in real time, and the names of its ends."""
    ends = sum(argument in ("--pty", "--tcp", "--mk3-pty", "--mk3-tcp") for argument in arguments)
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, [process.stdout.readline().split()[-1] for _ in range(ends)]
    finally:
        process.kill()
        process.communicate()


def read_for(descriptor: int, seconds: float) -> bytes:
    os.set_blocking(descriptor, False)
    until, data = time.monotonic() + seconds, b""
    while time.monotonic() < until:
        try:
            data += os.read(descriptor, 65536)
        except BlockingIOError:
            time.sleep(0.01)
    return data


def test_scenarios_are_listed() -> None:
    run = simulate("--list-scenarios")
    assert run.returncode == 0
    assert re.search(r"^quiet-house +A quiet house", run.stdout, re.MULTILINE)
    assert len(run.stdout.splitlines()) >= 8


@pytest.mark.parametrize("name", ["a.bin", "a.pcapng", "a.log", "a.hex"])
def test_virtual_recordings_are_the_same_each_time(tmp_path: Path, name: str) -> None:
    contents = []
    for round_ in "12":
        (tmp_path / round_).mkdir()
        options = ("--virtual", "--duration", "20s", "--seed", "5", "-w", name)
        run = simulate("noisy-bus", *options, folder=tmp_path / round_)
        assert run.returncode == 0, run.stderr
        assert "bus: 20.000 s" in run.stderr
        contents.append((tmp_path / round_ / name).read_bytes())
    assert contents[0] == contents[1]


def test_two_seeds_are_two_recordings(tmp_path: Path) -> None:
    for seed in "12":
        simulate("--virtual", "--duration", "5s", "--seed", seed, "-w", f"{tmp_path}/{seed}.bin", "-q")
    assert (tmp_path / "1.bin").read_bytes() != (tmp_path / "2.bin").read_bytes()


def test_a_recording_decodes_without_complaint(tmp_path: Path) -> None:
    target = tmp_path / "a.pcapng"
    run = simulate("--virtual", "--duration", "30s", "-w", str(target), "-q")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    records = list(decode_chunks(read_capture(target), Link.RS485))
    assert len(records) == pytest.approx(30 * 120, abs=60)
    assert all(found.severity < Severity.WARN for record in records for found in record.findings)
    assert records[-1].stamp.at == pytest.approx(30.0, abs=0.05)


def test_both_sides_can_be_recorded(tmp_path: Path) -> None:
    bus, mk3 = tmp_path / "bus.bin", tmp_path / "mk3.pcapng"
    run = simulate("--virtual", "--duration", "10s", "-w", str(bus), "--mk3-write", str(mk3))
    assert run.returncode == 0
    assert bus.stat().st_size > 10_000
    records = list(decode_chunks(read_capture(mk3), Link.MK3))
    assert len(records) == 6  # heartbeats
    assert "mk3: 0 frames of the host, 6 frames to it" in run.stderr


def test_the_duration_of_a_scenario_is_its_proposal(tmp_path: Path) -> None:
    run = simulate("exact", "--virtual", "-w", str(tmp_path / "a.bin"))
    assert "bus: 60.000 s" in run.stderr


def test_a_scenario_file_works_and_its_errors_are_told(tmp_path: Path) -> None:
    good = tmp_path / "mine.toml"
    good.write_text('title = "mine"\n[mains]\nfrequency = 60\n', encoding="utf-8")
    assert simulate(str(good), "--virtual", "--duration", "1s", "-w", str(tmp_path / "a.bin")).returncode == 0
    good.write_text("[mains]\nvoltage = 3\n", encoding="utf-8")
    run = simulate(str(good), "--virtual", "-w", str(tmp_path / "a.bin"))
    assert run.returncode == 1
    assert run.stderr == f"vebus: {good}, line 2: mains.voltage: 3 is not a number from 80 to 300\n"


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ((), 2, "nobody would hear it"),
        (("--virtual", "--pty"), 2, "--virtual is for recordings"),
        (("-w", "a", "--mk3-write", "a"), 2, "name the same file"),
        (("--duration", "soon", "--pty"), 2, "--duration soon: is not a time such as"),
        (("nowhere", "--pty"), 1, "no scenario 'nowhere'; there are"),
        (("nowhere.toml", "--pty"), 1, "nowhere.toml: No such file or directory; --list-scenarios"),
        (("--tcp", "far:away"), 1, "far:away: is no address"),
        (("--virtual", "-w", "/nonexistent/a.bin"), 1, "no such directory"),
    ],
)
def test_wrong_calls_are_one_line(arguments: tuple[str, ...], code: int, complaint: str) -> None:
    run = simulate(*arguments)
    assert run.returncode == code
    assert complaint in run.stderr
    assert run.stderr.count("\n") == 1


def test_bus_on_a_pty_in_real_time(tmp_path: Path) -> None:
    link = tmp_path / "bus"
    with running("--pty", "--link-name", str(link), "--duration", "20s") as (process, (name,)):
        assert name == str(link)
        reader = os.open(name, os.O_RDWR | os.O_NOCTTY)
        data = read_for(reader, 3.0)
        os.close(reader)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert re.search(r"bus: \d+\.\d+ s, \d+ frames \(\d+ host, \d+ multi\)", errors)
    assert not link.exists()
    records = [record for record in decode_chunks(read_bytes(tmp_path, data), Link.RS485) if record.frame]
    assert len(records) == pytest.approx(3 * 118, rel=0.25)
    assert all(found.severity < Severity.ERROR for record in records[1:] for found in record.findings)


def read_bytes(folder: Path, data: bytes) -> Iterator[Chunk]:
    target = folder / "heard.bin"
    target.write_bytes(data)
    return read_capture(target)


def test_adapter_on_tcp_answers_and_stops_on_sigterm() -> None:
    with running("--mk3-tcp", "127.0.0.1:0") as (process, (name,)):
        host, port = name.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=5) as client:
            client.sendall(V_REQUEST)
            assert client.recv(100) == V_REPLY
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "mk3: 1 frames of the host" in errors


def test_adapter_on_a_pty_minds_the_baud_rate(tmp_path: Path) -> None:
    import serial

    recording = tmp_path / "mk3.pcapng"
    with running("--mk3-pty", "--mk3-write", str(recording)) as (process, (name,)):
        with serial.Serial(name, 2400, timeout=2) as port:
            port.write(V_REQUEST)
            assert port.read(9) == V_REPLY
            port.baudrate = 115_200
            port.write(V_REQUEST)
            port.timeout = 0.5
            assert port.read(9) == b""
            port.baudrate = 2400
            port.write(bytes.fromhex("02ff4eb1"))
            time.sleep(0.1)
            port.baudrate = 115_200
            port.write(b"\x55" * 5 + V_REQUEST)
            assert V_REPLY in port.read(18)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    directions = {record.direction.value for record in decode_chunks(read_capture(recording), Link.MK3)}
    assert directions == {"to device", "from device"}


def test_both_sides_at_once_share_one_device() -> None:
    with running("exact", "--tcp", "127.0.0.1:0", "--mk3-tcp", "127.0.0.1:0") as (_, (bus_name, mk3_name)):
        bus, mk3 = (
            socket.create_connection((name.rsplit(":", 1)[0], int(name.rsplit(":", 1)[1])), timeout=5)
            for name in (bus_name, mk3_name)
        )
        with bus, mk3:
            mk3.sendall(bytes.fromhex("053F05000000C4"))  # charger only
            bus.settimeout(5)
            until, data = time.monotonic() + 5, b""
            while b"\x41\x10" not in data[200:] and time.monotonic() < until:
                data += bus.recv(4096)
    registers = re.findall(rb"\xfe.\x41\x10.{10}(.)", data, re.DOTALL)
    assert registers[-1:] in ([b"\x55"], [b"\x77"])
