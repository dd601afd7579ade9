"""tshark with the generated dissector, and our own dissection, of the same pcapng file: field by field.

Both are brought to one form: for each packet the list of its items in the order of the tree.  What cannot be equal is
brought to one form here and nowhere else; `captures/tshark.md` has the table of these differences.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from vebus_protocol.schema import Link
from vebus_tools import glossary
from vebus_tools.capture import open_capture
from vebus_tools.decoder import Decoder
from vebus_tools.dissection import dissect
from vebus_tools.frame_fields import info_text
from vebus_tools.nodes import Block, Dissection, Node
from vebus_tools.records import Chunk, Finding, Record
from vebus_tools.session import Session
from vebus_tools.sinks import tree
from vebus_tools.sinks.text import printable
from vebus_tools.wireshark import lua_text
from vebus_tools.wireshark.declared import protocol_names

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["IN_TWO_PASSES", "Item", "Lua", "columns", "differences", "find_program", "ours", "theirs"]

IN_TWO_PASSES = ("-2", "-Y", "vebus or mk3")
"""Options of two passes; with a filter the first one knows the interfaces, too."""

_SEVERITIES = {1: "Chat", 2: "Note", 3: "Warning", 4: "Error"}
_SURELY_SHOWN = 220
_NOT_OURS = frozenset({"geninfo", "frame", "fake-field-wrapper", "pkt_comment", "_ws.malformed"})
_PROTOCOLS = frozenset(name for name, _ in protocol_names())


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a tree at a depth: a field, a protocol, a line of text, or an expert info.

    ``name`` is the filter name, ``line`` the text in the tree (empty for hidden items, cut where Wireshark cuts it),
    ``value`` the value as text with one spelling for each number, ``data`` the bytes as hex.
    """

    depth: int
    name: str
    line: str
    value: str = ""
    data: str = ""
    hidden: bool = False


