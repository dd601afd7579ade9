"""`vebus emulate-bms` as a program: what it prints, records, refuses, and how it ends."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.rehearsals import GOLDEN, RUNS, emulate, scenario_text
from tests.traceability import covers
from tests.traceability.table import lines
from vebus_protocol.schema import Direction, Link
from vebus_tools.capture import read_capture
from vebus_tools.decoder import decode_chunks
from vebus_tools.dissection import dissect
from vebus_tools.records import Record
from vebus_tools.session import Session

COMMAND = [sys.executable, "-m", "vebus_tools.cli", "emulate-bms"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'protocol'}"}
LAB_LABEL = "[LAB/SIMULATION PROFILE - not the Victron frame format]"


def command(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=ENVIRONMENT, input=text, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def wait_for_line(process: subprocess.Popen[str], pattern: str) -> str:
    assert process.stdout is not None
    until = time.monotonic() + 30.0
    seen = ""
    while time.monotonic() < until:
        line = process.stdout.readline()
        seen += line
        if re.search(pattern, line):
            return line
        assert line, seen
    raise AssertionError(f"waited for {pattern}:\n{seen}")


def times_of(text: str, pattern: str) -> list[float]:
    """Times of the lines that have this in them."""
    return [
        float(line.split()[0]) for line in text.splitlines() if re.match(r" *\d", line) and re.search(pattern, line)
    ]


# --- what is printed -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", RUNS)
def test_the_text_is_the_golden_one(name: str) -> None:
    assert scenario_text(name) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_a_dry_run_tells_a_newcomer_what_it_is() -> None:
    text = scenario_text("emulate-dry-run")
    head, _, lines = text.partition("\n\n")
    for word in ("No port is open, nothing is sent", "not the Victron frame format", "Invented", "not verified"):
        assert word in " ".join(head.split())
    assert len(times_of(lines, r" frame +4c 42 fe")) == 10
    assert "no Multi is here" in lines


@covers("B-12", "B-13", "B-14", "B-22", "B-57", "B-115", "B-116")
def test_low_cell_goes_the_whole_way() -> None:
    text = scenario_text("emulate-low-cell")
    (alarm,) = times_of(text, "bms +pre-alarm: ")
    (low,) = times_of(text, "discharge is not allowed any more")
    (opened,) = times_of(text, "load disconnect floating")
    assert low == opened == pytest.approx(alarm + 30.0, abs=0.1)
    steps = [
        *(alarm, low, *times_of(text, "multi +off for low cell"), *times_of(text, "multi +charges, does not invert")),
        *times_of(text, "multi +charger only"),
        *times_of(text, "low cell is over"),
        *times_of(text, "discharge side normal"),
    ]
    assert steps == sorted(steps)
    assert len(steps) >= 6
    assert len(times_of(text, "multi +running")) == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("high-cell", ["cell overvoltage", "charge disconnect floating", "bulk with reduced current", "running"]),
        ("cold", ["too cold", "charge disconnect floating", "bulk with reduced current", "running"]),
        ("remote-off", ["say off", "held, AC passed through", "held off", "held, AC passed", "say on", "running"]),
        ("unplug", ["without supply", "emergency mode", "multi +off", "BMS starts", "running"]),
        ("error-15", ["VE.Bus error 15: refuses", "updated to xxxx489", "running"]),
        ("assistant-missing", ["assistant missing: refuses", "updated to xxxx489", "running"]),
    ],
)
def test_each_scenario_shows_its_story_in_order(name: str, expected: list[str]) -> None:
    text = scenario_text(f"emulate-{name}")
    after = 3.0 if name not in ("error-15", "assistant-missing") else 0.0
    for pattern in expected:
        at = [one for one in times_of(text, pattern) if one >= after]
        assert at, f"{pattern} not after {after} s"
        after = at[0]
    assert re.search(
        r"^Reaction +5\.\d s after the last frame the Multi is in emergency mode.*LEDs: mains on$", text, re.MULTILINE
    )


@pytest.mark.parametrize("name", ["error-15", "assistant-missing"])
def test_a_refused_unit_is_shown_in_memory_only(name: str) -> None:
    text = " ".join(scenario_text(f"emulate-{name}").split())
    assert "On a real bus nothing would be sent (X-3)" in text
    code, _, complaint = emulate(simulate=True, scenario=name, pty=True)
    assert code in (11, 12)
    assert complaint.startswith("vebus: X-3 (firmware gate): refused")


def test_frames_that_say_the_same_are_summed_up_unless_all_are_asked_for() -> None:
    options = {"simulate": True, "virtual": True, "max_duration": "8s"}
    summed, every = emulate(**options)[1], emulate(**options, print_all=True)[1]
    assert len(times_of(summed, " frame ")) < len(times_of(every, " frame "))
    assert "frames more that say the same" in summed
    assert "frames more that say the same" not in every


def test_json_is_one_object_a_line() -> None:
    code, text, _ = emulate(virtual=True, output="json", max_duration="4s")
    objects = [json.loads(line) for line in text.splitlines()]
    assert code == 0
    assert objects[0]["about"] == "head"
    assert objects[-1]["about"] == "end"
    frames = [one for one in objects if one["about"] == "frame"]
    assert [one["time"] for one in frames] == [0.5, 1.5, 2.5, 3.5]
    assert frames[2]["values"]["discharge_allowed"] == 1
    assert bytes.fromhex(frames[0]["bytes"])[:2] == b"LB"


def test_quiet_prints_the_end_only() -> None:
    code, text, _ = emulate(virtual=True, quiet=True)
    assert code == 0
    assert [line.split()[0] for line in text.splitlines() if line] == ["Stopped", "Reaction", "Counters"]


def test_scenarios_and_settings_are_listed() -> None:
    code, text, _ = emulate(scenario="list")
    assert (code, len(text.splitlines())) == (0, 7)
    assert re.search(r"^low-cell +A weak cell", text, re.MULTILINE)
    assert re.search(r"^soc +\[emulator\]", emulate(settings=("help",))[1], re.MULTILINE)


# --- recordings ------------------------------------------------------------------------------------------------------
def recorded(path: Path) -> list[Record]:
    return list(decode_chunks(read_capture(path), Link.RS485))


def test_a_recording_has_every_frame_named_and_laboratory_frames_labelled(tmp_path: Path) -> None:
    path = tmp_path / "low-cell.pcapng"
    assert emulate(simulate=True, virtual=True, quiet=True, max_duration="8s", write=str(path))[0] == 0
    session = Session()
    titles: Counter[str] = Counter()
    for record in recorded(path):
        context = session.observe(record)
        if record.frame is None or len(record.wire) < 7:
            continue
        assert record.chain, record.wire.hex(" ")
        column = dissect(record, context).info_column
        titles[record.chain[-1].message.INFO.title] += 1
        if record.wire.startswith(b"LB") and "BMS information" in column:
            assert LAB_LABEL in column
    assert sum(count for title, count in titles.items() if "BMS information" in title) >= 7
    assert not [title for title in titles if "Unknown" in title]
    marked = {(chunk.direction is Direction.TO_DEVICE, chunk.data[:2] == b"LB") for chunk in read_capture(path)}
    assert marked == {(True, True), (False, False)}, "what the BMS sent is outbound, and nothing else"


@pytest.mark.parametrize("suffix", ["bin", "hex", "log", "pcapng"])
def test_every_format_of_the_recorder_holds_the_same_frames(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    assert emulate(virtual=True, quiet=True, max_duration="6s", write=str(path))[0] == 0
    assert [record.wire[:3] for record in recorded(path)] == [b"LB\xfe"] * 6


def test_decode_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    emulate(virtual=True, quiet=True, max_duration="3s", write=str(path))
    run = subprocess.run(
        [sys.executable, "-m", "vebus_tools.cli", "decode", str(path)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.count(LAB_LABEL) == 3


# --- options ---------------------------------------------------------------------------------------------------------
def test_values_come_from_set_config_and_scenario(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[limits]\npre-alarm = 3.0\n[emulator]\nvoltage = 50.4\ntemperature = 20\n", encoding="utf-8")
    options = {"virtual": True, "max_duration": "4s", "config": str(config)}
    code, text, _ = emulate(**options)
    assert code == 0
    assert "pre-alarm at 3 V" in text
    assert "3.15 to 3.15 V, 20.0 to 20.0 degC, signals: none" in text
    text = emulate(**options, settings=("voltage=48.0V", "pre-alarm=3.05"))[1]
    assert "pre-alarm signal comes: cell 1 has 3.00 V" in text
    assert "3.28 to 3.28 V" in emulate(virtual=True, max_duration="3s", settings=("soc=40",))[1]


def test_cells_come_from_a_file(tmp_path: Path) -> None:
    cells = tmp_path / "cells.csv"
    head = "time,temperature," + ",".join(f"cell {number}" for number in range(1, 17))
    rows = [f"{second},20,{','.join(['3.30'] * 15)},{3.3 - 0.02 * second:.2f}" for second in range(20)]
    cells.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    code, text, _ = emulate(virtual=True, max_duration="30s", cells=str(cells))
    assert code == 0
    assert "pre-alarm signal comes: cell 16 has 3.10 V" in text
    assert "cell values are missing or too old" in text


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        ({"dry_run": True, "simulate": True}, 2, "--dry-run and --simulate: only one of them"),
        ({"bench": True}, 2, "--bench goes with --transmit only"),
        ({"interface": "/dev/ttyUSB0"}, 2, "a port is opened with --transmit only"),
        ({"pty": True}, 2, "--pty and --tcp go with --simulate"),
        ({"simulate": True, "virtual": True, "tcp": "127.0.0.1:0"}, 2, "--virtual is for rehearsals in memory"),
        ({"virtual": True, "panel": True}, 2, "--virtual is over before a panel could be read"),
        ({"panel": True}, 2, "--panel needs a terminal"),
        ({"scenario": "low-cell"}, 2, "--scenario low-cell: at 5 s: mains needs the simulated Multi: --simulate"),
        ({"scenario": "nothing"}, 1, "no scenario 'nothing'; there are assistant-missing"),
        ({"scenario": "nothing.toml"}, 1, "nothing.toml: No such file or directory; --scenario list"),
        ({"config": "nothing.toml"}, 1, "nothing.toml: No such file"),
        ({"profile": "nothing.json"}, 1, "--profile nothing.json: No such file or directory; built in are lab-sim-1"),
        ({"profile": "public-version-reply-1"}, 1, "the sender id is not known"),
        ({"cells": "nothing.csv"}, 1, "--cells nothing.csv: No such file"),
        ({"simulate": True, "tcp": "0.0.0.0:0"}, 2, "--tcp 0.0.0.0:0: frames of a BMS stay on this computer"),
        ({"simulate": True, "tcp": "here"}, 1, "here: is no address"),
        ({"settings": ("soc",)}, 2, "--set soc: write KEY=VALUE; keys are system"),
        ({"settings": ("soc=full",)}, 2, "--set soc=full: full is not a number from 0 to 100"),
        ({"settings": ("pre-alarm=2.8",)}, 2, "B-20"),
        ({"settings": ("system=24",), "simulate": True}, 2, "does not fit a bank of 24 V"),
        ({"faults": ("fire",)}, 2, "--fault fire: write checksum"),
        ({"max_duration": "soon"}, 2, "--max-duration soon: is not a time"),
        ({"max_duration": "0"}, 2, "--max-duration 0: has to be more than 0"),
        ({"processor": "x"}, 2, "--processor"),
        ({"units": ("2629414",)}, 12, "X-3 (firmware gate): refused: VE.Bus error 15"),
        ({"units": ("2629415",), "assistant": "none"}, 11, "X-3 (firmware gate): refused: assistant needed"),
        ({"units": ("2029489",)}, 13, "X-3 (firmware gate): refused: processor 19/20"),
        ({"write": "/nonexistent/a.bin"}, 1, "no such directory"),
        ({"transmit": True}, 2, "--transmit needs -i PORT"),
        ({"transmit": True, "interface": "p", "units": ("2629492",)}, 2, "X-3 (firmware gate)"),
        ({"transmit": True, "interface": "p", "scenario": "cold"}, 2, "--scenario and --fault are for rehearsals"),
        ({"transmit": True, "interface": "p", "write": "a.pcapng"}, 2, "complete log (X-17): name it FILE.log"),
    ],
)
def test_wrong_calls_are_one_line(options: dict[str, object], code: int, complaint: str) -> None:
    found, _, text = emulate(**options)
    assert (found, text.count("\n")) == (code, 1), text
    assert complaint in text


# --- on a real port --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "more", [{}, {"assistant": "ess", "settings": ("soc=80",)}, {"cells": "/dev/null"}, {"quiet": True}]
)
@pytest.mark.parametrize("bench", [False, True])
def test_without_a_terminal_nothing_is_transmitted(*, bench: bool, more: dict[str, object]) -> None:
    code, text, complaint = emulate(transmit=True, interface="/dev/null", bench=bench, **more)
    assert (code, text) == (20, "")
    assert "refused: X-1 (two opt-ins)" in complaint
    assert ("X-2 (profile): tripped" in complaint) is not bench


# --- while it runs ---------------------------------------------------------------------------------------------------
def test_commands_on_standard_input() -> None:
    with running("--simulate", "--max-duration", "20s") as process:
        assert process.stdin is not None
        wait_for_line(process, "multi +running")
        process.stdin.write("cell 3 2.75\nfly\nremote off\nstatus\nhelp\n")
        process.stdin.flush()
        wait_for_line(process, "you +cell 3 to 2.75 V")
        wait_for_line(process, "remote terminals open")
        wait_for_line(process, "State +discharge")
        wait_for_line(process, "cell N VOLTS")
        process.stdin.write("quit\n")
        process.stdin.close()
        wait_for_line(process, r"^Stopped +quit, at \d")
        wait_for_line(process, r"^Reaction +\d\.\d s after the last frame the Multi is in emergency mode")
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert "vebus: 'fly' is not known; known are cell" in process.stderr.read()


def test_ctrl_c_stops_watches_and_reports() -> None:
    with running("--simulate") as process:
        wait_for_line(process, "multi +running")
        process.send_signal(signal.SIGINT)
        wait_for_line(process, "^Stopped +Ctrl-C")
        wait_for_line(process, "^Reaction +.*emergency mode")
        assert process.wait(timeout=30) == 0


def test_the_end_of_standard_input_ends_nothing_here() -> None:
    run = command("--max-duration", "1.2s", text="aux 12\n")
    assert run.returncode == 0
    assert "Aux-In at 12 V" in run.stdout
    assert "the time is over (1.2 s)" in run.stdout


def test_the_bus_is_offered_on_tcp() -> None:
    with running("--simulate", "--tcp", "127.0.0.1:0", "--max-duration", "20s") as process:
        assert process.stderr is not None
        host, _, port = process.stderr.readline().split()[-1].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            data, until = b"", time.monotonic() + 20.0
            while b"LAB" not in data and time.monotonic() < until:
                if select.select([client], [], [], 0.2)[0]:
                    data += client.recv(65536)
        assert b"LAB" in data


def test_a_closed_pipe_is_no_traceback() -> None:
    with running("--virtual", "--max-duration", "200s", "-P") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) == 141
        assert process.stderr is not None
        assert process.stderr.read() == ""


# --- the README ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("command_line", "name"),
    [
        ("vebus emulate-bms --virtual", "emulate-dry-run"),
        ("vebus emulate-bms --simulate --scenario low-cell --virtual", "emulate-low-cell"),
    ],
)
def test_the_readme_shows_what_is_printed(command_line: str, name: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition(f"$ {command_line}\n")[2].partition("\n```")[0].splitlines()
    printed = iter(scenario_text(name).splitlines())
    shown = [line for line in block if line.strip() != "..."]
    assert len(shown) > 10
    missing = [line for line in shown if line not in printed]
    assert not missing, "not printed, or in another order"


def test_the_readme_has_the_sum_of_the_traceability_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\n".join(list(lines())[-2:]) in readme


def test_the_scenario_of_the_readme_runs(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## `vebus emulate-bms`")[2].partition("\n## ")[0]
    path = tmp_path / "boat.toml"
    path.write_text(section.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    code, text, _ = emulate(simulate=True, virtual=True, scenario=str(path), max_duration="25s")
    assert code == 0
    assert "12 V: 1 x 12.8 V in series, 4 cells; pre-alarm at 3.05 V" in text
    assert times_of(text, "The fridge drains the battery") == [10.0]
    assert times_of(text, "low cell signal comes")
