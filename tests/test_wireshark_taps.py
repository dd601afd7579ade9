"""Statistics, taps and read filters of tshark over our fields: the numbers are those that `vebus decode` gives."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from statistics import fmean

import pytest
from typer.testing import CliRunner

from tests.checkout import ROOT
from tests.wireshark_compare import Lua, find_program
from vebus_tools.cli import app

SAMPLE = ROOT / "vebus_tools" / "samples" / "synthetic-10s.bin"
_TAP = """
local fields = { Field.new("vebus.cmd"), Field.new("vebus.dc.voltage") }
local counts, highest = {}, 0
local tap = Listener.new("frame")
function tap.packet()
    for _, found in ipairs({ fields[1]() }) do
        counts[found.value] = (counts[found.value] or 0) + 1
    end
    for _, found in ipairs({ fields[2]() }) do
        highest = math.max(highest, found.value)
    end
end
function tap.draw()
    for value, count in pairs(counts) do
        print("cmd", value, count)
    end
    print("highest", highest, 1)
end
"""


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> Lua:
    return Lua(tmp_path_factory.mktemp("wireshark"), find_program("tshark"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "bus.pcapng"
    result = CliRunner().invoke(app, ["decode", str(SAMPLE), "-c", "500", "-w", str(path)])
    assert result.exit_code == 0, result.output
    return path


def _decoded(recording: Path, *options: str) -> list[str]:
    result = CliRunner().invoke(app, ["decode", str(recording), *options])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def _column(recording: Path, name: str, *options: str) -> list[str]:
    return [line for line in _decoded(recording, "-T", "fields", "-e", name, *options) if line]


def _cells(table: str) -> list[list[str]]:
    """Rows of io,stat that have an interval, without it."""
    return [[cell.strip() for cell in line.split("|")[2:-1]] for line in table.splitlines() if "<>" in line]


def test_statistics_over_a_scaled_field(lua: Lua, recording: Path) -> None:
    name = "vebus.dc.voltage"
    asked = ",".join(f"{function}({name}){name}" for function in ("COUNT", "MIN", "MAX", "AVG", "SUM"))
    (row,) = _cells(lua.run(recording, "-q", "-z", f"io,stat,0,{asked}"))
    values = [float(text) for text in _column(recording, name)]
    assert len(values) > 3
    wanted = [len(values), min(values), max(values), fmean(values), sum(values)]
    assert [float(cell) for cell in row] == pytest.approx(wanted, rel=1e-6)


def test_intervals_hold_the_frames_of_their_time(lua: Lua, recording: Path) -> None:
    rows = _cells(lua.run(recording, "-q", "-z", "io,stat,1,vebus.sync.time,winmon"))
    mine: Counter[tuple[int, str]] = Counter()
    for name in ("vebus.sync.time", "vebus.tid"):
        for text in _column(recording, "frame.time_relative", "-Y", name):
            mine[int(float(text)), name] += 1
    assert len(rows) >= 4
    for number, row in enumerate(rows):
        assert (int(row[0]), int(row[2])) == (mine[number, "vebus.sync.time"], mine[number, "vebus.tid"])


def test_the_hierarchy_counts_our_protocols(lua: Lua, recording: Path) -> None:
    table = lua.run(recording, "-q", "-z", "io,phs")
    counts: dict[str, int] = {}
    for name, frames in re.findall(r"^ *(\S+) +frames:(\d+)", table, re.MULTILINE):
        counts.setdefault(name, int(frames))
    assert counts["frame"] == counts["vebus"] == len(_decoded(recording))
    for name in ("winmon", "vebus.acphase", "vebus.dc"):
        assert counts[name] == len(_decoded(recording, "-Y", name)), name


def test_a_tap_in_lua_sees_fields_and_values(lua: Lua, recording: Path, tmp_path: Path) -> None:
    script = tmp_path / "tap.lua"
    script.write_text(_TAP, encoding="utf-8")
    lines = lua.run(recording, "-q", "-X", f"lua_script:{script}").splitlines()
    told = {(row[0], row[1]): row[2] for row in (line.split("\t") for line in lines)}
    commands = Counter(str(int(text, 0)) for line in _column(recording, "vebus.cmd") for text in line.split(","))
    assert {value: int(count) for (what, value), count in told.items() if what == "cmd"} == commands
    (highest,) = (float(value) for what, value in told if what == "highest")
    assert highest == max(float(text) for text in _column(recording, "vebus.dc.voltage"))


def test_a_read_filter_takes_the_same_packets(lua: Lua, recording: Path) -> None:
    read = "vebus.dc.voltage > 0 || winmon"
    shown = lua.run(recording, "-2", "-R", read, "-T", "fields", "-e", "vebus.seq").split()
    assert shown == _column(recording, "vebus.seq", "-Y", read)
    assert len(shown) > 20


def test_fields_are_written_with_the_same_options(lua: Lua, recording: Path) -> None:
    names = ("frame.number", "vebus.seq", "vebus.src", "vebus.dc.voltage", "vebus.stuffed", "vebus.checksum.status")
    options = ["-T", "fields", "-E", "header=y", "-E", "separator=;", "-E", "quote=d"]
    options += [word for name in names for word in ("-e", name)]
    real = lua.run(recording, *options).splitlines()
    assert len(real) == 501
    assert real == _decoded(recording, *options)


@pytest.mark.parametrize("form", ["psml", "jsonraw", "ek"])
def test_every_form_of_output_is_whole(lua: Lua, recording: Path, form: str) -> None:
    text = lua.run(recording, "-T", form, "-c", "200")
    if form == "jsonraw":
        assert len(json.loads(text)) == 200
    elif form == "ek":
        assert sum("layers" in json.loads(line) for line in text.splitlines()) == 200
    else:
        assert text.count("<packet>") == 200
    assert "vebus" in text or "VE.Bus" in text


def test_a_recording_goes_through_the_tools_and_back(lua: Lua, recording: Path, tmp_path: Path) -> None:
    """Cut in two by time, merged again, as pcap and back: the same packets, to the nanosecond."""
    whole = _decoded(recording, "-t", "r")
    first, second, merged = (tmp_path / f"{name}.pcapng" for name in ("first", "second", "merged"))
    half = str(len(whole) // 2)
    _run("editcap", "-r", str(recording), str(first), f"1-{half}")
    _run("editcap", str(recording), str(second), f"1-{half}")
    _run("mergecap", "-w", str(merged), str(second), str(first))
    assert [line.split("VE.Bus", 1)[1] for line in _decoded(merged)] == [line.split("VE.Bus", 1)[1] for line in whole]
    packed = tmp_path / "bus.pcap"
    _run("editcap", "-F", "nsecpcap", str(recording), str(packed))
    asked = ("-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "_ws.col.Info")
    assert lua.run(packed, *asked) == lua.run(recording, *asked)


def _run(name: str, *options: str) -> None:
    subprocess.run([find_program(name), *options], check=True, capture_output=True, timeout=60)
