"""The generated file is Lua of two versions, clean, complete, and does in a plain Lua what it does in Wireshark."""

import subprocess
from pathlib import Path

import pytest

from tests.wireshark_compare import columns, find_program, ours
from tests.wireshark_corpus import Heard, Make, damaged, noise, valid, write_capture
from vebus_protocol.expressions import ExpressionError
from vebus_protocol.registry import MESSAGES
from vebus_protocol.schema import Direction, Link, this
from vebus_tools import glossary
from vebus_tools.capture import open_capture
from vebus_tools.records import Chunk
from vebus_tools.wireshark import lua_text
from vebus_tools.wireshark.declared import ENCAPSULATIONS, declared
from vebus_tools.wireshark.expressions import lua_function
from vebus_tools.wireshark.literals import Code, literal, record, set_of

_STUB = Path(__file__).parent / "wireshark_stub.lua"
_API = (
    *("Field", "Proto", "ProtoField", "ProtoExpert", "base", "expert", "frametype", "Dissector", "DissectorTable"),
    *("ByteArray", "set_plugin_info"),
)
_VERSIONS = ("5.2", "5.4")


@pytest.fixture(scope="module")
def lua_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lua") / "vebus.lua"
    path.write_text(lua_text("test"), encoding="utf-8")
    return path


def _run(*command: str, text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr)[:2000]
    return done.stdout


# --- the text --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", _VERSIONS)
def test_it_compiles(lua_file: Path, version: str) -> None:
    _run(find_program(f"luac{version}"), "-p", str(lua_file))


@pytest.mark.parametrize("standard", ["lua52", "lua54"])
def test_it_has_no_lint(lua_file: Path, standard: str) -> None:
    options = ("--no-config", "--no-color", "--no-max-line-length", "--std", standard, "--read-globals", *_API)
    assert "0 warnings / 0 errors" in _run(find_program("luacheck"), str(lua_file), *options)


def test_it_is_the_same_each_time() -> None:
    assert lua_text("1") == lua_text("1")
    assert lua_text("1").isascii()


def test_all_messages_and_fields_are_in_it() -> None:
    table = declared()
    messages, fields = table["messages"], table["fields"]
    assert isinstance(messages, list)
    assert isinstance(fields, list)
    assert len(messages) == len(MESSAGES)
    assert [one["abbrev"] for one in fields if isinstance(one, dict)] == list(glossary.entries())


def test_the_runtime_knows_no_field_and_no_name_of_a_value() -> None:
    folder = Path(__file__).parent.parent / "vebus_tools" / "wireshark" / "runtime"
    runtime = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.lua")))
    assert len(runtime) > 10_000
    assert [name for name in glossary.entries() if f'"{name}"' in runtime] == []
    titles = {one.INFO.title for one in MESSAGES if len(one.INFO.title) > 4}
    assert [title for title in titles if f'"{title}"' in runtime] == []


# --- run by a plain Lua ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("make", [valid, damaged, noise])
def test_it_does_the_same_in_every_version(lua_file: Path, tmp_path: Path, version: str, make: Make) -> None:
    path = tmp_path / "packets.pcapng"
    write_capture(path, make(1000, 3), 3)
    with open_capture(str(path)) as capture:
        packets = "".join(_line(number, chunk) for number, chunk in enumerate(capture.chunks, 1))
    lines = _run(find_program(f"lua{version}"), str(_STUB), str(lua_file), text=packets).splitlines()
    expected: list[tuple[str, ...]] = []
    for number, (items, shown) in enumerate(zip(ours(path), columns(path), strict=True), 1):
        expected += [(str(number), str(one.depth), str(int(one.hidden)), one.name, one.line) for one in items]
        expected.append((str(number), "columns", *shown))
    for line, wanted in zip(lines, expected, strict=True):
        assert _cells(line) == wanted


def _cells(line: str) -> tuple[str, ...]:
    """Cells of a line; the text of an item is cut as the comparison cuts it."""
    cells = line.split("\t")
    return tuple(cells) if cells[1] == "columns" else (*cells[:4], cells[4][:220])


def _line(number: int, chunk: Chunk) -> str:
    direction = {Direction.FROM_DEVICE: 1, Direction.TO_DEVICE: 0}.get(chunk.direction or Direction.BOTH, -1)
    assert chunk.link is not None
    assert chunk.stamp is not None
    place = ENCAPSULATIONS[chunk.link]
    return f"{place} {number} {chunk.stamp.at!r} {chunk.interface or '-'} {direction} {chunk.data.hex()}\n"


# --- the parts of the generator --------------------------------------------------------------------------------------
def test_expressions_count_with_truth_values() -> None:
    made = lua_function(((this.a & 0x80) == 0x80) * (this.b // 3))
    assert made.text == (
        "function(r) if r.a == nil or r.b == nil then return nil end "
        "return ((numbers.both(r.a, 128) == 128 and 1 or 0) * math.floor(r.b / 3)) end"
    )


def test_an_expression_without_a_form_is_an_error() -> None:
    with pytest.raises(ExpressionError):
        lua_function(lambda raws: raws)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (-3, "-3"),
        ('a "b" \\', '"a \\"b\\" \\\\"'),
        ("\u00b0", '"\\194\\176"'),
        ([], "{}"),
        ([1, 2], "{ 1, 2 }"),
        ({0: 1, 5: 2}, "{ [0] = 1, [5] = 2 }"),
        ({"name": 1, "end": 2, "a.b": 3}, '{ name = 1, ["end"] = 2, ["a.b"] = 3 }'),
        (Code("f()"), "f()"),
    ],
)
def test_literals(value: object, text: str) -> None:
    assert literal(value) == text  # type: ignore[arg-type]  # one table for all kinds


def test_facts_that_are_not_there_are_left_out() -> None:
    assert record(a=0, b=None, c="", d=False, e=True) == {"a": 0, "e": True}


def test_sets_are_written_as_runs() -> None:
    assert set_of((3, 1, 2, 0x80)).text == "set({ { 0x01, 0x03 }, 0x80 })"


def test_one_packet_of_each_link_goes_to_its_dissector(lua_file: Path) -> None:
    lines = {}
    for link, wire in ((Link.RS485, "8383fd025551180297ff"), (Link.MK3, "02ff5659")):
        chunk = Heard(link, bytes.fromhex(wire))
        text = f"{ENCAPSULATIONS[chunk.link]} 1 0.5 - -1 {chunk.wire.hex()}\n"
        lines[link] = _run(find_program("lua5.4"), str(_STUB), str(lua_file), text=text).splitlines()
    assert lines[Link.RS485][-1].split("\t")[4] == "VE.Bus"
    assert lines[Link.MK3][-1].split("\t")[4] == "MK3"
