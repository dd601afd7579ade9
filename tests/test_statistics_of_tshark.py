"""tshark prints the same tables of the same capture, character for character."""

import re
from pathlib import Path

import pytest

from tests.damaged_streams import CLEAN
from tests.statistics_goldens import stats
from tests.wireshark_compare import Lua, find_program
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.schema import Link
from vebus_tools.decoder import decode_chunks
from vebus_tools.records import Chunk

_START_S = 30.0  # so that it does not end just behind a whole second: tshark 4.0 prints 25.06 as "25. 6"
_INTERVALS = (
    "io,stat,10",
    "io,stat,0.25",
    "io,stat,7",
    "io,stat,10,vebus.type==0xfd,vebus.type==0xfe",
    "io,stat,10,FRAMES()vebus.dc,BYTES()",
    "io,stat,10,FRAMES,BYTES",
    "io,stat,10,AVG(vebus.seq)vebus.seq&&vebus.dc",
    "io,stat,10,COUNT(vebus.src)vebus.src,SUM(vebus.seq)vebus.seq,MIN(vebus.seq)vebus.seq,MAX(vebus.seq)vebus.seq",
    "io,stat,20,MIN(vebus.dc.voltage)vebus.dc.voltage,AVG(vebus.dc.voltage)vebus.dc.voltage",
    "io,stat,20,MAX(vebus.dc.voltage.raw)vebus.dc.voltage.raw",
    f"io,stat,20,{'&&'.join(['(vebus.type==0xfd||vebus.type==0xfe)'] * 4)}",
    f"io,stat,20,{','.join(['vebus'] * 11)}",
)


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> Lua:
    return Lua(tmp_path_factory.mktemp("wireshark"), find_program("tshark"))


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of the synthetic bus with the times of a log; it has damage of every sort."""
    folder = tmp_path_factory.mktemp("capture")
    with (folder / "bus.log").open("w", encoding="ascii") as log:
        for record in decode_chunks([Chunk(data=CLEAN)], Link.RS485):
            if record.stamp.at > _START_S and isinstance(record.frame, ReceivedFrame):
                wire = record.wire.hex().upper()
                log.write(f"({1.7e9 + record.stamp.at:.6f}) vebus0 {wire[:4]}#{wire[4:]}\n")
    stats(folder / "bus.log", "-w", folder / "bus.pcapng", command="decode")
    return folder / "bus.pcapng"


def _options(texts: tuple[str, ...]) -> list[str]:
    return [word for text in texts for word in ("-z", text)]


def test_intervals(lua: Lua, capture: Path) -> None:
    """In one run each; tshark prints the last ``-z`` first."""
    theirs = lua.run(capture, "-q", *_options(_INTERVALS))
    assert stats(capture, *_options(_INTERVALS[::-1])).split("\n\n") == theirs.split("\n\n")


def test_expert_infos(lua: Lua, capture: Path) -> None:
    theirs = lua.run(capture, "-q", "-z", "expert,note")
    assert "Warns" in theirs
    assert stats(capture, "-z", "expert,note") == theirs


def test_protocol_hierarchy(lua: Lua, capture: Path) -> None:
    """Dissectors in Lua stand below a protocol of their own in tshark, which nobody asked for."""
    theirs = lua.run(capture, "-q", "-z", "io,phs").splitlines()
    counts = [line.split() for line in theirs if "frames:" in line and "_ws.lua.fake" not in line]
    ours = [line.split() for line in stats(capture, "-z", "io,phs").splitlines() if "frames:" in line]
    assert ours == counts
    assert [line for line in theirs if "frames:" not in line] == [
        line for line in stats(capture, "-z", "io,phs").splitlines() if "frames:" not in line
    ]


def test_where_boxes_differ(lua: Lua, capture: Path, tmp_path: Path) -> None:
    """Below ten seconds the box of tshark 4.0 is crooked, and some are wider than their table; the cells are ours."""
    assert _cells(stats(capture, "-z", "io,stat,0")) == _cells(lua.run(capture, "-q", "-z", "io,stat,0"))
    stats(capture, "--stop", "9.7", "-w", tmp_path / "short.pcapng", command="decode")
    theirs = lua.run(tmp_path / "short.pcapng", "-q", "-z", "io,stat,2,vebus.type==0xfd")
    assert _cells(stats(tmp_path / "short.pcapng", "-z", "io,stat,2,vebus.type==0xfd")) == _cells(theirs)


def _cells(text: str) -> list[list[str]]:
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in text.splitlines()]
    return [row for row in rows if not set("".join(row)) <= set("=-")]