def find_program(name: str) -> str:
    """Path of a program; without it the test is skipped for a user, and fails in CI."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is not installed; .ci/run installs it")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Lua:
    """The generated dissector in a file, and tshark that runs it in an empty home folder."""

    def __init__(self, folder: Path, tshark: str) -> None:
        self.file = folder / "vebus.lua"
        self.file.write_text(lua_text("test"), encoding="utf-8")
        self._folder = folder
        self._tshark = tshark

    def run(self, capture: Path, *options: str) -> str:
        """Output of tshark for a capture.  Anything on stderr but its warning about root fails the test."""
        return self._output(self._folder, "-r", str(capture), "-X", f"lua_script:{self.file}", *options)

    def glossary(self, name: str) -> str:
        """What tshark lists with the dissector installed; it takes no script for that."""
        home = self._folder / "home"
        plugins = home / ".local" / "lib" / "wireshark" / "plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        (plugins / self.file.name).write_text(self.file.read_text(encoding="utf-8"), encoding="utf-8")
        return self._output(home, "-G", name)

    def _output(self, home: Path, *options: str) -> str:
        env = {**os.environ, "HOME": str(home), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "WIRESHARK_PLUGIN_DIR", "WIRESHARK_CONFIG_DIR"):
            env.pop(name, None)
        done = subprocess.run([self._tshark, *options], capture_output=True, env=env, check=False, timeout=600)
        complaints = [line for line in done.stderr.decode().splitlines() if not line.startswith("Running as user")]
        assert not complaints, complaints[:5]
        assert done.returncode == 0
        return done.stdout.decode("utf-8", "replace")


def _cut(line: str, *, hidden: bool = False) -> str:
    """Wireshark shows at most 240 bytes of a line and says so in front of it; shorter lines are whole."""
    return "" if hidden else line.removeprefix(" [truncated]")[:_SURELY_SHOWN]


# --- theirs ----------------------------------------------------------------------------------------------------------
def theirs(lua: Lua, capture: Path, *options: str) -> list[list[Item]]:
    """Items of each packet as tshark prints them."""
    names = " ".join(_PROTOCOLS | {"_ws.lua.text"})
    text = lua.run(capture, *options, "-T", "pdml", "-J", names)
    return [
        [item for proto in packet.iterfind("proto") for item in _element(proto, 0)]
        for packet in ET.fromstring(text).iterfind("packet")  # noqa: S314  (tshark's own output)
    ]


def _element(element: ET.Element, depth: int) -> Iterator[Item]:
    name = element.get("name", "")
    if name in _NOT_OURS:
        return
    if name == "_ws.expert":
        yield _their_expert(element, depth)
        return
    show = element.get("show", "")
    line = element.get("showname") or show
    name = name.removeprefix("_ws.lua.text")  # a line without a field
    is_field = element.tag == "field" and name
    value = _plain(name, show) if is_field else ""
    data = (element.get("unmaskedvalue") or element.get("value") or "") if int(element.get("size", "0")) else ""
    hidden = element.get("hide") == "yes"
    yield Item(depth, name, _cut(line, hidden=hidden), value, data if is_field else "", hidden)
    for child in element:
        yield from _element(child, depth + 1)


def _their_expert(element: ET.Element, depth: int) -> Item:
    told = {child.get("name"): child for child in element}
    group = (told["_ws.expert.group"].get("showname") or "").removeprefix("Group: ")
    severity = (told["_ws.expert.severity"].get("showname") or "").removeprefix("Severity level: ")
    return Item(depth, "_ws.expert", f"({severity}/{group}): {told['_ws.expert.message'].get('show')}")


def _plain(name: str, show: str) -> str:
    """One spelling for each number: tshark writes hex numbers as wide as their type."""
    entry = glossary.entries().get(name)
    if entry is None or entry.kind in ("text", "bytes"):
        return show
    if entry.kind == "boolean":
        return {"True": "1", "False": "0"}.get(show, show)
    return f"{float.fromhex(show) if show.startswith(('0x', '-0x')) else float(show):.15g}"


# --- ours ------------------------------------------------------------------------------------------------------------
def ours(capture: Path, *, two_pass: bool = False) -> list[list[Item]]:
    """Items of each packet as our own dissection has them; a packet with several pieces has those of all."""
    knowledge = None
    if two_pass:
        session = Session(survey=True)
        for records in _packets(capture):
            for record in records:
                session.observe(record)
        knowledge = session.knowledge()
    session = Session(knowledge)
    return [
        [item for record in records for item in _items(dissect(record, session.observe(record)))]
        for records in _packets(capture)
    ]


def _packets(path: Path) -> Iterator[list[Record]]:
    """Records of each packet; all pieces of a packet have its number, as in Wireshark."""
    decoder = Decoder(Link.RS485)
    with open_capture(str(path)) as capture:
        for number, chunk in enumerate(capture.chunks, 1):
            yield [replace(record, number=number) for record in _whole(decoder, chunk)]


def _whole(decoder: Decoder, chunk: Chunk) -> Iterator[Record]:
    assert chunk.whole
    yield from decoder.feed(chunk)


def _items(dissection: Dissection) -> Iterator[Item]:
    data = dissection.record.unstuffed
    pending = list(dissection.findings)
    known = {node.abbrev for node in dissection.walk()}
    unplaced = [finding for finding in pending if finding.abbrev not in known]
    for index, block in enumerate(dissection.blocks):
        yield Item(0, _protocol(dissection.blocks[0], block), printable(block.title))
        yield from _nodes(block.nodes, 1, pending, data, None)
        yield from _experts(() if index else unplaced, 1)


def _protocol(first: Block, block: Block) -> str:
    return block.protocol if block.protocol in _PROTOCOLS else first.protocol


def _nodes(
    nodes: Iterable[Node], depth: int, pending: list[Finding], data: bytes, place: Node | None
) -> Iterator[Item]:
    for node in nodes:
        here = replace(node, start=place.start, size=place.size) if node.bits and place and not node.size else node
        if node.value is not None or not node.hidden:
            yield _item(here, depth, data)
            if not node.hidden:
                yield from _experts(tree._taken(node, pending), depth + 1)
            yield from _nodes(node.children, depth + 1, pending, data, here)
        yield from _raw(here, depth, data)
        for beside in node.beside:
            if beside.value is not None:
                yield replace(_item(beside, depth, data), line="", hidden=True)
            yield from _raw(beside, depth, data)


def _item(node: Node, depth: int, data: bytes) -> Item:
    line = printable(tree._node(replace(node, beside=()) if node.generated else node))
    if node.generated:
        line = line.removeprefix("[").removesuffix("]")
    if node.value is None:
        return Item(depth, "", _cut(line))
    return Item(depth, node.abbrev, _cut(line, hidden=node.hidden), _value(node), _data(node, data), node.hidden)


def _value(node: Node) -> str:
    value = node.value
    if isinstance(value, bytes):
        return value.hex(":")
    if isinstance(value, str):
        return printable(value)  # a zero byte would end a text of Wireshark
    return f"{float(value):.15g}" if value is not None else ""


def _data(node: Node, data: bytes) -> str:
    return data[node.start : node.start + node.size].hex()


def _raw(node: Node, depth: int, data: bytes) -> Iterator[Item]:
    """The number on the wire of a scaled field, a hidden item."""
    spec = node.field
    if spec is None or spec.scale is None or node.abbrev != spec.abbrev:
        return
    raw = node.value if node.raw is None else node.raw
    if raw is None:
        return
    yield Item(depth, f"{spec.abbrev}.raw", "", f"{float(raw):.15g}", _data(node, data), hidden=True)


def _experts(findings: Iterable[Finding], depth: int) -> Iterator[Item]:
    for finding in findings:
        severity = _SEVERITIES[int(finding.severity)]
        yield Item(depth, "_ws.expert", f"({severity}/{finding.group.value}): {finding.text}")


# --- both ------------------------------------------------------------------------------------------------------------
def differences(lua: Lua, capture: Path, *, two_pass: bool = False) -> list[str]:
    """One line for each packet that is not the same, with the first item that differs."""
    real = theirs(lua, capture, *(IN_TWO_PASSES if two_pass else ()))
    mine = ours(capture, two_pass=two_pass)
    found = [] if len(real) == len(mine) else [f"{len(real)} packets in tshark, {len(mine)} in ours"]
    for number, (left, right) in enumerate(zip(real, mine, strict=False), 1):
        for their_item, our_item in zip_longest(left, right):
            if their_item != our_item:
                found.append(f"packet {number}: tshark {their_item}, ours {our_item}")
                break
    return found


def columns(capture: Path) -> list[tuple[str, str, str, str]]:
    """Source, destination, protocol and info of each packet; those of several pieces as the dissector joins them."""
    session = Session()
    found = []
    for records in _packets(capture):
        shown = [dissect(record, session.observe(record)) for record in records]
        info = " | ".join(printable(info_text(one)) for one in shown)
        found.append((shown[0].source, shown[0].destination, shown[0].protocol, info))
    return found
