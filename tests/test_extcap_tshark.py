"""Live, with the real tshark, as an ordinary user with a fresh home: install, list, capture, stop, decode."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ordinary_user import OrdinaryUser, ordinary_user
from tests.wireshark_compare import find_program
from vebus_tools.capture import open_capture

_PATIENCE_S = 30.0
_VEBUS = (sys.executable, "-m", "vebus_tools.cli")


@pytest.fixture(scope="module")
def user(checkout_environment: dict[str, str]) -> Iterator[OrdinaryUser]:
    """Somebody who has just run `vebus wireshark install`."""
    find_program("tshark")
    find_program("dumpcap")
    with ordinary_user(checkout_environment) as somebody:
        done = somebody.run(*_VEBUS, "wireshark", "install")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("installed") == 4
        yield somebody


def _nothing_left(user: OrdinaryUser) -> None:
    until = time.monotonic() + _PATIENCE_S
    while left := user.processes():
        assert time.monotonic() < until, left
        time.sleep(0.02)


def test_tshark_lists_our_interfaces(user: OrdinaryUser) -> None:
    listed = user.run("tshark", "-D").stdout
    for name in ("vebus-sim (VE.Bus: simulated bus)", "vebus-rs485 (", "vebus-mk3 ("):
        assert name in listed


def test_tshark_captures_and_decodes_the_simulated_bus(user: OrdinaryUser) -> None:
    done = user.run("tshark", "-i", "vebus-sim", "-c", "100")
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines)) == (0, 100), done.stderr
    assert "100 packets captured" in done.stderr
    assert "rror" not in done.stderr
    assert sum("VE.Bus 10 Sync, Nr=" in line for line in lines) > 10
    assert sum("VE.Bus 21 AC phase, Nr=" in line for line in lines) > 10
    assert not any("Malformed" in line or "Lua" in line for line in lines)
    _nothing_left(user)


def test_settings_and_capture_filter_arrive_and_the_file_decodes(user: OrdinaryUser) -> None:
    path = user.home / "bus.pcapng"
    options = ("-o", "extcap.vebus_sim.scenario:exact", "-o", "extcap.vebus_sim.speed:10", "-f", "!vebus.fb.value")
    done = user.run("tshark", "-i", "vebus-sim", *options, "-c", "60", "-w", str(path))
    assert done.returncode == 0, done.stderr
    with open_capture(str(path)) as capture:
        wires = [chunk.data for chunk in capture.chunks]
    assert len(wires) == 60
    assert all(wire[2] in (0xFD, 0xFE) for wire in wires)
    fields = user.run("tshark", "-r", str(path), "-T", "fields", "-e", "vebus.seq", "-e", "_ws.col.Info")
    shown = [line.split("\t") for line in fields.stdout.splitlines()]
    assert [int(row[0]) for row in shown] == [wire[3] for wire in wires]
    printed = user.run(*_VEBUS, "decode", str(path)).stdout.splitlines()
    assert [line.split("VE.Bus ", 1)[1].split(" ", 1)[1] for line in printed] == [row[1] for row in shown]
    path.unlink()
    _nothing_left(user)


def test_what_is_wrong_reaches_the_user(user: OrdinaryUser) -> None:
    done = user.run("tshark", "-i", "vebus-sim", "-f", "vebus.dx", "-c", "1")
    assert done.returncode != 0
    assert 'no field or protocol "vebus.dx"' in done.stderr
    _nothing_left(user)


def test_tshark_stops_with_ctrl_c_and_leaves_nothing_behind(user: OrdinaryUser, tmp_path: Path) -> None:
    with (tmp_path / "lines").open("wb") as lines:
        process = subprocess.Popen(
            user.command("tshark", "-l", "-i", "vebus-sim"),
            env=user.environment,
            cwd=os.sep,
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.PIPE,
        )
        until = time.monotonic() + _PATIENCE_S
        while (tmp_path / "lines").read_bytes().count(b"\n") < 5:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=_PATIENCE_S)
    assert b"rror" not in errors, errors
    _nothing_left(user)
