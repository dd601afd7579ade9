"""tshark with the generated dissector shows the same as we do: every field, every text, every byte.

Larger counts: `python -m tests.wireshark_soak`.
"""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from captures.golden import FOLDER
from tests.vector_files import declared_vectors, shared_vectors
from tests.wireshark_compare import IN_TWO_PASSES, Item, Lua, columns, differences, find_program, ours
from tests.wireshark_corpus import Heard, Make, damaged, noise, valid, vectors, write_capture
from vebus_protocol.schema import Link
from vebus_tools import glossary
from vebus_tools.wireshark.declared import protocol_names

_SAMPLES = ("rs485-real.hex", "mk3-real.hex", "synthetic-60s.bin")
_COUNT = 2500
_SEED = 20


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> Lua:
    return Lua(tmp_path_factory.mktemp("wireshark"), find_program("tshark"))


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A pcapng file of each sample."""
    from typer.testing import CliRunner

    from vebus_tools.cli import app

    folder = tmp_path_factory.mktemp("captures")
    found = {}
    for name in _SAMPLES:
        path = found[name] = folder / f"{name}.pcapng"
        result = CliRunner().invoke(app, ["decode", str(FOLDER / name), "-w", str(path)])
        assert result.exit_code == 0, result.output
    return found


# --- field by field --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("two_pass", [False, True], ids=["one pass", "two passes"])
@pytest.mark.parametrize("name", _SAMPLES[:2])
def test_real_samples_are_the_same(lua: Lua, captures: dict[str, Path], name: str, two_pass: bool) -> None:  # noqa: FBT001
    assert not differences(lua, captures[name], two_pass=two_pass)


def test_the_synthetic_bus_is_the_same_in_two_passes(lua: Lua, captures: dict[str, Path]) -> None:
    assert not differences(lua, captures["synthetic-60s.bin"], two_pass=True)


def test_vectors_are_the_same(lua: Lua, tmp_path: Path) -> None:
    known = [*shared_vectors(Link.RS485), *shared_vectors(Link.MK3), *declared_vectors()]
    path = tmp_path / "vectors.pcapng"
    assert write_capture(path, vectors((vector.link, vector.wire) for vector in known)) == len(known) > 100
    assert not differences(lua, path)


@pytest.mark.parametrize("two_pass", [False, True], ids=["one pass", "two passes"])
@pytest.mark.parametrize("make", [valid, damaged, noise])
def test_generated_packets_are_the_same(lua: Lua, tmp_path: Path, make: Make, two_pass: bool) -> None:  # noqa: FBT001
    path = tmp_path / "generated.pcapng"
    write_capture(path, make(_COUNT // (2 if two_pass else 1), _SEED), _SEED)
    assert not differences(lua, path, two_pass=two_pass)


def test_the_generated_frames_cover_all_that_can_happen(tmp_path: Path) -> None:
    path = tmp_path / "valid.pcapng"
    write_capture(path, valid(_COUNT, _SEED), _SEED)
    seen = Counter(item.name for packet in ours(path, two_pass=True) for item in packet)
    unseen = {name for name in glossary.entries() if not seen[name]}
    # What only damage, FB frames and absent numbers make.
    assert unseen <= {"vebus.resync", "vebus.checksum.expected", "mk3.checksum.expected"} | {
        name for name in unseen if name.startswith("vebus.fb.")
    }, unseen
    wires = [heard for heard in valid(_COUNT, _SEED) if heard.link is Link.RS485]
    assert any(heard.wire[-2] == 0xFA and heard.wire[-3] != 0xFA for heard in wires), "no checksum is a bare FA"
    for last in range(1, 6):
        assert any(heard.wire[-3:-1] == bytes((0xFA, last)) for heard in wires), f"no checksum FA {last:02x}"
    assert any(re.search(rb"\xfa[\x7a-\x7f]", heard.wire[4:-3]) for heard in wires), "nothing is stuffed"


# --- the other forms of tshark ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [valid, damaged, noise])
def test_columns_are_the_same_and_no_error_of_lua_shows(lua: Lua, tmp_path: Path, make: Make) -> None:
    path = tmp_path / "generated.pcapng"
    write_capture(path, make(_COUNT // 3, _SEED + 1), _SEED)
    names = ("Source", "Destination", "Protocol", "Info")
    asked = [word for name in names for word in ("-e", f"_ws.col.{name}")]
    lines = lua.run(path, "-T", "fields", *asked, "-e", "_ws.lua.error").splitlines()
    assert [tuple(line.split("\t")) for line in lines] == [(*mine, "") for mine in columns(path)]


@pytest.mark.parametrize("name", _SAMPLES[:2])
def test_json_has_the_same_names_and_values(lua: Lua, captures: dict[str, Path], name: str) -> None:
    text = lua.run(captures[name], *IN_TWO_PASSES, "-T", "json")
    packets = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    real = [sorted(_fields(packet)) for packet in packets]
    mine = [
        sorted(_named(item) for item in packet if item.name in glossary.entries()) for packet in _ours(captures, name)
    ]
    assert real == mine


def _ours(captures: dict[str, Path], name: str) -> list[list[Item]]:
    return ours(captures[name], two_pass=True)


def _named(item: Item) -> tuple[str, str]:
    return item.name, item.value


def _fields(pairs: object) -> list[tuple[str, str]]:
    """Fields at any depth of tshark's JSON, in which a name may stand more than once."""
    found: list[tuple[str, str]] = []
    for pair in pairs if isinstance(pairs, list) else ():
        key, value = pair
        entry = glossary.entries().get(key)
        if entry is not None and isinstance(value, str):
            found.append((key, _spelled(value, entry.kind)))
        else:
            found += _fields(value)
    return found


