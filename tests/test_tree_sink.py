"""The detail tree: the samples character for character, with real tshark as the judge of layout."""

from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from tests.handmade import (
    CHECKSUM_BLOCK,
    CHECKSUM_TREE,
    DATA_TREE,
    REPLY,
    STUFFED,
    SYNC,
    SYNC_TREE,
    TICKS,
    TSHARK_FRAMES,
    block,
    data,
    dissection,
    expert,
    generated,
    node,
    record,
    rows,
    shown_by_tshark,
    summary,
    sync,
)
from tests.real_tshark import find_tshark
from vebus_protocol.frame import dissect_frame
from vebus_protocol.schema import Field, Link
from vebus_tools.nodes import Dissection, Node
from vebus_tools.records import Finding, Group, Severity, Stamp, TimeSource
from vebus_tools.sinks.hexpane import hex_lines
from vebus_tools.sinks.text import frame_lines
from vebus_tools.sinks.tree import TreeOptions, tree_lines
from vebus_tools.times import Timing


def body(of: Dissection) -> list[str]:
    """Lines behind the frame's own title; its block is collapsed."""
    protocols = frozenset(block.protocol for block in of.blocks)
    return list(tree_lines(of, options=TreeOptions(only=protocols)))[1:]


def test_tree_sample_of_a_sync_frame() -> None:
    options = TreeOptions(zone=UTC, clock_error_s=0.0012)
    assert list(tree_lines(sync(), options=options)) == SYNC_TREE


def test_tree_sample_of_a_data_frame() -> None:
    assert list(tree_lines(data(), options=TreeOptions(only=frozenset({"vebus", "winmon"})))) == DATA_TREE


def test_tree_sample_of_a_bad_checksum() -> None:
    row = replace(rows()[7], blocks=(CHECKSUM_BLOCK,))
    assert body(row) == [CHECKSUM_BLOCK.title, *CHECKSUM_TREE]


def test_a_time_without_a_date_invents_none() -> None:
    stamps = Timing(first=Stamp(0.0, TimeSource.START), previous=Stamp(0.5, TimeSource.BYTES))
    made = dissection(record(SYNC, 0.75), blocks=(block("x"),))
    assert list(tree_lines(made, stamps)) == [
        "Frame 1: 10 bytes on wire (80 bits), 10 bytes captured (80 bits)",
        "    Encapsulation type: USER 0 (45)",
        "    [Time stamp source: byte position, estimated]",
        "    [Time delta from previous captured frame: 0.250000000 seconds]",
        "    [Time since reference or first frame: 0.750000000 seconds]",
        "    Frame Number: 1",
        "    Frame Length: 10 bytes (80 bits)",
        "    [Protocols in frame: vebus]",
        "x",
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (TimeSource.LOG, "capture file"),
        (TimeSource.HOST, "host"),
        (TimeSource.SYNC, "sync period, estimated"),
        (TimeSource.COUNTER, "0.4 us counter, estimated"),
        (TimeSource.START, "start of the capture, estimated"),
    ],
)
def test_source_of_the_time_stamp(source: TimeSource, text: str) -> None:
    lines = list(tree_lines(dissection(record(SYNC, stamp=Stamp(0.0, source)))))
    assert f"    [Time stamp source: {text}]" in lines


def test_skipped_byte_of_an_adapter_link() -> None:
    found = Finding(Severity.WARN, Group.MALFORMED, "1 bytes skipped: stray", "mk3.resync")
    made = record(REPLY, wire=b"\x55", frame=None, link=Link.MK3, reason="stray")
    lines = list(tree_lines(dissection(made, findings=(found,))))
    assert lines[0] == "Frame 1: 1 byte on wire (8 bits), 1 byte captured (8 bits)"
    assert "    Frame Length: 1 byte (8 bits)" in lines
    assert "    Encapsulation type: USER 1 (46)" in lines
    assert not any("Protocols" in line for line in lines)
    assert lines[-4] == "    [Expert Info (Warning/Malformed): 1 bytes skipped: stray]"


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (node("Mains on", "True", bits=".... ...1"), ".... ...1 = Mains on: True"),
        (node("Level", "3", bits="..11 ....", mark="unconfirmed"), "..11 .... = Level: 3 [unconfirmed]"),
        (generated("Time", "5 ms", mark="unconfirmed", field=TICKS), "[Time: 5 ms at 90 us per tick, unconfirmed]"),
        (generated("Time", "not available", value=None, field=TICKS), "[Time: not available]"),
        (node("Marker", "0x55", field=Field(label="", phrase="left out")), "Marker: 0x55 [left out]"),
        (
            node(
                "Word", "7", mark="unknown meaning", beside=(node("A", "0.7 V"), node("B", "7 A", mark="unconfirmed"))
            ),
            "Word: 7 [unknown meaning] [0.7 V] [7 A, unconfirmed]",
        ),
        (node("Heading"), "Heading"),
    ],
)
def test_forms_of_a_node(made: Node, line: str) -> None:
    assert body(dissection(record(SYNC), blocks=(block("x", made),))) == ["x", f"    {line}"]


