"""Colour filters: Wireshark takes the file, each rule finds its packets, and damage goes before kinds."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.wireshark_compare import Lua, find_program
from tests.wireshark_corpus import Heard, damaged, noise, valid, write_capture
from vebus_protocol.schema import Link
from vebus_tools.wireshark import colour_filters
from vebus_tools.wireshark.colours import COLOURS
from vebus_tools.wireshark.inventory import PROFILE, preferences_text

_RULE = re.compile(r"@([^@]+)@([^@]+)@\[(\d+),(\d+),(\d+)\]\[(\d+),(\d+),(\d+)\]")
_KNOWN = {
    "8383fd025551180297ff": "VE.Bus sync",
    "8383fd025551180298ff": "VE.Bus bad checksum",
    "8383fe722040a5c4010c330512000000000086ebff": "VE.Bus info",
    "8383fe722040a5c4010c33051200000000000086ebff": "VE.Bus unknown",
    "98f7fe0300e6370283fa7cfa7f6fff": "VE.Bus winmon request",
    "8383fe3c00e68700005aff": "VE.Bus winmon reply",
    "0102030405": "VE.Bus malformed or skipped bytes",
}


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> Lua:
    return Lua(tmp_path_factory.mktemp("wireshark"), find_program("tshark"))


def _channels(words: tuple[str, ...]) -> str:
    return "".join(f"{int(word) // 0x101:02x}" for word in words)


def test_the_file_has_the_form_of_wireshark() -> None:
    lines = colour_filters("1.2.3").splitlines()
    assert lines[0].startswith("# ")
    rules = [_RULE.fullmatch(line) for line in lines[1:]]
    found = [(r[1], r[2], _channels(r.groups()[5:]), _channels(r.groups()[2:5])) for r in rules if r is not None]
    assert found == [(one.name, one.filter, one.text, one.background) for one in COLOURS]
    assert len({one.name for one in COLOURS}) == len(COLOURS)


def test_texts_can_be_read_on_their_backgrounds() -> None:
    for one in COLOURS:
        text, background = (sum(bytes.fromhex(colour)) for colour in (one.text, one.background))
        assert abs(text - background) > 250, one.name


def test_each_rule_finds_packets(lua: Lua, tmp_path: Path) -> None:
    path = tmp_path / "corpus.pcapng"
    write_capture(path, [*valid(1500, 5), *damaged(300, 5), *noise(100, 5)], 5)
    names = [one.name for one in COLOURS]
    rules = ",".join(one.filter for one in COLOURS)
    table = lua.run(path, "-2", "-q", "-z", f"io,stat,0,{rules}")
    row = next(line for line in table.splitlines() if "<>" in line)
    counts = dict(zip(names, (int(cell) for cell in row.split("|")[2:-1:2]), strict=True))
    assert [name for name, count in counts.items() if not count] == []


def test_packets_get_the_first_rule_that_fits(lua: Lua, tmp_path: Path) -> None:
    path = tmp_path / "known.pcapng"
    write_capture(path, [Heard(Link.RS485, bytes.fromhex(wire)) for wire in _KNOWN])
    profile = tmp_path / ".config" / "wireshark" / "profiles" / PROFILE
    profile.mkdir(parents=True)
    (profile / "colorfilters").write_text(colour_filters("1"), encoding="utf-8")
    (profile / "preferences").write_text(preferences_text("1"), encoding="utf-8")
    options = ("-X", f"lua_script:{lua.file}", "-C", PROFILE, "--color")
    asked = ("-T", "fields", "-e", "frame.coloring_rule.name")
    shown = _tshark(tmp_path, "-r", str(path), *options, *asked)
    assert dict(zip(_KNOWN, shown, strict=True)) == _KNOWN
    (first, *_) = _tshark(tmp_path, "-r", str(path), *options)
    assert re.fullmatch(r" +1 0\.0+ 0\.0+ +Multi . Bus +VE\.Bus 10 Sync.*", first), "the profile has a column more"


def _tshark(home: Path, *options: str) -> list[str]:
    env = {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8"}
    for name in ("XDG_CONFIG_HOME", "WIRESHARK_CONFIG_DIR"):
        env.pop(name, None)
    command = [find_program("tshark"), *options]
    done = subprocess.run(command, capture_output=True, env=env, check=True, timeout=60)
    complaints = [line for line in done.stderr.decode().splitlines() if not line.startswith("Running as user")]
    assert complaints == []
    return done.stdout.decode("utf-8").splitlines()