def _spelled(value: str, kind: str) -> str:
    if kind in ("text", "bytes"):
        return value
    return f"{float(int(value, 16) if value.startswith('0x') else float(value)):.15g}"


def test_a_packet_without_bytes_is_an_empty_line_and_one_with_two_frames_a_line_with_both(
    lua: Lua, tmp_path: Path
) -> None:
    path = tmp_path / "odd.pcapng"
    sync = bytes.fromhex("8383fd025551180297ff")
    write_capture(path, [Heard(Link.RS485, b""), Heard(Link.MK3, b""), Heard(Link.RS485, sync * 2)])
    info = "Sync, Nr=2, Time=536 (48.240 ms), Status=0x51"
    asked = ("-T", "fields", "-e", "_ws.col.Info", "-e", "_ws.lua.error")
    assert lua.run(path, *asked).splitlines() == ["\t", "\t", f"{info} | {info}\t"]


def test_the_hex_pane_is_the_same(lua: Lua, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from vebus_tools.cli import app

    path = tmp_path / "stuffed.pcapng"
    stuffed = "83 83 fe 51 e4 80 56 c3 c3 a6 4c be 8f d3 68 19 4b 7a 00 1a ff", "98f7fe0300e6370283fa7cfa7f6fff"
    write_capture(path, [Heard(Link.RS485, bytes.fromhex(wire)) for wire in stuffed])
    mine = CliRunner().invoke(app, ["decode", str(path), "-x"]).stdout
    panes = re.compile(r"^(?:[0-9a-f]{4}  .*|Frame \(\d+ bytes\):|Unstuffed VE.Bus \(\d+ bytes\):)$", re.MULTILINE)
    assert "Unstuffed VE.Bus (13 bytes):" in mine
    assert panes.findall(lua.run(path, "-x")) == panes.findall(mine)


@pytest.fixture(scope="module")
def synthetic(captures: dict[str, Path]) -> list[list[Item]]:
    """The synthetic bus as we see it."""
    return ours(captures["synthetic-60s.bin"])


_COMPARED = {
    "vebus.type == 0xfd": ("vebus.type", "253"),
    'vebus.type == "Sync"': ("vebus.type", "253"),
    "vebus.reply == 0x87": ("vebus.reply", "135"),
    'vebus.checksum.status == "Bad"': ("vebus.checksum.status", "Bad"),
    'vebus.src == "MK3"': ("vebus.src", "MK3"),
    'vebus.cmd == "AC phase"': ("vebus.cmd", "228"),
    "vebus.led.on.mains == 1": ("vebus.led.on.mains", "1"),
    "vebus.seq == 17": ("vebus.seq", "17"),
}


def test_display_filters_find_the_same_packets(
    lua: Lua, captures: dict[str, Path], synthetic: list[list[Item]]
) -> None:
    seen = [{(item.name, item.value) for item in packet} for packet in synthetic]
    counts = Counter(name for packet in seen for name in {name for name, _ in packet})
    wanted = {name: counts[name] for name in counts if name in glossary.entries()}
    assert len(wanted) > 100
    for expression, pair in _COMPARED.items():
        wanted[expression] = sum(pair in packet for packet in seen)
        assert wanted[expression], expression
    table = lua.run(captures["synthetic-60s.bin"], "-q", "-z", f"io,stat,0,{','.join(wanted)}")
    row = next(line for line in table.splitlines() if "<>" in line)
    frames = [int(cell) for cell in row.split("|")[2:-1:2]]
    assert dict(zip(wanted, frames, strict=True)) == wanted


def test_expert_statistics_count_the_same_findings(
    lua: Lua, captures: dict[str, Path], synthetic: list[list[Item]]
) -> None:
    ours_of_it = Counter(item.line for packet in synthetic for item in packet if item.name == "_ws.expert")
    lines = lua.run(captures["synthetic-60s.bin"], "-q", "-z", "expert").splitlines()
    totals = [int(found[1]) for line in lines if (found := re.match(r"^(?:Errors|Warns|Notes|Chats) \((\d+)\)$", line))]
    assert sum(totals) == sum(ours_of_it.values()) > 0
    assert any("Checksum" in line and "Bad checksum" in line for line in lines)


def test_captures_that_went_through_editcap_and_mergecap_are_the_same(
    lua: Lua, captures: dict[str, Path], tmp_path: Path
) -> None:
    cut, merged = tmp_path / "cut.pcapng", tmp_path / "merged.pcapng"
    source = str(captures["rs485-real.hex"])
    subprocess.run([find_program("editcap"), "-r", source, str(cut), "2-9"], check=True, timeout=60)
    subprocess.run([find_program("mergecap"), "-a", "-w", str(merged), str(cut), source], check=True, timeout=60)
    assert not differences(lua, cut)
    assert not differences(lua, merged, two_pass=True)


# --- names -----------------------------------------------------------------------------------------------------------
_AS_UNSIGNED = {"mk3.reset_device.number"}
"""Signed by our list, and shown in hex, which Wireshark does not allow."""


def test_wireshark_lists_the_same_fields_and_protocols(lua: Lua) -> None:
    listed = [line.split("\t") for line in lua.glossary("fields").splitlines()]
    real = {row[2]: row for row in listed if row[0] == "F"}
    for abbrev, entry in glossary.entries().items():
        kind = entry.ftype.replace("INT", "UINT") if abbrev in _AS_UNSIGNED else entry.ftype
        row = real[abbrev]
        assert (row[3], row[4]) == (kind, entry.protocol), abbrev
        if kind != "FT_DOUBLE":  # Wireshark has no masks for them; the raw number beside it has one
            assert int(row[6] or "0", 0) == entry.mask, abbrev
    protocols = {row[2]: row[1] for row in listed if row[0] == "P"}
    for name, title in protocol_names():
        assert protocols[name] == title