def test_children_stand_one_level_deeper() -> None:
    bits = node("Flags", "0x01", children=(node("On", "True", bits=".... ...1", children=(node("Deep", "1"),)),))
    assert body(dissection(record(SYNC), blocks=(block("x", bits),))) == [
        "x",
        "    Flags: 0x01",
        "        .... ...1 = On: True",
        "            Deep: 1",
    ]


def test_findings_stand_below_their_field_once_or_end_the_first_block() -> None:
    placed = Finding(Severity.NOTE, Group.SEQUENCE, "placed", "vebus.nr")
    beside = Finding(Severity.CHAT, Group.SEQUENCE, "beside", "vebus.time")
    loose = Finding(Severity.WARN, Group.SEQUENCE, "loose", "vebus.nowhere")
    first = block("one", node("Nr", "1", children=(node("Low", "1"),)), node("Nr", "2"))
    second = block("two", node("Word", "7", beside=(node("Time", "1 s"),)), protocol="winmon")
    made = dissection(record(SYNC), blocks=(first, second), findings=(loose, beside, placed))
    assert body(made) == [
        "one",
        "    Nr: 1",
        *expert(2, "Note", "placed"),
        "        Low: 1",
        "    Nr: 2",
        *expert(1, "Warning", "loose"),
        "two",
        "    Word: 7 [1 s]",
        *expert(2, "Chat", "beside"),
    ]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ({"vebus"}, ["Frame", "one", "    A: 1", "two", "three", "    C: 1"]),
        ({"vebus.dc"}, ["Frame", "one", "two", "three", "    C: 1"]),
        ({"winmon", "vebus.dc"}, ["Frame", "one", "two", "    B: 1", "three", "    C: 1"]),
        ({"mk3"}, ["Frame", "one", "two", "three"]),
    ],
)
def test_details_of_some_protocols_only(only: set[str], expected: list[str]) -> None:
    blocks = (
        block("one", node("A", "1")),
        block("two", node("B", "1"), protocol="winmon"),
        block("three", node("C", "1"), protocol="vebus.dc"),
    )
    lines = list(tree_lines(dissection(record(SYNC), blocks=blocks), options=TreeOptions(only=frozenset(only))))
    assert ["Frame", *lines[1:]] == expected


# --- the real tshark -------------------------------------------------------------------------------------------------


def test_tshark_prints_the_same_tree(tmp_path: Path) -> None:
    tshark = find_tshark(tmp_path)
    path, script = tshark.capture(list(TSHARK_FRAMES), interface="vebus0"), tshark.dissector(b"\x00")
    ours: list[str] = []
    stamps = Timing()
    for number, (at, wire) in enumerate(TSHARK_FRAMES, 1):
        made = shown_by_tshark(wire, number, at)
        ours += frame_lines(tree=tree_lines(made, stamps, TreeOptions(zone=UTC)))
        stamps = Timing(first=stamps.first or made.record.stamp, previous=made.record.stamp)
    ours = [line for line in ours if "Time stamp source" not in line]  # the one line that tshark does not know
    theirs = [line for line in tshark.lines(path, "-X", script, "-V") if line in set(ours)]
    assert ours == theirs


def test_tshark_prints_the_same_with_everything_on(tmp_path: Path) -> None:
    tshark = find_tshark(tmp_path)
    plain = dissect_frame(STUFFED).unstuffed
    path, script = tshark.capture([(0, STUFFED)], interface="vebus0"), tshark.dissector(plain)
    made = shown_by_tshark(STUFFED, 1, 0)
    tree = tree_lines(made, options=TreeOptions(only=frozenset({"vebus"})))
    ours = frame_lines(summary(replace(made, findings=())), tree, hex_lines(made.record))
    theirs = tshark.lines(path, "-X", script, "-P", "-O", "vebus", "-x")
    theirs[0] = theirs[0].replace("0.000000000", "  0.000000", 1)  # a pcapng file has nanoseconds
    assert list(ours) == theirs
